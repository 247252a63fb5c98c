"""The API of forecasts."""

import re

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from accounts.scopes import Scope
from budgets.api.lookups import budget_or_404
from forecasts.ahead import ahead_of
from forecasts.api.answers import ForecastOut, forecast_out
from lib.answers import Answered, answers
from lib.errors import Invalid
from lib.query_params import known_words, whole_number

MOST_AHEAD = 366  # days
_PERIOD_END = "period_end"
_SHARE = re.compile(r"0\.[0-9]{1,6}")
_LEAST, _MOST = 0.5, 0.999  # confidence


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
            OpenApiParameter(
                "confidence", float, description="Of the interval (default: 0.95)."
            ),
        ]
    )
    def get(self, request: Request, uid: str) -> Response:
        """Forecast what a budget will have spent, and how sure that is."""
        budget = budget_or_404(uid, self.caller)
        query = request.query_params
        confidence = _confidence(query.get("confidence") or "0.95")
        days = _days(query.get("days_ahead", ""), query.get("to", ""))
        found = ahead_of(budget, now=timezone.now(), days=days, confidence=confidence)
        return Answered(forecast_out(found, confidence))


def _days(ahead: str, to: str) -> int | None:
    if to:
        known_words([to], [_PERIOD_END], "to")
        if ahead:
            raise Invalid.field("days_ahead", "Give either this or “to”.")
        return None
    return whole_number(ahead or "30", "days_ahead", least=1, most=MOST_AHEAD)


def _confidence(text: str) -> float:
    confidence = float(text) if _SHARE.fullmatch(text) else 0.0
    if not _LEAST <= confidence <= _MOST:
        detail = f"Must be a share from {_LEAST} to {_MOST}, such as 0.95."
        raise Invalid.field("confidence", detail)
    return confidence
