"""The API of rules that act once people have approved it: where they stand."""

from typing import Annotated

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiViewSet
from accounts.permissions import Action
from accounts.scopes import Scope
from approvals.api.lookups import by_of
from budgets.api.lookups import budget_or_404
from budgets.models import Budget
from budgets.permissions import require
from controls import actions
from controls.models import RuleAction, RuleActionQuerySet, RuleActionState
from lib.answers import Answered, Moment, Out, PageOut, answers, choices, note
from lib.lookups import row_or_404


class RuleActionOut(Out, frozen=True):
    """That a rule which needs approval was to act in a period, and what came of it."""

    id: str
    state: Annotated[str, choices(RuleActionState.values)]
    rule: Annotated[str | None, note("Its id; null: it was removed.")]
    summary: Annotated[str, note("Of the rule, as it was.")]
    budget: Annotated[str, note("Its id.")]
    request: Annotated[str | None, note("The one that people decide.")]
    reason: Annotated[str, note("Why it failed, or was rejected.")]
    period_start: Moment
    period_end: Annotated[Moment, note("Exclusive: when its effect ends.")]
    triggered_at: Moment
    decided_at: Moment | None
    reversed_at: Moment | None
    reset_at: Moment | None
    actor: Annotated[str, note("Who reversed it, or reset it last.")]


class RuleActionViewSet(ApiViewSet):
    """The actions of a budget's rules that need approval."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.BUDGETS_WRITE
    queryset = RuleAction.objects.none()
    query_parameters = frozenset()
    filter_backends = []

    @answers(s200=PageOut[RuleActionOut])
    def list(self, request: Request, uid: str) -> Response:
        """List when a budget's rules were to act, and what came of it; newest first."""
        budget = budget_or_404(uid, self.caller)
        return self.listing(_actions_of(budget), rule_action_out)

    @answers(s200=RuleActionOut)
    @extend_schema(request=None)
    def reverse(self, request: Request, uid: str, action_uid: str) -> Response:
        """Take an action back: its rule does nothing more in the period."""
        action = self._to_change(uid, action_uid)
        by = by_of(request, self.caller)
        changed = actions.reverse(action, by=by, now=timezone.now())
        return Answered(rule_action_out(changed))

    @answers(s200=RuleActionOut)
    @extend_schema(request=None)
    def reset(self, request: Request, uid: str, action_uid: str) -> Response:
        """Have the rule of an action that is over stand by for the next time."""
        action = self._to_change(uid, action_uid)
        by = by_of(request, self.caller)
        changed = actions.reset(action, by=by, now=timezone.now())
        return Answered(rule_action_out(changed))

    def _to_change(self, uid: str, action_uid: str) -> RuleAction:
        budget = budget_or_404(uid, self.caller)
        missing = "This budget has no such action."
        action = row_or_404(_actions_of(budget), action_uid, missing=missing)
        require(self.caller, Action.GUARD, budget)
        return action


def _actions_of(budget: Budget) -> RuleActionQuerySet:
    rows = RuleAction.objects.filter(budget=budget)
    return rows.select_related("budget", "rule", "request")


def rule_action_out(action: RuleAction) -> RuleActionOut:
    asked = action.request
    return RuleActionOut(
        id=str(action.uid),
        state=action.state.value,
        rule=str(action.rule.uid) if action.rule else None,
        summary=action.summary,
        budget=str(action.budget.uid),
        request=str(asked.uid) if asked else None,
        reason=action.failure or (asked.outcome_reason if asked else ""),
        period_start=action.period_starts_at,
        period_end=action.period_ends_at,
        triggered_at=action.triggered_at,
        decided_at=asked.decided_at if asked else None,
        reversed_at=action.reversed_at,
        reset_at=action.reset_at,
        actor=action.actor,
    )
