"""Forecasts that are kept, and what is told from them later."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Organization
from budgets.models import Budget
from budgets.rollup import roll_up_all
from budgets.status import present_positions
from forecasts.ahead import ahead_of
from forecasts.endings import endings_of
from forecasts.models import StoredForecast
from forecasts.storing import KEPT_FOR, forget_old, store_due
from tests.budgets.worlds import jan, january_budget
from tests.factories import make_organization, spend

pytestmark = pytest.mark.django_db
MORNING = jan(15, 1)


@pytest.fixture
def budget(acme: Organization) -> Budget:
    """Return one of 310 for January, with 10 or 20 spent on each day that is over."""
    for day in range(1, 15):
        spend(acme, "10" if day % 3 else "20", jan(day, 9))
    return january_budget(acme, amount=Decimal(310))


def ending_of(budget: Budget, now: datetime) -> Decimal | None:
    positions = present_positions(budget.organization, [budget], now)
    return endings_of(budget.organization, {budget: positions[budget.pk]}, now)[
        budget.pk
    ]


def live_ending(budget: Budget, now: datetime) -> Decimal:
    course = ahead_of(budget, now=now, days=None, confidence=0.8).course
    assert course
    return course.total.middle


def test_what_is_said_is_kept_once_a_day(budget: Budget) -> None:
    stored = [store_due(MORNING), store_due(jan(15, 20)), store_due(jan(16, 1))]

    assert stored == [1, 0, 1]
    kept = StoredForecast.objects.get(made_on=date(2025, 1, 15))
    found = ahead_of(budget, now=MORNING, days=None, confidence=0.8).course
    assert found
    assert found.probability is not None
    assert (kept.expected, kept.lower_80, kept.upper_80) == (
        found.total.middle,
        found.total.lower,
        found.total.upper,
    )
    assert kept.lower_95 < kept.lower_80 < kept.upper_80 < kept.upper_95
    assert kept.probability == pytest.approx(float(found.probability), abs=1e-6)
    assert (kept.starts_at, kept.spent, kept.days) == (jan(1), Decimal(180), 14)


def test_each_zone_has_its_own_day(acme: Organization, budget: Budget) -> None:
    far = january_budget(acme, name="Far", timezone="Pacific/Auckland")

    store_due(jan(15, 12))  # it is the 16th there

    days = dict(StoredForecast.objects.values_list("budget", "made_on"))
    assert days == {budget.pk: date(2025, 1, 15), far.pk: date(2025, 1, 16)}


def test_too_little_history_is_kept_as_that(acme: Organization) -> None:
    little = january_budget(acme)
    spend(acme, "10", jan(14, 9))

    store_due(MORNING)

    kept = StoredForecast.objects.get()
    assert (kept.days, kept.expected, kept.probability) == (1, None, None)
    assert ending_of(little, MORNING) is None


def test_later_that_day_it_goes_on_as_the_forecast_itself_does(budget: Budget) -> None:
    store_due(MORNING)
    spend(budget.organization, "7", jan(15, 10))
    later = jan(15, 18)

    assert ending_of(budget, later) == pytest.approx(
        live_ending(budget, later), abs=Decimal("1e-6")
    )


def test_where_nothing_is_kept_it_is_forecast_at_once(budget: Budget) -> None:
    store_due(jan(14, 1))  # yesterday's is no help

    assert ending_of(budget, MORNING) == pytest.approx(
        live_ending(budget, MORNING), abs=Decimal("1e-6")
    )


def test_archived_budgets_and_those_to_come_have_none(acme: Organization) -> None:
    january_budget(acme, starts_at=jan(20))
    archived = january_budget(acme, name="Old")
    Budget.objects.filter(pk=archived.pk).update(archived_at=jan(2))

    assert store_due(MORNING) == 0


def test_organizations_are_kept_apart(budget: Budget) -> None:
    other = january_budget(make_organization("globex"))

    store_due(MORNING)

    rows = StoredForecast.objects.values_list("organization__slug", "budget")
    assert set(rows) == {("acme", budget.pk), ("globex", other.pk)}


def test_what_is_long_ago_is_forgotten(budget: Budget) -> None:
    store_due(MORNING)

    forget_old(MORNING + KEPT_FOR)
    assert StoredForecast.objects.count() == 1
    forget_old(MORNING + KEPT_FOR + timedelta(days=1))
    assert StoredForecast.objects.count() == 0


def test_spend_that_is_rolled_up_counts_as_well(budget: Budget) -> None:
    store_due(jan(15, 1))
    before = StoredForecast.objects.get().expected
    StoredForecast.objects.all().delete()
    roll_up_all()

    store_due(MORNING)

    assert StoredForecast.objects.get().expected == before
