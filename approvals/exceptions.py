"""Rules that do not hold for a while, as was approved, for whoever judges by them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from approvals.models import BudgetRequest, RequestKind, RequestState


class RuleException(NamedTuple):
    """That a rule of a budget does not hold for a part of what it is charged for."""

    rule: str  # its uid, as a text
    budget_id: int  # whose rule it is, or the exception holds for nothing
    scope: Mapping[str, Any]  # see budgets.scopes; empty: for all of it
    until: datetime  # exclusive
    request_id: int  # by which it was approved


def rule_exceptions(organization_id: int, now: datetime) -> list[RuleException]:
    """Return what is approved and not over. One query."""
    rows = BudgetRequest.objects.filter(
        organization=organization_id,
        kind=RequestKind.RULE_EXCEPTION,
        state=RequestState.APPROVED,
        budget__isnull=False,
        until__gt=now,
    )
    found = rows.order_by("pk").values_list("rule", "budget_id", "scope", "until", "pk")
    return [
        RuleException(rule, budget_id, scope, until, pk)
        for rule, budget_id, scope, until, pk in found
        if budget_id is not None and until is not None
    ]
