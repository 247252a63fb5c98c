"""Asking for money in place of a call that was refused, once the refusal stands.

Never in the transaction that decides calls: whoever decides about money holds its
request first, and then the organization, which the decision of a call holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from accounts.models import Organization, User
from approvals.currencies import converted
from approvals.models import BudgetRequest, RequestKind
from approvals.services import ask_for
from approvals.types import Ask, By
from budgets.models import Budget
from budgets.status import calendar_of
from controls.expressions import OF_BUDGET, read_saved
from controls.models import ControlRule
from controls.types import ControlAction
from lib.errors import Invalid
from lib.lookups import row_or_none, uuid_of

HARD_LIMIT = "hard_limit"


class MoneyDoesNotHelp(Invalid):
    """The call would be refused with more money, too."""

    code = "money_does_not_help"


class Hindrance(NamedTuple):
    """One reason for which a call was refused; as `controls.types.Reason` has it."""

    budget: str
    rule: str
    left: Decimal | None = None  # in the budget's currency


@dataclass(frozen=True, slots=True)
class AskOnRefusal:
    """What is asked for if a call is refused."""

    amount: Decimal  # by how much more, in the currency of the budget that refused
    justification: str
    until: datetime | None = None  # exclusive; None: the end of the present period
    call: Mapping[str, Any] = field(default_factory=dict)  # for those who decide


def refusing_budget(
    organization: Organization, reasons: Sequence[Hindrance], now: datetime
) -> Budget:
    """Return the budget to ask money for: of those that refused the tightest.

    Raises:
        MoneyDoesNotHelp: none of them refused for want of money.
    """
    named = {uid for reason in reasons if (uid := uuid_of(reason.budget))}
    rows = Budget.objects.filter(organization=organization, uid__in=named)
    known = {str(budget.uid): budget for budget in rows.select_related("owner")}
    if not reasons or not all(
        reason.budget in known and _is_about_money(reason) for reason in reasons
    ):
        raise MoneyDoesNotHelp("More money would not have the call allowed.")
    first, *others = reasons  # the nearest budget's is the first

    def left(reason: Hindrance) -> Decimal:
        return _left(reason, known[reason.budget], organization, now)

    tightest = min([first, *others], key=left) if others else first
    return known[tightest.budget]


def ask_instead(
    budget: Budget, wish: AskOnRefusal, *, requester: User, by: By, now: datetime
) -> BudgetRequest:
    """Ask for what *wish* says for *budget*; join what *requester* asked for already.

    Equal asks are those of one requester for one period of a budget.

    Raises:
        Refusal: as `approvals.services.ask_for`.
    """
    window = calendar_of(budget, budget.organization).window_of(now)
    ask = Ask(
        kind=RequestKind.RAISE,
        amount=wish.amount,
        requester=requester,
        budget=budget,
        until=wish.until or window.end,
        justification=wish.justification,
        metadata={"refused_call": dict(wish.call)},
        ask_key=f"raise:{budget.uid}:{window.start:%Y-%m-%dT%H:%M}:{requester.pk}",
    )
    return ask_for(budget.organization, ask, by=by, now=now)


def _is_about_money(reason: Hindrance) -> bool:
    """Tell whether a limit was in the way, or a block that looks at the amount."""
    if reason.rule == HARD_LIMIT:
        return True
    blocks = ControlRule.objects.filter(action=ControlAction.BLOCK)
    rule = row_or_none(blocks, reason.rule)
    return rule is not None and bool(read_saved(rule.trigger).names & OF_BUDGET.keys())


def _left(
    reason: Hindrance, budget: Budget, organization: Organization, now: datetime
) -> Decimal:
    """Return what the budget has left, in the organization's currency."""
    if reason.left is None:
        return Decimal("Infinity")  # a rule does not say
    return converted(
        reason.left,
        budget.currency,
        organization.currency,
        organization=organization,
        now=now,
    )
