"""Reports of the months that tests are about."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from accounts.models import Organization
from budgets.models import Budget
from reports.monthly.figures import BudgetRow, MonthlyFigures
from reports.monthly.gathering import gather
from reports.monthly.terms import Issue, Terms

JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)
AFTERWARDS = datetime(2025, 2, 3, 9, tzinfo=UTC)
BEFORE = datetime(2024, 1, 1, tzinfo=UTC)
TERMS = Terms(Decimal(100), Decimal("0.1"), "en_US")
ISSUE = Issue(1, "", "ann@acme.example")


def gathered(
    organization: Organization,
    month: date = JANUARY,
    root: Budget | None = None,
    *,
    now: datetime = AFTERWARDS,
    **changed: Any,
) -> MonthlyFigures:
    return gather(organization, month, root, TERMS, ISSUE, now=now, **changed)


def row_of(figures: MonthlyFigures, name: str) -> BudgetRow:
    (found,) = (row for row in figures.rows if row.path[-1] == name)
    return found
