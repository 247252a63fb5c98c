from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from budgets import services
from budgets.errors import NoPeriod
from budgets.models import Budget
from budgets.rollup import roll_up
from budgets.status import (
    BudgetStatus,
    present_positions,
    status_at,
    status_names,
    statuses,
)
from lib.money import quantize
from tests.budgets.worlds import jan, january_budget
from tests.factories import make_organization, spend

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)


def status(budget: Budget, at: datetime) -> BudgetStatus:
    return statuses([budget], budget.organization, at=at)[budget.pk]


def moment(month: int, day: int, hour: int = 0, *, year: int = 2024) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_on_day_one_half_a_day_makes_the_rate(acme: Organization) -> None:
    budget = january_budget(acme, amount=Decimal(3100))
    spend(acme, "50", jan(1, 6))

    found = status(budget, jan(1, 12)).status

    assert (found.burn_rate, found.projected_spend) == (100, 3100)
    assert (found.elapsed_days, found.total_days) == (0, 31)


@pytest.mark.parametrize(
    ("zone", "at", "days", "elapsed"),
    [
        ("UTC", moment(2, 29, 12), 29, 28),
        ("UTC", moment(2, 28, 12, year=2023), 28, 27),
        ("America/New_York", moment(3, 10, 12), 31, 9),
        ("Europe/Berlin", moment(10, 27, 12), 31, 26),
        ("America/Sao_Paulo", moment(11, 4, 12, year=2018), 30, 3),
        ("Asia/Kolkata", moment(1, 31, 18), 31, 30),
        ("Asia/Kolkata", moment(1, 31, 19), 29, 0),
        ("Pacific/Apia", moment(12, 30, 12, year=2011), 31, 30),
    ],
    ids=[
        "29 February",
        "no 29 February",
        "the short day in New York",
        "the long day in Berlin",
        "a day without midnight",
        "the last half hour of January",
        "February begins",
        "the day after the one left out",
    ],
)
def test_days_are_those_of_the_budgets_zone(
    acme: Organization, zone: str, at: datetime, days: int, elapsed: int
) -> None:
    budget = january_budget(acme, timezone=zone, now=at)

    found = status(budget, at).status

    assert (found.total_days, found.elapsed_days) == (days, elapsed)


@pytest.mark.parametrize(
    ("amount", "spent", "name", "left"),
    [
        ("0", None, "OK", "0"),
        ("0", "0.0000000001", "EXCEEDED", "-0.0000000001"),
        ("0", "-5", "OK", "5"),
        ("100", "79.9999999999", "OK", "20.0000000001"),
        ("100", "80", "WARNING", "20"),
        ("100", "95", "CRITICAL", "5"),
        ("100", "100", "CRITICAL", "0"),
        ("100", "100.0000000001", "EXCEEDED", "-0.0000000001"),
        ("100", "-20", "OK", "120"),
    ],
)
def test_status_is(
    acme: Organization, amount: str, spent: str | None, name: str, left: str
) -> None:
    budget = january_budget(acme, amount=Decimal(amount))
    if spent:
        spend(acme, spent, jan(5))

    found = status(budget, jan(15)).status

    assert (found.status, found.remaining_budget) == (name, Decimal(left))
    assert status_names(acme, now=jan(15)) == {budget.pk: name}


def test_a_refund_gives_back(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "96", jan(5))
    spend(acme, "-50", jan(6))

    found = status(budget, jan(15))

    assert (found.status.status, found.status.total_spend) == ("OK", 46)
    assert found.requests == 2


def test_what_has_no_price_is_counted(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, None, jan(5), model="unheard-of")

    found = status(budget, jan(15))

    assert (found.unpriced_requests, found.status.total_spend) == (1, 0)


def test_a_budget_that_has_not_begun_shows_its_first_period(acme: Organization) -> None:
    budget = january_budget(acme, starts_at=jan(20))
    spend(acme, "5", jan(21))

    found = status(budget, jan(15))

    assert (found.window.start, found.window.end) == (jan(20), moment(2, 1, year=2025))
    assert found.status.burn_rate is None
    assert status_at(budget, at=None, now=jan(15)).window == found.window


def test_before_the_first_period_there_is_none(acme: Organization) -> None:
    budget = january_budget(acme, starts_at=jan(20))

    for now in (jan(15), jan(25)):
        with pytest.raises(NoPeriod):
            status_at(budget, at=jan(20) - INSTANT, now=now)
    assert status_at(budget, at=jan(20), now=jan(25)).window.start == jan(20)


@pytest.mark.parametrize("at", [jan(10), jan(31), moment(6, 1, year=2026)])
def test_a_budget_that_is_over_shows_its_last_period(
    acme: Organization, at: datetime
) -> None:
    budget = january_budget(acme, ends_at=jan(10))
    spend(acme, "5", jan(9))

    found = status_at(budget, at=at, now=moment(7, 1, year=2026))

    assert (found.window.start, found.window.end) == (jan(1), jan(10))
    assert (found.status.total_spend, found.status.projected_spend) == (5, 5)
    assert found.status.available_daily is None


@pytest.mark.parametrize(
    ("at", "spent", "requests"),
    [
        (jan(1), 0, 0),
        (jan(5, 10, 7), 1, 1),
        (jan(5, 10, 20), 1, 1),
        (jan(5, 10, 20) + INSTANT, 3, 2),
        (jan(5, 10, 45), 3, 2),
        (jan(5, 11), 7, 3),
        (jan(5, 11) + INSTANT, 15, 4),
        (jan(31, 18), 15, 4),
    ],
    ids=[
        "first instant",
        "between two of an hour",
        "the instant of one: what came before",
        "an instant later",
        "a quarter",
        "the hour is over",
        "the first of the next hour",
        "last hour",
    ],
)
@pytest.mark.parametrize("rolled_up", [True, False], ids=["rolled up", "not yet"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_a_moment_that_is_over_shows_what_was_spent_up_to_it(
    acme: Organization,
    at: datetime,
    spent: int,
    requests: int,
    zone: str,
    *,
    rolled_up: bool,
) -> None:
    # In Kolkata these hours are cut in half, and the day begins in the middle of one.
    budget = january_budget(acme, timezone=zone)
    for cost, when in (
        ("1", jan(5, 10)),
        ("2", jan(5, 10, 20)),
        ("4", jan(5, 11) - INSTANT),
        ("8", jan(5, 11)),
    ):
        spend(acme, cost, when)
    if rolled_up:
        roll_up(acme.pk)

    found = status_at(budget, at=at, now=jan(31, 19))

    assert (found.status.total_spend, found.requests) == (spent, requests)


def test_a_moment_in_a_period_that_begins_within_an_hour(acme: Organization) -> None:
    budget = january_budget(
        acme, period="custom", starts_at=jan(5, 10, 10), ends_at=jan(5, 10, 50)
    )
    for minute in (9, 10, 20, 49, 50):
        spend(acme, "1", jan(5, 10, minute))

    shown = [
        status_at(budget, at=jan(5, 10, minute), now=jan(6)).status.total_spend
        for minute in (10, 11, 21, 50)
    ]

    assert shown == [0, 1, 2, 3]


def test_a_foreign_currency_up_to_a_moment(acme: Organization) -> None:
    budget = january_budget(acme, currency="EUR")
    spend(acme, "103", jan(15, 10))
    spend(acme, "103", jan(15, 10, 30))

    found = status_at(budget, at=jan(15, 10, 15), now=jan(16))

    assert found.status.total_spend == 100
    assert status(budget, jan(16)).status.total_spend == 200


def test_the_twice_shown_hour_is_two(acme: Organization) -> None:
    budget = january_budget(acme, timezone="Europe/Berlin", now=moment(10, 27))
    spend(acme, "1", moment(10, 27, 0))  # 02:00, summer time
    spend(acme, "2", moment(10, 27, 1))  # 02:00 again

    found = status_at(budget, at=moment(10, 27, 1), now=moment(10, 28))

    assert found.status.total_spend == 1


def test_a_budget_below_another_stands_by_itself(acme: Organization) -> None:
    root = january_budget(acme, amount=Decimal(7))
    leaf = january_budget(acme, parent=root, scope={"teams": ["a"]})
    spend(acme, "5", jan(5), team_id="a")

    assert status(leaf, jan(15)).status.total_spend == 5
    assert status_at(leaf, at=jan(5), now=jan(15)).status.total_spend == 0


def test_many_budgets_take_a_few_queries(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    budgets = [january_budget(acme, f"{number}") for number in range(5)]

    with django_assert_num_queries(2):  # none of the periods is opened
        assert len(statuses(budgets, acme, at=jan(15))) == 5
    spend(acme, "1", jan(15))
    with django_assert_num_queries(1):
        assert len(statuses(budgets, acme, at=jan(15))) == 5
    with django_assert_num_queries(1):
        assert len(status_names(acme, now=jan(15))) == 5


def test_an_archived_budget_stands_nowhere(acme: Organization) -> None:
    services.archive_budget(january_budget(acme), now=jan(15))
    january_budget(make_organization("other"))

    assert status_names(acme, now=jan(15)) == {}


def test_what_has_no_period_yet_stands_at_its_amount(acme: Organization) -> None:
    budget = january_budget(acme)

    (position,) = present_positions(acme, [budget], jan(15)).values()

    assert (position.limit, position.spent, position.status) == (100, 0, "OK")
    assert status(budget, jan(15)).status.limit == 100


# -- The pace of long periods


def year_of(acme: Organization, **costs: str) -> Budget:
    """Make a budget of 2025 of which so much was spent, by days: `d10="5"`."""
    for day, cost in costs.items():
        at = jan(1) + timedelta(days=int(day[1:]) - 1, hours=6)
        spend(acme, cost, at, id=day)
    return january_budget(acme, "Year", "1000", now=jan(1), period="annual")


def projected(budget: Budget, day: int) -> tuple[Decimal | None, Decimal | None]:
    found = status(budget, jan(1) + timedelta(days=day)).status
    return found.burn_rate, found.projected_spend


@pytest.mark.parametrize("rolled_up", [True, False], ids=["rolled up", "not yet"])
def test_a_year_goes_on_as_the_last_thirty_days(
    acme: Organization, *, rolled_up: bool
) -> None:
    year = year_of(acme, d1="500", d80="60", d95="30")
    if rolled_up:
        roll_up(acme.pk)

    # 265 of its days are to come, at $3.00 each.
    assert projected(year, 100) == (3, 590 + 3 * 265)


def test_a_year_that_began_late_has_the_pace_since(acme: Organization) -> None:
    year = year_of(acme, d91="95")

    found = status(year, jan(1) + timedelta(days=100)).status

    # Since 06:00 of day 91, 9.75 days ago.
    assert found.burn_rate == quantize(Decimal(95) / Decimal("9.75"))
    assert found.projected_spend == quantize(95 + Decimal(95) / Decimal("9.75") * 265)


@pytest.mark.parametrize("hours", [7, 12, 30])
def test_the_first_day_of_a_year_counts_as_a_whole_one(
    acme: Organization, hours: int
) -> None:
    year = year_of(acme, d1="10")

    found = status(year, jan(1) + timedelta(hours=hours)).status

    assert found.burn_rate == 10
    assert found.projected_spend == quantize(10 + 10 * (365 - Decimal(hours) / 24))


def test_a_new_year_goes_on_as_the_one_before(acme: Organization) -> None:
    january_budget(acme, "Year", "1000", now=moment(12, 1), period="annual")
    for day in range(2, 32):
        spend(acme, "10", moment(12, day), id=f"u{day}")

    year = Budget.objects.get()

    assert projected(year, 0) == (10, 10 * 365)


def test_a_year_without_use_of_late_stays_where_it_is(acme: Organization) -> None:
    assert projected(year_of(acme, d1="500"), 100) == (0, 500)


def test_the_pace_of_long_periods_is_one_query(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    years = [year_of(acme, d1="1"), january_budget(acme, "Month", now=jan(1))]

    with django_assert_num_queries(2):
        found = statuses(years, acme, at=jan(2))

    assert found[years[1].pk].position.pace is None
