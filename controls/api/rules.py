"""The API of rules and kill switches: shapes in, services, shapes out."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import IF_MATCH, ApiView, tagged
from accounts.audit import giving
from accounts.permissions import Action
from accounts.scopes import Scope
from accounts.versions import newest
from budgets.api.lookups import budget_or_404
from budgets.models import Budget, Enforcement
from budgets.permissions import require
from controls import configuration
from controls.api.answers import (
    ControlsOut,
    KillSwitchOut,
    ReplayOut,
    controls_out,
    kill_switch_out,
    replay_out,
)
from controls.api.rule_schemas import ControlsIn, KillSwitchIn, ReplayIn
from controls.replay import Proposal, last_period, replay
from lib.answers import Answered, answers
from lib.errors import Invalid
from lib.periods import Window


class _OfBudget(ApiView):
    """Something of one budget, which is in the address."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.BUDGETS_WRITE
    query_parameters = frozenset()

    def budget(self, uid: str) -> Budget:
        """Return the budget *uid*.

        Raises:
            NotFound: there is none that the caller may see.
        """
        return budget_or_404(uid, self.caller)


class BudgetControls(_OfBudget):
    """The rules that guard a budget and those below it."""

    @answers(s200=ControlsOut)
    def get(self, request: Request, uid: str) -> Response:
        """Return a budget's rules, what it inherits, and whether it is switched off."""
        return self._answer(self.budget(uid))

    @answers(s200=ControlsOut)
    @extend_schema(request=ControlsIn, parameters=[IF_MATCH])
    def put(self, request: Request, uid: str) -> Response:
        """Replace a budget's rules; `dropped` says which are gone."""
        budget = self.budget(uid)
        require(self.caller, Action.GUARD, budget)
        shape = ControlsIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        if given.get("budget_id", str(budget.uid)) != str(budget.uid):
            detail = "Is another budget than the one in the address."
            raise Invalid.field("budget_id", detail)
        with giving(given.get("reason", "")):
            dropped = configuration.configure(budget, given["rules"], seen=self.seen())
        return self._answer(budget, dropped)

    def _answer(self, budget: Budget, dropped: list[str] | None = None) -> Response:
        body = Answered(controls_out(budget, dropped))
        return tagged(body, newest(configuration.history_of_rules(budget)))


class BudgetKillSwitch(_OfBudget):
    """Whether every call of a budget, and of those below it, is stopped."""

    @answers(s200=KillSwitchOut)
    def get(self, request: Request, uid: str) -> Response:
        """Tell whether a budget is switched off, by itself or from above."""
        return self._answer(self.budget(uid))

    @answers(s200=KillSwitchOut)
    @extend_schema(request=KillSwitchIn, parameters=[IF_MATCH])
    def put(self, request: Request, uid: str) -> Response:
        """Switch a budget off, or on again; repeatable."""
        budget = self.budget(uid)
        require(self.caller, Action.SWITCH, budget)
        shape = KillSwitchIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given, seen = shape.validated_data, self.seen()
        with giving(given.get("reason", "")):
            if given["active"]:
                now = timezone.now()
                configuration.switch_off(budget, given["message"], now=now, seen=seen)
            else:
                configuration.switch_on(budget, seen=seen)
        return self._answer(budget)

    def _answer(self, budget: Budget) -> Response:
        version = newest(configuration.history_of_switch(budget))
        return tagged(Answered(kill_switch_out(budget)), version)


class BudgetReplay(_OfBudget):
    """What rules and a limit would have done to a time that is over."""

    write_scope = Scope.BUDGETS_READ  # it changes nothing

    @answers(s200=ReplayOut)
    @extend_schema(request=ReplayIn)
    def post(self, request: Request, uid: str) -> Response:
        """Try rules, an amount or a hard limit on the past.

        What is left out is as it is now, the time the last period that is over.
        """
        budget = self.budget(uid)
        shape = ReplayIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        window = last_period(budget, timezone.now())
        if "start_date" in given:
            window = Window(given["start_date"], given["end_date"])
        return Answered(replay_out(replay(budget, _plan_of(budget, given), window)))


def _plan_of(budget: Budget, given: Mapping[str, Any]) -> Proposal:
    rules = given.get("rules")
    enforcement = given.get("enforcement", budget.enforcement)
    return Proposal(
        rules=configuration.own_rules(budget)
        if rules is None
        else configuration.proposed(budget, rules),
        amount=given.get("amount"),
        is_hard=enforcement == Enforcement.HARD,
    )
