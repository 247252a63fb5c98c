"""Requests for money: ask, decide, see what became of them; who decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

from llm_cost_ops.answers.approvals import (
    ApprovalPolicy,
    ApprovalPreview,
    BudgetRequest,
    BudgetRequestDetail,
    Delegation,
)
from llm_cost_ops.api.fields import AskedFields, BudgetRequestFields, Moment
from llm_cost_ops.money import Money, wire
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_nothing,
    reads_page,
    segment,
)

if TYPE_CHECKING:
    from typing import Unpack

_REQUESTS, _POLICIES = "/api/v1/budget-requests", "/api/v1/approval-policies"
_DELEGATIONS = "/api/v1/delegations"


def create_budget_request(
    *,
    amount: Money,
    requester: Optional[str] = None,
    kind: Optional[str] = None,
    ask_key: Optional[str] = None,
    draft: Optional[bool] = None,
    organization_id: Optional[str] = None,
    on_behalf_of: Optional[str] = None,
    **fields: Unpack[AskedFields],
) -> Request[BudgetRequestDetail]:
    """Ask for money: a new budget, or more for the *budget* that is named.

    Those who decide are the *approvers*, or whom the organization's policy names. An
    open request with the same *ask_key* is joined; the larger amount stands.
    """
    given = {
        **fields,
        "amount": wire(amount),
        "requester": requester,
        "kind": kind,
        "ask_key": ask_key,
        "draft": draft,
        "organization_id": organization_id,
        "on_behalf_of": on_behalf_of,
    }
    read = reads(BudgetRequestDetail)
    return Request("POST", _REQUESTS, read, body=present(given), creates=True)


def list_budget_requests(
    *,
    organization_id: Optional[str] = None,
    state: Optional[str] = None,
    kind: Optional[str] = None,
    requester: Optional[str] = None,
    budget: Optional[str] = None,
    mine: Optional[bool] = None,
    waiting: Optional[bool] = None,
    limit: Optional[int] = None,
) -> Request[Page[BudgetRequest]]:
    """List requests, newest first; *waiting*: those the key's person can decide."""
    return Request("GET", _REQUESTS, reads_page(BudgetRequest), query=locals())


def get_budget_request(
    request_id: str, *, wait: Optional[int] = None
) -> Request[BudgetRequestDetail]:
    """Return a request with its impact, its steps and all that happened.

    *wait*: as soon as it is decided, or after so many seconds (1 to 30).
    """
    return Request(
        "GET",
        _path(request_id),
        reads(BudgetRequestDetail),
        query={"wait": wait},
        patience=float(wait or 0),
    )


def update_budget_request(
    request_id: str, **changes: Unpack[BudgetRequestFields]
) -> Request[BudgetRequestDetail]:
    """Change an open request; more money, or another scope, is asked for anew."""
    body: dict[str, Any] = dict(changes)
    if "amount" in body:
        body["amount"] = wire(body["amount"])
    return Request("PATCH", _path(request_id), reads(BudgetRequestDetail), body=body)


def submit_budget_request(request_id: str) -> Request[BudgetRequestDetail]:
    """Ask those who decide: of a draft, or anew of what was sent back."""
    return _move(request_id, "submit", {})


def approve_budget(
    request_id: str,
    *,
    approver: Optional[str] = None,
    decision: str = "approved",
    comments: str = "",
    amount: Optional[Money] = None,
    step: Optional[str] = None,
    revision: Optional[int] = None,
) -> Request[BudgetRequestDetail]:
    """Decide as the key's person: "approved", "rejected" or "changes_requested".

    *amount* approves less than is asked for. *approver* is who you take yourself for:
    where the key is another person's, nothing is decided.
    """
    given = {
        "decision": decision,
        "comments": comments,
        "amount": None if amount is None else wire(amount),
        "approver": approver,
        "step": step,
        "revision": revision,
    }
    return Request(
        "POST",
        f"{_path(request_id)}/decisions",
        reads(BudgetRequestDetail),
        body=present(given),
        creates=True,
    )


def withdraw(request_id: str, *, reason: str = "") -> Request[BudgetRequestDetail]:
    """Take a request back."""
    return _move(request_id, "withdraw", {"reason": reason})


def reassign(
    request_id: str, *, from_: str, to: str, reason: str, step: Optional[str] = None
) -> Request[BudgetRequestDetail]:
    """Have somebody else asked in a person's place; for finance admins."""
    body = {"from": from_, "to": to, "reason": reason, "step": step}
    return _move(request_id, "reassign", present(body))


def _move(
    request_id: str, verb: str, body: Mapping[str, Any]
) -> Request[BudgetRequestDetail]:
    path = f"{_path(request_id)}/{verb}"
    return Request("POST", path, reads(BudgetRequestDetail), body=body)


def _path(request_id: str) -> str:
    return f"{_REQUESTS}/{segment(request_id)}"


def list_approval_policies(
    *, organization_id: Optional[str] = None, limit: Optional[int] = None
) -> Request[Page[ApprovalPolicy]]:
    return Request("GET", _POLICIES, reads_page(ApprovalPolicy), query=locals())


def create_approval_policy(
    *,
    name: str,
    levels: Sequence[Mapping[str, Any]],
    budget: Optional[str] = None,
    currency: Optional[str] = None,
    self_approval_below: Optional[Money] = None,
    organization_id: Optional[str] = None,
) -> Request[ApprovalPolicy]:
    """Say who has to approve how much, in an organization or below a budget.

    A level: {"name", "approvers": [addresses, "role:finance_admin", "budget_owner",
    "ancestor_owner:1"], "required": 1 | "any" | "all", "min_amount", "parallel"}.
    """
    body = present({**locals(), "levels": list(levels)})
    return Request("POST", _POLICIES, reads(ApprovalPolicy), body=body, creates=True)


def get_approval_policy(policy_id: str) -> Request[ApprovalPolicy]:
    return Request("GET", _policy(policy_id), reads(ApprovalPolicy))


def update_approval_policy(policy_id: str, **changes: Any) -> Request[ApprovalPolicy]:
    """Change a policy; what runs keeps the one it has."""
    return Request("PATCH", _policy(policy_id), reads(ApprovalPolicy), body=changes)


def delete_approval_policy(policy_id: str) -> Request[None]:
    return Request("DELETE", _policy(policy_id), reads_nothing)


def preview_approval(
    *,
    amount: Money,
    currency: Optional[str] = None,
    budget: Optional[str] = None,
    requester: Optional[str] = None,
    organization_id: Optional[str] = None,
) -> Request[ApprovalPreview]:
    """Ask who would have to approve an amount, in which order."""
    body = present({**locals(), "amount": wire(amount)})
    return Request("POST", f"{_POLICIES}/preview", reads(ApprovalPreview), body=body)


def _policy(policy_id: str) -> str:
    return f"{_POLICIES}/{segment(policy_id)}"


def list_delegations(
    *,
    organization_id: Optional[str] = None,
    mine: Optional[bool] = None,
    limit: Optional[int] = None,
) -> Request[Page[Delegation]]:
    return Request("GET", _DELEGATIONS, reads_page(Delegation), query=locals())


def create_delegation(
    *,
    delegate: str,
    end_date: Moment,
    start_date: Optional[Moment] = None,
    delegator: Optional[str] = None,
    limit: Optional[Money] = None,
    currency: Optional[str] = None,
    reason: Optional[str] = None,
    organization_id: Optional[str] = None,
) -> Request[Delegation]:
    """Have *delegate* decide in your place meanwhile, up to *limit*."""
    given = {**locals(), "limit": None if limit is None else wire(limit)}
    read, body = reads(Delegation), present(given)
    return Request("POST", _DELEGATIONS, read, body=body, creates=True)


def get_delegation(delegation_id: str) -> Request[Delegation]:
    path = f"{_DELEGATIONS}/{segment(delegation_id)}"
    return Request("GET", path, reads(Delegation))


def end_delegation(delegation_id: str) -> Request[None]:
    """End a delegation early. What was decided by it stands."""
    path = f"{_DELEGATIONS}/{segment(delegation_id)}"
    return Request("DELETE", path, reads_nothing)
