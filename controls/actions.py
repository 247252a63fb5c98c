"""Rules that act only once people have approved it: asked, in effect, taken back.

A rule whose trigger holds opens an action, in the transaction that decides the call; a
worker then opens the request, for that is never done while an organization is held.
What makes the rule act is the approval itself, in its transaction.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.locks import hold_alone
from accounts.models import User
from approvals import trail
from approvals.errors import NobodyDecides
from approvals.models import How, RequestKind
from approvals.people import members
from approvals.services import ask_for
from approvals.trail import Note
from approvals.types import Ask, By
from budgets.models import Budget
from budgets.owners import path_of, usual_recipients
from controls.models import RuleAction, RuleActionState
from controls.policy import Guard
from controls.types import Rule
from controls.wording import act_of
from lib.errors import Conflict, Refusal
from lib.memories import Memory
from lib.periods import Window
from lib.queue import enqueue

logger = logging.getLogger("controls")

_MOST_KNOWN = 50_000  # actions remembered
_LONGEST_RULE = 200  # characters of a request's rule
_AT_ONCE = 500
_OVER = frozenset(
    {
        *(RuleActionState.FAILED, RuleActionState.REJECTED),
        *(RuleActionState.EXPIRED, RuleActionState.REVERSED),
    }
)
_WITH = ("budget__organization", "rule", "request")

# By rule, start of the period, and revision of the organization.
_opened: Memory[tuple[int, datetime, int | None], None] = Memory(most=_MOST_KNOWN)


class NotInEffect(Conflict):
    """The action is not in effect, so there is nothing to take back."""

    code = "action_not_in_effect"


class NotOver(Conflict):
    """The action waits, or is in effect: the rule can't stand by for another."""

    code = "action_not_over"


def trigger(
    guard: Guard, waiting: Iterable[tuple[Rule, Window]], now: datetime
) -> None:
    """Open an action for each rule of *waiting* that has none in its period.

    *waiting* pairs a rule with the present period of its budget. In the transaction
    that decides calls; costs nothing once this process has seen it.
    """
    known = []
    for rule, window in sorted(waiting, key=lambda one: one[0].id):
        key = rule.id, window.start, guard.snapshot.revision
        if key in _opened:
            continue
        known.append(key)
        action = RuleAction(
            organization_id=guard.organization_id,
            budget_id=rule.budget_id,
            rule_id=rule.id,
            summary=act_of(rule)[:500],
            period_starts_at=window.start,
            period_ends_at=window.end,
            triggered_at=now,
        )
        RuleAction.objects.bulk_create([action], ignore_conflicts=True)
        if RuleAction.objects.filter(uid=action.uid).exists():
            enqueue("controls.tasks.ask_for_action", str(action.uid))
    if known:
        transaction.on_commit(lambda: _remember(known))


def _remember(keys: Iterable[tuple[int, datetime, int | None]]) -> None:
    for key in keys:
        _opened.remember(key, None)


def ask_due(now: datetime) -> int:
    """Ask people about the actions that nobody was asked about; return how many."""
    rows = RuleAction.objects.unasked().order_by("pk")[:_AT_ONCE]
    return sum(ask(action, now) for action in rows)


@transaction.atomic
def ask(action: RuleAction, now: datetime) -> bool:
    """Open the request of *action*; False: that was done meanwhile.

    Where nobody can be asked the action has failed, and says why.
    """
    held = RuleAction.objects.unasked().filter(pk=action.pk)
    if not held.update(triggered_at=action.triggered_at):
        return False
    there = RuleAction.objects.select_related(*_WITH).get(pk=action.pk)
    by = By(f"rule of {there.budget.name}"[:200], How.SYSTEM)
    try:
        organization = there.budget.organization
        there.request = ask_for(organization, _ask_of(there, now), by=by, now=now)
    except Refusal as refusal:
        there.failure = str(refusal)[:500]
        logger.warning("Nobody could be asked about the rule %s: %s", there, refusal)
    there.save(update_fields=["request", "failure"])
    return True


@transaction.atomic
def reverse(action: RuleAction, *, by: By, now: datetime) -> RuleAction:
    """Take back what people approved: the rule does nothing more in the period.

    Raises:
        NotInEffect: it is not in effect.
    """
    hold_alone(action.organization_id)
    rows = RuleAction.objects.executed().filter(pk=action.pk, rule__isnull=False)
    if not rows.update(reversed_at=now, actor=by.name):
        raise NotInEffect("This action is not in effect.")
    return _noted(action, "action.reversed", by, now)


@transaction.atomic
def reset(action: RuleAction, *, by: By, now: datetime) -> RuleAction:
    """Have the rule of an action that is over stand by: people are asked once more when
    its trigger holds.

    Raises:
        NotOver: it waits for approval or is in effect, or was reset before.
    """
    hold_alone(action.organization_id)
    there = RuleAction.objects.select_related(*_WITH).get(pk=action.pk)
    rows = RuleAction.objects.standing().filter(pk=action.pk)
    is_over = there.state in _OVER
    if not is_over or not rows.update(reset_at=now, actor=by.name):
        raise NotOver("Only an action that is over can be reset.")
    return _noted(action, "action.reset", by, now)


def _noted(action: RuleAction, event: str, by: By, now: datetime) -> RuleAction:
    """Have all processes look at rules anew, and keep what happened in the trail."""
    there = RuleAction.objects.select_related(*_WITH).get(pk=action.pk)
    there.budget.organization.touch()
    subject = there.request.uid if there.request else None
    details = {"rule": there.summary, "budget": str(there.budget.uid)}
    note = Note(event, subject, details)
    trail.append(there.organization_id, note, by=by, now=now)
    return there


def _ask_of(action: RuleAction, now: datetime) -> Ask:
    budget = action.budget
    since = f"{action.triggered_at:%Y-%m-%d %H:%M} UTC"
    return Ask(
        kind=RequestKind.RULE_ACTION,
        amount=Decimal(0),
        requester=_requester(budget),
        budget=budget,
        rule=action.summary.removesuffix(".")[:_LONGEST_RULE],
        until=action.period_ends_at,
        justification=f"The condition of this rule holds since {since}. It takes "
        "effect once that is approved, until the budget's period ends.",
        metadata={"rule_action": str(action.uid)},
    )


def _requester(budget: Budget) -> User:
    """Return whose request it is: who owns the budget or one above it, or else looks
    after the organization's money.

    Raises:
        NobodyDecides: there is nobody.
    """
    addresses = usual_recipients(path_of(budget))
    found = members(budget.organization_id).filter(email__in=addresses)
    person = found.order_by("email").first()
    if person is None:
        raise NobodyDecides("Nobody owns the budget or looks after the money.")
    return person
