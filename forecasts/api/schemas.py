"""Scenarios as they come in over the wire."""

from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Organization
from forecasts.assumptions import Scenario, read
from forecasts.scoped import PERIODS
from ledger.costs import NAMES, CostQuery
from lib.errors import FieldError, Invalid
from lib.wirefields import ChoiceField, Plain, WireAmountField

MOST_SCENARIOS = 20
LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.5, 0.999
NO_CONFIDENCE = (
    f"Must be a share from {LEAST_CONFIDENCE} to {MOST_CONFIDENCE}, such as 0.95."
)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "enum": ["current_rate"]},
            {
                "type": "object",
                "properties": {
                    "additional_requests": {"type": "integer"},
                    "average_cost": {"type": "number"},
                    "cost_reduction": {"type": "number"},
                    "growth": {"type": "number"},
                    "limit": {"type": "number"},
                    "model_swap": {},
                },
            },
        ]
    }
)
class AssumptionsField(serializers.JSONField):
    """What is assumed, as `forecasts.assumptions.read` takes it."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return read(super().to_internal_value(data))
        except Invalid as refusal:
            raise serializers.ValidationError(_nested(refusal.errors)) from refusal


def _nested(errors: tuple[FieldError, ...]) -> Any:
    """Return errors by name; one that has none is about the whole."""
    return {
        one.attr or "non_field_errors": [serializers.ErrorDetail(one.detail, one.code)]
        for one in errors
    }


class ScenarioIn(Plain):
    """Assumptions with a name.

    `assumptions` is "current_rate", or what changes from now to the period's end, all
    of it together: `additional_requests` that cost `average_cost` each (all told; of a
    budget of tokens, as many as one takes);
    `cost_reduction` and `growth`, shares (0.3 is 30 %) of what would be spent
    otherwise; `model_swap`, `{"from", "to", "share": 1, "provider"}`, a list of them or
    `{"gpt-4o": "gpt-4o-mini"}`, priced from what was used in the last 28 days
    (not for budgets of tokens or requests); `limit`, another limit.
    """

    name = serializers.CharField(max_length=200)
    assumptions = AssumptionsField()

    def validate(self, attrs: dict[str, Any]) -> Any:
        return Scenario(attrs["name"], attrs["assumptions"])


class ScenariosIn(Plain):
    """What is to be tried."""

    scenarios = serializers.ListField(
        child=ScenarioIn(), min_length=1, max_length=MOST_SCENARIOS
    )
    confidence = serializers.FloatField(
        min_value=LEAST_CONFIDENCE,
        max_value=MOST_CONFIDENCE,
        default=0.95,
        error_messages=dict.fromkeys(
            ("min_value", "max_value", "invalid"), NO_CONFIDENCE
        ),
        help_text="Of the intervals.",
    )


class CostScenariosIn(ScenariosIn):
    """What is to be tried, on which part of the costs; filters as in GET /forecasts."""

    organization_id = serializers.CharField(max_length=100, required=False)
    project_id = serializers.CharField(max_length=10_000, required=False)
    department_id = serializers.CharField(max_length=10_000, required=False)
    team_id = serializers.CharField(max_length=10_000, required=False)
    environment = serializers.CharField(max_length=10_000, required=False)
    user_id = serializers.CharField(max_length=10_000, required=False)
    provider = serializers.CharField(max_length=10_000, required=False)
    model = serializers.CharField(max_length=10_000, required=False)
    tag = serializers.CharField(
        max_length=10_000, required=False, help_text="With commas, any will do."
    )
    period = ChoiceField(list(PERIODS), default="month")
    limit = WireAmountField(
        required=False,
        min_value=0,
        help_text="What it is held against, unless a scenario says otherwise.",
    )

    def question(self, organization: Organization) -> CostQuery:
        """Return which costs are meant.

        Raises:
            Invalid: far too many values.
        """
        query = QueryDict(mutable=True)
        for name in (*NAMES, "tag"):
            if name in self.validated_data:
                query[name] = self.validated_data[name]
        return CostQuery.of(query, organization)
