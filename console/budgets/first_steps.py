"""The first steps of an organization: a budget, a key, usage, and an alert that reached
somebody."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import ApiKey, Organization
from accounts.permissions import Action
from accounts.scopes import Scope
from accounts.tenants import may, person
from alerts.steps import ALERT_KEYS
from budgets.permissions import may_somewhere
from console.pages import Pages, organization_or_404
from ledger.models import CostRecord
from lib.humanize import ago
from notifications.models import Delivery, DeliveryState

STOP_POLLING = 286  # what htmx takes for the last answer of its kind


@dataclass(frozen=True, slots=True)
class Steps:
    """What is done of them, and what the person may do; empty addresses: not theirs."""

    organization: Organization
    has_budget: bool
    has_key: bool
    arrived: str  # how long ago the latest record was; "" while none is there
    new_budget: str
    new_key: str
    arrival: str  # the address that says whether a record came in
    is_heard: bool  # an alert was delivered to somebody
    new_channel: str
    rules: str  # the address of what alerts whom

    @property
    def are_done(self) -> bool:
        return bool(self.has_budget and self.has_key and self.arrived and self.is_heard)


def steps_of(
    request: HttpRequest, organization: Organization, *, has_budget: bool
) -> Steps:
    """Return where *organization* stands. At most four queries."""
    budget = {"organization": organization.slug}
    key = {"organization": organization.pk}
    makes_budgets = may_somewhere(person(request), Action.MAKE, organization)
    makes_keys = may(request, Scope.ADMIN, organization)
    alerts = may(request, Scope.ALERTS_WRITE, organization)
    return Steps(
        organization=organization,
        has_budget=has_budget,
        has_key=_has_key(organization),
        arrived=arrived(organization),
        new_budget=_url("budgets_budget_add", budget) if makes_budgets else "",
        new_key=_url("accounts_apikey_add", key) if makes_keys else "",
        arrival=arrival_url(organization),
        is_heard=_is_heard(organization),
        new_channel=_url("notifications_channel_add", budget) if alerts else "",
        rules=_url("alerts_alertrule_changelist", budget) if alerts else "",
    )


def arrival_url(organization: Organization) -> str:
    return _url("budgets_budget_arrival", {"organization": organization.slug})


def arrived(organization: Organization) -> str:
    """Say how long ago the latest record of *organization* was; "" without one."""
    rows = CostRecord.objects.filter(organization=organization)
    moment = rows.order_by("-timestamp").values_list("timestamp", flat=True).first()
    return "" if moment is None else ago(moment, timezone.now())


def arrival_part(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer whether a record came in; once one has, that need not be asked again."""
    organization = organization_or_404(request, request.GET.get("organization", ""))
    context: dict[str, Any] = {
        "organization": organization,
        "arrived": arrived(organization),
    }
    return TemplateResponse(
        request,
        "console/budgets/arrival.html",
        context,
        status=STOP_POLLING if context["arrived"] else 200,
    )


def _has_key(organization: Organization) -> bool:
    in_force = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    keys = ApiKey.objects.filter(in_force, organization=organization, revoked_at=None)
    return keys.exists()


def _is_heard(organization: Organization) -> bool:
    delivered = Delivery.objects.filter(
        organization=organization, state=DeliveryState.DELIVERED
    )
    return delivered.filter(key__startswith=ALERT_KEYS).exists()


def _url(name: str, query: dict[str, Any]) -> str:
    return f"{reverse(f'admin:{name}')}?{urlencode(query)}"
