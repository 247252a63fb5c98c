"""A month turns where clocks were put back on its last day, as people see it.

The budget carries over what is left, has seasonal amounts, and is raised for a while
across the turn.
"""

import pytest

from tests.journeys.browser import CHROMIUM
from tests.journeys.moving import World
from tests.sizes import every_day_on_sqlite

pytestmark = [
    every_day_on_sqlite,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on the PATH."),
]

# In Berlin clocks go back on Sunday, 31 October 2032: the month ends at 23:00 UTC.
OCTOBER = "2032-10-20T12:00:00+00:00"
LAST_MINUTES = "2032-10-31T22:50:00+00:00"
NOVEMBER = "2032-10-31T23:00:01+00:00"
RAISE_IS_OVER = "2032-11-02T23:00:01+00:00"
MONTHS = {"October": "300", "November": "100"}  # others: as planned, 200
BUDGET = {
    "name": "Team",
    "amount": "200",
    "timezone": "Europe/Berlin",
    "rollover": {"mode": "unused", "cap": "0.5"},
    "start_date": "2032-10-01",
}


def test_a_month_turns_on_the_pages_and_what_is_dated_with_it(world: World) -> None:
    with world.at(OCTOBER) as server:
        world.key = server.manage("create_api_key", "team", "--organization", "acme")
        server.manage("createsuperuser", "--noinput")
        world.post("budgets", BUDGET)
        world.log_in()
        world.open_budget()
        world.change("phase", MONTHS)
        world.change("raise", {"How much": "60", "Last day": "2032-11-02"})
        assert "Team may spend $360.00 in its present period." in world.amounts()

    with world.at(LAST_MINUTES):
        world.log_in()
        # The last moment of October in Berlin is an hour later than in summer.
        world.use("a", "2032-10-31T22:49:59.999999Z", "80")
        before = world.amounts()
        assert "Team may spend $360.00 in its present period." in before
        assert "If the period ended now, $50.00 would go over into" in before
        assert "At most $50.00 goes over." in before
        assert "$80.00" in world.read("forecast/")

    with world.at(NOVEMBER):
        world.log_in()
        world.use("b", "2032-10-31T23:00:00Z", "7")
        turned = world.amounts()
        # November's own 100, 50 carried over, and 60 until the end of the 2nd.
        assert "Team may spend $210.00 in its present period." in turned
        assert "$50.00 went over into the present period." in turned
        assert "could spend $360.00" in world.read("amounts/?on=2032-10-31")
        standing = world.read("change/")
        assert ("$7.00" in standing, "$80.00" in standing) == (True, False)

    with world.at(RAISE_IS_OVER) as server:
        world.log_in()
        assert "Team may spend $150.00 in" in world.amounts()
        assert "could spend $210.00" in world.read("amounts/?on=2032-11-01")
        world.use("late", "2032-10-30T00:00:00Z", "200")
        server.manage("sweep")
        assert "Team may spend $120.00 in" in world.amounts()  # 20 are left of October

        world.change("undo", {})

        undone = world.amounts()
        assert "Team may spend $100.00 in its present period." in undone
        assert "What went over into the present period was taken back." in undone
        assert "could spend $360.00" in world.read("amounts/?on=2032-10-31")
        assert "every promise holds" in server.manage("verify")
