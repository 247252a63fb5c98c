"""Rules and switches of budgets; authorizations and leases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

from llm_cost_ops.answers.controls import (
    Authorization,
    AuthorizationState,
    Controls,
    KillSwitch,
    LeaseGrant,
    Replay,
    ReturnedLease,
    RuleAction,
    Run,
    RunDetail,
)
from llm_cost_ops.api.fields import CallFields, Moment
from llm_cost_ops.money import Money, wire
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_page,
    segment,
)

if TYPE_CHECKING:
    from typing import Unpack

_AUTHORIZATIONS = "/api/v1/authorizations"
_LEASES = "/api/v1/leases"
_RUNS = "/api/v1/runs"


def get_cost_controls(budget_id: str) -> Request[Controls]:
    """Return the rules of a budget."""
    return Request("GET", _of_budget(budget_id, "controls"), reads(Controls))


def configure_cost_controls(
    *, budget_id: str, rules: Sequence[Mapping[str, Any]]
) -> Request[Controls]:
    """Replace the rules of a budget, which hold for all budgets below it too."""
    path, body = _of_budget(budget_id, "controls"), {"rules": list(rules)}
    return Request("PUT", path, reads(Controls), body=body)


def replay_controls(
    budget_id: str,
    *,
    rules: Optional[Sequence[Mapping[str, Any]]] = None,
    amount: Optional[Money] = None,
    enforcement: Optional[str] = None,
    start_date: Optional[Moment] = None,
    end_date: Optional[Moment] = None,
) -> Request[Replay]:
    """Ask what rules, or another amount, would have done to the past."""
    body = {
        "rules": None if rules is None else list(rules),
        "amount": None if amount is None else wire(amount),
        "enforcement": enforcement,
        "start_date": start_date,
        "end_date": end_date,
    }
    path = _of_budget(budget_id, "controls/replay")
    return Request("POST", path, reads(Replay), body=present(body))


def get_kill_switch(budget_id: str) -> Request[KillSwitch]:
    return Request("GET", _of_budget(budget_id, "kill-switch"), reads(KillSwitch))


def set_kill_switch(
    budget_id: str, *, active: bool, message: str = ""
) -> Request[KillSwitch]:
    """Stop every call under a budget at once, or let them through again."""
    body = {"active": active, "message": message}
    path = _of_budget(budget_id, "kill-switch")
    return Request("PUT", path, reads(KillSwitch), body=body)


def list_rule_actions(
    budget_id: str, *, limit: Optional[int] = None
) -> Request[Page[RuleAction]]:
    """List when rules that need approval were to act, and what came of it."""
    path = _of_budget(budget_id, "rule-actions")
    return Request("GET", path, reads_page(RuleAction), query={"limit": limit})


def reverse_rule_action(budget_id: str, action_id: str) -> Request[RuleAction]:
    """Take an action back: its rule does nothing more in the period."""
    path = _of_budget(budget_id, f"rule-actions/{segment(action_id)}/reverse")
    return Request("POST", path, reads(RuleAction), body={})


def reset_rule_action(budget_id: str, action_id: str) -> Request[RuleAction]:
    """Have the rule of an action that is over stand by for the next time."""
    path = _of_budget(budget_id, f"rule-actions/{segment(action_id)}/reset")
    return Request("POST", path, reads(RuleAction), body={})


def _of_budget(budget_id: str, what: str) -> str:
    return f"/api/v1/budgets/{segment(budget_id)}/{what}"


def authorize(
    *,
    provider: str,
    model: str,
    estimated_cost: Optional[Money] = None,
    input_tokens: Optional[int] = None,
    max_output_tokens: Optional[int] = None,
    ttl_s: Optional[int] = None,
    ask: Optional[Mapping[str, Any]] = None,
    run_cap: Optional[Money] = None,
    **call: Unpack[CallFields],
) -> Request[Authorization]:
    """Ask for one call: by its cost, or by its tokens (worst case).

    *ask* (`justification`, `amount`, `until`, `key`): if it is refused, people are
    asked for so much more; `request` in the answer is the id of that request.
    *run_cap*: the most that all calls of its `run_id` may cost together.
    """
    body: dict[str, Any] = {
        **call,
        "provider": provider,
        "model": model,
        "estimated_cost": None if estimated_cost is None else wire(estimated_cost),
        "input_tokens": input_tokens,
        "max_output_tokens": max_output_tokens,
        "ttl_s": ttl_s,
        "ask": None if ask is None else dict(ask),
        "run_cap": None if run_cap is None else wire(run_cap),
    }
    return Request(
        "POST", _AUTHORIZATIONS, reads(Authorization), body=present(body), creates=True
    )


def get_authorization(authorization_id: str) -> Request[AuthorizationState]:
    path = f"{_AUTHORIZATIONS}/{segment(authorization_id)}"
    return Request("GET", path, reads(AuthorizationState))


def release_authorization(authorization_id: str) -> Request[AuthorizationState]:
    """Give back what was reserved for a call that was not made."""
    path = f"{_AUTHORIZATIONS}/{segment(authorization_id)}/release"
    return Request("POST", path, reads(AuthorizationState), body={})


def list_runs(
    *,
    run_id: Optional[str] = None,
    organization_id: Optional[str] = None,
    limit: Optional[int] = None,
) -> Request[Page[Run]]:
    """List runs and what they have spent; *run_id* is a part of the name."""
    query = {"run_id": run_id, "organization_id": organization_id, "limit": limit}
    return Request("GET", _RUNS, reads_page(Run), query=query)


def get_run(
    run_id: str, *, organization_id: Optional[str] = None
) -> Request[RunDetail]:
    """Return what one run has spent, and the calls that it was allowed."""
    query = {"organization_id": organization_id}
    return Request("GET", f"{_RUNS}/{segment(run_id)}", reads(RunDetail), query=query)


def acquire_lease(
    *,
    provider: str,
    model: str,
    amount: Money,
    minimum: Money = 0,
    ttl_s: Optional[int] = None,
    **call: Unpack[CallFields],
) -> Request[LeaseGrant]:
    """Have money set aside, to decide by it without asking again."""
    body = {
        **call,
        "provider": provider,
        "model": model,
        "amount": wire(amount),
        "minimum": wire(minimum),
        "ttl_s": ttl_s,
    }
    return Request("POST", _LEASES, reads(LeaseGrant), body=present(body), creates=True)


def renew_lease(
    lease_id: str,
    *,
    amount: Money = 0,
    minimum: Money = 0,
    ttl_s: Optional[int] = None,
) -> Request[LeaseGrant]:
    """Add money and time to a lease; amount 0 refreshes its terms and its time."""
    body = {"amount": wire(amount), "minimum": wire(minimum), "ttl_s": ttl_s}
    path = f"{_LEASES}/{segment(lease_id)}/renew"
    return Request("POST", path, reads(LeaseGrant), body=present(body))


def return_lease(
    lease_id: str, *, amount: Optional[Money] = None
) -> Request[ReturnedLease]:
    """Give back what of a lease was not used (default: all that it holds)."""
    body = {"amount": None if amount is None else wire(amount)}
    path = f"{_LEASES}/{segment(lease_id)}/return"
    return Request("POST", path, reads(ReturnedLease), body=present(body))
