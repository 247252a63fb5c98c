"""The page of what a budget's spend consists of."""

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from budgets.breakdowns import BREAKDOWNS, costs_by_day
from budgets.drivers import currency_of
from budgets.paths import ways_of
from console.forecasts.figures import ForecastWriter
from console.forecasts.spend import DAYS, Breakdown, lead_of, pictures_of
from console.pages import Pages, budget_or_404
from lib.humanize import locale_of
from lib.periods import DAY

_WORDS = {"user": "person"}


def spend_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer the last days by model, project and so on: `?by=project`."""
    budget = budget_or_404(request, budget_id)
    asked = request.GET.get("by", "")
    by = asked if asked in BREAKDOWNS else BREAKDOWNS[0]
    today = timezone.now().date()
    found = Breakdown(
        word=_WORDS.get(by, by),
        costs=costs_by_day(budget, by, today - (2 * DAYS - 1) * DAY, today + DAY),
        today=today,
        writer=ForecastWriter(currency_of(budget), locale_of(request)),
    )
    context = pages.page(
        request,
        title=f"Spend of {budget.name}",
        here="Spend",
        budget=budget,
        way=ways_of([budget])[budget.pk],
        lead=lead_of(found, budget.name),
        pictures=pictures_of(found),
        choices=[(one, _WORDS.get(one, one).capitalize()) for one in BREAKDOWNS],
        by=by,
    )
    return TemplateResponse(request, "console/forecasts/spend.html", context)
