"""Which budgets have alert rules of their own."""

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from alerts.models import AlertRule
from console.pages import Pages, budgets_of, search_of

_NOTHING = (
    "Rules belong to budgets: each watches what its budget and those below it spend."
)


def rules_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer which budgets have rules of their own, and a search for others."""
    mine = budgets_of(request)
    rows = mine.filter(archived_at=None).annotate(
        own=Count("alert_rules", distinct=True), ladders=Count("escalation")
    )
    context = pages.page(
        request,
        title="Alert rules",
        search=search_of(request, rows, Q(own__gt=0) | Q(ladders__gt=0)),
        nothing=_NOTHING,
        columns=[("Own rules", True), ("Escalation", False)],
        total=AlertRule.objects.filter(budget__in=mine.order_by()).count(),
    )
    return TemplateResponse(request, "console/alerts/rules.html", context)
