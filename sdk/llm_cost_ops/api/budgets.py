"""Budgets: make them, change them, ask where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from llm_cost_ops.answers.alerts import AlertConfiguration
from llm_cost_ops.answers.budgets import (
    Budget,
    BudgetConflict,
    BudgetGrant,
    BudgetLine,
    BudgetNode,
    BudgetPeriod,
    BudgetStatus,
    NewAmounts,
    Phasing,
    RolloverPreview,
    UnitCosts,
    Variance,
    WrittenLines,
)
from llm_cost_ops.answers.forecasts import (
    Forecast,
    ForecastAccuracy,
    Optimizations,
    Recommendations,
)
from llm_cost_ops.api.fields import BudgetFields, Moment
from llm_cost_ops.money import Money, wire
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_many,
    reads_nothing,
    reads_page,
    segment,
)

if TYPE_CHECKING:
    from typing import Unpack

Scope = Union[Mapping[str, Any], str]  # "company-wide" for all


def create_budget(
    *,
    name: str,
    amount: Money,
    period: str = "monthly",
    currency: Optional[str] = None,
    scope: Optional[Scope] = None,
    parent: Optional[str] = None,
    parent_budget: Optional[str] = None,
    organization_id: Optional[str] = None,
    timezone: Optional[str] = None,
    enforcement: Optional[str] = None,
    priority: Optional[str] = None,
    alerts: Optional[Sequence[Mapping[str, Any]]] = None,
    warning_threshold: Optional[Any] = None,
    critical_threshold: Optional[Any] = None,
    rollover: Optional[Mapping[str, Any]] = None,
    template: Optional[Mapping[str, Any]] = None,
    owner: Optional[str] = None,
    note: Optional[str] = None,
    start_date: Optional[Moment] = None,
    end_date: Optional[Moment] = None,
    reason: Optional[str] = None,
) -> Request[Budget]:
    """Make a budget; what was spent before in its period is charged to it.

    `enforcement="hard"` makes the amount a limit that no authorized call passes.
    `template={"for_each": "user"}` makes a budget of the amount for each user, at the
    first call; so do api_key, project, team, department, environment, "tag:NAME".
    `reason` says why the amount is what it is.
    """
    given = {**locals(), "amount": wire(amount)}
    return Request(
        "POST", "/api/v1/budgets", reads(Budget), body=present(given), creates=True
    )


def list_budgets(
    *,
    organization_id: Optional[str] = None,
    name: Optional[str] = None,
    period: Optional[str] = None,
    parent: Optional[str] = None,
    archived: Optional[bool] = None,
    limit: Optional[int] = None,
) -> Request[Page[Budget]]:
    """List budgets, newest first."""
    return Request("GET", "/api/v1/budgets", reads_page(Budget), query=locals())


def get_budget(budget_id: str) -> Request[Budget]:
    return Request("GET", _path(budget_id), reads(Budget))


def update_budget(budget_id: str, **changes: Unpack[BudgetFields]) -> Request[Budget]:
    """Change a budget; what that concerns is charged anew.

    A new amount holds from the present period on; `reason` is kept with it.
    """
    body: dict[str, Any] = dict(changes)
    if "amount" in body:
        body["amount"] = wire(body["amount"])
    return Request("PATCH", _path(budget_id), reads(Budget), body=body)


def archive_budget(budget_id: str) -> Request[None]:
    """End a budget now; what it was charged for stays."""
    return Request("DELETE", _path(budget_id), reads_nothing)


def override_budget(
    budget_id: str,
    *,
    value: str,
    amount: Optional[Money],
    reason: Optional[str] = None,
) -> Request[Budget]:
    """Give one value of a template its own amount; None: the template's again.

    Where there is no budget for the value yet, it is made.
    """
    body = {"value": value, "amount": None if amount is None else wire(amount)}
    if reason is not None:
        body["reason"] = reason
    path = f"{_path(budget_id)}/overrides"
    return Request("POST", path, reads(Budget), body=body, creates=True)


def get_budget_status(
    budget_id: str, *, at: Optional[Moment] = None
) -> Request[BudgetStatus]:
    """Ask where a budget stands in the period that contains *at* (default: now)."""
    path = f"{_path(budget_id)}/status"
    return Request("GET", path, reads(BudgetStatus), query={"at": at})


def get_budget_variance(
    budget_id: str, *, at: Optional[Moment] = None
) -> Request[Variance]:
    """Ask how far spend is from an even pace, and what explains it."""
    path = f"{_path(budget_id)}/variance"
    return Request("GET", path, reads(Variance), query={"at": at})


def get_budget_unit_cost(
    budget_id: str,
    *,
    per: str = "request",
    interval: Optional[str] = None,
    start_date: Optional[Moment] = None,
    end_date: Optional[Moment] = None,
) -> Request[UnitCosts]:
    """Ask what one request cost, or one user, customer, "tag:<name>" or
    "outcome:<name>": by day unless *interval* is "week" or "month".

    Without dates it is the present period.
    """
    query = {
        "per": per,
        "interval": interval,
        "start_date": start_date,
        "end_date": end_date,
    }
    path = f"{_path(budget_id)}/unit-cost"
    return Request("GET", path, reads(UnitCosts), query=query)


def get_budget_forecast(
    budget_id: str,
    *,
    days_ahead: Optional[int] = None,
    to: Optional[str] = None,
    confidence: Optional[float] = None,
) -> Request[Forecast]:
    """Ask what will be spent in the coming days, 30 unless said otherwise.

    *to*: "period_end" for what is spent in the period and the rest of it. *confidence*
    is that of the interval, a share.
    """
    query = {"days_ahead": days_ahead, "to": to, "confidence": confidence}
    return Request("GET", f"{_path(budget_id)}/forecast", reads(Forecast), query=query)


def get_forecast_accuracy(budget_id: str) -> Request[ForecastAccuracy]:
    """Ask how well a budget's forecasts do: tried on its own history, and as told."""
    path = f"{_path(budget_id)}/forecast/accuracy"
    return Request("GET", path, reads(ForecastAccuracy))


def get_budget_periods(
    budget_id: str, *, at: Optional[Moment] = None
) -> Request[tuple[BudgetPeriod, ...]]:
    """List a budget's periods, newest first.

    Given *at*: the one that contains it alone, as it stood at that moment.
    """
    path = f"{_path(budget_id)}/periods"
    return Request("GET", path, reads_many(BudgetPeriod), query={"at": at})


def get_budget_lines(budget_id: str) -> Request[tuple[BudgetLine, ...]]:
    """List why a budget may spend what it may: the dated lines, oldest first."""
    return Request("GET", f"{_path(budget_id)}/lines", reads_many(BudgetLine))


def transfer_budget(
    budget_id: str, *, to: str, amount: Money, reason: Optional[str] = None
) -> Request[WrittenLines]:
    """Give money to the budget *to*, in the present period of both."""
    body = present({"to": to, "amount": wire(amount), "reason": reason})
    path = f"{_path(budget_id)}/transfers"
    return Request("POST", path, reads(WrittenLines), body=body, creates=True)


def raise_budget(
    budget_id: str, *, amount: Money, until: Moment, reason: Optional[str] = None
) -> Request[WrittenLines]:
    """Let a budget spend more until a moment; it ends by itself."""
    body = present({"amount": wire(amount), "until": until, "reason": reason})
    path = f"{_path(budget_id)}/raises"
    return Request("POST", path, reads(WrittenLines), body=body, creates=True)


def grant_budget(
    budget_id: str, *, amount: Money, until: Moment, reason: Optional[str] = None
) -> Request[WrittenLines]:
    """Let a budget spend *amount* once, in any of its periods until a moment."""
    body = present({"amount": wire(amount), "until": until, "reason": reason})
    path = f"{_path(budget_id)}/grants"
    return Request("POST", path, reads(WrittenLines), body=body, creates=True)


def get_budget_grants(budget_id: str) -> Request[tuple[BudgetGrant, ...]]:
    """List a budget's grants, with what is used and left of each."""
    return Request("GET", f"{_path(budget_id)}/grants", reads_many(BudgetGrant))


def get_budget_phasing(budget_id: str) -> Request[Phasing]:
    """Return what each month or quarter of a budget's fiscal year has."""
    return Request("GET", f"{_path(budget_id)}/phasing", reads(Phasing))


def phase_budget(
    budget_id: str,
    *,
    amounts: Optional[Sequence[Money]] = None,
    percents: Optional[Sequence[Money]] = None,
    reason: Optional[str] = None,
) -> Request[Phasing]:
    """Phase a budget's amount over its twelve months or four quarters.

    One of *amounts* and *percents* (of a year of the planned amount, 100 together),
    from the first month of the fiscal year on; `amounts=[]` ends it.
    """
    body = present(
        {
            "amounts": None if amounts is None else [wire(one) for one in amounts],
            "percents": None if percents is None else [wire(one) for one in percents],
            "reason": reason,
        }
    )
    return Request("PUT", f"{_path(budget_id)}/phasing", reads(Phasing), body=body)


def preview_rollover(budget_id: str) -> Request[RolloverPreview]:
    """Ask what would be carried over if the present period ended now."""
    return Request("GET", f"{_path(budget_id)}/rollover", reads(RolloverPreview))


def undo_rollover(
    budget_id: str, *, reason: Optional[str] = None
) -> Request[WrittenLines]:
    """Take back what was carried over into the present period, for good."""
    body = present({"reason": reason})
    path = f"{_path(budget_id)}/rollover/undo"
    return Request("POST", path, reads(WrittenLines), body=body, creates=True)


def get_budget_tree(
    *,
    organization_id: Optional[str] = None,
    at: Optional[Moment] = None,
    currency: Optional[str] = None,
) -> Request[tuple[BudgetNode, ...]]:
    """Return an organization's budgets, nested, each with its status.

    Given a *currency*, `consolidated` has the amounts in it, whatever budgets are in.
    """
    return Request(
        "GET", "/api/v1/budgets/tree", reads_many(BudgetNode), query=locals()
    )


def get_budget_conflicts(
    *, organization_id: Optional[str] = None
) -> Request[tuple[BudgetConflict, ...]]:
    """List what does not fit together: amounts, scopes, periods, currencies."""
    return Request(
        "GET", "/api/v1/budgets/conflicts", reads_many(BudgetConflict), query=locals()
    )


def get_budget_recommendations(
    *,
    root: Optional[str] = None,
    total: Optional[Money] = None,
    period: Optional[str] = None,
    floors: Optional[Mapping[str, Money]] = None,
    caps: Optional[Mapping[str, Money]] = None,
    organization_id: Optional[str] = None,
) -> Request[Recommendations]:
    """Ask which amounts budgets need, with the reason; nothing is changed.

    *total*: what those at the top get together; "present": each what it has now.
    *floors* and *caps*: what budgets are to get at least and at most, by id.
    """
    query = {
        "root": root,
        "total": total if total == "present" else total and wire(total),
        "period": period,
        "floor": _bounds(floors),
        "cap": _bounds(caps),
        "organization_id": organization_id,
    }
    path = "/api/v1/budgets/recommendations"
    return Request("GET", path, reads(Recommendations), query=query)


def set_budget_amounts(
    amounts: Sequence[Mapping[str, Any]],
    *,
    reason: str,
    dry_run: bool = False,
    organization_id: Optional[str] = None,
) -> Request[NewAmounts]:
    """Give budgets new amounts, such as recommended ones: all of them, or none.

    Each: {"budget": id, "amount", "version": as recommended}. Raises that people
    decide become requests; a dry run tells what would become of each.
    """
    body = present({**locals(), "amounts": list(amounts)})
    path = "/api/v1/budgets/amounts"
    return Request("POST", path, reads(NewAmounts), body=body, creates=True)


def _bounds(amounts: Optional[Mapping[str, Money]]) -> Optional[Sequence[str]]:
    if not amounts:
        return None
    return [f"{budget}:{wire(amount)}" for budget, amount in amounts.items()]


def get_optimizations(
    *,
    month: Optional[str] = None,
    budget: Optional[str] = None,
    cached_share: Optional[float] = None,
    organization_id: Optional[str] = None,
) -> Request[Optimizations]:
    """Ask what batch prices, caching or a smaller model would have saved in a month,
    such as "2025-01"; without it in the last one.

    *cached_share*: of input that is assumed to be read from the cache.
    """
    return Request("GET", "/api/v1/optimizations", reads(Optimizations), query=locals())


def get_alert_configuration(budget_id: str) -> Request[AlertConfiguration]:
    """Return what watches a budget."""
    return Request("GET", f"{_path(budget_id)}/alerts", reads(AlertConfiguration))


def configure_alerts(
    *,
    budget_id: str,
    alerts: Sequence[Mapping[str, Any]],
    escalation: Optional[Mapping[str, Any]] = None,
) -> Request[AlertConfiguration]:
    """Replace what watches a budget: its alert rules and its escalation."""
    body = present({"alerts": list(alerts), "escalation": escalation})
    path = f"{_path(budget_id)}/alerts"
    return Request("PUT", path, reads(AlertConfiguration), body=body)


def _path(budget_id: str) -> str:
    return f"/api/v1/budgets/{segment(budget_id)}"
