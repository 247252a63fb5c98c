"""What does not fit together in an organization's budgets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from django.db.models import Exists, OuterRef, Sum

from accounts.models import Organization
from budgets.models import Budget, Coverage
from budgets.overlaps import overlaps_of
from budgets.reservations.settlements import said_otherwise
from budgets.tree import TreeNode, tree_of
from ledger.models import DailySpend, SpendDelta
from lib.measures import REQUESTS, TOKENS
from lib.money import format_money

Kind = Literal[
    "over_allocated",
    "overlap",
    "period_mismatch",
    "currency_mismatch",
    "orphan_spend",
    "said_otherwise",
    "without_leave",
]
MOST_OVERLAPS = 200  # told; where there are more, a note says so
ORPHANS_OF = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Clash:
    """One thing that does not fit: what, between which budgets, by how much."""

    kind: Kind
    budgets: tuple[Budget, ...]
    message: str
    amount: Decimal | None = None
    currency: str | None = None


def conflicts_of(organization: Organization, *, now: datetime) -> list[Clash]:
    """Return all conflicts, level by level; then the spend no budget is charged for."""
    roots = tree_of(organization, at=now)
    found: list[Clash] = []
    for root in roots:
        for node in root.walk():
            found += _against_parent(node)
    found += _overlaps(roots, organization, now)
    orphan = orphan_spend(organization, now=now)
    if orphan:
        amount = format_money(orphan, organization.currency)
        found.append(
            Clash(
                "orphan_spend",
                (),
                f"{amount} of the last {ORPHANS_OF.days} days is charged to no budget. "
                "Make a company-wide budget to see all spend.",
                orphan,
                organization.currency,
            )
        )
    found += _settled_otherwise(organization, now)
    return found


def _settled_otherwise(organization: Organization, now: datetime) -> Iterator[Clash]:
    """Yield what records of the last 30 days said otherwise than their decisions."""
    for one in said_otherwise(organization, since=now - ORPHANS_OF):
        calls = "1 call" if one.records == 1 else f"{one.records:,} calls"
        cost = format_money(one.cost, organization.currency)
        what = (
            "had no leave for what they used and are charged where it belongs"
            if one.without_leave
            else "are charged to what they were allowed for, not to what they said"
        )
        yield Clash(
            "without_leave" if one.without_leave else "said_otherwise",
            (),
            f"{calls} of the last {ORPHANS_OF.days} days, {cost}, {what}: {one.words}.",
            one.cost,
            organization.currency,
        )


def orphan_spend(organization: Organization, *, now: datetime) -> Decimal:
    """Return what the last 30 days, the first as a whole, spent without a budget.

    Of each kind of cost: it has one when a budget in use covered it on any of the days.
    """
    since = _since(now)
    covered = Coverage.objects.filter(
        organization=organization,
        attribution=OuterRef("attribution"),
        budget__archived_at=None,
        starts_at__lte=now,
        ends_at__gt=since,
    ).exclude(currency__in=(TOKENS, REQUESTS))
    days = DailySpend.objects.filter(
        ~Exists(covered), organization=organization, day__gte=since.date()
    )
    deltas = SpendDelta.objects.filter(
        ~Exists(covered), organization=organization, currency="", starts_at__gte=since
    )
    return sum(
        (
            rows.aggregate(total=Sum("cost"))["total"] or Decimal(0)
            for rows in (days, deltas)
        ),
        Decimal(0),
    )


def _against_parent(node: TreeNode) -> Iterator[Clash]:
    parent = node.budget
    if node.unallocated < 0:
        over = format_money(-node.unallocated, parent.currency)
        yield Clash(
            "over_allocated",
            (parent, *(child.budget for child in node.children)),
            f"The budgets below “{parent.name}” add up to {over} more than it has.",
            -node.unallocated,
            parent.currency,
        )
    for child in (below.budget for below in node.children):
        if child.currency != parent.currency:
            yield Clash(
                "currency_mismatch",
                (parent, child),
                f"“{child.name}” is in {child.currency}, “{parent.name}” above it in "
                f"{parent.currency}: their amounts can't be compared.",
            )
        if child.period != parent.period:
            yield Clash(
                "period_mismatch",
                (parent, child),
                f"“{child.name}” is {child.period}, “{parent.name}” above it "
                f"{parent.period}: their amounts can't be compared.",
            )


def _overlaps(
    roots: list[TreeNode], organization: Organization, now: datetime
) -> Iterator[Clash]:
    """Yield what is counted twice, in one branch and in another."""
    budgets = [node.budget for root in roots for node in root.walk()]
    names = {budget.pk: budget.name for budget in budgets}
    found = overlaps_of(budgets, organization, since=_since(now))
    for pair in found[:MOST_OVERLAPS]:
        both = pair.one, pair.other
        one, other = (_placed(budget, names) for budget in both)
        message = f"{one} and {other} are both charged for costs that match both scopes"
        if not pair.shared:
            yield Clash("overlap", both, f"{message}; of late there were none.")
            continue
        amount = format_money(pair.shared, organization.currency)
        yield Clash(
            "overlap",
            both,
            f"{message}: {amount} of the last {ORPHANS_OF.days} days.",
            pair.shared,
            organization.currency,
        )


def _placed(budget: Budget, names: Mapping[int, str]) -> str:
    above = names.get(budget.parent_id or 0)
    return f"“{budget.name}”" + (f" below “{above}”" if above else "")


def _since(now: datetime) -> datetime:
    """Return the beginning of the UTC day 30 days ago."""
    since = (now - ORPHANS_OF).astimezone(UTC)
    return since.replace(hour=0, minute=0, second=0, microsecond=0)
