"""The page of one budget, to read: where it stands, what watches it, how it came to be.

What takes a look at many days (forecast, variance, hours, unit cost) comes after it.
"""

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.permissions import Action
from accounts.tenants import TenantHistoryAdmin, person
from approvals.models import BudgetRequest
from budgets.drivers import currency_of, drivers_of
from budgets.errors import NoPeriod
from budgets.models import Budget
from budgets.permissions import may, whom_to_ask
from budgets.status import status_at
from budgets.unit_costs import REQUEST, Per, unit_costs
from budgets.variances import variance_parts
from console.budgets.budget_parts import (
    alerts_part,
    facts_of,
    history_part,
    periods_part,
    requests_part,
    rules_part,
    why_part,
)
from console.budgets.form_page import (
    lines_of,
    outline_of,
    shown_budget,
    shown_standing,
    tools_of,
    trail_to,
)
from console.budgets.heat import heat_picture
from console.budgets.lines import BudgetRow
from console.budgets.templates import made_of
from console.budgets.tree import Outline
from console.budgets.unit_cost_page import sentence_of as unit_sentence
from console.budgets.unit_cost_page import window_of
from console.budgets.variance_page import lines_of as variance_lines
from console.budgets.variance_page import named, variance_sentence
from console.forecasts.figures import foreseen
from console.forecasts.forecast_page import course_of
from console.forecasts.sentences import lead_of
from console.pages import Pages
from lib.humanize import locale_of, when

MOST_CHILDREN = 25
_UNIT_DAYS = 30


class BudgetPages(Pages, TenantHistoryAdmin):
    """The pages of budgets, which know what was changed."""


def budget_page(
    request: HttpRequest, pages: BudgetPages, budget_id: int
) -> HttpResponse:
    """Answer where a budget stands and why, without a form."""
    budget = shown_budget(request, budget_id)
    outline = outline_of(request, budget.organization)
    may_change = may(person(request), Action.CHANGE, budget)
    context = pages.page(
        request,
        title=budget.name,
        organization=budget.organization,
        budget=budget,
        trail=trail_to(outline, budget)[:-1],
        may_change=may_change and not budget.archived_at,
        tools=tools_of(request, budget),
        ask="" if may_change else whom_to_ask(budget, person(request)),
        **shown_standing(request, outline, budget),
        **made_of(budget),
        facts=facts_of(budget),
        **_children(outline, budget),
        **alerts_part(budget, outline.locale),
        **rules_part(budget),
        requests=requests_part(
            BudgetRequest.objects.filter(budget=budget),
            person(request),
            outline.now,
            outline.locale,
        ),
        periods=periods_part(budget),
        lines=lines_of(outline, budget),
        changes=history_part(request, pages, budget),
        why=why_part(budget, request.GET.get("usage", "").strip()),
    )
    return TemplateResponse(request, "console/budgets/page.html", context)


def _children(outline: Outline, budget: Budget) -> dict[str, Any]:
    """Return the budgets in use right below. Three queries, or none."""
    in_use = [
        one
        for one in outline.families.get(budget.pk, ())
        if outline.leaves[one].archived_at is None
    ]
    shown = set(in_use[:MOST_CHILDREN])
    rows = outline.lines(sorted(shown, key=in_use.index), set(), shown) if shown else []
    rest = outline.rest(budget.pk, 1) if in_use and not budget.is_template else None
    return {
        "children": [row for row in rows if isinstance(row, BudgetRow)],
        "more_children": len(in_use) - len(shown),
        "rest": rest,
    }


def behind_part(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer what is loaded after the page: what looks at many days."""
    budget = shown_budget(request, budget_id)
    locale = locale_of(request)
    context = {
        "budget": budget,
        "locale": locale,
        **_forecast(budget, locale),
        **_variance(budget, locale),
        "heat": heat_picture(budget, timezone.now(), locale),
        "unit": _unit_cost(budget, locale),
    }
    return TemplateResponse(request, "console/budgets/page_behind.html", context)


def _forecast(budget: Budget, locale: str) -> dict[str, Any]:
    try:
        found = foreseen(budget, timezone.now(), locale)
    except NoPeriod:
        return {}
    return {"forecast": lead_of(found), "course": course_of(found)}


def _variance(budget: Budget, locale: str) -> dict[str, Any]:
    now = timezone.now()
    found = status_at(budget, at=None, now=now)
    window = found.window
    parts = variance_parts(found, until=None) if budget.backfill_id is None else None
    end = min(now, window.end)
    drivers = drivers_of(budget, window.start, end) if end > window.start else []
    words = when(window, ZoneInfo(budget.timezone))
    return {
        "sentence": variance_sentence(found, words, locale),
        "parts": variance_lines(parts) if parts else [],
        "drivers": named(drivers),
        "currency": currency_of(budget),
    }


def _unit_cost(budget: Budget, locale: str) -> str:
    window = window_of(budget, _UNIT_DAYS, timezone.now())
    per = Per.of(REQUEST)
    found = unit_costs(budget, per, window, "day")
    return unit_sentence(budget, per, found, f"{_UNIT_DAYS} days", locale)
