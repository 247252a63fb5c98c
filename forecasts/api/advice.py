"""The API of recommended amounts."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from accounts.scopes import Scope
from budgets.api.lookups import budget_or_404, budgets_of
from budgets.api.views import ORGANIZATION
from budgets.models import Budget
from forecasts.advice import PRESENT, AdviceQuestion, advise
from forecasts.api.advice_answers import RecommendationsOut, advice_out
from forecasts.reasons import Bounds
from lib.answers import Answered, answers
from lib.errors import Invalid
from lib.lookups import uuid_of
from lib.periods import Cadence
from lib.query_params import known_words

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?")


class Recommendations(ApiView):
    """Amounts for budgets, by what they need."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.BUDGETS_WRITE
    query_parameters = frozenset(
        {"organization_id", "root", "period", "total", "floor", "cap"}
    )

    @answers(s200=RecommendationsOut)
    @extend_schema(
        parameters=[
            ORGANIZATION,
            OpenApiParameter(
                "root", str, description="The id of a budget: it, and all below it."
            ),
            OpenApiParameter(
                "period", str, enum=list(Cadence), description="Of the budgets."
            ),
            OpenApiParameter(
                "total",
                str,
                description="What those at the top get together; “present”: each what "
                "it has now; without it: what they need.",
            ),
            OpenApiParameter(
                "floor",
                str,
                many=True,
                description="ID:AMOUNT, what a budget is to get at least.",
            ),
            OpenApiParameter(
                "cap",
                str,
                many=True,
                description="ID:AMOUNT, what a budget is to get at most.",
            ),
        ]
    )
    def get(self, request: Request) -> Response:
        """Recommend amounts for budgets, with the reason; nothing is changed.

        They add up at every level of the tree, whatever the floors, caps and total.
        """
        query = request.query_params
        root = budget_or_404(query["root"], self.caller) if query.get("root") else None
        organization = root.organization if root else self.organization()
        period = query.get("period")
        if period:
            known_words([period], Cadence, "period")
        question = AdviceQuestion(
            organization=organization,
            root=root,
            period=Cadence(period) if period else None,
            total=_total(query.get("total", "")),
            bounds=_bounds(
                budgets_of(self.caller).filter(organization=organization),
                {attr: query.getlist(attr) for attr in ("floor", "cap")},
            ),
        )
        return Answered(advice_out(advise(question, now=timezone.now())))


def _total(text: str) -> Decimal | Literal["present"] | None:
    if not text:
        return None
    return PRESENT if text == PRESENT else _amount(text, "total")


def _bounds(
    budgets: QuerySet[Budget], given: Mapping[str, list[str]]
) -> dict[int, Bounds]:
    """Return the bounds by budget. One query, where any are given."""
    wanted = {
        attr: dict(_pair(text, attr) for text in texts) for attr, texts in given.items()
    }
    uids = {uid for pairs in wanted.values() for uid in pairs}
    if not uids:
        return {}
    ids = _ids(budgets, uids)
    for attr, pairs in wanted.items():
        for uid in pairs.keys() - ids.keys():
            detail = f"There is no budget {uid}."
            raise Invalid.field(attr, detail, code="not_found")
    floors, caps = wanted["floor"], wanted["cap"]
    return {ids[uid]: Bounds(floors.get(uid), caps.get(uid)) for uid in uids}


def _ids(budgets: QuerySet[Budget], uids: Iterable[str]) -> dict[str, int]:
    """Return the id of each of *uids* that is one of *budgets*. One query."""
    keys = {key: uid for uid in uids if (key := uuid_of(uid))}
    rows = budgets.filter(uid__in=keys).order_by().values_list("uid", "pk")
    return {keys[uid]: pk for uid, pk in rows}


def _pair(text: str, attr: str) -> tuple[str, Decimal]:
    uid, _, amount = text.partition(":")
    return uid, _amount(amount, attr)


def _amount(text: str, attr: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        form = "ID:AMOUNT, with an amount" if attr != "total" else "an amount"
        raise Invalid.field(attr, f"Must be {form} such as 1000.00, not negative.")
    return Decimal(text)
