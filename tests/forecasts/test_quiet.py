"""Public holidays in forecasts: as quiet as they were, or else as weekends are."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from budgets.models import Budget
from forecasts.ahead import ahead_of
from forecasts.endings import endings_of
from forecasts.estimates import fitted
from forecasts.probabilities import outlooks
from forecasts.quiet import holidays_ahead, quiet_of
from forecasts.series import ALL_ALIKE, Quiet
from forecasts.storing import store_due
from tests.budgets.worlds import jan, january_budget
from tests.console.budget_pages import place_of
from tests.factories import Api, browser_for, spend
from tests.pages import read
from tests.sizes import examples

WEEK = 7
MONDAY = date(2026, 12, 21)  # Christmas Day is the Friday, the next the Saturday
NEXT_TO_COME = 4  # steps to the Friday


def weeks(count: int, *, holidays: Sequence[int] = (), at: float = 20) -> list[float]:
    """Return weeks from a Monday on, of 100 a day and 20 on those of a weekend."""
    days = [100.0, 100, 100, 100, 100, 20, 20] * count
    for step in holidays:
        days[step] = at
    return days


def expected(days: Sequence[float], quiet: Quiet, *, steps: int = WEEK) -> list[float]:
    found = fitted(tuple(days), steps, WEEK, quiet).steps()
    return [round(step.middle, 1) for step in found]


def test_a_holiday_is_as_quiet_as_a_weekend_where_none_is_known() -> None:
    quiet = Quiet(frozenset({NEXT_TO_COME}), (5, 6))

    week = expected(weeks(8), quiet)

    usual = expected(weeks(8), ALL_ALIKE)
    assert week[NEXT_TO_COME] == pytest.approx(usual[5], rel=0.02)
    assert week[:NEXT_TO_COME] == usual[:NEXT_TO_COME]
    assert week[5:] == usual[5:]


@pytest.mark.parametrize(
    ("at", "least", "most"),
    [(60, 35, 55), (0, 5, 18), (100, 40, 75)],
    ids=["busier than a weekend", "without spend", "a day as any"],
)
def test_it_is_drawn_to_what_holidays_were(
    at: float, least: float, most: float
) -> None:
    past = [-14, -28]
    days = weeks(8, holidays=past, at=at)

    week = expected(days, Quiet(frozenset({0, *past}), (5, 6)))

    assert least < week[0] < most


def test_past_holidays_lower_neither_their_weekday_nor_the_level() -> None:
    days = weeks(4, holidays=[-7, -14, -21])  # three Mondays of four

    blind = expected(days, ALL_ALIKE)
    seeing = expected(days, Quiet(frozenset({-7, -14, -21}), (5, 6)))

    assert blind[0] < 50
    assert seeing[0] > 80  # of one Monday that was none
    assert sum(seeing) > sum(blind)


def test_the_total_has_what_the_days_have() -> None:
    quiet = Quiet(frozenset({NEXT_TO_COME, 11}), (5, 6))
    found = fitted(tuple(weeks(8)), 14, WEEK, quiet)

    total = found.total().middle

    assert total == pytest.approx(sum(step.middle for step in found.steps()), rel=1e-6)
    assert total < fitted(tuple(weeks(8)), 14, WEEK).total().middle - 150


def test_nothing_is_said_of_holidays_before_there_is_a_rhythm() -> None:
    quiet = Quiet(frozenset({0, -3}), (5, 6))

    assert expected(weeks(2)[:13], quiet) == expected(weeks(2)[:13], ALL_ALIKE)


@settings(max_examples=examples(40, 500))
@given(
    days=st.lists(st.floats(0, 1_000), min_size=1, max_size=60),
    steps=st.frozensets(st.integers(-70, 40)),
    horizon=st.integers(1, 40),
)
def test_quiet_steps_never_make_a_forecast_grow_beyond_a_busy_day(
    days: list[float], steps: frozenset[int], horizon: int
) -> None:
    found = fitted(tuple(days), horizon, WEEK, Quiet(steps, (5, 6)))

    assert all(share >= 0 for share in found.shares)
    total = found.total()
    assert 0 <= total.quantile(0.1) <= total.middle <= total.quantile(0.9)


def test_days_are_counted_from_today() -> None:
    quiet = quiet_of("DE", MONDAY)

    assert NEXT_TO_COME in quiet.steps
    assert NEXT_TO_COME + 1 not in quiet.steps, "it falls on a Saturday"
    assert (MONDAY.replace(day=25) - timedelta(364)).year == 2025
    assert -361 in quiet.steps, "the Christmas before"
    assert quiet.phases == (5, 6)
    ahead = [date(2026, 12, 25), date(2027, 1, 1)]
    assert holidays_ahead(quiet, MONDAY, 14) == ahead


def test_weekends_are_those_of_the_place() -> None:
    assert quiet_of("SA", date(2026, 12, 20)).phases == (5, 6)  # from a Sunday on
    assert quiet_of("DE-BY", date(2026, 12, 20)).phases == (0, 6)


def test_without_a_place_all_days_are_alike() -> None:
    assert quiet_of("", MONDAY) == ALL_ALIKE


NOW = jan(15, 12)
KINGS_DAY = "2025-01-20"  # Martin Luther King's, a Monday


@pytest.fixture
def budget(acme: Organization) -> Budget:
    """Return one with 10 spent on each day from 1 January on, and 2 on weekends."""
    for day in range(1, 15):
        spend(acme, "2" if jan(day).weekday() > 4 else "10", jan(day, 9))
    return january_budget(acme, amount=Decimal(310))


def days_of(api: Api, budget: Budget) -> tuple[dict[str, Decimal], str]:
    with time_machine.travel(NOW, tick=False):
        body = api.get(f"budgets/{budget.uid}/forecast?to=period_end").body
    days: list[dict[str, Any]] = [one for one in body["daily"] if one["projected"]]
    return {one["date"]: Decimal(one["projected"]) for one in days}, body["method"]


@pytest.mark.django_db
def test_whose_holidays_count_is_said_by_the_organization(
    api: Api, budget: Budget
) -> None:
    before, usual = days_of(api, budget)

    answer = api.send("PATCH", "organizations/acme", {"holiday_calendar": "US"})

    assert answer.body["holiday_calendar"] == "US"
    after, method = days_of(api, budget)
    assert usual == "forecast from the last 14 days"
    assert method == "forecast from the last 14 days, public holidays as quiet days"
    assert after[KINGS_DAY] < before[KINGS_DAY] / 2
    assert after["2025-01-27"] == pytest.approx(
        before["2025-01-27"], rel=Decimal("0.1")
    )


@pytest.mark.django_db
@time_machine.travel(NOW, tick=False)
def test_all_that_tell_of_a_budget_know_its_holidays(
    api: Api, acme: Organization, budget: Budget
) -> None:
    acme.holiday_calendar = "US"
    acme.save()
    budget.refresh_from_db()

    forecast = api.get(f"budgets/{budget.uid}/forecast?to=period_end").body
    store_due(NOW)

    expected = Decimal(forecast["forecasted_cost"])
    found = outlooks([budget], NOW)[budget.pk]
    assert found
    assert found.projected == pytest.approx(expected)
    positions = {budget: ahead_of(budget, now=NOW, days=None, confidence=0.8).position}
    assert endings_of(acme, positions, NOW) == {budget.pk: pytest.approx(expected)}
    of_scope = api.get("forecasts?period=month").body
    assert Decimal(of_scope["forecasted_cost"]) == pytest.approx(expected)


@pytest.mark.django_db
@time_machine.travel(NOW, tick=False)
def test_the_page_says_which_holidays_are_to_come(
    acme: Organization, budget: Budget
) -> None:
    browser, place = browser_for(acme), place_of(budget, "forecast")
    before = read(browser.get(place).content.decode()).facts()
    Organization.objects.update(holiday_calendar="US-NY")

    facts = read(browser.get(place).content.decode()).facts()

    assert "Public holidays" not in before
    assert facts["Public holidays"].startswith("of United States (NY): 20 January, ")
