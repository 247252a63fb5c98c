"""Figures against plain sums over the same records, and against the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from budgets.rollup import roll_up_all
from ledger.models import DailySpend
from lib.periods import start_of
from reports.monthly.errors import UnsoundReport
from reports.monthly.figures import MonthlyFigures
from tests.factories import make_budget, make_organization, report, usage_record
from tests.reports.monthly.factories import BEFORE, JANUARY, gathered
from tests.sizes import examples

PROJECTS, MODELS = ("search", "chat", ""), ("gpt-4o", "gpt-4o-mini")
PLACES = Decimal("1E-10")


@dataclass(frozen=True)
class Spent:
    """One record: in January and around it."""

    at: datetime
    cost: Decimal
    project: str
    model: str


@dataclass(frozen=True)
class Planned:
    """A budget below one before it; None: at the top."""

    below: int | None
    projects: tuple[str, ...]
    begins: datetime


moments = st.integers(0, 82 * 86_400_000_000).map(
    lambda passed: datetime(2024, 11, 20, tzinfo=UTC) + timedelta(microseconds=passed)
)
spents = st.builds(
    Spent,
    at=moments,
    cost=st.decimals(Decimal(-5), Decimal(1000), places=10),
    project=st.sampled_from(PROJECTS),
    model=st.sampled_from(MODELS),
)


@st.composite
def trees(draw: st.DrawFn) -> Sequence[Planned]:
    found: list[Planned] = []
    for place in range(draw(st.integers(1, 5))):
        below = draw(st.none() | st.integers(0, place - 1)) if place else None
        projects = draw(st.sampled_from([(), ("search",), ("chat",)]))
        begins = draw(st.just(BEFORE) | moments)
        found.append(Planned(below, projects, begins))
    return found


def counted(tree: Sequence[Planned], place: int, spent: Spent) -> bool:
    """Tell whether a budget counts a record: itself, or by one below it, whether or not
    those between have begun."""
    return spent.at >= tree[place].begins and reached(tree, place, spent)


def reached(tree: Sequence[Planned], place: int, spent: Spent) -> bool:
    own = tree[place]
    if spent.at >= own.begins and (not own.projects or spent.project in own.projects):
        return True
    return any(
        reached(tree, child, spent)
        for child, planned in enumerate(tree)
        if planned.below == place
    )


def total(spents: Sequence[Spent]) -> Decimal:
    return sum((one.cost for one in spents), Decimal(0))


@pytest.mark.django_db
@given(
    tree=trees(),
    spents=st.lists(spents, max_size=12),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]),
    fiscal=st.sampled_from([1, 2, 12]),
    rolled_up=st.booleans(),
)
@settings(max_examples=examples(25, 300))
def test_every_sum_is_that_of_the_records(
    tree: Sequence[Planned],
    spents: Sequence[Spent],
    zone: str,
    fiscal: int,
    rolled_up: bool,
) -> None:
    slug = f"o-{make_number()}"
    organization = make_organization(
        slug, timezone=zone, fiscal_year_start_month=fiscal
    )
    build(organization, tree)
    book(organization, spents)
    if rolled_up:
        roll_up_all()

    figures = gathered(organization)

    january = within(spents, zone, JANUARY, date(2025, 2, 1))
    assert figures.ledger == total(january)
    told = {row.path[-1]: row for row in figures.rows}
    first = date(2025, fiscal, 1) if fiscal == 1 else date(2024, fiscal, 1)
    year = within(spents, zone, first, date(2025, 2, 1))
    end = start_of(date(2025, 2, 1), ZoneInfo(zone))
    for place, planned in enumerate(tree):
        if planned.begins >= end:
            assert str(place) not in told
            continue
        row = told[str(place)]
        assert row.month.spent == total(
            [one for one in january if counted(tree, place, one)]
        )
        assert row.year_to_date.spent == total(
            [one for one in year if counted(tree, place, one)]
        )
    anywhere = [
        one
        for one in january
        if any(
            counted(tree, place, one)
            for place, planned in enumerate(tree)
            if planned.begins < end
        )
    ]
    assert figures.total.spent == total(anywhere)
    assert figures.uncounted == total(january) - total(anywhere)
    assert_bridged(figures)


def assert_bridged(figures: MonthlyFigures) -> None:
    causes = sum((one.amount for one in figures.bridge.causes), Decimal(0))
    assert figures.bridge.budgeted + causes == figures.total.spent


numbers = iter(range(10**9))


def make_number() -> int:
    return next(numbers)


def within(spents: Sequence[Spent], zone: str, first: date, after: date) -> list[Spent]:
    start, end = (start_of(day, ZoneInfo(zone)) for day in (first, after))
    return [one for one in spents if start <= one.at < end]


def build(organization: Organization, tree: Sequence[Planned]) -> None:
    made: list[Budget] = []
    for place, planned in enumerate(tree):
        made.append(
            make_budget(
                organization,
                str(place),
                now=BEFORE,
                starts_at=planned.begins,
                timezone=organization.timezone,
                parent=None if planned.below is None else made[planned.below],
                scope={"projects": list(planned.projects)},
            )
        )


def book(organization: Organization, spents: Sequence[Spent]) -> None:
    records = [
        usage_record(
            id=f"u{place}",
            timestamp=one.at.isoformat(),
            cost=f"{one.cost:f}",
            project_id=one.project,
            model=one.model,
        )
        for place, one in enumerate(spents)
    ]
    if records:
        report(organization, *records)


@pytest.fixture
def spending(acme: Organization) -> Organization:
    make_budget(acme, "All", now=BEFORE)
    at = datetime(2025, 1, 10, 12, tzinfo=UTC)
    book(
        acme, [Spent(at + timedelta(days), Decimal(7), "", "gpt-4o") for days in (0, 1)]
    )
    roll_up_all()
    return acme


@pytest.mark.django_db
def test_a_report_is_refused_where_days_and_records_differ(
    spending: Organization,
) -> None:
    DailySpend.objects.filter(day=date(2025, 1, 10)).update(cost=Decimal("6.9"))

    with pytest.raises(UnsoundReport, match=r"13\.9000000000.*14\.0000000000"):
        gathered(spending)


@pytest.mark.django_db
def test_a_report_is_refused_where_a_period_says_otherwise(
    spending: Organization,
) -> None:
    BudgetPeriod.objects.filter(starts_at=datetime(2025, 1, 1, tzinfo=UTC)).update(
        spent=Decimal(15)
    )

    with pytest.raises(UnsoundReport, match="“All” has 15"):
        gathered(spending)
