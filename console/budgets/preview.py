"""What a budget would mean, before it is saved: what it matches, what it would cost,
and what would not fit together. Read-only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.core.cache import cache

from accounts.models import Organization
from budgets.figures import LATELY, MONTH, Position, SpendPace, status_of
from budgets.index import FOREVER
from budgets.models import Budget
from budgets.overlaps import costs_since
from budgets.scopes import BudgetScope
from budgets.scopes import clean as clean_scope
from budgets.status import ZERO
from console.budgets.endings import ending_words, foreseen
from console.budgets.reach import reach_words
from console.budgets.tree import Outline
from console.fields import Offer
from ledger.analytics import lines_of
from ledger.costs import CostQuery
from ledger.models import DIMENSIONS, Attribution
from ledger.pricing import PriceBook
from ledger.types import Dimensions
from lib.humanize import stretch
from lib.money import COUNTED, format_money, format_percent, quantize
from lib.periods import Cadence, Calendar, Window

OFFERED = 50  # values of one dimension
_REMEMBERED_S = 60
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Draft:
    """A budget as far as its form is filled in. None: not yet, or not rightly."""

    organization: Organization
    scope: Mapping[str, Any]
    amount: Decimal | None
    currency: str
    period: Cadence
    zone: ZoneInfo
    starts_at: datetime | None
    ends_at: datetime | None
    parent_id: int | None
    budget: Budget | None  # the one that is changed
    warning_threshold: Decimal = Decimal("0.80")
    critical_threshold: Decimal = Decimal("0.95")


class Shared(NamedTuple):
    """A budget beside it that is charged for the same costs."""

    words: str
    cost: Decimal  # of the last 30 days


@dataclass(slots=True)
class Preview:
    """What the panel beside the form says."""

    matches: str
    reaches: list[str] = field(default_factory=list)  # a line for each model named
    spent: str = ""
    ending: str = ""
    window: str = ""
    used: Decimal | None = None  # share
    kind: str = "NONE"
    overlaps: list[Shared] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Chosen(CostQuery):
    """The costs of attributions that are known already."""

    ids: Sequence[int] = ()

    def attribution_ids(self) -> list[int] | None:
        return list(self.ids)


def preview_of(draft: Draft, outline: Outline) -> Preview:
    """Say what *draft* would mean among the budgets of *outline*.

    Five queries, six where it names models, two more where it has a currency of its
    own or overlaps with others, one more where its period is longer than a month.
    """
    try:
        stored = clean_scope(draft.scope)
    except ValueError as error:
        return Preview(matches=str(error.args[1]))
    scope = BudgetScope.of(stored)
    found = _matching(draft, [scope, *_scopes_below(draft, outline)])
    preview = Preview(matches=_matches_words(found, scope))
    preview.reaches = list(reach_words(draft.organization, stored.get("models", ())))
    ids = [row[0] for row in found]
    spent, window = _spent(draft, ids, outline.now)
    if window is None:
        preview.spent = "It is not in force now."
    elif spent is None:
        preview.spent = (
            f"There is no exchange rate from {draft.organization.currency} to "
            f"{draft.currency}."
        )
    else:
        pace = _pace(draft, ids, window, outline.now)
        _add_figures(preview, draft, spent, window, pace, outline)
    preview.overlaps = _overlaps(draft, scope, found, outline)
    preview.conflicts += _conflicts(draft, outline)
    return preview


def offers_of(
    organization: Organization, now: datetime, locale: str
) -> dict[str, list[Offer]]:
    """Return the values of each dimension that usage had lately, dearest first.

    One query; what it found is remembered for a minute.
    """
    key = f"costops.offers.{organization.pk}"
    costs: dict[str, list[tuple[str, Decimal]]] | None = cache.get(key)
    if costs is None:
        costs = _costs_lately(organization, now)
        cache.set(key, costs, _REMEMBERED_S)
    return {
        dimension: [
            Offer(value, format_money(cost, organization.currency, locale))
            for value, cost in values
        ]
        for dimension, values in costs.items()
    }


def _costs_lately(
    organization: Organization, now: datetime
) -> dict[str, list[tuple[str, Decimal]]]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # Whole UTC days are read from daily sums.
    window = Window(midnight - LATELY, midnight + _DAY)
    sums: dict[str, dict[str, Decimal]] = {name: {} for name in DIMENSIONS}
    for line in lines_of(CostQuery(organization), DIMENSIONS, [window]):
        for name, value in zip(DIMENSIONS, line.group, strict=True):
            if value:
                known = sums[name]
                known[value] = known.get(value, ZERO) + line.sums.cost
    return {
        name: sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:OFFERED]
        for name, found in sums.items()
    }


def _scopes_below(draft: Draft, outline: Outline) -> list[BudgetScope]:
    """Return the scopes of the budgets below, for which it is charged as well."""
    if draft.budget is None or draft.budget.pk not in outline.leaves:
        return []
    below = [pk for pk in outline.below(draft.budget.pk) if pk != draft.budget.pk]
    rows = Budget.objects.filter(pk__in=below).values_list("scope", flat=True)
    return [BudgetScope.of(stored) for stored in rows]


def _matching(draft: Draft, scopes: list[BudgetScope]) -> list[Any]:
    rows = Attribution.objects.filter(organization=draft.organization)
    fields = "pk", "tags", *Dimensions._fields
    found = rows.values_list(*fields).iterator(chunk_size=5_000)
    return [row for row in found if any(_matches(scope, row) for scope in scopes)]


def _matches(scope: BudgetScope, row: Any) -> bool:
    return scope.matches(Dimensions(*row[2:])._asdict(), row[1])


def _matches_words(found: list[Any], scope: BudgetScope) -> str:
    if not found:
        if scope.is_everything:
            return "Matches everything; nothing has been used yet."
        return "Matches nothing that was used so far."
    places = {name: number for number, name in enumerate(DIMENSIONS, start=2)}
    projects = {row[places["project"]] for row in found} - {""}
    models = {(row[places["provider"]], row[places["model"]]) for row in found}
    what = f"{_count(len(projects), 'project')} and {_count(len(models), 'model')}"
    return f"Matches {'everything: ' if scope.is_everything else ''}{what}."


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _spent(
    draft: Draft, ids: list[int], now: datetime
) -> tuple[Decimal | None, Window | None]:
    """Return what the present period spent so far, in the draft's currency."""
    if draft.period is Cadence.CUSTOM and not (draft.starts_at and draft.ends_at):
        return None, None
    if draft.starts_at and draft.ends_at and draft.starts_at >= draft.ends_at:
        return None, None
    month = draft.organization.fiscal_year_start_month
    calendar = Calendar(draft.period, draft.zone, month, draft.starts_at, draft.ends_at)
    window = calendar.window_at(now)
    if window is None:
        return None, None
    return _cost_of(draft, ids, window, now), window


def _pace(
    draft: Draft, ids: list[int], window: Window, now: datetime
) -> SpendPace | None:
    """Return what a long period goes on at: by whole days, that of the last 30."""
    if window.end - window.start <= MONTH:
        return None
    since = (now - LATELY).replace(hour=0, minute=0, second=0, microsecond=0)
    return SpendPace(_cost_of(draft, ids, Window(since, now), now) or ZERO, since)


def _cost_of(
    draft: Draft, ids: list[int], window: Window, now: datetime
) -> Decimal | None:
    """Return what the attributions cost, in the draft's currency; None: no rate."""
    question = _Chosen(draft.organization, ids=ids)
    lines = [line.sums for line in lines_of(question, (), [window])]
    if draft.currency == "tokens":
        return Decimal(sum(one.input_tokens + one.output_tokens for one in lines))
    if draft.currency == "requests":
        return Decimal(sum(one.requests for one in lines))
    spent = sum((one.cost for one in lines), ZERO)
    if draft.currency == draft.organization.currency:
        return spent
    rate = PriceBook(draft.organization.pk).rate(
        draft.organization.currency, draft.currency, now.date()
    )
    return None if rate is None else quantize(spent * rate.rate)


def _add_figures(
    preview: Preview,
    draft: Draft,
    spent: Decimal,
    window: Window,
    pace: SpendPace | None,
    outline: Outline,
) -> None:
    exact = draft.organization.currency, *COUNTED
    about = "" if draft.currency in exact else "about "
    shown = outline.money(spent, draft.currency)
    preview.window = stretch(window, draft.zone)
    preview.spent = f"{about}{shown} this period so far"
    if draft.amount is None or draft.amount < 0:
        return
    position = Position(
        amount=draft.amount,
        limit=draft.amount,
        spent=spent,
        reserved=ZERO,
        window=window,
        zone=draft.zone,
        warning_threshold=draft.warning_threshold,
        critical_threshold=draft.critical_threshold,
        pace=pace,
    )
    status = status_of(position, outline.now)
    how = "At this pace it ends"
    if draft.budget and _spends_as(draft, draft.budget):
        status = foreseen(draft.budget, position, status, outline.now)
        how = "It is expected to end"
    preview.used, preview.kind = status.utilization, status.status
    share = format_percent(status.utilization, outline.locale)
    preview.spent += f": {share} of the amount."
    preview.ending = ending_words(status, how, draft.currency, outline)


def _spends_as(draft: Draft, budget: Budget) -> bool:
    """Tell whether *draft* is charged as *budget* is: then it has a forecast."""
    return (
        BudgetScope.of(draft.scope) == BudgetScope.of(budget.scope)
        and draft.period == budget.period
        and draft.currency == budget.currency
        and str(draft.zone) == budget.timezone
    )


def _overlaps(
    draft: Draft, scope: BudgetScope, found: list[Any], outline: Outline
) -> list[Shared]:
    """Return what is beside it and charged for the same, what shares most first."""
    beside = Budget.objects.filter(
        organization=draft.organization, parent=draft.parent_id
    ).active()
    if draft.budget is not None:
        beside = beside.exclude(pk=draft.budget.pk)
    if draft.currency in COUNTED:
        return []
    beside = beside.exclude(currency__in=COUNTED)
    both = [
        (other, theirs)
        for other in beside.order_by("name")
        if _lives_beside(draft, other, outline.now)
        and scope.overlaps(theirs := BudgetScope.of(other.scope))
    ]
    if not both:
        return []
    midnight = outline.now.replace(hour=0, minute=0, second=0, microsecond=0)
    costs = costs_since(draft.organization, midnight - LATELY)
    own = [row for row in found if row[0] in costs and _matches(scope, row)]
    shared = [
        _shared(draft, other, _common(scope, theirs), cost, outline)
        for other, theirs in both
        for cost in [sum((costs[row[0]] for row in own if _matches(theirs, row)), ZERO)]
    ]
    return sorted(shared, key=lambda one: -one.cost)


def _lives_beside(draft: Draft, other: Budget, now: datetime) -> bool:
    start, end = draft.starts_at or now, draft.ends_at or FOREVER
    return other.starts_at < end and (other.ends_at is None or other.ends_at > start)


def _shared(
    draft: Draft, other: Budget, common: str, cost: Decimal, outline: Outline
) -> Shared:
    words = f"Overlaps with {other.name} on {common}"
    if not cost:
        return Shared(f"{words}; of late there were none.", cost)
    amount = outline.money(cost, draft.organization.currency)
    return Shared(f"{words}: {amount} of the last {LATELY.days} days.", cost)


def _common(one: BudgetScope, other: BudgetScope) -> str:
    """Say what two scopes that overlap share."""
    shared = [
        f"{dimension} {', '.join(values[:3])}"
        for dimension, values in one.shared(other).items()
    ]
    if shared:
        return " and ".join(shared)
    if one.is_everything and other.is_everything:
        return "everything"
    return "costs that match both scopes"


def _conflicts(draft: Draft, outline: Outline) -> list[str]:
    found = []
    parent = outline.leaves.get(draft.parent_id) if draft.parent_id else None
    if parent is not None:
        if parent.currency != draft.currency:
            found.append(
                f"{parent.name} above it is in {parent.currency}: "
                "their amounts can't be compared."
            )
        if parent.period != draft.period.value:
            found.append(
                f"{parent.name} above it is {parent.period}: "
                "their amounts can't be compared."
            )
        if not found and draft.amount is not None:
            found += _against_parent(draft, draft.amount, parent.id, outline)
    if draft.budget is not None and draft.amount is not None:
        found += _against_children(draft, draft.amount, outline)
    return found


def _against_parent(
    draft: Draft, amount: Decimal, parent_id: int, outline: Outline
) -> list[str]:
    parent = outline.leaves[parent_id]
    free = outline.unallocated(parent_id)
    mine = outline.leaves.get(draft.budget.pk) if draft.budget else None
    if mine and mine.parent_id == parent_id and mine.counts_in(parent):
        free += mine.promised
    if amount <= free:
        return []
    over = outline.money(amount - free, draft.currency)
    left = outline.money(max(free, ZERO), draft.currency)
    return [
        f"{parent.name} has {left} unallocated: with this it is over-allocated by "
        f"{over}. Raise {parent.name}, or take less."
    ]


def _against_children(draft: Draft, amount: Decimal, outline: Outline) -> list[str]:
    if draft.budget is None or draft.budget.pk not in outline.leaves:
        return []
    allocated = outline.allocated(draft.budget.pk)
    if allocated is None or allocated <= amount:
        return []
    total = outline.money(allocated, draft.currency)
    over = outline.money(allocated - amount, draft.currency)
    return [f"The budgets below it add up to {total}, {over} more than this."]
