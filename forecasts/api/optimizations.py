"""The API of what use would have cost otherwise."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from accounts.models import Organization
from accounts.scopes import Scope
from budgets.api.lookups import budget_or_404
from budgets.api.views import ORGANIZATION
from forecasts.optimizations import (
    USUAL_SHARE,
    Certainty,
    Hint,
    HintKind,
    HintQuestion,
    Hints,
    Unjudged,
    hints_of,
    month_before,
    month_of,
)
from lib.answers import Answered, Moment, Money, Out, answers, choices, note
from lib.errors import Invalid
from lib.money import wire
from lib.periods import Window, start_of
from lib.query_params import day_of_text

_SHARE = re.compile(r"0\.[0-9]{1,4}|1(\.0{1,4})?")


class OptimizationOut(Out, frozen=True):
    """What one model's use would have cost otherwise. Savings don't add up."""

    kind: Annotated[str, choices(HintKind)]
    certainty: Annotated[str, choices(Certainty)]
    provider: str
    model: str
    instead: Annotated[str | None, note("The smaller model.")]
    requests: int
    cost: Annotated[Money, note("Of these requests, as it is booked.")]
    saved: Annotated[Money, note("Of that.")]
    assumption: Annotated[str, note("What it rests on.")]


class UnjudgedOut(Out, frozen=True):
    """Use that can't be priced otherwise."""

    provider: str
    model: str
    requests: int
    cost: Money
    reason: str


class OptimizationsOut(Out, frozen=True):
    """What the use of a month would have cost otherwise, the largest saving first."""

    start: Moment
    end: Annotated[Moment, note("Exclusive.")]
    currency: str
    total_cost: Money
    optimizations: list[OptimizationOut]
    left_out: list[UnjudgedOut]


class Optimizations(ApiView):
    """Hints at what would have cost less."""

    read_scope = Scope.COSTS_READ
    query_parameters = frozenset({"organization_id", "month", "budget", "cached_share"})

    @answers(s200=OptimizationsOut)
    @extend_schema(
        parameters=[
            ORGANIZATION,
            OpenApiParameter(
                "month", str, description="Such as 2025-01 (default: the last one)."
            ),
            OpenApiParameter(
                "budget", str, description="The id of a budget: what it is charged for."
            ),
            OpenApiParameter(
                "cached_share",
                float,
                description="Of input that is assumed to be read from the cache "
                f"(default: {USUAL_SHARE}).",
            ),
        ]
    )
    def get(self, request: Request) -> Response:
        """Tell what batch prices, caching or a smaller model would have saved.

        From what was really used and the prices that were in force. Each saving is by
        itself: they don't add up.
        """
        query, now = request.query_params, timezone.now()
        uid = query.get("budget")
        budget = budget_or_404(uid, self.caller) if uid else None
        organization = budget.organization if budget else self.organization()
        window = _month(query.get("month", ""), organization, now)
        share = _share(query.get("cached_share", ""))
        found = hints_of(HintQuestion(organization, window, budget, share))
        return Answered(_out(found, window, organization.currency))


def _month(text: str, organization: Organization, now: datetime) -> Window:
    if not text:
        return month_before(organization, now)
    try:
        day = day_of_text(f"{text}-01", "month")
    except Invalid as error:
        raise Invalid.field("month", "Must be a month such as 2025-01.") from error
    return month_of(organization, start_of(day, ZoneInfo(organization.timezone)))


def _share(text: str) -> Decimal:
    if not text:
        return USUAL_SHARE
    if not _SHARE.fullmatch(text):
        detail = "Must be a share from 0 to 1, such as 0.5."
        raise Invalid.field("cached_share", detail)
    return Decimal(text)


def _out(found: Hints, window: Window, currency: str) -> OptimizationsOut:
    return OptimizationsOut(
        start=window.start,
        end=window.end,
        currency=currency,
        total_cost=wire(found.cost),
        optimizations=[_hint_out(hint) for hint in found.hints],
        left_out=[_unjudged_out(one) for one in found.left_out],
    )


def _hint_out(hint: Hint) -> OptimizationOut:
    return OptimizationOut(
        kind=hint.kind,
        certainty=hint.certainty,
        provider=hint.provider,
        model=hint.model,
        instead=hint.instead or None,
        requests=hint.requests,
        cost=wire(hint.cost),
        saved=wire(hint.saved),
        assumption=hint.words,
    )


def _unjudged_out(one: Unjudged) -> UnjudgedOut:
    return UnjudgedOut(
        provider=one.provider,
        model=one.model,
        requests=one.requests,
        cost=wire(one.cost),
        reason=one.reason,
    )
