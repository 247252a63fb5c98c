"""What a budget would mean, before it is saved: what it matches, what it would cost,
and what would not fit together. Read-only."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.cache import cache

from accounts.models import Organization
from budgets.figures import LATELY, MONTH, Position, SpendPace, status_of
from budgets.index import FOREVER
from budgets.models import Budget
from budgets.overlaps import costs_since
from budgets.scopes import BudgetScope
from budgets.scopes import clean as clean_scope
from budgets.status import ZERO
from console.budgets.drafts import (
    Draft,
    cost_of,
    matches,
    matching,
    met_by,
    spent_by,
)
from console.budgets.endings import ending_words, foreseen
from console.budgets.reach import reach_words
from console.budgets.templates import MetValues, budgets_words, each_words, few_of
from console.budgets.tree import Outline
from console.fields import Offer
from ledger.analytics import lines_of
from ledger.costs import CostQuery
from ledger.models import DIMENSIONS
from lib.humanize import stretch
from lib.money import COUNTED, format_money, format_percent
from lib.periods import Window

OFFERED = 50  # values of one dimension
_REMEMBERED_S = 60
_DAY = timedelta(days=1)


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
    together: str = ""  # what all have that a template made
    window: str = ""
    used: Decimal | None = None  # share
    kind: str = "NONE"
    overlaps: list[Shared] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def preview_of(draft: Draft, outline: Outline) -> Preview:
    """Say what *draft* would mean among the budgets of *outline*.

    Five queries, six where it names models, two more where it has a currency of its
    own or overlaps with others, one more where its period is longer than a month, or
    where a template has another amount.
    """
    try:
        stored = clean_scope(draft.scope)
    except ValueError as error:
        return Preview(matches=str(error.args[1]))
    scope = BudgetScope.of(stored)
    found = matching(draft, [scope, *_scopes_below(draft, outline)])
    preview = Preview(matches=_matches_words(found, scope))
    preview.reaches = list(reach_words(draft.organization, stored.get("models", ())))
    ids = [row[0] for row in found]
    spent, window = spent_by(draft, ids, outline.now)
    count = 1  # budgets of the amount
    if window is None:
        preview.spent = "It is not in force now."
    elif spent is None:
        preview.spent = (
            f"There is no exchange rate from {draft.organization.currency} to "
            f"{draft.currency}."
        )
    elif draft.for_each:
        met = met_by(draft, found, window, outline.now)
        _add_made(preview, draft, window, met)
        preview.together = _together(draft, outline)
        count = len(met.costs)
    else:
        pace = _pace(draft, ids, window, outline.now)
        _add_figures(preview, draft, spent, window, pace, outline)
    if not draft.for_each:  # that cuts across the rest on purpose
        preview.overlaps = _overlaps(draft, scope, found, outline)
    preview.conflicts += _conflicts(draft, outline, count)
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


def _add_made(
    preview: Preview,
    draft: Draft,
    window: Window,
    met: MetValues,
) -> None:
    preview.window = stretch(window, draft.zone)
    names = [value for value, _ in met.costs]
    if draft.budget is not None:
        preview.spent = (
            f"{each_words(draft.for_each).capitalize()}: {len(names):,} met."
        )
    elif names:
        preview.spent = f"Opens {budgets_words(len(names))} at once: {few_of(names)}."
    else:
        preview.spent = "Opens a budget when the first call or record comes."
    if draft.amount is None:
        return
    if beyond := met.beyond(draft.amount):
        have = "has" if len(beyond) == 1 else "have"
        preview.ending = (
            f"{len(beyond):,} of them {have} spent the amount this period already: "
            f"{few_of(beyond)}."
        )
    elif names:
        preview.ending = "None of them has spent the amount this period."


def _together(draft: Draft, outline: Outline) -> str:
    """Say what another amount of a template comes to, for all that have it of it."""
    template, amount = draft.budget, draft.amount
    if template is None or amount is None or draft.currency != template.currency:
        return ""
    if amount == template.amount:
        return ""
    count = template.made.active().filter(is_override=False).count()
    total = outline.money(count * amount, draft.currency)
    change = outline.money(count * abs(amount - template.amount), draft.currency)
    less_or_more = "more" if amount > template.amount else "less"
    return (
        f"It is the amount of {budgets_words(count)}: {total} together, {change} "
        f"{less_or_more}."
    )


def _pace(
    draft: Draft, ids: list[int], window: Window, now: datetime
) -> SpendPace | None:
    """Return what a long period goes on at: by whole days, that of the last 30."""
    if window.end - window.start <= MONTH:
        return None
    since = (now - LATELY).replace(hour=0, minute=0, second=0, microsecond=0)
    return SpendPace(cost_of(draft, ids, Window(since, now), now) or ZERO, since)


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
        organization=draft.organization, parent=draft.parent_id, template_for_each=""
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
    own = [row for row in found if row[0] in costs and matches(scope, row)]
    shared = [
        _shared(draft, other, _common(scope, theirs), cost, outline)
        for other, theirs in both
        for cost in [sum((costs[row[0]] for row in own if matches(theirs, row)), ZERO)]
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


def _conflicts(draft: Draft, outline: Outline, count: int) -> list[str]:
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
            found += _against_parent(draft, draft.amount * count, parent.id, outline)
    if draft.budget is not None and draft.amount is not None and not draft.for_each:
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
