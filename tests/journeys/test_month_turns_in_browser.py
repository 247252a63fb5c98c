"""A month turns where clocks were put back on its last day, as people see it.

A server that was really started, again and again at later moments, over one database;
its clocks are moved by `moved/sitecustomize.py`. The budget carries over what is left,
has seasonal amounts, and is raised for a while across the turn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.journeys.browser import CHROMIUM
from tests.journeys.server import Server, free_port, running_server

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="There is no Chromium on the PATH."
)

MOVED = Path(__file__).parent / "moved"
# In Berlin clocks go back on Sunday, 31 October 2032: the month ends at 23:00 UTC.
OCTOBER = "2032-10-20T12:00:00+00:00"
LAST_MINUTES = "2032-10-31T22:50:00+00:00"
NOVEMBER = "2032-10-31T23:00:01+00:00"
RAISE_IS_OVER = "2032-11-02T23:00:01+00:00"
MONTHS = {"October": "300", "November": "100"}  # others: as planned, 200
ROOT = {
    "DJANGO_SUPERUSER_EMAIL": "root@acme.example",
    "DJANGO_SUPERUSER_PASSWORD": "correct-horse-1",
}
BUDGET = {
    "name": "Team",
    "amount": "200",
    "timezone": "Europe/Berlin",
    "rollover": {"mode": "unused", "cap": "0.5"},
    "start_date": "2032-10-01",
}


@dataclass
class World:
    """One organization, its budget, and a tab that goes where the server is."""

    database: str
    port: int
    tab: Any
    key: str = ""
    place: str = ""

    @contextmanager
    def at(self, moment: str) -> Iterator[Server]:
        """Start the server at *moment*, with what the sweep does by then done."""
        moved: dict[str, Any] = {"MOVED_TO": moment, "PYTHONPATH": str(MOVED), **ROOT}
        with running_server(self.database, port=self.port, **moved) as server:
            server.manage("sweep")
            yield server

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def use(self, name: str, at: str, cost: str) -> None:
        call = {"provider": "openai", "model": "gpt-4o"}
        self.post("usage", {"id": name, "timestamp": at, "cost": cost, **call})

    def log_in(self) -> None:
        """Log in anew: who does nothing for days is logged out."""
        self.tab.context.clear_cookies()
        self.tab.goto("/admin/login/")
        self.tab.fill("[name=username]", ROOT["DJANGO_SUPERUSER_EMAIL"])
        self.tab.fill("[name=password]", ROOT["DJANGO_SUPERUSER_PASSWORD"])
        self.tab.click("[type=submit]")
        self.tab.wait_for_url(lambda url: "login" not in url)

    def change(self, what: str, fields: dict[str, str]) -> None:
        """Fill in a form of the amount's page, look at what follows, and say yes."""
        self.tab.goto(f"{self.place}{what}/")
        for label, value in {**fields, "Why": "A launch"}.items():
            self.tab.get_by_label(label).first.fill(value)
        self.tab.locator("form.co-page .co-actions button").last.click()
        self.tab.locator("text=Do it?").wait_for()
        self.tab.locator("[name=confirm]").click()
        self.tab.locator("text=Done:").wait_for()

    def amounts(self) -> str:
        """Return what the page of its dated lines says."""
        return self.read("amounts/")

    def read(self, part: str) -> str:
        self.tab.goto(f"{self.place}{part}")
        words: str = self.tab.locator(".co-page").inner_text()
        return " ".join(words.split())


@pytest.fixture
def world(own_database: str, chromium: Any) -> Iterator[World]:
    port = free_port()
    context = chromium.new_context(base_url=f"http://127.0.0.1:{port}")
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield World(own_database, port, tab)
    context.close()
    assert not errors


def test_a_month_turns_on_the_pages_and_what_is_dated_with_it(world: World) -> None:
    with world.at(OCTOBER) as server:
        world.key = server.manage("create_api_key", "team", "--organization", "acme")
        server.manage("createsuperuser", "--noinput")
        world.post("budgets", BUDGET)
        world.log_in()
        world.tab.goto("/admin/budgets/budget/tree/")
        world.tab.locator("tr.co-row a.co-title").click()
        world.tab.wait_for_url("**/change/")
        world.place = world.tab.url.replace("/change/", "/")
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
