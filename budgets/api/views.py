"""The API of budgets: shapes in, services, shapes out."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, visible_to
from accounts.api.base import ApiViewSet
from accounts.idempotency import idempotent
from accounts.models import Organization
from accounts.organizations import organization_for
from accounts.scopes import Scope
from budgets import services
from budgets.api.schemas import AmountLineOut, BudgetIn, body_of
from budgets.conflicts import Clash, conflicts_of
from budgets.drivers import drivers_of
from budgets.models import Budget, BudgetPeriod
from budgets.status import BudgetStatus, periods_of, status_at
from budgets.tree import TreeNode, tree_of
from lib.errors import NotFound
from lib.money import wire
from lib.query_params import listed, moment_of, truth
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
        rows = Budget.objects.select_related("organization", "parent", "owner")
        return visible_to(self.caller, rows)

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
        rows = self._filtered(request)
        page = self.paginate_queryset(rows)
        bodies = [body_of(budget) for budget in (rows if page is None else page)]
        if page is None:
            return Response(bodies)
        return self.get_paginated_response(bodies)

    def retrieve(self, request: Request, uid: str) -> Response:
        """Return one budget, with how far its backfill is while one runs."""
        return Response(body_of(self._budget(uid)))

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a budget and charge it for what was spent before."""
        shape = BudgetIn(data=request.data)
        shape.is_valid(raise_exception=True)
        organization = self._organization_for(shape.validated_data)
        plan = shape.plan(organization, self._budget_or_none)
        budget = services.create_budget(
            organization, plan, now=timezone.now(), reason=shape.why
        )
        return Response(body_of(budget), status=201)

    def partial_update(self, request: Request, uid: str) -> Response:
        """Change a budget; what that concerns is charged anew."""
        budget = self._budget(uid)
        shape = BudgetIn(budget, data=request.data, partial=True)
        shape.is_valid(raise_exception=True)
        plan = shape.plan(budget.organization, self._budget_or_none)
        changed = services.change_budget(
            budget, plan, now=timezone.now(), reason=shape.why
        )
        return Response(body_of(changed))

    def destroy(self, request: Request, uid: str) -> Response:
        """Archive a budget: it ends now, and what it was charged for stays."""
        services.archive_budget(self._budget(uid), now=timezone.now())
        return Response(status=204)

    @extend_schema(parameters=[AT])
    @action(detail=True)
    def status(self, request: Request, uid: str) -> Response:
        """Tell where a budget stands in the period that contains the moment."""
        budget, now = self._budget(uid), timezone.now()
        return Response(status_body(status_at(budget, at=_at(request), now=now)))

    @extend_schema(parameters=[AT])
    @action(detail=True)
    def variance(self, request: Request, uid: str) -> Response:
        """Tell how far spend is from an even pace, and what explains it."""
        budget, now = self._budget(uid), timezone.now()
        at = _at(request)
        return Response(variance_body(status_at(budget, at=at, now=now), at or now))

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
        return Response([period_body(row, now) for row in rows])

    @extend_schema(responses=AmountLineOut(many=True))
    @action(detail=True, pagination_class=None)
    def lines(self, request: Request, uid: str) -> Response:
        """List why a budget may spend what it may: the dated lines, oldest first.

        The amount of a moment is the sum of those with `effective_from` <= the moment
        < `effective_to` (null: for good).
        """
        rows = self._budget(uid).lines.all()
        return Response(AmountLineOut(rows, many=True).data)

    @extend_schema(parameters=[ORGANIZATION, AT])
    @action(detail=False)
    def tree(self, request: Request) -> Response:
        """Return the organization's budgets, nested, each with its status."""
        at = _at(request) or timezone.now()
        return Response(
            [node_body(root) for root in tree_of(self.organization(), at=at)]
        )

    @extend_schema(parameters=[ORGANIZATION])
    @action(detail=False)
    def conflicts(self, request: Request) -> Response:
        """List what does not fit together: amounts, scopes, periods, currencies."""
        found = conflicts_of(self.organization(), now=timezone.now())
        return Response([clash_body(clash) for clash in found])

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
            rows = rows.filter(period__in=periods)
        if parent := query.get("parent"):
            rows = rows.filter(parent=self._budget(parent))
        return rows

    def _budget(self, uid: str) -> Budget:
        found = self._budget_or_none(uid)
        if found is None:
            raise NotFound("There is no such budget.")
        return found

    def _budget_or_none(self, uid: str) -> Budget | None:
        try:
            key = UUID(uid)
        except ValueError:
            return None
        return self.get_queryset().filter(uid=key).first()

    def _organization_for(self, given: dict[str, Any]) -> Organization:
        slug = given.get("organization_id")
        if slug and self.caller.organization_id is None and self.caller.user_id is None:
            return organization_for(slug)  # named for the first time, it is made
        return organization_named(slug, caller=self.caller)


def _at(request: Request) -> datetime | None:
    text = request.query_params.get("at")
    return moment_of(text, "at") if text else None


def status_body(found: BudgetStatus) -> dict[str, Any]:
    """Return a status as the wire has it: money as strings, shares as numbers."""
    status, window = found.status, found.window
    budget = found.budget
    body: dict[str, Any] = {
        "budget": str(budget.uid),
        "name": budget.name,
        "status": status.status,
        "severity": status.severity,
        "currency": budget.currency,
        "limit": wire(status.limit),
        "total_spend": wire(status.total_spend),
        "reserved": wire(status.reserved),
        "remaining_budget": wire(status.remaining_budget),
        "utilization_percent": number(status.utilization_percent),
        "period_start": window.start,
        "period_end": window.end,
        "elapsed_days": status.elapsed_days,
        "remaining_days": status.remaining_days,
        "total_days": status.total_days,
        "time_utilization_percent": number(status.time_utilization_percent),
        "burn_rate": wire(status.burn_rate),
        "projected_spend": wire(status.projected_spend),
        "projected_overrun": wire(status.projected_overrun),
        "available_daily": wire(status.available_daily),
        "recommended_action": status.recommended_action(budget.currency),
        "requests": found.requests,
        "unpriced_requests": found.unpriced_requests,
        "late_spend": wire(found.late_spend),
    }
    if budget.backfill is not None:
        share = round(budget.backfill.share_done, 4)
        body["backfill"] = {"state": "running", "done": share}
    return body


def variance_body(found: BudgetStatus, at: datetime) -> dict[str, Any]:
    """Return a variance with the models, projects and users that explain it."""
    variance = found.variance
    end = max(min(at, found.window.end), found.window.start)
    drivers = (
        drivers_of(found.budget, found.window.start, end)
        if end > found.window.start
        else []
    )
    return {
        "budget": str(found.budget.uid),
        "currency": found.budget.currency,
        "expected_spend": wire(variance.expected_spend),
        "actual_spend": wire(variance.actual_spend),
        "absolute_variance": wire(variance.absolute_variance),
        "variance_percent": number(variance.variance_percent),
        "variance_category": variance.variance_category,
        "elapsed_percent": number(variance.elapsed_percent),
        "period_start": found.window.start,
        "period_end": found.window.end,
        "drivers_currency": found.budget.organization.currency,
        "drivers": [
            {
                **asdict(driver),
                "cost": wire(driver.cost),
                "previous": wire(driver.previous),
                "change": wire(driver.change),
                "share": number(driver.share),
            }
            for driver in drivers
        ],
    }


def node_body(node: TreeNode) -> dict[str, Any]:
    return {
        **status_body(node.status),
        "id": str(node.budget.uid),
        "allocated": wire(node.allocated),
        "unallocated": wire(node.unallocated),
        "children": [node_body(child) for child in node.children],
    }


def period_body(row: BudgetPeriod, now: datetime) -> dict[str, Any]:
    return {
        "start": row.starts_at,
        "end": row.ends_at,
        "amount": wire(row.amount),
        "carried_over": wire(row.carried_over),
        "adjusted": wire(row.adjusted),
        "spent": wire(row.spent),
        "reserved": wire(row.reserved),
        "late_spend": wire(row.late_spend),
        "status": _state_of(row, now),
        "closed_at": row.closed_at,
    }


def _state_of(row: BudgetPeriod, now: datetime) -> str:
    if row.closed_at is not None:
        return "closed"
    return "upcoming" if now < row.starts_at else "open"


def clash_body(clash: Clash) -> dict[str, Any]:
    return {
        "type": clash.kind,
        "message": clash.message,
        "budgets": [
            {"id": str(budget.uid), "name": budget.name} for budget in clash.budgets
        ],
        "amount": wire(clash.amount),
        "currency": clash.currency,
    }


def number(value: Decimal | None) -> float | None:
    """Return a share or percent, which is not money, as a JSON number."""
    return None if value is None else float(value)
