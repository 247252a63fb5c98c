"""The page of a budget's forecast: what its period comes to, and how sure that is."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from budgets.errors import NoPeriod
from budgets.paths import ways_of
from console.drawings import Picture
from console.forecasts.accuracy import sentences_of, tried, tried_picture
from console.forecasts.figures import Foreseen, foreseen
from console.forecasts.pictures import course_picture, days_picture
from console.forecasts.sentences import figures_of, lead_of, notes_of
from console.pages import Pages, budget_or_404
from forecasts.records import told_of
from lib.humanize import locale_of, stretch
from reports.rendering import svg_of
from reports.themes import Theme


def forecast_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer what the budget's present period comes to."""
    budget = budget_or_404(request, budget_id)
    context = pages.page(
        request,
        title=f"Forecast of {budget.name}",
        here="Forecast",
        budget=budget,
        way=ways_of([budget])[budget.pk],
    )
    try:
        found = foreseen(budget, timezone.now(), locale_of(request))
    except NoPeriod:
        return TemplateResponse(request, "console/forecasts/no_period.html", context)
    course = found.course
    context |= {
        "lead": lead_of(found),
        "period": stretch(found.window, found.zone),
        "figures": figures_of(found, course) if course else [],
        "notes": notes_of(found, course) if course else [],
        "pictures": [course_of(found), days_picture(found)],
        **_accuracy(found),
    }
    return TemplateResponse(request, "console/forecasts/forecast.html", context)


def _accuracy(found: Foreseen) -> dict[str, Any]:
    """Return how well forecasts did so far. Two queries."""
    own, told = tried(found), told_of(found.budget, now=found.now)
    return {
        "accuracy": sentences_of(found, own, told),
        "tried": tried_picture(found, own) if own.forecasts else None,
    }


def course_of(found: Foreseen) -> Picture:
    url = reverse("admin:budgets_budget_forecast_picture", args=[found.budget.pk])
    return course_picture(found, url)


def forecast_picture(
    request: HttpRequest, pages: Pages, budget_id: int
) -> HttpResponse:
    """Answer the chart of the period, drawn for paper.

    Raises:
        Http404: the budget has no period now.
    """
    budget = budget_or_404(request, budget_id)
    try:
        found = foreseen(budget, timezone.now(), locale_of(request))
    except NoPeriod as none:
        raise Http404(str(none)) from none
    drawn = svg_of(course_of(found).spec, Theme.PRINT)
    return HttpResponse(
        drawn,
        content_type="image/svg+xml",
        headers={"Content-Disposition": 'inline; filename="forecast.svg"'},
    )
