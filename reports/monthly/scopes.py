"""Which budgets a report tells of, in the order of the tree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Organization
from budgets.consolidated import Consolidation
from budgets.models import Budget
from ledger.types import Rate
from lib.money import COUNTED
from lib.periods import Cadence
from reports.monthly.calendars import ReportedMonth
from reports.monthly.errors import NoReport

Path = tuple[str, ...]


@dataclass(frozen=True)
class ReportScope:
    """The budgets of one report."""

    budgets: Sequence[Budget]  # in the tree's order
    paths: Mapping[int, Path]  # of all there are, told or not
    rates: Mapping[str, Rate | None]  # of currencies; None: it is the report's own
    counted_otherwise: int
    without_rate: Sequence[str]  # names

    @cached_property
    def ids(self) -> set[int]:
        return {one.pk for one in self.budgets}

    @property
    def tops(self) -> list[Budget]:
        return [one for one in self.budgets if one.parent_id not in self.ids]

    def has_children(self) -> set[int]:
        """Return the ids of those that have others of the report below them."""
        return {one.parent_id for one in self.budgets if one.parent_id in self.ids}

    @property
    def own_paths(self) -> dict[int, Path]:
        """The paths within the report: from its tops on."""
        found: dict[int, Path] = {}
        for one in self.budgets:
            found[one.pk] = (*found.get(one.parent_id or 0, ()), one.name)
        return found

    @property
    def has_longer_periods(self) -> bool:
        return any(one.period != Cadence.MONTHLY for one in self.budgets)

    def has_other_zones(self, organization: Organization) -> bool:
        return any(one.timezone != organization.timezone for one in self.budgets)

    @property
    def has_templates(self) -> bool:
        return any(one.is_template for one in self.budgets)


def scope_of(
    organization: Organization, root: Budget | None, month: ReportedMonth
) -> ReportScope:
    """Return the budgets that were in force in the fiscal year until *month*'s end.

    What a template made is told with it. Four queries.

    Raises:
        NoReport: *root* counts tokens or requests, or there was nothing of it yet.
    """
    if root is not None and root.currency in COUNTED:
        raise NoReport.field(
            "budget",
            f"“{root.name}” counts {root.currency}: a monthly report is of money.",
        )
    rows = _rows(organization, root)
    in_force = rows.filter(starts_at__lt=month.window.end).filter(
        Q(ends_at=None) | Q(ends_at__gt=month.year.start)
    )
    told = in_force.filter(template_of=None)
    if root is not None:
        told = in_force.filter(Q(template_of=None) | Q(pk=root.pk))
    found = list(told.select_related("owner").order_by("name", "pk"))
    if root is not None and all(one.pk != root.pk for one in found):
        raise NoReport.field(
            "month", f"“{root.name}” was not in force in the year of this month."
        )
    money = [one for one in found if one.currency not in COUNTED]
    consolidation = Consolidation(
        organization, organization.currency, month.window.start
    )
    lacking = {one.currency for one in money if consolidation.lacks(one.currency)}
    chosen = [one for one in money if one.currency not in lacking]
    return ReportScope(
        budgets=list(_in_order(chosen)),
        paths=_paths(rows),
        rates={
            one: consolidation.rate_of(one) if one != organization.currency else None
            for one in {budget.currency for budget in chosen}
        },
        counted_otherwise=len(found) - len(money),
        without_rate=[one.name for one in money if one.currency in lacking],
    )


def _rows(organization: Organization, root: Budget | None) -> QuerySet[Budget]:
    rows: QuerySet[Budget] = Budget.objects.filter(organization=organization)
    if root is None:
        return rows
    return rows.filter(tree_id=root.tree_id, lft__gte=root.lft, rght__lte=root.rght)


def _in_order(budgets: Sequence[Budget]) -> Iterator[Budget]:
    """Yield *budgets*, which come by name, each before those below it."""
    ids = {one.pk for one in budgets}
    families: dict[int | None, list[Budget]] = {}
    for one in budgets:
        above = one.parent_id if one.parent_id in ids else None
        families.setdefault(above, []).append(one)
    waiting = families.get(None, [])[::-1]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(families.get(one.pk, []))


def _paths(rows: QuerySet[Budget]) -> dict[int, Path]:
    known: dict[int, tuple[Any, str]] = {
        pk: (parent, name)
        for pk, parent, name in rows.order_by().values_list("pk", "parent_id", "name")
    }
    return {pk: _path(known, pk) for pk in known}


def _path(known: Mapping[int, tuple[Any, str]], pk: int) -> Path:
    path: list[str] = []
    current: int | None = pk
    while current is not None and current in known:
        current, name = known[current]
        path.append(name)
    return tuple(reversed(path))
