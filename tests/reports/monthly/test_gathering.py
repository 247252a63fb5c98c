from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from lib.periods import Cadence
from reports.monthly.errors import NoReport
from tests.factories import make_budget, spend
from tests.reports.monthly.factories import (
    BEFORE,
    FEBRUARY,
    JANUARY,
    gathered,
    row_of,
)

pytestmark = pytest.mark.django_db


def at(day: int, month: int = 1, hour: int = 12) -> datetime:
    return datetime(2025, month, day, hour, tzinfo=UTC)


def test_budgets_come_in_the_order_of_the_tree_with_what_each_spent(
    acme: Organization,
) -> None:
    top = make_budget(acme, "Company", "1000", now=BEFORE)
    make_budget(
        acme,
        "Search",
        "300",
        now=BEFORE,
        parent=top,
        scope={"projects": ["search"]},
    )
    make_budget(
        acme, "Chat", "200", now=BEFORE, parent=top, scope={"projects": ["chat"]}
    )
    spend(acme, "250.5", at(3), project_id="search")
    spend(acme, "120", at(31), project_id="chat")
    spend(acme, "10", at(5), project_id="other")
    spend(acme, "70", at(1, 2), project_id="chat")

    figures = gathered(acme)

    assert [(row.path, row.month.spent) for row in figures.rows] == [
        (("Company",), Decimal("380.5")),
        (("Company", "Chat"), 120),
        (("Company", "Search"), Decimal("250.5")),
    ]
    assert figures.total.spent == Decimal("380.5")
    assert figures.total.budgeted == 1000
    assert figures.uncounted == 0
    assert row_of(figures, "Chat").full_year.budgeted == 2400


def test_what_no_budget_counts_is_told_apart(acme: Organization) -> None:
    make_budget(acme, "Search", "300", now=BEFORE, scope={"projects": ["search"]})
    spend(acme, "25", at(3), project_id="search")
    spend(acme, "0.0000000001", at(4), project_id="other")

    figures = gathered(acme)

    assert (figures.total.spent, figures.uncounted) == (25, Decimal("1E-10"))
    assert figures.ledger == Decimal("25.0000000001")


def test_what_several_tops_count_is_in_their_total_once(
    acme: Organization,
) -> None:
    make_budget(acme, "All", "300", now=BEFORE)
    make_budget(acme, "Search", "100", now=BEFORE, scope={"projects": ["search"]})
    spend(acme, "25", at(3), project_id="search")

    figures = gathered(acme)

    assert (figures.total.spent, figures.total.budgeted) == (25, 400)


def test_a_subtree_is_told_by_itself(acme: Organization) -> None:
    top = make_budget(acme, "Company", "1000", now=BEFORE)
    search = make_budget(
        acme,
        "Search",
        "300",
        now=BEFORE,
        parent=top,
        scope={"projects": ["search"]},
    )
    spend(acme, "25", at(3), project_id="search")
    spend(acme, "5", at(3), project_id="chat")

    figures = gathered(acme, root=search)

    assert figures.title == "Company / Search"
    assert (figures.total.spent, figures.ledger, figures.uncounted) == (25, None, 0)
    assert [row.path for row in figures.rows] == [("Search",)]


def test_a_month_is_that_of_the_organizations_zone(acme: Organization) -> None:
    acme.timezone = "America/New_York"
    acme.save()
    make_budget(acme, "All", "300", now=BEFORE, timezone="America/New_York")
    spend(acme, "1", datetime(2025, 1, 1, 4, 59, tzinfo=UTC))
    spend(acme, "2", datetime(2025, 1, 1, 5, tzinfo=UTC))
    spend(acme, "4", datetime(2025, 2, 1, 4, 59, tzinfo=UTC))

    figures = gathered(acme)

    assert figures.total.spent == 6


def test_the_year_is_the_organizations_fiscal_year(acme: Organization) -> None:
    acme.fiscal_year_start_month = 2
    acme.save()
    make_budget(acme, "All", "300", now=BEFORE)
    spend(acme, "1", datetime(2024, 1, 31, tzinfo=UTC))
    spend(acme, "2", datetime(2024, 2, 1, tzinfo=UTC))
    spend(acme, "4", at(2))

    january = gathered(acme)
    february = gathered(acme, FEBRUARY)

    assert january.total_year_to_date.spent == 6
    assert january.total_year_to_date.budgeted == 3600
    assert february.total_year_to_date.budgeted == 300


@pytest.mark.parametrize(
    ("period", "january", "february"),
    [
        (Cadence.QUARTERLY, "310", "280"),
        (Cadence.DAILY, "27900", "25200"),
    ],
)
def test_a_month_has_its_part_of_other_periods(
    acme: Organization, period: Cadence, january: str, february: str
) -> None:
    make_budget(acme, "All", "900", now=BEFORE, period=period)

    first, second = gathered(acme), gathered(acme, FEBRUARY)

    assert first.total.budgeted == Decimal(january)
    assert second.total.budgeted == Decimal(february)


def test_the_parts_of_a_year_add_up_to_it(acme: Organization) -> None:
    make_budget(acme, "All", "1000.01", now=BEFORE, period=Cadence.ANNUAL)

    figures = gathered(acme)

    assert figures.total_full_year.budgeted == Decimal("1000.01")


def test_budgets_of_tokens_are_left_out_and_it_is_said(
    acme: Organization,
) -> None:
    make_budget(acme, "Tokens", "1000", now=BEFORE, currency="tokens")
    make_budget(acme, "All", "10", now=BEFORE)

    figures = gathered(acme)

    assert [row.path for row in figures.rows] == [("All",)]
    assert any("tokens or requests" in note for note in figures.notes)


def test_a_budget_in_another_currency_is_told_in_the_organizations(
    acme: Organization,
) -> None:
    make_budget(acme, "Berlin", "100", now=BEFORE, currency="EUR")
    spend(acme, "10.37", at(7))

    figures = gathered(acme)

    assert figures.total.spent == Decimal("10.37")
    assert figures.total.budgeted == Decimal("103.89")
    assert any("1 EUR = " in note for note in figures.notes)


def test_a_month_that_has_not_begun_has_no_report(acme: Organization) -> None:
    with pytest.raises(NoReport, match="February 2025 has not begun"):
        gathered(acme, FEBRUARY, now=at(31))


def test_variances_beyond_both_thresholds_need_a_comment(
    acme: Organization,
) -> None:
    top = make_budget(acme, "Company", "5000", now=BEFORE)
    for name, amount in (("Near", "1000"), ("Small", "50"), ("Far", "1000")):
        scope = {"projects": [name.lower()]}
        make_budget(acme, name, amount, now=BEFORE, parent=top, scope=scope)
    spend(acme, "1090", at(3), project_id="near")  # 90, 9 %
    spend(acme, "110", at(3), project_id="small")  # 60, 120 %
    spend(acme, "1101", at(3), project_id="far")  # 101, 10.1 %

    figures = gathered(acme)

    material = {row.path[-1] for row in figures.rows if row.is_material}
    assert material == {"Company", "Far"}


def test_the_year_ends_where_the_forecast_says(acme: Organization) -> None:
    make_budget(acme, "All", "300", now=BEFORE)
    for day in range(1, 32):
        spend(acme, "10", at(day))
    for day in (1, 2):
        spend(acme, "10", at(day, 2))

    figures = gathered(acme)

    outlook = figures.outlook
    assert outlook.expected
    assert outlook.between
    assert outlook.between.lower < outlook.expected < outlook.between.upper
    assert 3000 < outlook.expected < 4000
    assert [point.spent for point in figures.year[:3]] == [310, 20, None]
    expected = [point.expected for point in figures.year]
    assert expected[0] is None
    to_come = sum(one for one in expected if one is not None)
    assert abs(310 + to_come - outlook.expected) < Decimal("0.01")


def test_a_year_that_is_over_is_told_as_it_came(acme: Organization) -> None:
    make_budget(acme, "All", "300", now=BEFORE)
    spend(acme, "10", at(2))

    figures = gathered(acme, JANUARY, now=datetime(2026, 3, 1, tzinfo=UTC))

    assert figures.outlook.expected == 10
    assert figures.outlook.between is None
    assert "The year ended at $10.00" in figures.sentence


def test_how_many_queries_it_takes_does_not_grow_with_budgets(
    acme: Organization,
) -> None:
    counts = []
    for round_ in range(2):
        for number in range(5):
            make_budget(acme, f"B{round_}{number}", now=BEFORE)
        spend(acme, "10", at(2), project_id=f"p{round_}")
        with CaptureQueriesContext(connection) as queries:
            gathered(acme)
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert counts[0] < 45
