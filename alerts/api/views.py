"""The API of alerts: shapes in, services, shapes out."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, visible_to
from accounts.api.base import IF_MATCH, ApiView, ApiViewSet, tagged
from accounts.audit import giving
from accounts.models import User
from accounts.permissions import Action
from accounts.scopes import Scope
from alerts import services
from alerts.api.answers import (
    AlertConfigurationOut,
    AlertOut,
    alert_out,
    configuration_out,
)
from alerts.api.schemas import AcknowledgeIn, ConfigurationIn, SnoozeIn
from alerts.changes import version_of
from alerts.configuration import configure
from alerts.links import told_to
from alerts.models import Alert, AlertState, RuleType, Severity
from budgets.api.lookups import budget_or_404
from budgets.models import Budget
from budgets.permissions import require
from lib.answers import Answered, PageOut, answers
from lib.errors import Invalid
from lib.lookups import row_or_404
from lib.query_params import known_words, listed, truth
from lib.tables import CsvRenderer


class AlertViewSet(ApiViewSet):
    """Alerts: what is wrong with which budget, who was told, who takes care of it."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.ALERTS_WRITE
    queryset = Alert.objects.none()
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    lookup_field = "uid"
    lookup_value_regex = "[^/]+"
    query_parameters = frozenset(
        {"organization_id", "state", "type", "severity", "budget", "mine"}
    )

    def get_queryset(self) -> QuerySet[Alert]:
        rows = Alert.objects.with_names().prefetch_related("events")
        return visible_to(self.caller, rows)

    @answers(s200=PageOut[AlertOut])
    @extend_schema(
        parameters=[
            OpenApiParameter("organization_id", str),
            OpenApiParameter("state", str, description="One or more, with commas."),
            OpenApiParameter("type", str, description="One or more, with commas."),
            OpenApiParameter("severity", str, description="One or more, with commas."),
            OpenApiParameter("budget", str, description="Of it and those below it."),
            OpenApiParameter(
                "mine",
                bool,
                description="Of my budgets, or told to me, or taken by me.",
            ),
        ]
    )
    def list(self, request: Request) -> Response:
        """List alerts, newest first, each with its timeline."""
        return self.listing(self._filtered(request), alert_out)

    @answers(s200=AlertOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        """Return one alert with its timeline."""
        return Answered(alert_out(self._alert(uid)))

    @answers(s200=AlertOut)
    @extend_schema(request=AcknowledgeIn)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, uid: str) -> Response:
        """Take care of an alert: nobody else is told, for 4 hours if not said."""
        alert, now = self._alert(uid), timezone.now()
        until = _until(AcknowledgeIn(data=request.data), now)
        services.acknowledge(alert, by=self.caller.name, until=until, now=now)
        return Answered(alert_out(self._alert(uid)))

    @answers(s200=AlertOut)
    @extend_schema(request=SnoozeIn)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, uid: str) -> Response:
        """Tell nobody for a while; then the telling begins anew."""
        alert, now = self._alert(uid), timezone.now()
        until = _until(SnoozeIn(data=request.data), now) or now
        services.snooze(alert, by=self.caller.name, until=until, now=now)
        return Answered(alert_out(self._alert(uid)))

    @answers(s200=AlertOut)
    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, uid: str) -> Response:
        """Close an alert; it fires again once its condition has come back."""
        services.resolve(self._alert(uid), by=self.caller.name, now=timezone.now())
        return Answered(alert_out(self._alert(uid)))

    @answers(s200=AlertOut)
    @extend_schema(request=None)
    @action(detail=True, methods=["post"], url_path="not-an-anomaly")
    def not_an_anomaly(self, request: Request, uid: str) -> Response:
        """Close an alert about an unusual day, and remember that it was fine."""
        alert = self._alert(uid)
        services.not_an_anomaly(alert, by=self.caller.name, now=timezone.now())
        return Answered(alert_out(self._alert(uid)))

    def _filtered(self, request: Request) -> QuerySet[Alert]:
        query = request.query_params
        rows = self.get_queryset()
        if slug := query.get("organization_id"):
            organization = organization_named(slug, caller=self.caller)
            rows = rows.filter(organization=organization)
        for name, known in (
            ("state", AlertState.values),
            ("type", RuleType.values),
            ("severity", Severity.values),
        ):
            if wanted := listed(query.get(name)):
                rows = rows.filter(**{f"{name}__in": known_words(wanted, known, name)})
        if uid := query.get("budget"):
            budget = budget_or_404(uid, self.caller)
            below = budget.get_descendants(include_self=True)
            rows = rows.filter(budget__in=below.order_by().values("pk"))
        if truth(query.get("mine"), "mine"):
            rows = rows.filter(self._mine())
        return rows

    def _mine(self) -> Q:
        if self.caller.user_id is None:
            raise Invalid.field("mine", "This API key belongs to no person.")
        user = User.objects.get(pk=self.caller.user_id)
        return (
            Q(budget__owner=user)
            | Q(acknowledged_by=user.email)
            | Q(uid__in=told_to(user.email))
        )

    def _alert(self, uid: str) -> Alert:
        return row_or_404(self.get_queryset(), uid, missing="There is no such alert.")


class BudgetAlerts(ApiView):
    """What watches one budget, and who is told one after the other."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.ALERTS_WRITE
    query_parameters = frozenset()

    @answers(s200=AlertConfigurationOut)
    def get(self, request: Request, uid: str) -> Response:
        """Return a budget's rules and escalation, and what it inherits."""
        return self._answer(self._budget(uid))

    @answers(s200=AlertConfigurationOut)
    @extend_schema(request=ConfigurationIn, parameters=[IF_MATCH])
    def put(self, request: Request, uid: str) -> Response:
        """Replace a budget's rules and escalation; what is left out stays.

        `dropped` says which rules are gone.
        """
        budget = self._budget(uid)
        require(self.caller, Action.WATCH, budget)
        shape = ConfigurationIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given = dict(shape.validated_data)
        if given.pop("budget_id", str(budget.uid)) != str(budget.uid):
            detail = "Is another budget than the one in the address."
            raise Invalid.field("budget_id", detail)
        with giving(given.pop("reason", "")):
            gone = configure(budget, given, now=timezone.now(), seen=self.seen())
        return self._answer(self._budget(uid), gone)

    def _answer(self, budget: Budget, gone: list[str] | None = None) -> Response:
        body = Answered(configuration_out(budget, gone))
        return tagged(body, version_of(budget))

    def _budget(self, uid: str) -> Budget:
        return budget_or_404(uid, self.caller)


def _until(shape: Any, now: datetime) -> datetime | None:
    shape.is_valid(raise_exception=True)
    given = shape.validated_data
    if "until" in given:
        until: datetime = given["until"]
        return until
    if not given:
        return None
    return now + timedelta(**given)
