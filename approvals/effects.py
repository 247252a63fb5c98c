"""What an approval does to budgets, in the transaction that decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.audit import acting_as
from accounts.locks import hold_alone, hold_trees
from approvals.currencies import converted
from approvals.errors import TooLate
from approvals.models import BudgetRequest, RequestKind
from approvals.trail import Note
from approvals.types import By
from budgets.models import Budget
from budgets.services import BudgetPlan, change_budget, create_budget, plan_of
from budgets.status import calendar_of
from budgets.temporary import raise_amount, transfer_amount
from lib.money import wire
from lib.periods import Cadence


@dataclass(frozen=True, slots=True)
class _Effect:
    request: BudgetRequest
    now: datetime

    @property
    def reason(self) -> str:
        """What the lines of budgets say about it; they keep 500 characters."""
        words = f"Request of {self.request.requester.email}"
        return f"{words}: {self.request.justification}"[:500]

    def amount_in(self, budget: Budget) -> Decimal:
        return converted(
            self.request.present_amount,
            self.request.currency,
            budget.currency,
            organization=self.request.organization,
            now=self.now,
        )


def carry_out(request: BudgetRequest, *, by: By, now: datetime) -> Note:
    """Do what *request* asks for, and return what the trail is to say of it.

    In the transaction that approves it, once: the database takes one line of a budget
    for each request. What is there is changed in its place, so the old amount holds
    until the new one does.

    Raises:
        Refusal: it can't be done any more; nothing was.
    """
    hold_trees()
    hold_alone(request.organization_id)
    with acting_as(by.name):
        details = _EFFECTS[RequestKind(request.kind)](_Effect(request, now))
    return Note(f"effect.{request.kind}", request.uid, details)


def _make(effect: _Effect) -> Mapping[str, Any]:
    request = effect.request
    plan = BudgetPlan(
        name=request.name,
        amount=request.present_amount,
        currency=request.currency,
        period=Cadence(request.period),
        parent=request.parent,
        owner=request.on_behalf_of or request.requester,
        note=request.justification,
        scope=request.scope,
    )
    made = create_budget(
        request.organization,
        plan,
        now=effect.now,
        reason=effect.reason,
        request=request.uid,
    )
    request.budget = made
    return {"budget": str(made.uid), "after": wire(made.amount)}


def _increase(effect: _Effect) -> Mapping[str, Any]:
    budget = _budget_of(effect.request)
    before: Decimal = budget.amount
    plan = plan_of(budget)
    plan.amount = before + effect.amount_in(budget)
    changed = change_budget(
        budget,
        plan,
        now=effect.now,
        reason=effect.reason,
        request=effect.request.uid,
    )
    return _changed(changed, before, changed.amount)


def _transfer(effect: _Effect) -> Mapping[str, Any]:
    source, to = effect.request.source, _budget_of(effect.request)
    if source is None:
        raise LookupError(f"{effect.request} is a transfer from nowhere.")
    amount = effect.amount_in(to)
    transfer_amount(
        source,
        to,
        amount,
        now=effect.now,
        reason=effect.reason,
        request=effect.request.uid,
    )
    return {"from": str(source.uid), "to": str(to.uid), "amount": wire(amount)}


def _raise(effect: _Effect) -> Mapping[str, Any]:
    until = effect.request.until
    if until is None or until <= effect.now:
        raise TooLate("What was asked for would be over by now.")
    return _raised(effect, until)


def _carry_over(effect: _Effect) -> Mapping[str, Any]:
    """Raise the present period by what was not to be carried over into it."""
    budget = _budget_of(effect.request)
    window = calendar_of(budget, effect.request.organization).window_of(effect.now)
    return _raised(effect, window.end)


def _raised(effect: _Effect, until: datetime) -> Mapping[str, Any]:
    budget = _budget_of(effect.request)
    amount = effect.amount_in(budget)
    raise_amount(
        budget,
        amount,
        until=until,
        now=effect.now,
        reason=effect.reason,
        request=effect.request.uid,
    )
    return {
        "budget": str(budget.uid),
        "amount": wire(amount),
        "until": until.isoformat(),
    }


def _except(effect: _Effect) -> Mapping[str, Any]:
    """Have whoever judges by rules look again for what is excepted from them."""
    request = effect.request
    if request.until is None or request.until <= effect.now:
        raise TooLate("What was asked for would be over by now.")
    request.organization.touch()
    return {"rule": request.rule, "until": request.until.isoformat()}


def _act(effect: _Effect) -> Mapping[str, Any]:
    """Have all processes look at rules anew: the rule acts because this is approved."""
    details = _except(effect)
    effect.request.organization.touch()
    return details


def _changed(budget: Budget, before: Decimal, after: Decimal) -> Mapping[str, Any]:
    return {"budget": str(budget.uid), "before": wire(before), "after": wire(after)}


def _budget_of(request: BudgetRequest) -> Budget:
    """Return the budget as it is, everybody else kept from changing it."""
    budget: Budget = Budget.objects.get(pk=request.budget_id or 0)
    return budget


_EFFECTS = {
    RequestKind.NEW: _make,
    RequestKind.INCREASE: _increase,
    RequestKind.TRANSFER: _transfer,
    RequestKind.RAISE: _raise,
    RequestKind.ROLLOVER_EXCEPTION: _carry_over,
    RequestKind.RULE_EXCEPTION: _except,
    RequestKind.RULE_ACTION: _act,
}
