"""How well forecasts did."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from accounts.models import Organization
from budgets.models import Budget
from forecasts.backtests import LEAST_DAYS, MOST_FORECASTS, backtest
from forecasts.courses import Known, said_of
from forecasts.records import told_of
from forecasts.storing import store_due
from tests.budgets.worlds import jan, january_budget
from tests.factories import Api, spend
from tests.forecasts.weeks import weekly

TODAY = date(2026, 11, 16)
DAYS = [Decimal(str(round(day, 2))) for day in weekly(12)]


def test_each_forecast_knows_only_what_was_before_it() -> None:
    found = backtest(DAYS, TODAY, 10, lately=56).forecasts

    assert len(found) == MOST_FORECASTS
    for one in found:
        place = len(DAYS) - (TODAY - one.made_on).days
        known = Known(
            DAYS[max(place - 56, 0) : place],
            one.made_on,
            part=1,
            spent=Decimal(0),
            limit=Decimal(0),
        )
        assert one.expected == said_of(known, 10).expected
        assert one.came == sum(DAYS[place : place + 10])


def test_they_go_from_the_first_that_is_possible_to_the_last_that_is_over() -> None:
    found = backtest(DAYS, TODAY, 10, lately=56).forecasts

    days = [one.made_on for one in found]
    assert days == sorted(set(days))
    assert days[0] == TODAY - timedelta(days=len(DAYS) - LEAST_DAYS)
    assert days[-1] == TODAY - timedelta(days=10)


@pytest.mark.parametrize(
    ("known", "steps", "count", "ahead"),
    [
        (14, 5, 0, None),  # nothing is known of what came
        (17, 5, 0, None),
        (20, 5, 2, 5),
        (20, 90, 2, 5),  # a fourth of it at most
        (16, 1, 2, 1),
    ],
)
def test_a_short_history_has_few(
    known: int, steps: int, count: int, ahead: int | None
) -> None:
    found = backtest(DAYS[:known], TODAY, steps, lately=56).forecasts

    assert len(found) == count
    assert {one.days for one in found} == ({ahead} if ahead else set())


def test_what_is_as_usual_holds_about_as_often_as_is_said() -> None:
    random = Random(5)
    held = surely = count = 0
    for _ in range(15):
        days = [day * Decimal(str(random.lognormvariate(0, 0.3))) for day in DAYS]
        found = backtest(days, TODAY, 7, lately=56)
        held, surely = held + found.held, surely + found.held_surely
        count += len(found.forecasts)

    assert held / count > 0.7
    assert surely / count > held / count
    assert surely / count > 0.9


@pytest.fixture
def budget(acme: Organization) -> Budget:
    """Return a daily one with two weeks of January behind it."""
    for day in range(1, 15):
        spend(acme, "10" if day % 5 else "12", jan(day, 9))
    return january_budget(
        acme, period="daily", amount=Decimal(11), starts_at=jan(1), now=jan(1)
    )


@pytest.mark.django_db
def test_stored_forecasts_are_held_against_what_their_periods_came_to(
    budget: Budget,
) -> None:
    for day in range(15, 21):
        store_due(jan(day, 1))
        spend(budget.organization, "12" if day == 15 else "10", jan(day, 9))

    told = told_of(budget, now=jan(20, 1)).forecasts  # the last is not over

    assert [one.made_on.day for one in told] == [15, 16, 17, 18, 19]
    assert [one.came for one in told] == [12, 10, 10, 10, 10]
    assert all(one.days == 1 for one in told)
    assert not told[0].held  # nothing told of the 12
    assert told[0].error == pytest.approx(float(1 - told[0].expected / 12))
    assert told[0].error is not None
    assert told[0].error < 0.3


@pytest.mark.django_db
def test_of_each_period_the_forecast_from_its_middle_counts(
    acme: Organization,
) -> None:
    for day in range(1, 21):
        spend(acme, "10", jan(day, 9))
    weekly_budget = january_budget(
        acme, period="weekly", amount=Decimal(60), starts_at=jan(1), now=jan(1)
    )
    for day in range(6, 13):
        store_due(jan(day, 1))

    [one] = told_of(weekly_budget, now=jan(14)).forecasts

    assert (one.made_on.day, one.days, one.came) == (9, 4, 70)


@pytest.mark.django_db
def test_the_api_tells_both(api: Api, budget: Budget) -> None:
    for day in range(15, 20):
        store_due(jan(day, 1))

    answer = api.get(f"budgets/{budget.uid}/forecast/accuracy")

    assert answer.status == 200
    assert answer.body["currency"] == "USD"
    assert answer.body["stored"]["count"] == len(answer.body["stored"]["forecasts"])
    assert set(answer.body["backtest"]) == {
        *("count", "held_80", "held_95", "median_error", "forecasts")
    }
