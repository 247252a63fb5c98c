"""Opening and closing periods, and carrying over what rollover and grants say."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.locks import hold_alone
from accounts.models import Organization
from budgets.carrying import Left, carried_of, undone_of
from budgets.charging import open_periods
from budgets.grants import GrantFollowing
from budgets.index import index_of
from budgets.models import AmountLine, Budget, BudgetPeriod, Grant, RolloverMode
from budgets.phasing import go_on
from budgets.temporary import follow_temporary
from lib.humanize import stretch
from lib.periods import Window


@dataclass(frozen=True, slots=True)
class Closed:
    """What a sweep did to periods."""

    opened: int
    closed: int
    carried: int  # lines of rollover
    granted: int = 0  # lines of grants


def sweep_periods(*, now: datetime) -> Closed:
    """Open what is current, close what is over, carry over; safe to repeat."""
    opened = closed = carried = granted = 0
    for organization in Organization.objects.filter(budgets__isnull=False).distinct():
        with transaction.atomic():
            # Alone, for it locks periods in another order than charging does.
            hold_alone(organization.pk)
            go_on(organization, now=now)
            opened += _open_current(organization, now)
            opened += _open_skipped(organization)
            follow_temporary(organization, now=now)
            closed += _close_ended(organization, now)
            lines = _carry_over(organization, now)
            carried, granted = carried + lines[0], granted + lines[1]
    return Closed(opened, closed, carried, granted)


def _open_current(organization: Organization, now: datetime) -> int:
    budgets = Budget.objects.filter(organization=organization)
    index = index_of(budgets, organization)
    active = [index.budgets[budget.pk] for budget in budgets.active()]
    current = [
        (budget, budget.window_at(now))
        for budget in active
        if budget.life[0] <= now < budget.life[1]
    ]
    current.sort(key=lambda pair: (-pair[0].level, pair[0].id, pair[1].start))
    before = BudgetPeriod.objects.filter(organization=organization).count()
    open_periods(organization.pk, [(budget.id, window) for budget, window in current])
    return BudgetPeriod.objects.filter(organization=organization).count() - before


def _open_skipped(organization: Organization) -> int:
    """Open the periods before others in which nothing happened to open them.

    What they leave is carried over too; without them the chain would break.
    """
    budgets = Budget.objects.filter(organization=organization)
    index = index_of(budgets, organization)
    carrying = budgets.filter(backfill=None, template_for_each="").exclude(
        rollover_mode=RolloverMode.NONE
    )
    opened = 0
    for budget_id in carrying.values_list("pk", flat=True):
        budget = index.budgets[budget_id]
        rows = BudgetPeriod.objects.filter(budget=budget_id).order_by("starts_at")
        until = budget.life[0]
        skipped: list[tuple[int, Window]] = []
        for start, end in rows.values_list("starts_at", "ends_at"):
            gap = budget.calendar.windows(until, start)
            skipped += [(budget_id, window) for window in gap]
            until = end
        if skipped:
            opened += len(open_periods(organization.pk, skipped))
    return opened


def _close_ended(organization: Organization, now: datetime) -> int:
    # A period that a backfill still fills must not take that for late spend.
    ended = BudgetPeriod.objects.filter(
        organization=organization,
        closed_at=None,
        ends_at__lte=now,
        budget__backfill=None,
    )
    return ended.update(closed_at=now)


def _carry_over(organization: Organization, now: datetime) -> tuple[int, int]:
    """Bring each period's rollover and grants in line with what those before it left.

    Late records change what a closed period left: then a further line says by how
    much. Into one where that was undone nothing more is carried. Returns how many
    lines of rollover and of grants it wrote.
    """
    carried, granted = 0, 0
    budgets = Budget.objects.filter(organization=organization, backfill=None)
    lines = AmountLine.objects.filter(
        budget=OuterRef("pk"),
        kind__in=[AmountLine.Kind.ROLLOVER, AmountLine.Kind.GRANT],
    )
    carrying = ~Q(rollover_mode=RolloverMode.NONE) | Exists(lines)
    # A template has nothing to carry over: what it made has.
    chosen = list(
        budgets.filter(carrying, template_for_each="").select_related("organization")
    )
    undone = undone_of([budget.pk for budget in chosen])
    grants = _grants_of(chosen)
    for budget in chosen:
        following = GrantFollowing.of(budget, grants[budget.pk], now)
        rows = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
        periods = list(rows)
        for period, after in zip(periods, [*periods[1:], None], strict=False):
            has = following.settle(period)
            if after and (budget.pk, after.starts_at) not in undone:
                carried += _carry(budget, period, after, has, now)
        granted += following.finish()
    return carried, granted


def _grants_of(budgets: list[Budget]) -> Mapping[int, list[Grant]]:
    found: dict[int, list[Grant]] = defaultdict(list)
    for grant in Grant.objects.filter(budget__in=budgets):
        found[grant.budget_id].append(grant)
    return found


def _carry(
    budget: Budget,
    period: BudgetPeriod,
    following: BudgetPeriod,
    granted: Decimal,
    now: datetime,
) -> int:
    if period.closed_at is None or period.ends_at != following.starts_at:
        return 0
    left = Left(period.limit, period.adjusted, period.spent, granted)
    carries = carried_of(budget, left, following.amount)
    difference = carries - following.carried_over
    if not difference:
        return 0
    days = stretch(period.window, ZoneInfo(budget.timezone))
    AmountLine.objects.create(
        organization_id=budget.organization_id,
        budget=budget,
        kind=AmountLine.Kind.ROLLOVER,
        amount=difference,
        effective_from=following.starts_at,
        effective_to=following.ends_at,
        reason=f"Carried over from the period {days}",
        made_at=now,
    )
    following.carried_over += difference
    following.save(update_fields=["carried_over"])
    following.refresh_from_db(fields=["limit"])  # of the next one it is the predecessor
    return 1
