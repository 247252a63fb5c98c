"""Forecasts know what fixed charges still come to, and don't take them for a habit."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Organization
from budgets.models import Budget
from budgets.status import present_positions
from forecasts.ahead import ahead_of
from forecasts.courses import ends_of
from forecasts.endings import endings_of
from forecasts.probabilities import outlooks
from forecasts.storing import store_due
from intake.fixed_charges import book_due
from tests.factories import make_budget, spend
from tests.intake.fixed_charges import seats

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 1, 21, tzinfo=UTC)


@pytest.fixture
def company(acme: Organization) -> Budget:
    """2 of usage every day, and 310 of seats in January, until the 21st begins."""
    budget = make_budget(acme, "Company", "400", now=NOW - timedelta(days=30))
    for ago in range(1, 20):
        spend(acme, "2", NOW - timedelta(days=ago, hours=-9))
    seats(acme)
    book_due(NOW)
    return budget


def test_what_is_due_is_added_for_certain_and_not_forecast(company: Budget) -> None:
    ahead = ahead_of(company, now=NOW, days=None, confidence=0.8)

    assert set(ahead.days) == {Decimal(2)}
    assert ahead.course is not None
    # Booked 210 and 38 of usage; 10 days of seats and 11 of usage are to come.
    total = ahead.course.total
    assert total.middle == 370
    assert total.upper - total.lower < 10
    days = [day.middle for _, day in ahead.course.days]
    assert days == [Decimal(2), *[Decimal(12)] * 10]
    last, end = ends_of(ahead.known, ahead.steps, confidence=0.8, most=50)[-1]
    assert (last, end.middle) == (date(2025, 1, 31), 370)


def test_lists_and_probabilities_know_it_too(company: Budget) -> None:
    looked = outlooks([company], NOW)[company.pk]
    store_due(NOW)
    positions = present_positions(company.organization, [company], NOW)

    stored = endings_of(company.organization, {company: positions[company.pk]}, NOW)

    assert looked is not None
    assert looked.projected == 370
    assert looked.probability < Decimal("0.01")
    assert stored[company.pk] == 370


def test_a_charge_that_has_not_begun_is_known_already(
    acme: Organization, company: Budget
) -> None:
    seats(acme, name="More", start_date=date(2025, 1, 28), amount=Decimal(310))

    ahead = ahead_of(company, now=NOW, days=None, confidence=0.8)

    assert ahead.course is not None
    assert ahead.course.total.middle == 370 + 4 * 10
