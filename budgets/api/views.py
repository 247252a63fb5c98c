"""The API of budgets: shapes in, services, shapes out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named
from accounts.api.base import IF_MATCH, ApiViewSet, tagged
from accounts.idempotency import idempotent
from accounts.models import Organization
from accounts.organizations import organization_for
from accounts.permissions import Action
from accounts.scopes import Scope
from accounts.versions import version_of
from budgets import services
from budgets.api.answers import (
    BudgetOut,
    BudgetPeriodOut,
    BudgetStatusOut,
    budget_out,
    periods_out,
    status_out,
)
from budgets.api.conflict_answers import BudgetConflictOut, conflict_out
from budgets.api.lookups import budget_or_404, budgets_of
from budgets.api.schemas import BudgetIn, OverrideIn
from budgets.api.trees import BudgetNodeOut, deep_trees_json, is_deep, node_out
from budgets.api.unit_costs import UnitCostsOut, unit_costs_out
from budgets.api.variances import VarianceOut, variance_out
from budgets.conflicts import conflicts_of
from budgets.consolidated import ConsolidatedTree, Consolidation
from budgets.models import Budget
from budgets.overriding import override
from budgets.permissions import (
    require,
    require_change,
    require_new,
    require_override,
)
from budgets.status import periods_of, status_at
from budgets.tree import tree_of
from budgets.unit_costs import INTERVALS, REQUEST, Per, span_asked, unit_costs
from budgets.validation import known_currency
from budgets.variances import variance_parts
from lib.answers import Answered, PageOut, answers
from lib.lookups import row_or_none
from lib.periods import Cadence
from lib.query_params import known_words, listed, moment_of, truth
from lib.tables import CsvRenderer

AT = OpenApiParameter("at", str, description="A moment (default: now).")
ORGANIZATION = OpenApiParameter(
    "organization_id", str, description="The organization's slug."
)


class BudgetViewSet(ApiViewSet):
    """Budgets: limits on what scopes may spend, in a tree."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.BUDGETS_WRITE
    queryset = Budget.objects.none()
    serializer_class = BudgetIn
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    lookup_field = "uid"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Budget]:
        return budgets_of(self.caller)

    @answers(s200=PageOut[BudgetOut])
    @extend_schema(
        parameters=[
            ORGANIZATION,
            OpenApiParameter("name", str, description="Part of the name."),
            OpenApiParameter("period", str, description="One or more, with commas."),
            OpenApiParameter("parent", str, description="The id of the parent."),
            OpenApiParameter("archived", bool, description="Archived ones too."),
        ]
    )
    def list(self, request: Request) -> Response:
        """List budgets, newest first."""
        return self.listing(self._filtered(request), budget_out)

    @answers(s200=BudgetOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        """Return one budget, with how far its backfill is while one runs."""
        budget = self._budget(uid)
        return tagged(Answered(budget_out(budget)), version_of(budget))

    @answers(s201=BudgetOut)
    @idempotent
    def create(self, request: Request) -> Response:
        """Make a budget and charge it for what was spent before."""
        shape = BudgetIn(data=request.data)
        shape.is_valid(raise_exception=True)
        organization = self._organization_for(shape.validated_data)
        plan = shape.plan(organization, self._budget_or_none)
        require_new(self.caller, organization, plan)
        budget = services.create_budget(
            organization, plan, now=timezone.now(), reason=shape.why
        )
        return Answered(budget_out(budget), status=201)

    @answers(s200=BudgetOut)
    @extend_schema(parameters=[IF_MATCH])
    def partial_update(self, request: Request, uid: str) -> Response:
        """Change a budget; what that concerns is charged anew."""
        budget = self._budget(uid)
        shape = BudgetIn(budget, data=request.data, partial=True)
        shape.is_valid(raise_exception=True)
        plan = shape.plan(budget.organization, self._budget_or_none)
        require_change(self.caller, budget, plan)
        changed = services.change_budget(
            budget, plan, now=timezone.now(), reason=shape.why, seen=self.seen()
        )
        return tagged(Answered(budget_out(changed)), version_of(changed))

    @answers(s204=None)
    @extend_schema(parameters=[IF_MATCH])
    def destroy(self, request: Request, uid: str) -> Response:
        """Archive a budget: it ends now, and what it was charged for stays."""
        budget = self._budget(uid)
        require(self.caller, Action.ARCHIVE, budget)
        services.archive_budget(budget, now=timezone.now(), seen=self.seen())
        return Response(status=204)

    @answers(s200=BudgetStatusOut)
    @extend_schema(parameters=[AT])
    @action(detail=True)
    def status(self, request: Request, uid: str) -> Response:
        """Tell where a budget stands in the period that contains the moment."""
        budget, now = self._budget(uid), timezone.now()
        return Answered(status_out(status_at(budget, at=_at(request), now=now)))

    @answers(s200=VarianceOut)
    @extend_schema(parameters=[AT])
    @action(detail=True)
    def variance(self, request: Request, uid: str) -> Response:
        """Tell how far spend is from an even pace, and what explains it."""
        budget, now = self._budget(uid), timezone.now()
        at = _at(request)
        found = status_at(budget, at=at, now=now)
        is_known = budget.backfill_id is None
        until = at if at is not None and at < now else None
        parts = variance_parts(found, until=until) if is_known else None
        return Answered(variance_out(found, at or now, parts))

    @answers(s200=Sequence[BudgetPeriodOut])
    @extend_schema(
        parameters=[
            OpenApiParameter(
                "at",
                str,
                description="A moment: the period that contains it alone, with the "
                "amount of then and what was spent up to then.",
            )
        ]
    )
    @action(detail=True)
    def periods(self, request: Request, uid: str) -> Response:
        """List a budget's periods, newest first."""
        budget, now = self._budget(uid), timezone.now()
        rows = periods_of(budget, at=_at(request), now=now)
        return Answered(periods_out(rows, now))

    @answers(s201=BudgetOut)
    @extend_schema(request=OverrideIn)
    @action(detail=True, methods=["post"])
    @idempotent
    def overrides(self, request: Request, uid: str) -> Response:
        """Give one value of a template its own amount; null: the template's again.

        Where there is no budget for the value yet, it is made. More, where the template
        is the topmost budget of an owner's own, is a request: 403, `needs_request`.
        """
        template = self._budget(uid)
        require(self.caller, Action.CHANGE, template)
        shape = OverrideIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given = shape.validated_data
        require_override(self.caller, template, given["value"], given["amount"])
        made = override(
            template,
            given["value"],
            given["amount"],
            now=timezone.now(),
            reason=given.get("reason", ""),
        )
        return Answered(budget_out(made), status=201)

    @answers(s200=UnitCostsOut)
    @extend_schema(
        operation_id="budgets_unit_cost_retrieve",
        parameters=[
            OpenApiParameter(
                "per",
                str,
                description="request (unless given), user, customer (a tag of that "
                "name), tag:<name> or outcome:<name>.",
            ),
            OpenApiParameter("start_date", str, description="The period's beginning."),
            OpenApiParameter("end_date", str, description="Exclusive; a day is whole."),
            OpenApiParameter("interval", enum=[*INTERVALS], default="day"),
        ],
    )
    @action(detail=True, url_path="unit-cost", url_name="unit-cost")
    def unit_cost(self, request: Request, uid: str) -> Response:
        """Tell what one request, user or outcome cost, over time and in all."""
        budget, query = self._budget(uid), request.query_params
        per = Per.of(query.get("per") or REQUEST)
        interval = query.get("interval") or "day"
        known_words([interval], INTERVALS, "interval")
        span = span_asked(budget, query, now=timezone.now())
        found = unit_costs(budget, per, span, interval)
        return Answered(unit_costs_out(budget, per, interval, found))

    @answers(s200=Sequence[BudgetNodeOut])
    @extend_schema(
        parameters=[
            ORGANIZATION,
            AT,
            OpenApiParameter(
                "currency",
                str,
                description="An ISO 4217 code: `consolidated` has amounts in it, "
                "at the rates of the moment's day (UTC).",
            ),
        ]
    )
    @action(detail=False)
    def tree(self, request: Request) -> HttpResponseBase:
        """Return the organization's budgets, nested, each with its status."""
        organization, at = self.organization(), _at(request) or timezone.now()
        asked = request.query_params.get("currency")
        currency = known_currency(asked) if asked else None
        roots, sums = tree_of(organization, at=at), None
        if roots and currency:
            consolidation = Consolidation(organization, currency, at)
            sums = ConsolidatedTree(roots[0].tree, consolidation)
        if is_deep(roots):
            content = deep_trees_json(roots, sums)
            return HttpResponse(content, content_type="application/json")
        return Answered([node_out(root, sums) for root in roots])

    @answers(s200=Sequence[BudgetConflictOut])
    @extend_schema(parameters=[ORGANIZATION])
    @action(detail=False)
    def conflicts(self, request: Request) -> Response:
        """List what does not fit together: amounts, scopes, periods, currencies."""
        found = conflicts_of(self.organization(), now=timezone.now())
        return Answered([conflict_out(clash) for clash in found])

    def _filtered(self, request: Request) -> QuerySet[Budget]:
        query = request.query_params
        rows = self.get_queryset()
        if slug := query.get("organization_id"):
            rows = rows.filter(
                organization=organization_named(slug, caller=self.caller)
            )
        if not truth(query.get("archived"), "archived"):
            rows = rows.filter(archived_at=None)
        if name := query.get("name"):
            rows = rows.filter(name__icontains=name)
        if periods := listed(query.get("period")):
            rows = rows.filter(period__in=known_words(periods, Cadence, "period"))
        if parent := query.get("parent"):
            rows = rows.filter(parent=self._budget(parent))
        return rows

    def _budget(self, uid: str) -> Budget:
        return budget_or_404(uid, self.caller)

    def _budget_or_none(self, uid: str) -> Budget | None:
        return row_or_none(self.get_queryset(), uid)

    def _organization_for(self, given: dict[str, Any]) -> Organization:
        slug = given.get("organization_id")
        if slug and self.caller.organization_id is None and self.caller.user_id is None:
            return organization_for(slug)  # named for the first time, it is made
        return organization_named(slug, caller=self.caller)


def _at(request: Request) -> datetime | None:
    text = request.query_params.get("at")
    return moment_of(text, "at") if text else None
