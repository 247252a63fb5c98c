"""Which budgets are charged for the same costs, though none is below the other."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import combinations
from typing import Any

from django.db.models import Sum

from accounts.models import Organization
from budgets.index import index_of
from budgets.models import Budget
from budgets.scopes import BudgetScope
from ledger.models import Attribution, DailySpend, SpendDelta
from ledger.types import Dimensions
from lib.money import COUNTED

Pair = tuple[int, int]  # ids of budgets, in the order of their names
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two budgets that are charged for the same costs by their own scopes."""

    one: Budget
    other: Budget
    shared: Decimal  # of late; organization's currency


def overlaps_of(
    budgets: Iterable[Budget], organization: Organization, *, since: datetime
) -> list[Overlap]:
    """Return the pairs of *budgets* that count the same money, what is dearest first.

    Those whose scopes have costs since that UTC midnight in common; of siblings, and
    of budgets of the same scope, also those that may have. Where budgets above them
    match the same costs as well, these are the cause, and they alone are told. Three
    queries.
    """
    known = {
        budget.pk: budget
        for budget in sorted(budgets, key=_by_name)
        if budget.currency not in COUNTED
    }
    family = _Family(known)
    shared = _shared(known, family, organization, since)
    shared |= dict.fromkeys(_possible(known, family) - shared.keys(), _ZERO)
    found = [
        Overlap(known[one], known[other], cost)
        for (one, other), cost in shared.items()
        if _live_together(known[one], known[other])
    ]
    return sorted(found, key=lambda pair: (-pair.shared, *_names(pair)))


def costs_since(organization: Organization, since: datetime) -> dict[int, Decimal]:
    """Return what each attribution cost since that UTC midnight. Two queries."""
    costs: dict[int, Decimal] = {}
    own = {"organization": organization}
    sums: Any = (
        DailySpend.objects.filter(**own, day__gte=since.date()),
        SpendDelta.objects.filter(**own, currency="", starts_at__gte=since),
    )
    for rows in sums:
        of_each = rows.order_by().values_list("attribution_id").annotate(Sum("cost"))
        for attribution, cost in of_each:
            costs[attribution] = costs.get(attribution, _ZERO) + cost
    return costs


class _Family:
    """Who is above whom."""

    def __init__(self, known: Mapping[int, Budget]) -> None:
        self.parents = {pk: budget.parent_id for pk, budget in known.items()}
        self.above: dict[int, frozenset[int]] = {}
        for pk in known:
            self._find(pk)

    def _find(self, pk: int) -> None:
        way: list[int] = []
        parent = self.parents[pk]
        while parent in self.parents:
            way.append(parent)
            parent = self.parents[parent]
        self.above[pk] = frozenset(way)

    def are_apart(self, one: int, other: int) -> bool:
        return one not in self.above[other] and other not in self.above[one]

    def tops(self, matched: Iterable[int]) -> Iterator[Pair]:
        """Yield the pairs of *matched* that are apart, the topmost alone."""
        ids = list(matched)
        among = frozenset(ids)
        for one, other in combinations(ids, 2):
            if self.are_apart(one, other) and not (
                self._is_below(one, other, among) or self._is_below(other, one, among)
            ):
                yield one, other

    def _is_below(self, one: int, other: int, among: frozenset[int]) -> bool:
        """Tell whether one of *among* above *one* is apart from *other* as well."""
        return any(self.are_apart(top, other) for top in self.above[one] & among)


def _shared(
    known: Mapping[int, Budget],
    family: _Family,
    organization: Organization,
    since: datetime,
) -> dict[Pair, Decimal]:
    """Return what pairs cost that both match, if that is anything."""
    index = index_of(known.values(), organization)
    order = {pk: place for place, pk in enumerate(known)}
    costs = costs_since(organization, since)
    sums: dict[tuple[int, ...], Decimal] = {}
    rows = Attribution.objects.filter(organization=organization).order_by()
    fields = "pk", "tags", *Dimensions._fields
    for pk, tags, *values in rows.values_list(*fields).iterator(chunk_size=5_000):
        if not (cost := costs.get(pk)):
            continue
        found = index.matched(Dimensions(*values)._asdict(), tags)
        # What a template makes cuts across the rest on purpose.
        ids = (one.id for one in found if not known[one.id].template_of_id)
        matched = tuple(sorted(ids, key=order.__getitem__))
        sums[matched] = sums.get(matched, _ZERO) + cost
    shared: dict[Pair, Decimal] = {}
    for matched, cost in sums.items():
        for pair in family.tops(matched):
            shared[pair] = shared.get(pair, _ZERO) + cost
    return shared


def _possible(known: Mapping[int, Budget], family: _Family) -> set[Pair]:
    """Return siblings that may match the same costs, and all that surely do."""
    # What a template makes cuts across the rest on purpose, and it counts nothing.
    scopes = {
        pk: BudgetScope.of(budget.scope)
        for pk, budget in known.items()
        if not budget.template_of_id and not budget.is_template
    }
    siblings: dict[int | None, list[int]] = {}
    alike: dict[BudgetScope, list[int]] = {}
    for pk, scope in scopes.items():
        siblings.setdefault(family.parents[pk], []).append(pk)
        alike.setdefault(scope, []).append(pk)
    found = {
        (one, other)
        for ids in siblings.values()
        for one, other in combinations(ids, 2)
        if scopes[one].overlaps(scopes[other])
    }
    return found | {pair for ids in alike.values() for pair in family.tops(ids)}


def _live_together(one: Budget, other: Budget) -> bool:
    return (one.ends_at is None or one.ends_at > other.starts_at) and (
        other.ends_at is None or other.ends_at > one.starts_at
    )


def _by_name(budget: Budget) -> tuple[str, int]:
    return budget.name, budget.pk


def _names(pair: Overlap) -> tuple[str, str]:
    return pair.one.name, pair.other.name
