"""The API of rules and kill switches: shapes in, services, shapes out."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import visible_to
from accounts.api.base import ApiView
from accounts.scopes import Scope
from budgets.models import Budget, Enforcement
from controls import configuration
from controls.api.rule_schemas import ControlsIn, KillSwitchIn, ReplayIn, ReplayOut
from controls.replay import Effect, Proposal, Replay, last_period, replay
from lib.errors import Invalid, NotFound
from lib.money import from_units, wire
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
        rows = Budget.objects.select_related("organization", "parent", "owner")
        try:
            found = visible_to(self.caller, rows).filter(uid=UUID(uid)).first()
        except ValueError:
            found = None
        if found is None:
            raise NotFound("There is no such budget.")
        return found


class BudgetControls(_OfBudget):
    """The rules that guard a budget and those below it."""

    @extend_schema(responses=ControlsIn)
    def get(self, request: Request, uid: str) -> Response:
        """Return a budget's rules, what it inherits, and whether it is switched off."""
        return Response(configuration.controls_of(self.budget(uid)))

    @extend_schema(request=ControlsIn, responses=ControlsIn)
    def put(self, request: Request, uid: str) -> Response:
        """Replace a budget's rules."""
        budget = self.budget(uid)
        shape = ControlsIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        if given.get("budget_id", str(budget.uid)) != str(budget.uid):
            detail = "Is another budget than the one in the address."
            raise Invalid.field("budget_id", detail)
        configuration.configure(budget, given["rules"])
        return Response(configuration.controls_of(budget))


class BudgetKillSwitch(_OfBudget):
    """Whether every call of a budget, and of those below it, is stopped."""

    @extend_schema(responses=KillSwitchIn)
    def get(self, request: Request, uid: str) -> Response:
        """Tell whether a budget is switched off, by itself or from above."""
        return Response(configuration.kill_switch_of(self.budget(uid)))

    @extend_schema(request=KillSwitchIn, responses=KillSwitchIn)
    def put(self, request: Request, uid: str) -> Response:
        """Switch a budget off, or on again; repeatable."""
        budget = self.budget(uid)
        shape = KillSwitchIn(data=request.data)
        shape.is_valid(raise_exception=True)
        if shape.validated_data["active"]:
            message = shape.validated_data["message"]
            configuration.switch_off(budget, message, now=timezone.now())
        else:
            configuration.switch_on(budget)
        return Response(configuration.kill_switch_of(budget))


class BudgetReplay(_OfBudget):
    """What rules and a limit would have done to a time that is over."""

    write_scope = Scope.BUDGETS_READ  # it changes nothing

    @extend_schema(request=ReplayIn, responses=ReplayOut)
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
        return Response(replay_body(replay(budget, _plan_of(budget, given), window)))


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


def replay_body(found: Replay) -> dict[str, Any]:
    """Return a dry run as the wire has it."""
    return {
        "budget": str(found.budget.uid),
        "start": found.window.start,
        "end": found.window.end,
        "currency": found.budget.currency,
        "message": found.sentence,
        "calls": found.calls,
        "spent": _money(found.spent),
        "would_spend": _money(found.spent - found.saved),
        "saved": _money(found.saved),
        "stopped": _total_body(found.total("stopped")),
        "downgraded": _total_body(found.total("downgraded")),
        "limited": _total_body(found.total("limited")),
        "effects": [
            {
                "rule": effect.by,
                "summary": effect.summary,
                "outcome": effect.outcome,
                **_total_body(effect),
                "first_at": effect.first_at,
            }
            for effect in found.effects.values()
        ],
    }


def _total_body(effect: Effect) -> dict[str, Any]:
    return {
        "calls": effect.calls,
        "cost": _money(effect.cost),
        "saved": _money(effect.saved),
    }


def _money(units: int) -> str | None:
    return wire(from_units(units))
