"""The API of scenarios."""

from collections.abc import Sequence

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named
from accounts.api.base import ApiView
from accounts.scopes import Scope
from budgets.api.lookups import budget_or_404
from forecasts.ahead import ahead_of
from forecasts.api.scenario_answers import ScenariosOut, scenarios_out
from forecasts.api.schemas import CostScenariosIn, ScenariosIn
from forecasts.assumptions import Scenario, within
from forecasts.prospects import Prospect, Prospector
from forecasts.scoped import PERIODS, ahead_of_costs
from lib.answers import Answered, answers
from lib.errors import Invalid


class BudgetScenarios(ApiView):
    """What a budget's period comes to if something changes."""

    write_scope = Scope.BUDGETS_READ  # it changes nothing
    query_parameters = frozenset()

    @answers(s200=ScenariosOut)
    @extend_schema(operation_id="budgets_scenarios_create", request=ScenariosIn)
    def post(self, request: Request, uid: str) -> Response:
        """Try scenarios on the forecast to the end of a budget's present period."""
        budget = budget_or_404(uid, self.caller)
        shape = ScenariosIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given, now = shape.validated_data, timezone.now()
        ahead = ahead_of(budget, now=now, days=None, confidence=given["confidence"])
        return _tried(Prospector(ahead, budget, now), given["scenarios"])


class CostScenarios(ApiView):
    """What any part of the costs comes to if something changes."""

    write_scope = Scope.COSTS_READ  # it changes nothing
    query_parameters = frozenset()

    @answers(s200=ScenariosOut)
    @extend_schema(operation_id="forecasts_scenarios_create", request=CostScenariosIn)
    def post(self, request: Request) -> Response:
        """Try scenarios on the forecast of any part of the costs, budget or not."""
        shape = CostScenariosIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given, now = shape.validated_data, timezone.now()
        slug = given.get("organization_id")
        question = shape.question(organization_named(slug, caller=self.caller))
        ahead = ahead_of_costs(
            question,
            PERIODS[given["period"]],
            now=now,
            confidence=given["confidence"],
            limit=given.get("limit"),
        )
        return _tried(Prospector(ahead, question, now), given["scenarios"])


def _tried(prospector: Prospector, scenarios: Sequence[Scenario]) -> Response:
    prospects: list[Prospect] = []
    for place, scenario in enumerate(scenarios):
        try:
            prospects.append(prospector.try_out(scenario))
        except Invalid as refusal:
            raise within(f"scenarios.{place}.assumptions", refusal) from refusal
    return Answered(scenarios_out(prospector.ahead, prospects))
