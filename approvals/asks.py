"""What may be asked for: an `Ask` becomes the fields of a request, or is refused."""

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import Organization, User
from approvals.models import WITHOUT_AMOUNT, BudgetRequest, RequestKind
from approvals.people import members
from approvals.types import Ask
from budgets.models import Budget
from budgets.validation import (
    check_own_amount,
    check_place,
    sound_amount,
    sound_counted,
    sound_scope,
)
from lib.errors import Invalid
from lib.measures import measure_of
from lib.money import COUNTED
from lib.periods import Cadence

_NAMED = ("approvers", "in_turn")
_DATED = frozenset(
    {RequestKind.RAISE, RequestKind.TRANSFER, RequestKind.ROLLOVER_EXCEPTION}
)
_LONGEST_RULE = 500  # characters
_LONGEST_NAME = 60  # characters of a justification that a budget is called by
# A change of any of these is asked of everybody anew.
SCOPE_FIELDS = (
    *("kind", "currency", "budget_id", "parent_id", "source_id", "name", "scope"),
    *("period", "until", "rule", "requester_id", "on_behalf_of_id"),
    *("named_approvers", "in_turn"),
)


def apply(request: BudgetRequest, ask: Ask, *, now: datetime) -> None:
    """Make *request* say what *ask* does.

    Raises:
        Invalid: a field is wrong; it is named.
    """
    _check(request.organization, ask, now)
    is_stale = ask.rule_words == request.rule_words and ask.rule != request.rule
    for one in fields(Ask):
        if one.name not in _NAMED:
            setattr(request, one.name, getattr(ask, one.name))
    request.metadata, request.links = dict(ask.metadata), [dict(x) for x in ask.links]
    request.amount = _amount(ask)
    request.currency = _currency(request.organization, ask)
    request.scope = sound_scope(ask.scope)
    request.named_approvers = [one.strip().lower() for one in ask.approvers]
    request.in_turn = ask.in_turn
    if ask.kind == RequestKind.RULE_EXCEPTION:
        request.rule = str(UUID(ask.rule))
        request.rule_words = "" if is_stale else ask.rule_words[:_LONGEST_RULE]
    if ask.kind == RequestKind.NEW:
        request.name = ask.name.strip()[:200] or _name_of(ask)


def as_ask(request: BudgetRequest) -> Ask:
    """Return what *request* says, to be changed and given back."""
    said: dict[str, Any] = {
        one.name: getattr(request, one.name)
        for one in fields(Ask)
        if one.name not in _NAMED
    }
    return Ask(**said, approvers=request.named_approvers, in_turn=request.in_turn)


def _check(organization: Organization, ask: Ask, now: datetime) -> None:
    if ask.kind not in RequestKind.values:
        known = ", ".join(RequestKind.values)
        raise Invalid.field("kind", f"Unknown kind; known are {known}.")
    for attr in ("requester", "on_behalf_of"):
        _check_person(organization, attr, getattr(ask, attr))
    for attr in ("budget", "parent", "source"):
        found = getattr(ask, attr)
        _check_budget(organization, attr, found, is_dated=ask.kind in _DATED)
    _check_named(ask)
    if ask.period not in {one.value for one in Cadence if one is not Cadence.CUSTOM}:
        raise Invalid.field("duration", "Unknown period of a budget.")
    if ask.kind == RequestKind.RULE_EXCEPTION:
        _check_rule(ask.rule)
    if ask.until is not None and ask.until <= now:
        raise Invalid.field("until", "Must lie in the future.")


_FOR_A_WHILE = {
    RequestKind.TRANSFER,
    RequestKind.RAISE,
    RequestKind.ROLLOVER_EXCEPTION,
}


def _check_named(ask: Ask) -> None:
    """Refuse an ask that does not name what its kind needs."""
    needs = {
        RequestKind.INCREASE: ("budget",),
        RequestKind.TRANSFER: ("budget", "source"),
        RequestKind.RAISE: ("budget", "until"),
        RequestKind.ROLLOVER_EXCEPTION: ("budget",),
        RequestKind.RULE_EXCEPTION: ("budget", "rule", "until"),
        RequestKind.RULE_ACTION: ("budget", "rule", "until"),
    }
    for attr in needs.get(RequestKind(ask.kind), ()):
        if not getattr(ask, attr):
            raise Invalid.field(attr, "This kind of request needs it.", code="required")
    if ask.kind == RequestKind.NEW and ask.budget is not None:
        raise Invalid.field("budget", "A new budget is named by its parent alone.")
    if ask.parent is not None:
        check_place(ask.parent)
    for attr in ("budget", "source"):
        budget = getattr(ask, attr)
        if budget and budget.is_template and ask.kind in _FOR_A_WHILE:
            raise Invalid.field(
                attr,
                f"“{budget.name}” has no money of its own: its amount is that of each "
                "budget it makes. Choose one of these.",
                code="is_template",
            )
    if ask.source is not None and ask.budget == ask.source:
        raise Invalid.field("source", "Must be another budget.")


def _check_rule(rule: str) -> None:
    """Refuse what can be no rule's id: such an exception would be of nothing."""
    try:
        UUID(rule)
    except ValueError as error:
        detail = "Must be the id of a rule, as GET /budgets/{id}/controls has it."
        raise Invalid.field("rule", detail) from error


def _check_person(organization: Organization, attr: str, person: User | None) -> None:
    if person and not members(organization).filter(pk=person.pk).exists():
        raise Invalid.field(attr, "There is no such person in the organization.")


def _check_budget(
    organization: Organization, attr: str, budget: Budget | None, *, is_dated: bool
) -> None:
    if budget is None:
        return
    if budget.organization_id != organization.pk:
        raise Invalid.field(attr, "There is no such budget.", code="not_found")
    if budget.archived_at is not None:
        raise Invalid.field(attr, f"“{budget.name}” is archived.")
    if is_dated:
        check_own_amount(budget, attr)


def _amount(ask: Ask) -> Any:
    amount = sound_amount(ask.amount, ask.budget.currency if ask.budget else "")
    if amount <= 0 and ask.kind not in WITHOUT_AMOUNT:
        raise Invalid.field("amount", "Must be more than 0.")
    return amount


def _currency(organization: Organization, ask: Ask) -> str:
    place = ask.budget or ask.parent
    usual = ask.budget.currency if ask.budget else organization.currency
    if place and place.currency in COUNTED:
        usual = place.currency
    currency = sound_counted(ask.currency or usual, organization)
    if place and measure_of(currency) != place.unit:
        raise Invalid.field("currency", f"“{place.name}” counts {place.unit}.")
    if ask.source and ask.source.unit != measure_of(currency):
        raise Invalid.field("source", f"“{ask.source.name}” counts {ask.source.unit}.")
    return currency


def _name_of(ask: Ask) -> str:
    """Return what to call a budget that nobody named."""
    project = ask.metadata.get("project")
    words = project if isinstance(project, str) else ask.justification
    return " ".join(words.split())[:_LONGEST_NAME] or "Requested budget"
