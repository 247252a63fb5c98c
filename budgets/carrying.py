"""What goes over from one period of a budget into the next: reckoned, shown, undone."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.locks import hold_alone
from budgets.amounts import amounts_of
from budgets.errors import IsArchived, NothingCarried
from budgets.grants import granted_at
from budgets.models import AmountLine, Budget, BudgetPeriod, RolloverMode
from budgets.status import calendar_of, status_at
from lib.money import quantize
from lib.periods import Window
from lib.queue import announce

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Left:
    """What one period has left when it ends; negative: overspend."""

    limit: Decimal
    adjusted: Decimal  # what of the limit is for a while
    spent: Decimal
    granted: Decimal = ZERO  # of what is for a while: grants, which go on by themselves

    @property
    def for_good(self) -> Decimal:
        """What is left without what was for a while, which is not carried over.

        Grants are used after all else.
        """
        own = self.limit - self.granted - self.spent
        if own < 0:
            return min(own + self.granted, ZERO)
        return max(own - max(self.for_a_while, ZERO), ZERO)

    @property
    def for_a_while(self) -> Decimal:
        """What ends with the period, or with its time: no grants."""
        return self.adjusted - self.granted


@dataclass(frozen=True, slots=True)
class RolloverPreview:
    """What would be carried over if the present period ended now."""

    budget: Budget
    window: Window  # the present period
    left: Left
    following: Window | None  # None: the budget ends with its present period
    following_amount: Decimal | None  # as planned
    most: Decimal | None  # either way; None: no cap
    carries: Decimal  # negative: overspend
    carried_in: Decimal  # into the present period
    is_undone: bool  # what was carried in was taken back


def carried_of(budget: Budget, left: Left, following_amount: Decimal) -> Decimal:
    """Return what of a period goes into the one after it; negative: overspend.

    The limit less what was spent, at most the cap either way, which is a share of the
    following period's own amount.
    """
    amount, mode = left.for_good, budget.rollover_mode
    if mode == RolloverMode.NONE:
        return ZERO
    if (amount > 0 and mode == RolloverMode.OVERSPEND) or (
        amount < 0 and mode == RolloverMode.UNUSED
    ):
        return ZERO
    most = most_carried(budget, following_amount)
    if most is None:
        return quantize(amount)
    return quantize(max(-most, min(most, amount)))


def most_carried(budget: Budget, following_amount: Decimal) -> Decimal | None:
    """Return how much is carried over at most, either way; None: there is no cap."""
    if budget.rollover_cap is None:
        return None
    return quantize(following_amount * budget.rollover_cap)


def preview_rollover(budget: Budget, *, now: datetime) -> RolloverPreview:
    """Return what would be carried over as of *now*. Seven queries at most."""
    found = status_at(budget, at=None, now=now)
    position = found.position
    granted = granted_at(budget, now)
    left = Left(position.limit, found.adjusted, position.spent, granted)
    following = calendar_of(budget, budget.organization).following(found.window)
    amount = None
    if following is not None:
        amount = amounts_of([budget.pk])[budget.pk].of(following)
    start = found.window.start
    row = BudgetPeriod.objects.filter(budget=budget, starts_at=start).first()
    return RolloverPreview(
        budget=budget,
        window=found.window,
        left=left,
        following=following,
        following_amount=amount,
        most=None if amount is None else most_carried(budget, amount),
        carries=ZERO if amount is None else carried_of(budget, left, amount),
        carried_in=row.carried_over if row else ZERO,
        is_undone=(budget.pk, start) in undone_of([budget.pk]),
    )


@transaction.atomic
def undo_rollover(budget: Budget, *, now: datetime, reason: str = "") -> AmountLine:
    """Take back what was carried over into the present period of *budget*, for good.

    A line says so; late records of the period before carry nothing more into it.

    Raises:
        NothingCarried: nothing was, or it is undone already.
        IsArchived: the budget is no longer in use.
    """
    hold_alone(budget.organization_id)
    held = Budget.objects.select_related("organization").get(pk=budget.pk)
    if held.archived_at:
        raise IsArchived(f"“{held.name}” is archived, so its amounts stay.")
    rows = BudgetPeriod.objects.filter(budget=held, starts_at__lte=now, ends_at__gt=now)
    row = rows.first()
    if row is None or not row.carried_over:
        raise NothingCarried(
            f"Nothing is carried over into the present period of “{held.name}”."
        )
    line = AmountLine.objects.create(
        organization_id=held.organization_id,
        budget=held,
        kind=AmountLine.Kind.ROLLOVER,
        amount=-row.carried_over,
        effective_from=row.starts_at,
        effective_to=row.ends_at,
        ends_rollover=True,
        reason=reason,
        made_at=now,
    )
    rows.update(carried_over=ZERO)
    announce("budgets.watched_amounts", held.organization_id)
    return line


def undone_of(budget_ids: list[int]) -> set[tuple[int, datetime]]:
    """Return the periods into which nothing is carried any more, by their starts."""
    rows = AmountLine.objects.filter(budget__in=budget_ids, ends_rollover=True)
    found = rows.values_list("budget_id", "effective_from")
    return {(pk, start) for pk, start in found if start is not None}
