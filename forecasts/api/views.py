"""The API of forecasts."""

import re
from decimal import Decimal

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from accounts.scopes import Scope
from budgets.api.lookups import budget_or_404
from forecasts.ahead import ahead_of
from forecasts.api.answers import (
    ForecastAccuracyOut,
    ForecastOut,
    accuracy_out,
    forecast_out,
)
from forecasts.api.schemas import (
    LEAST_CONFIDENCE,
    MOST_CONFIDENCE,
    NO_CONFIDENCE,
)
from forecasts.records import judged
from forecasts.scoped import PERIODS, ahead_of_costs
from ledger.api.questions import FILTER_PARAMETERS
from ledger.costs import FILTERS, CostQuery
from lib.answers import Answered, answers
from lib.errors import Invalid
from lib.query_params import known_words, whole_number

MOST_AHEAD = 366  # days
_PERIOD_END = "period_end"
_SHARE = re.compile(r"0\.[0-9]{1,6}")
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,10})?")
CONFIDENCE = OpenApiParameter(
    "confidence", float, description="Of the interval (default: 0.95)."
)
_RANGE = frozenset({"start_date", "end_date"})
SCOPED = FILTERS - _RANGE
SCOPE_PARAMETERS = [one for one in FILTER_PARAMETERS if one.name not in _RANGE]


class BudgetForecast(ApiView):
    """What one budget will have spent."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.BUDGETS_WRITE

    @answers(s200=ForecastOut)
    @extend_schema(
        parameters=[
            OpenApiParameter(
                "days_ahead", int, description="The coming days alone (default: 30)."
            ),
            OpenApiParameter(
                "to",
                str,
                enum=[_PERIOD_END],
                description="What is spent in the period, and the rest of it.",
            ),
            CONFIDENCE,
        ]
    )
    def get(self, request: Request, uid: str) -> Response:
        """Forecast what a budget will have spent, and how sure that is."""
        budget = budget_or_404(uid, self.caller)
        query = request.query_params
        confidence = _confidence(query.get("confidence") or "0.95")
        days = _days(query.get("days_ahead", ""), query.get("to", ""))
        found = ahead_of(budget, now=timezone.now(), days=days, confidence=confidence)
        return Answered(forecast_out(found))


class Forecasts(ApiView):
    """What any part of the costs will have come to."""

    query_parameters = SCOPED | {"period", "confidence", "limit"}

    @answers(s200=ForecastOut)
    @extend_schema(
        operation_id="forecasts_retrieve",
        parameters=[
            *SCOPE_PARAMETERS,
            OpenApiParameter("period", enum=list(PERIODS), default="month"),
            CONFIDENCE,
            OpenApiParameter(
                "limit",
                OpenApiTypes.DECIMAL,
                description="What it is held against. Unless given: the limit of the "
                "tightest budget of just this scope, period and currency, if any.",
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        """Forecast what costs come to in the present period, budget or not.

        In the organization's currency, by the days of its time zone and its year.
        """
        query = request.query_params
        question = CostQuery.of(query, self.organization())
        (period,) = known_words([query.get("period") or "month"], PERIODS, "period")
        found = ahead_of_costs(
            question,
            PERIODS[period],
            now=timezone.now(),
            confidence=_confidence(query.get("confidence") or "0.95"),
            limit=_limit(query.get("limit", "")),
        )
        return Answered(forecast_out(found))


def _limit(text: str) -> Decimal | None:
    if not text:
        return None
    limit = Decimal(text) if _AMOUNT.fullmatch(text) else Decimal(0)
    if not limit:
        raise Invalid.field("limit", "Must be an amount above 0, such as 5000.")
    return limit


class BudgetForecastAccuracy(ApiView):
    """How well one budget's forecasts do."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.BUDGETS_WRITE

    @answers(s200=ForecastAccuracyOut)
    def get(self, request: Request, uid: str) -> Response:
        """Hold a budget's forecasts against what came of them."""
        budget = budget_or_404(uid, self.caller)
        found = judged(budget, now=timezone.now())
        return Answered(accuracy_out(budget, found))


def _days(ahead: str, to: str) -> int | None:
    if to:
        known_words([to], [_PERIOD_END], "to")
        if ahead:
            raise Invalid.field("days_ahead", "Give either this or “to”.")
        return None
    return whole_number(ahead or "30", "days_ahead", least=1, most=MOST_AHEAD)


def _confidence(text: str) -> float:
    confidence = float(text) if _SHARE.fullmatch(text) else 0.0
    if not LEAST_CONFIDENCE <= confidence <= MOST_CONFIDENCE:
        raise Invalid.field("confidence", NO_CONFIDENCE)
    return confidence
