"""Making, changing, moving and archiving budgets."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.locks import hold_alone, hold_trees
from accounts.models import Organization, User
from accounts.versions import Seen, check_seen, history_of
from budgets.amounts import (
    amounts_of,
    change_amount,
    plan_amount,
    take_back_rollover,
)
from budgets.enforcement import sound_enforcement
from budgets.errors import HasBudgetsBelow, IsArchived
from budgets.following import follow, followed_by, open_before
from budgets.index import ALWAYS, FOREVER
from budgets.models import (
    Budget,
    BudgetPeriod,
    Enforcement,
    Priority,
    Reservation,
    RolloverMode,
)
from budgets.phasing import keep_phased, rescale
from budgets.reservations.rehold import rehold
from budgets.reshaping import Reshaping, follow_lines, reshape
from budgets.validation import (
    check_channels,
    check_fields,
    check_followed,
    check_unit,
    path_of,
    sound_amount,
    sound_counted,
    sound_parent,
    sound_scope,
    sound_template,
)
from ledger.models import Attribution
from lib.errors import Invalid
from lib.periods import Cadence, Calendar
from lib.queue import announce

# Of these, a change means that periods begin and end at other times.
_REDATING = ("period", "timezone", "starts_at", "ends_at", "currency")
_RESHAPING = (*_REDATING, "parent_id", "scope", "archived_at")
# What is announced when it changes, for alerts are judged by it.
_WATCHED = ("amount", "warning_threshold", "critical_threshold", "alerts")
_INSTANT = timedelta(microseconds=1)


@dataclass(slots=True, kw_only=True)
class BudgetPlan:
    """What a budget is to be like. Dates are instants; None: see each field."""

    name: str
    amount: Decimal
    period: Cadence = Cadence.MONTHLY
    currency: str = ""  # or tokens, or requests; "": the organization's
    timezone: str = ""  # "": the organization's
    parent: Budget | None = None
    owner: User | None = None
    note: str = ""
    scope: Any = field(default_factory=dict)  # budgets.scopes.clean reads it
    starts_at: datetime | None = None  # None: the beginning of the present period
    ends_at: datetime | None = None  # None: never; exclusive
    warning_threshold: Decimal = Decimal("0.80")
    critical_threshold: Decimal = Decimal("0.95")
    alerts: list[dict[str, Any]] = field(default_factory=list)
    enforcement: str = Enforcement.SOFT
    priority: str = Priority.NORMAL
    rollover_mode: str = RolloverMode.NONE
    rollover_cap: Decimal | None = None
    # For each value of what it makes a budget, and how many; "": it is none of these.
    template_for_each: str = ""
    template_most: int | None = None  # None: as many as is usual


@transaction.atomic
def create_budget(
    organization: Organization,
    plan: BudgetPlan,
    *,
    now: datetime,
    reason: str = "",
    request: UUID | None = None,
    later: Reshaping | None = None,
) -> Budget:
    """Make a budget, and charge it for what was spent before in its scope and dates.

    When it returns the sums are right, or, after a long history, `backfill` is set and
    a worker goes on. With *later* it is charged at the end of that.

    Raises:
        Invalid: a field is wrong; it is named.
    """
    hold_trees()
    hold_alone(organization.pk)
    budget = Budget(organization=organization)
    fit(budget, plan, now=now)
    _save(budget)
    plan_amount(budget, now=now, reason=reason, request=request)
    if _has_past(organization):
        made = open_before(budget, must_fit=True)
        suspects, redated = {*path_of(budget), *made}, [budget.pk, *made]
        reshape(organization, suspects, redated=redated, later=later)
    else:
        organization.touch()
    budget.refresh_from_db()
    return budget


@transaction.atomic
def change_budget(
    budget: Budget,
    plan: BudgetPlan,
    *,
    now: datetime,
    reason: str = "",
    seen: Seen | None = None,
    request: UUID | None = None,
    later: Reshaping | None = None,
) -> Budget:
    """Make *budget* as *plan* says: one that is moved, re-scoped or re-dated is
    charged anew, and so are those above it, before and after; with *later* at its end.

    A new amount holds for the present period and those to come: one that is over keeps
    what it had. *reason* is kept beside it.

    Raises:
        Invalid: a field is wrong; it is named.
        IsArchived: it is no longer in use.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    budget = held_budget(budget, seen)
    if budget.archived_at:
        raise IsArchived(f"“{budget.name}” is archived and can't be changed.")
    watched = (*_RESHAPING, *_WATCHED, "enforcement", "template_most")
    before = {name: getattr(budget, name) for name in watched}
    above, phases = path_of(budget), budget.phasing
    fit(budget, plan, now=now)
    rescale(budget, before["amount"])
    budget.give_reason(reason)
    _save(budget)
    was = before["currency"]
    change_amount(budget, was, now=now, reason=reason, request=request)
    keep_phased(budget, phases, now=now, reason=reason)
    changed = {name for name in watched if getattr(budget, name) != before[name]}
    made = follow(budget, now=now, reason=reason)
    if changed & {"scope", "template_most"}:
        made += open_before(budget, must_fit="scope" in changed)
    if changed & {*_RESHAPING, "template_most"}:
        redated = [budget.pk, *made] if changed & {*_REDATING} else []
        _charge_anew(budget, {*above, *made}, redated, now=now, later=later)
    else:
        budget.organization.touch()  # thresholds are remembered too
        if "enforcement" in changed:
            _hold_anew(budget.organization, later)
    if changed & {*_WATCHED}:
        announce("budgets.watched_amounts", budget.organization_id)
    budget.refresh_from_db()
    return budget


def _charge_anew(
    budget: Budget,
    others: set[int],
    redated: list[int],
    *,
    now: datetime,
    later: Reshaping | None,
) -> None:
    """Charge *budget*, those above and *others* anew; *redated* by other periods."""
    for one in Budget.objects.filter(pk__in=redated):
        take_back_rollover(one, now=now)
    suspects = others | {*path_of(budget)}
    reshape(budget.organization, suspects, redated=redated, later=later)
    if later is None:
        follow_lines(budget.organization, redated, now=now)


def _hold_anew(organization: Organization, later: Reshaping | None) -> None:
    if later is None:
        rehold(organization)
    else:
        later.reholds = True


@transaction.atomic
def move_budget(
    budget: Budget,
    parent: Budget | None,
    *,
    reason: str = "",
    seen: Seen | None = None,
) -> Budget:
    """Put *budget*, with all below it, under *parent* (None: a tree of its own).

    Raises:
        Invalid: *parent* is below it, archived, or another organization's.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    budget = held_budget(budget, seen)
    if budget.archived_at:
        raise IsArchived(f"“{budget.name}” is archived and can't be moved.")
    above = path_of(budget)
    check_followed(
        budget, {"parent_id": parent and parent.pk} if budget.template_of_id else {}
    )
    budget.parent = sound_parent(budget, parent)
    budget.give_reason(reason)
    _save(budget)
    reshape(budget.organization, {*above, *path_of(budget)})
    budget.refresh_from_db()
    return budget


@transaction.atomic
def archive_budget(
    budget: Budget, *, now: datetime, seen: Seen | None = None
) -> Budget:
    """End *budget* now; what it was charged for stays. Repeating it changes nothing.

    With a template ends what it made. One that was made ends alone, and is not made
    again; where its template was full, a value that was met meanwhile has its place.

    Raises:
        HasBudgetsBelow: budgets below it are still in use.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    budget = held_budget(budget, seen)
    if budget.archived_at:
        return budget
    made = list(Budget.objects.active().filter(template_of=budget))
    below = list(
        budget.get_children().filter(archived_at=None).exclude(template_of=budget)[:3]
    )
    if below:
        names = ", ".join(child.name for child in below)
        raise HasBudgetsBelow(
            f"“{budget.name}” has budgets below it ({names}). "
            "Move or archive them first."
        )
    for one in (*made, budget):
        _end(one, now)
    waited = [] if budget.template_of is None else _open_waiting(budget.template_of)
    reshape(
        budget.organization,
        {*path_of(budget), *(one.pk for one in made), *waited},
        redated=waited,
    )
    budget.refresh_from_db()
    return budget


def _open_waiting(template: Budget) -> list[int]:
    """Make what *template*, of whose budgets one has just ended, was too full to make;
    return the ids."""
    if template.made_in_use + 1 < (template.template_most or 0):
        return []
    return open_before(template, must_fit=False)


def _end(budget: Budget, now: datetime) -> None:
    budget.archived_at = now
    ends_at = max(now, budget.starts_at + _INSTANT)
    budget.ends_at = min(budget.ends_at, ends_at) if budget.ends_at else ends_at
    _save(budget)
    last = amounts_of([budget.pk])[budget.pk].at(budget.ends_at - _INSTANT)
    BudgetPeriod.objects.filter(budget=budget, ends_at__gt=budget.ends_at).filter(
        starts_at__lt=budget.ends_at
    ).update(ends_at=budget.ends_at, amount=last)


def held_budget(budget: Budget, seen: Seen | None = None) -> Budget:
    """Return *budget* as it is once nobody else changes anything.

    Raises:
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    hold_trees()
    hold_alone(budget.organization_id)
    held: Budget = Budget.objects.select_related("organization").get(pk=budget.pk)
    check_seen(history_of(held), seen)
    return held


def plan_of(budget: Budget) -> BudgetPlan:
    """Return the plan that *budget* follows now, to be changed and given back."""
    return BudgetPlan(
        **{one.name: getattr(budget, one.name) for one in fields(BudgetPlan)}
    )


def _has_past(organization: Organization) -> bool:
    """Tell whether anything was ever booked in it, or is set aside in it now.

    Call it with the organization held alone: whoever books or reserves holds it shared,
    so what they did is committed and seen, and what they do next finds the new tree.
    """
    # Attributions come with their first record and stay: where none is, there are no
    # records, no deltas, no coverage, and no hours.
    booked = Attribution.objects.filter(organization=organization)
    reserved = Reservation.objects.filter(
        organization=organization, state=Reservation.State.OPEN
    )
    return booked.exists() or reserved.exists()


def fit(
    budget: Budget,
    plan: BudgetPlan,
    *,
    now: datetime,
    parent_of: Callable[[Budget, Budget | None], Budget | None] = sound_parent,
) -> None:
    """Make *budget* as *plan* says, in memory; *parent_of* returns the sound parent.

    Raises:
        Invalid: a field is wrong; it is named.
    """
    organization = budget.organization
    currency = plan.currency or organization.currency
    zone = plan.timezone or organization.timezone
    cadence = _sound_period(plan)
    budget.name = plan.name.strip()
    most = sound_template(budget, plan.template_for_each, plan.template_most)
    budget.template_for_each, budget.template_most = plan.template_for_each, most
    if budget.template_of_id:
        scope = budget.scope if plan.scope == budget.scope else sound_scope(plan.scope)
        check_followed(budget, followed_by(plan) | {"scope": scope})
        budget.is_override |= plan.amount != budget.amount
    check_unit(budget, currency)
    budget.amount = sound_amount(plan.amount, currency)
    budget.currency = sound_counted(currency, organization)
    budget.timezone = zone
    budget.period = cadence.value
    budget.parent = parent_of(budget, plan.parent)
    budget.owner = plan.owner
    budget.note = plan.note
    if plan.scope != budget.scope:
        budget.scope = sound_scope(plan.scope)
    budget.warning_threshold = plan.warning_threshold
    budget.critical_threshold = plan.critical_threshold
    check_channels(budget, plan.alerts)
    budget.alerts = plan.alerts
    budget.enforcement = sound_enforcement(budget, plan.enforcement)
    budget.priority = plan.priority
    budget.rollover_mode = plan.rollover_mode
    budget.rollover_cap = plan.rollover_cap
    check_fields(budget)
    budget.starts_at, budget.ends_at = _dates(budget, plan, cadence, now=now)


def _dates(
    budget: Budget, plan: BudgetPlan, cadence: Cadence, *, now: datetime
) -> tuple[datetime, datetime | None]:
    starts_at, ends_at = plan.starts_at, plan.ends_at
    if cadence is Cadence.CUSTOM and not (starts_at and ends_at):
        missing = "end_date" if starts_at else "start_date"
        raise Invalid.field(missing, "A custom period needs a start and an end.")
    if starts_at is None:
        month = budget.organization.fiscal_year_start_month
        calendar = Calendar(cadence, ZoneInfo(budget.timezone), month)
        starts_at = calendar.window_of(now).start
    for name, moment in (("start_date", starts_at), ("end_date", ends_at)):
        if moment is not None and not ALWAYS <= moment < FOREVER:
            raise Invalid.field(name, "Must lie between the years 1900 and 2199.")
    if ends_at is not None and ends_at <= starts_at:
        raise Invalid.field("end_date", "Must be after the start.")
    return starts_at, ends_at


def _sound_period(plan: BudgetPlan) -> Cadence:
    try:
        return Cadence(plan.period)
    except ValueError as error:
        known = ", ".join(Cadence)
        raise Invalid.field("period", f"Unknown period; known are {known}.") from error


def _save(budget: Budget) -> None:
    try:
        budget.save()
    except ValidationError as error:  # what the database's number type can't hold
        raise Invalid.field("amount", error.messages[0]) from error
