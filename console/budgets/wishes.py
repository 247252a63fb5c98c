"""What a reader may ask for where a budget is short, and may not change it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from accounts.models import Organization, User
from approvals.limits import Wish, askable, lacking
from approvals.models import RequestKind
from budgets.figures import Status
from console.budgets.clashes import Cause
from console.budgets.lines import BudgetRow

_PRESSED = {"CRITICAL", "EXCEEDED"}


def wishes_of(
    person: User, organization: Organization, rows: Iterable[BudgetRow]
) -> dict[int, Wish]:
    """Return what *person* has to ask for, by budget: where a row's period lacks
    something, or soon will. At most one query."""
    short = {row.budget.pk: row for row in rows if _is_short(row)}
    if not short:
        return {}
    found = {pk: wish_for(row) for pk, row in short.items()}
    return {pk: found[pk] for pk in askable(person, organization, found)}


def _is_short(row: BudgetRow) -> bool:
    if row.budget.archived_at is not None:
        return False
    return row.kind in _PRESSED or _lacks(row.status) > 0


def wish_for(row: BudgetRow) -> Wish:
    """Return what to ask for about a row, however it stands."""
    return Wish.for_period(row.budget, row.window.end, _lacks(row.status))


def _lacks(status: Status) -> Decimal:
    used = status.total_spend + status.reserved
    return lacking(status.limit, used, status.projected_spend)


def with_wishes(
    person: User, organization: Organization, causes: Sequence[Cause]
) -> list[tuple[Cause, Wish | None]]:
    """Return *causes*, those of a budget that promises too much with what to ask for
    it. At most one query."""
    over = {one.budgets[0].pk for one in causes if one.short is not None}
    allowed = askable(person, organization, over) if over else frozenset()
    return [(one, _wish_of(one, allowed)) for one in causes]


def _wish_of(cause: Cause, allowed: frozenset[int]) -> Wish | None:
    if cause.short is None or cause.budgets[0].pk not in allowed:
        return None
    kind = RequestKind.INCREASE.value
    return Wish(cause.budgets[0].pk, cause.short, kind=kind)
