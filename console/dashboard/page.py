"""The dashboard: the first page of everybody who enters the admin."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.permissions import Action
from budgets.permissions import may_somewhere
from console.alerts.spans import SPAN_CONTEXT
from console.budgets.first_steps import steps_of
from console.budgets.tree_page import organization_asked
from console.dashboard.desk import Desk
from console.dashboard.spend import MOVED_BY, late_spend_of, movers_part
from console.dashboard.standing import figures_of, standing_of
from console.dashboard.waiting import firing_of, waiting_of
from console.pages import organizations_to_choose
from ledger.models import CostRecord

_TEMPLATE = "console/dashboard/dashboard.html"


def dashboard_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Answer where one organization stands, as who asks has to know it."""
    context: dict[str, Any] = site.each_context(request) | {"title": "Dashboard"}
    organization = organization_asked(request)
    if organization is None:
        return TemplateResponse(request, _TEMPLATE, context)
    desk = Desk.of(request, organization, timezone.now())
    if request.GET.get("part") == "moved":
        return _moved_part(request, desk)
    context |= {
        "organization": organization,
        "organizations": organizations_to_choose(request),
        "desk": desk,
        "last_record": _last_record(desk),
        **_figures(request, desk),
        "firing": firing_of(request, desk),
        "waiting": waiting_of(desk),
        "steps": steps_of(request, organization, has_budget=bool(desk.outline.leaves)),
        "may_add": may_somewhere(desk.user, Action.MAKE, organization),
        **SPAN_CONTEXT,
    }
    return TemplateResponse(request, _TEMPLATE, context)


def _moved_part(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Answer what is loaded after the page: what changed, of two weeks of daily spend
    by everything that costs are told by."""
    context = {
        "organization": desk.organization,
        "movers": movers_part(desk, desk.question(), _moved_by(request)),
        "choices": MOVED_BY.items(),
    }
    return TemplateResponse(request, "console/dashboard/movers.html", context)


def _moved_by(request: HttpRequest) -> str:
    asked = request.GET.get("by", "")
    return asked if asked in MOVED_BY else next(iter(MOVED_BY))


def _figures(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    """Return the amounts: from counters and daily spend, never from records."""
    late = late_spend_of(desk, desk.question())
    standing = standing_of(desk)
    return {
        "standing": standing,
        "figures": figures_of(desk, standing, late),
        "late": late,
        "moved_by": _moved_by(request),
    }


def _last_record(desk: Desk) -> Any:
    """Return when the latest record was used; None: there is none. One row."""
    rows = CostRecord.objects.filter(organization=desk.organization)
    return rows.order_by("-timestamp").values_list("timestamp", flat=True).first()
