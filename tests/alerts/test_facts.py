from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Organization
from alerts.facts import Needs, facts_of
from alerts.rules import SLIDING
from alerts.types import Facts
from budgets.models import Budget
from budgets.rollup import roll_up
from lib.periods import DAY, HOUR
from tests.budgets.worlds import jan, january_budget, undone
from tests.factories import make_organization, spend
from tests.sizes import examples

WHOLE = Needs(57, recent=True, sliding=frozenset(SLIDING))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia")


def read(budget: Budget, now: datetime, needs: Needs = WHOLE) -> Facts:
    return facts_of(budget.organization, [budget], needs, now=now)[budget.pk]


@pytest.mark.django_db
def test_days_are_those_of_the_zone_and_begin_with_spend(acme: Organization) -> None:
    budget = january_budget(acme, timezone="America/New_York", starts_at=jan(1))
    spend(acme, "1", jan(3, 4, 59))  # the 2nd in New York
    spend(acme, "2", jan(3, 5))
    roll_up(acme.pk)
    spend(acme, "4", jan(6, 3))  # the 5th; not rolled up yet
    spend(acme, "8", jan(6, 6))

    found = read(budget, jan(6, 12))

    assert found.days == (1, 2, 0, 4)
    assert (found.today_spent, found.spent) == (8, 15)
    assert found.today.isoformat() == "2025-01-06"


@pytest.mark.django_db
def test_the_short_and_the_long_day_are_whole(acme: Organization) -> None:
    zone = ZoneInfo("Europe/Berlin")
    for day in (
        datetime(2025, 3, 30, tzinfo=zone),
        datetime(2025, 10, 26, tzinfo=zone),
    ):
        budget = january_budget(acme, f"{day:%B}", timezone="Europe/Berlin", now=day)
        start, end = day.astimezone(UTC), (day + DAY).astimezone(UTC)
        for moment in (start - HOUR / 2, start, end - HOUR / 2, end):
            spend(acme, "1", moment)

        found = read(budget, (day + DAY + HOUR).astimezone(UTC))

        assert found.days[-1] == 2
        assert found.today_spent == 1


@pytest.mark.django_db
def test_a_sliding_hour_is_also_the_clock_hour_that_is_over(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "60", jan(20, 11, 10))
    spend(acme, "60", jan(20, 12, 10))

    found = read(budget, jan(20, 12, 30)).sliding

    # Half of the hour that the window begins in, and all that came after.
    assert found["hourly"] == 90
    assert read(budget, jan(20, 13)).sliding["hourly"] == 60
    assert (found["daily"], found["weekly"]) == (120, 120)


@pytest.mark.django_db
def test_what_is_recent_began_in_this_period(acme: Organization) -> None:
    budget = january_budget(acme, starts_at=jan(1))
    spend(acme, "5", datetime(2025, 1, 31, 23, tzinfo=UTC))
    spend(acme, "7", datetime(2025, 2, 1, 1, tzinfo=UTC))

    found = read(budget, datetime(2025, 2, 1, 2, tzinfo=UTC))

    assert (found.recent, found.spent) == (7, 7)
    assert found.recent_from == datetime(2025, 2, 1, tzinfo=UTC)


@pytest.mark.django_db
def test_a_budget_without_a_period_now_has_no_facts(acme: Organization) -> None:
    budget = january_budget(acme, starts_at=jan(1), ends_at=jan(10))

    assert facts_of(acme, [budget], WHOLE, now=jan(10)) == {}


@pytest.mark.django_db
def test_a_period_that_nothing_opened_has_the_budgets_amount(
    acme: Organization,
) -> None:
    budget = january_budget(acme)

    found = read(budget, jan(20))

    assert (found.limit, found.spent, found.days) == (100, 0, ())


class TestFacts(TestCase):
    """Against adding up the records one by one."""

    @given(
        st.sampled_from(ZONES),
        st.lists(
            st.tuples(
                st.integers(0, 70 * 24 * 12), st.integers(-50, 200), st.booleans()
            ),
            max_size=12,
        ),
        st.integers(60 * 24 * 12, 70 * 24 * 12),
    )
    @settings(max_examples=examples(12, 100), deadline=None)
    def test_sums_are_those_of_the_records(
        self, zone_name: str, spends: list[tuple[int, int, bool]], place: int
    ) -> None:
        begin = datetime(2025, 1, 25, tzinfo=UTC)  # the clocks change in between
        zone, now = ZoneInfo(zone_name), begin + place * timedelta(minutes=5)
        with undone():
            acme = make_organization("facts")
            budget = january_budget(
                acme, timezone=zone_name, starts_at=begin - DAY, now=now
            )
            records = []
            for steps, cost, is_rolled_up in spends:
                at = begin + steps * timedelta(minutes=5)
                spend(acme, str(cost), at)
                if is_rolled_up:
                    roll_up(acme.pk)
                records.append((at, Decimal(cost)))
            found = read(budget, now)

        until = now.replace(minute=0) + HOUR
        if zone_name == "Asia/Kolkata":
            until = (now + HOUR / 2).replace(minute=0) + HOUR / 2
        local = [
            (at.astimezone(zone).date(), cost) for at, cost in records if at < until
        ]
        by_day = {
            ago: sum(
                (cost for day, cost in local if (found.today - day).days == ago),
                Decimal(0),
            )
            for ago in range(58)
        }
        assert found.today == now.astimezone(zone).date()
        assert found.today_spent == by_day[0]
        expected = [by_day[ago] for ago in range(57, 0, -1)]
        while expected and not expected[0]:
            del expected[0]
        assert list(found.days) == expected
        for window in ("daily", "weekly"):
            start = now - SLIDING[window]
            inner = sum_of(records, start + HOUR, until)
            edge = [cost for at, cost in records if start - HOUR <= at < start + HOUR]
            low = sum((cost for cost in edge if cost < 0), inner)
            high = sum((cost for cost in edge if cost > 0), inner)
            assert low <= found.sliding[window] <= high


def sum_of(
    records: list[tuple[datetime, Decimal]], start: datetime, end: datetime
) -> Decimal:
    return sum((cost for at, cost in records if start <= at < end), Decimal(0))
