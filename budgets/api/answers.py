"""Budgets, and where they stand, as the API answers them."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from budgets.api.thresholds import ThresholdOut, threshold_out
from budgets.figures import Severity, StatusName
from budgets.models import Budget, BudgetPeriod, Enforcement, Priority, RolloverMode
from budgets.scopes import DIMENSION_OF
from budgets.status import BudgetStatus
from budgets.thresholds import ShareWatched
from lib.answers import Exact, Moment, Money, Out, choices, note
from lib.measures import MEASURES
from lib.money import wire
from lib.periods import Cadence

_UNITS = choices(MEASURES)
_COUNTED = note("Its ISO 4217 code; the unit's name, where it counts no money.")


class BackfillOut(Out, frozen=True):
    """A charge for the past that is still being made."""

    state: Annotated[str, choices(["running"])]
    done: Annotated[float, note("A share.")]


class ScopeOut(Out, frozen=True):
    """Whose spend counts: what has one of each list; an empty one asks for nothing."""

    departments: list[str]
    teams: list[str]
    projects: list[str]
    environments: list[str]
    users: list[str]
    providers: list[str]
    models: list[str]
    tags: dict[str, Any]


class RolloverOut(Out, frozen=True):
    """What of a closed period is carried over."""

    mode: Annotated[str, choices(RolloverMode.values)]
    cap: Annotated[Exact | None, note("A share of the next period's amount.")]


class TemplateOut(Out, frozen=True):
    """For what a budget makes budgets by itself, below it."""

    for_each: Annotated[
        str, note("user, api_key, project, team, department, environment or tag:NAME.")
    ]
    most: Annotated[int, note("How many it may have in use.")]
    made: Annotated[int, note("How many it has in use.")]
    full: Annotated[bool, note("Further values get none: a hard one blocks calls.")]


class BudgetOut(Out, frozen=True):
    """A budget as it is planned."""

    id: str
    name: str
    amount: Money
    unit: Annotated[str, _UNITS]
    currency: Annotated[str, _COUNTED]
    period: Annotated[str, choices(Cadence)]
    timezone: str
    organization_id: str
    parent: Annotated[str | None, note("The id of the one above it.")]
    owner: Annotated[str | None, note("A mail address.")]
    note: str
    scope: ScopeOut
    warning_threshold: float
    critical_threshold: float
    alerts: list[ThresholdOut]
    enforcement: Annotated[str, choices(Enforcement.values)]
    priority: Annotated[str, choices(Priority.values)]
    rollover: RolloverOut
    template: Annotated[TemplateOut | None, note("Then the amount is each one's.")]
    template_of: Annotated[str | None, note("The id of the template that made it.")]
    template_value: Annotated[str | None, note("What it was made for.")]
    override: Annotated[bool, note("Its amount is its own, not its template's.")]
    start_date: Moment | None
    end_date: Annotated[Moment | None, note("Exclusive.")]
    archived_at: Moment | None
    created_at: Moment
    backfill: BackfillOut | UnsetType = UNSET


class BudgetStatusOut(Out, frozen=True):
    """Where a budget stands in one of its periods; money in its own currency."""

    budget: Annotated[str, note("Its id.")]
    name: str
    status: StatusName
    severity: Severity
    unit: Annotated[str, _UNITS]
    currency: Annotated[str, _COUNTED]
    limit: Money
    total_spend: Money
    reserved: Annotated[Money, note("Set aside for calls that are not booked yet.")]
    remaining_budget: Money
    utilization_percent: Annotated[float | None, note("Null: of nothing, something.")]
    period_start: Moment
    period_end: Annotated[Moment, note("Exclusive.")]
    elapsed_days: int
    remaining_days: int
    total_days: int
    time_utilization_percent: float
    burn_rate: Annotated[Money | None, note("A day, as for projected_spend.")]
    projected_spend: Annotated[
        Money | None,
        note(
            "The run rate, no forecast. Of up to a month: spent by the share of time "
            "that has passed; of longer periods: spent, and the pace of the last 30 "
            "days (or since the first use) for the time that is left."
        ),
    ]
    projected_overrun: Money | None
    available_daily: Annotated[Money | None, note("Null: it is over.")]
    recommended_action: str
    requests: int
    unpriced_requests: Annotated[int, note("No price is known: they are not in it.")]
    late_spend: Money
    backfill: BackfillOut | UnsetType = UNSET


class BudgetPeriodOut(Out, frozen=True):
    """One period of a budget."""

    start: Moment
    end: Annotated[Moment, note("Exclusive.")]
    amount: Money
    carried_over: Money
    adjusted: Money
    spent: Money
    reserved: Money
    late_spend: Money
    status: Annotated[str, choices(["upcoming", "open", "closed"])]
    closed_at: Moment | None


def budget_out(budget: Budget) -> BudgetOut:
    """Return a budget as it is planned; its parent and owner are at hand."""
    cap = budget.rollover_cap
    return BudgetOut(
        id=str(budget.uid),
        name=budget.name,
        amount=wire(budget.amount),
        unit=budget.unit,
        currency=budget.currency,
        period=budget.period,
        timezone=budget.timezone,
        organization_id=budget.organization.slug,
        parent=str(budget.parent.uid) if budget.parent else None,
        owner=budget.owner.email if budget.owner else None,
        note=budget.note,
        scope=_scope_out(budget),
        warning_threshold=float(budget.warning_threshold),
        critical_threshold=float(budget.critical_threshold),
        alerts=[threshold_out(ShareWatched.of(one)) for one in budget.alerts],
        enforcement=budget.enforcement,
        priority=budget.priority,
        rollover=RolloverOut(
            budget.rollover_mode, None if cap is None else f"{cap.normalize():f}"
        ),
        template=template_out(budget, budget.made_in_use)
        if budget.is_template
        else None,
        template_of=str(budget.parent.uid)
        if budget.template_of_id and budget.parent
        else None,
        template_value=budget.template_value or None,
        override=budget.is_override,
        start_date=budget.starts_at,
        end_date=budget.ends_at,
        archived_at=budget.archived_at,
        created_at=budget.created_at,
        backfill=_backfill_out(budget),
    )


def template_out(budget: Budget, made: int) -> TemplateOut:
    """Return a template that has *made* so many budgets that are in use."""
    most = budget.template_most or 0
    return TemplateOut(budget.template_for_each, most, made, made >= most)


def _scope_out(budget: Budget) -> ScopeOut:
    lists = {name: budget.scope.get(name, []) for name in DIMENSION_OF}
    return ScopeOut(**lists, tags=budget.scope.get("tags", {}))


def _backfill_out(budget: Budget) -> BackfillOut | UnsetType:
    if budget.backfill is None:
        return UNSET
    return BackfillOut("running", round(budget.backfill.share_done, 4))


def status_out(found: BudgetStatus) -> BudgetStatusOut:
    """Return where a budget stands: money as text, shares as numbers."""
    return BudgetStatusOut(**standing(found))


def standing(found: BudgetStatus) -> dict[str, Any]:
    """Return the fields that tell where a budget stands."""
    status, budget = found.status, found.budget
    return {
        "budget": str(budget.uid),
        "name": budget.name,
        "status": status.status,
        "severity": status.severity,
        "unit": budget.unit,
        "currency": budget.currency,
        "limit": wire(status.limit),
        "total_spend": wire(status.total_spend),
        "reserved": wire(status.reserved),
        "remaining_budget": wire(status.remaining_budget),
        "utilization_percent": share_out(status.utilization_percent),
        "period_start": found.window.start,
        "period_end": found.window.end,
        "elapsed_days": status.elapsed_days,
        "remaining_days": status.remaining_days,
        "total_days": status.total_days,
        "time_utilization_percent": share_out(status.time_utilization_percent),
        "burn_rate": wire(status.burn_rate),
        "projected_spend": wire(status.projected_spend),
        "projected_overrun": wire(status.projected_overrun),
        "available_daily": wire(status.available_daily),
        "recommended_action": status.recommended_action(budget.currency),
        "requests": found.requests,
        "unpriced_requests": found.unpriced_requests,
        "late_spend": wire(found.late_spend),
        "backfill": _backfill_out(budget),
    }


def periods_out(rows: Iterable[BudgetPeriod], now: datetime) -> list[BudgetPeriodOut]:
    return [
        BudgetPeriodOut(
            start=row.starts_at,
            end=row.ends_at,
            amount=wire(row.amount),
            carried_over=wire(row.carried_over),
            adjusted=wire(row.adjusted),
            spent=wire(row.spent),
            reserved=wire(row.reserved),
            late_spend=wire(row.late_spend),
            status=_state_of(row, now),
            closed_at=row.closed_at,
        )
        for row in rows
    ]


def _state_of(row: BudgetPeriod, now: datetime) -> str:
    if row.closed_at is not None:
        return "closed"
    return "upcoming" if now < row.starts_at else "open"


def share_out(value: Decimal | None) -> float | None:
    """Return a share or percent, which is not money, as a JSON number."""
    return None if value is None else float(value)
