"""Which budgets are guarded."""

from typing import Any

from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from budgets.models import Enforcement
from console.pages import Pages, budgets_of, search_of
from controls.models import KillSwitch

_NOTHING = (
    "Guardrails belong to budgets: each decides about the calls that its budget and "
    "those below it are charged for, before they cost anything."
)


def rules_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer which budgets are guarded, and a search for others."""
    mine = budgets_of(request).filter(archived_at=None)
    off = KillSwitch.objects.filter(budget=OuterRef("pk"))
    rows = mine.annotate(own=Count("control_rules"), off=Exists(off))
    guarded = Q(own__gt=0) | Q(off=True) | Q(enforcement=Enforcement.HARD)
    context = pages.page(
        request,
        title="Guardrails",
        search=search_of(request, rows, guarded),
        nothing=_NOTHING,
        columns=[("Own rules", True), ("Limit", False), ("Calls", False)],
        sentence=_overview(mine),
    )
    return TemplateResponse(request, "console/controls/rules.html", context)


def _overview(mine: Any) -> str:
    """Say how many budgets are guarded, and by what."""
    active = mine.order_by()
    ruled = active.filter(control_rules__isnull=False).distinct().count()
    off = active.filter(kill_switch__isnull=False).count()
    hard = active.filter(enforcement=Enforcement.HARD).count()
    parts = []
    if ruled:
        parts.append(f"{_budgets(ruled, 'has', 'have')} rules")
    if hard:
        parts.append(f"{_budgets(hard, 'has', 'have')} a hard limit")
    if off:
        parts.append(f"{_budgets(off, 'is', 'are')} switched off")
    if not parts:
        return "Nothing is guarded yet: whatever is asked for is allowed."
    return f"{', '.join(parts)}."


def _budgets(count: int, one: str, many: str) -> str:
    return f"{count} budget {one}" if count == 1 else f"{count} budgets {many}"
