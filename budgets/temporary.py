"""More or less of a budget for a while: raises and transfers, as dated lines.

What they add stands in `adjusted` of the period around the present moment; a line that
is over counts no longer, without anybody doing anything but the clock.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Min

from accounts.locks import hold_alone
from accounts.models import Organization
from budgets.amounts import TEMPORARY, Amounts, temporary_of
from budgets.charging import open_periods
from budgets.errors import IsArchived, NotEnoughLeft
from budgets.index import FOREVER
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.status import calendar_of
from budgets.validation import check_own_amount, sound_amount
from lib.errors import Invalid
from lib.money import format_money
from lib.periods import Window
from lib.queue import announce

_MOMENT = timedelta(microseconds=1)
_ZERO = Decimal(0)


@transaction.atomic
def raise_amount(
    budget: Budget,
    amount: Decimal,
    *,
    until: datetime,
    now: datetime,
    reason: str = "",
    request: UUID | None = None,
) -> AmountLine:
    """Let *budget* spend *amount* more from now until *until*: it ends by itself.

    Raises:
        Invalid: it is not more, ends before it begins, or is for a template.
        IsArchived: the budget is no longer in use.
    """
    check_amount(amount, budget.currency)
    check_own_amount(budget, "budget")
    check_until(until, now)
    hold_alone(budget.organization_id)
    (held,) = in_use([budget], now)
    line = AmountLine.objects.create(
        organization_id=held.organization_id,
        budget=held,
        kind=AmountLine.Kind.RAISE,
        amount=amount,
        effective_from=now,
        effective_to=until,
        reason=reason,
        request=request,
        made_at=now,
    )
    _follow([held], now)
    announce("budgets.watched_amounts", budget.organization_id)
    return line


@transaction.atomic
def transfer_amount(
    source: Budget,
    to: Budget,
    amount: Decimal,
    *,
    now: datetime,
    reason: str = "",
    request: UUID | None = None,
) -> list[AmountLine]:
    """Take *amount* from *source* and give it to *to*, each in its present period.

    Returns the line of *source* and that of *to*.

    Raises:
        Invalid: the two don't go together, or *amount* is nothing.
        IsArchived: one of them is no longer in use.
        NotEnoughLeft: *source* has not so much left in its period.
    """
    check_amount(amount, source.currency)
    if source.pk == to.pk or source.organization_id != to.organization_id:
        raise Invalid.field("to", "Must be another budget of the organization.")
    if source.currency != to.currency:
        detail = f"“{to.name}” is in {to.currency}, “{source.name}” in another currency"
        raise Invalid.field("to", f"{detail}: {source.currency}.")
    check_own_amount(source, "source")
    check_own_amount(to, "to")
    hold_alone(source.organization_id)
    both = in_use([source, to], now)
    _follow(both, now)
    _require_left(source, amount, now)
    by_id = {one.pk: one for one in both}
    lines = [
        AmountLine.objects.create(
            organization_id=source.organization_id,
            budget=by_id[one.pk],
            kind=AmountLine.Kind.TRANSFER,
            amount=difference,
            counterpart=other,
            effective_from=now,
            effective_to=_window_of(by_id[one.pk], now).end,
            reason=reason,
            request=request,
            made_at=now,
        )
        for one, other, difference in ((source, to, -amount), (to, source, amount))
    ]
    _follow(both, now)
    announce("budgets.watched_amounts", source.organization_id)
    return lines


def follow_temporary(organization: Organization, *, now: datetime) -> int:
    """Have periods that are not closed say what is in force; return how many did not.

    Call it with the organization held alone.
    """
    open_ones = BudgetPeriod.objects.filter(organization=organization, closed_at=None)
    first = open_ones.aggregate(first=Min("starts_at"))["first"]
    lines = AmountLine.objects.filter(organization=organization, kind__in=TEMPORARY)
    if first is None:
        return 0
    recent = lines.filter(effective_to__gt=first)
    return _adjust(set(recent.values_list("budget_id", flat=True)), now)


def wrong_adjusted(period: BudgetPeriod, temporary: Amounts) -> str | None:
    """Say how *period* differs from its lines; it may lag behind them by a moment."""
    edges = {period.starts_at, period.ends_at - _MOMENT}
    edges |= {
        edge
        for line in temporary.lines
        for edge in (line.start, line.end)
        if edge is not None and edge in period.window
    }
    said = {temporary.at(edge) for edge in edges}
    if period.closed_at is not None:
        said = {temporary.at(period.ends_at - _MOMENT)}
    if period.adjusted in said:
        return None
    return f"{period}: adjusted by {period.adjusted}, its lines say {max(said)}."


def _adjust(budget_ids: set[int], now: datetime) -> int:
    """Bring the periods of budgets that are not closed in line with their lines."""
    temporary, changed = temporary_of(budget_ids), 0
    rows = BudgetPeriod.objects.filter(budget__in=budget_ids, closed_at=None)
    for period in rows.order_by("pk"):
        moment = min(max(now, period.starts_at), period.ends_at - _MOMENT)
        wanted = temporary[period.budget_id].at(moment)
        if period.adjusted != wanted:
            changed += 1
            BudgetPeriod.objects.filter(pk=period.pk).update(adjusted=wanted)
    return changed


def _follow(budgets: Iterable[Budget], now: datetime) -> None:
    """Have the present periods of *budgets* say what is in force, opened or not."""
    chosen = list(budgets)
    windows = [(one.pk, _window_of(one, now)) for one in chosen]
    open_periods(chosen[0].organization_id, windows)
    _adjust({one.pk for one in chosen}, now)


def check_amount(amount: Decimal, currency: str = "") -> None:
    """Refuse what is nothing, or can't be in *currency*.

    Raises:
        Invalid: it is that.
    """
    if sound_amount(amount, currency) <= 0:
        raise Invalid.field("amount", "Must be more than 0.")


def check_until(until: datetime, now: datetime) -> None:
    """Refuse an end that is over, or beyond all periods.

    Raises:
        Invalid: it is that.
    """
    if until <= now:
        raise Invalid.field("until", "Must lie in the future.")
    if until >= FOREVER:
        raise Invalid.field("until", "Must lie before the year 2200.")


def in_use(budgets: Iterable[Budget], now: datetime) -> list[Budget]:
    """Return *budgets* as they are, in the order of their locks: the root last.

    Raises:
        IsArchived: one of them is not in use.
        Invalid: one of them is a template.
    """
    rows = Budget.objects.select_related("organization")
    found = list(rows.filter(pk__in=[one.pk for one in budgets]))
    for one in found:
        if (
            one.archived_at
            or not one.starts_at <= now
            or (one.ends_at is not None and one.ends_at <= now)
        ):
            raise IsArchived(f"“{one.name}” is not in use, so its amount stays.")
        if one.is_template:
            raise Invalid.field(
                "budget",
                f"“{one.name}” has no money of its own: its amount is that of each "
                "budget it makes. Choose one of these.",
                code="is_template",
            )
    return sorted(found, key=lambda one: (-one.level, one.pk))


def _window_of(budget: Budget, now: datetime) -> Window:
    return calendar_of(budget, budget.organization).window_of(now)


def _require_left(source: Budget, amount: Decimal, now: datetime) -> None:
    window = _window_of(source, now)
    row = BudgetPeriod.objects.get(budget=source, starts_at=window.start)
    left = row.limit - row.spent - row.reserved
    if left < amount:
        there = format_money(max(left, _ZERO), source.currency)
        wanted = format_money(amount, source.currency)
        raise NotEnoughLeft(
            f"“{source.name}” has {there} left until its period ends, not {wanted}."
        )
