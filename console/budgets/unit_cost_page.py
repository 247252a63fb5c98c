"""What one request, user, customer or outcome cost a budget, over time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from budgets.models import Budget
from budgets.paths import ways_of
from budgets.unit_costs import (
    CUSTOMER,
    OUTCOME,
    REQUEST,
    USER,
    Per,
    UnitCost,
    UnitCosts,
    outcome_names,
    unit_costs,
)
from console.drawings import Picture
from console.pages import Pages, budget_or_404
from lib.errors import Invalid
from lib.humanize import date_words, locale_of
from lib.measures import MONEY
from lib.money import format_money
from lib.periods import Window, day_of, start_of
from reports.charts import units_chart
from reports.figures import UnitPoint

SPANS = {
    "30": ("30 days", "day"),
    "90": ("90 days", "week"),
    "365": ("12 months", "month"),
}
_INTERVALS = {"day": "Day", "week": "Week from", "month": "Month from"}
_USUAL = "30"
_NOUNS = {REQUEST: "request", USER: "user", f"tag:{CUSTOMER}": "customer"}


_HEIGHT = 180  # pixels, with its axis


def unit_cost_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer what one of something cost in the last weeks or months."""
    budget = budget_or_404(request, budget_id)
    choices = choices_of(budget)
    per = _per(request.GET.get("per", ""), choices)
    span = request.GET.get("span", _USUAL)
    span = span if span in SPANS else _USUAL
    words, interval = SPANS[span]
    window = window_of(budget, int(span), timezone.now())
    found = unit_costs(budget, per, window, interval)
    context = pages.page(
        request,
        title=f"Unit cost of {budget.name}",
        budget=budget,
        way=ways_of([budget])[budget.pk],
        choices=choices,
        per=str(per),
        here="Unit cost",
        spans=[(value, word) for value, (word, _) in SPANS.items()],
        span=span,
        sentence=sentence_of(budget, per, found, words, locale_of(request)),
        drawn=picture_of(budget, per, found, interval, locale_of(request))
        if found.total.count or found.total.cost
        else None,
        knows_outcomes=any(value.startswith(OUTCOME) for value, _ in choices),
    )
    return TemplateResponse(request, "console/budgets/unit_cost.html", context)


def choices_of(budget: Budget) -> list[tuple[str, str]]:
    """Return what costs may be held against, with words. One query."""
    outcomes = [(f"{OUTCOME}:{name}", name) for name in outcome_names(budget)]
    return [*_NOUNS.items(), *outcomes]


def sentence_of(
    budget: Budget, per: Per, found: UnitCosts, words: str, locale: str
) -> str:
    """Say the answer first."""
    each, count = found.total.each, found.total.count
    if each is None:
        return f"No {_noun(per)} was counted for {budget.name} in the last {words}."
    one = format_money(each, budget.currency, locale)
    cost = format_money(found.total.cost, budget.currency, locale)
    counted = f"{count:,} {_noun(per) if count == 1 else _counted(per)}"
    verb = "cost" if budget.unit == MONEY else "used"
    return (
        f"In the last {words} {budget.name} {verb} {one} for each of {counted}, {cost} "
        "in all."
    )


def picture_of(
    budget: Budget, per: Per, found: UnitCosts, interval: str, locale: str
) -> Picture:
    """Draw what one cost in each *interval*, with the figures behind it, and all."""
    zone, noun = ZoneInfo(budget.timezone), _noun(per)

    def money(amount: Decimal | None) -> str:
        if amount is None:
            return "\N{EN DASH}"
        return format_money(amount, budget.currency, locale)

    def figures(point: UnitCost) -> tuple[str, str, str]:
        return money(point.cost), f"{point.count:,}", money(point.each)

    days = [date_words(day_of(one.window.start, zone)) for one in found.points]
    lines = zip(days, map(figures, found.points), strict=True)
    points = [
        UnitPoint(
            place=place,
            at=one.window.start.astimezone(zone),
            each=one.each,
            words=f"{days[place]}: {money(one.each)}",
        )
        for place, one in enumerate(found.points)
    ]
    is_money = budget.unit == MONEY
    average = "; the line is the average of all" if found.total.each else ""
    return Picture(
        name="co-units",
        title=f"What one {noun} {'cost' if is_money else 'used'}",
        words=f"Each bar is a {interval} in {budget.timezone}{average}.",
        spec=units_chart(points, average=found.total.each, currency=budget.currency),
        height=_HEIGHT,
        columns=(
            _INTERVALS[interval],
            "Cost" if is_money else "Used",
            _counted(per).capitalize(),
            "Each",
        ),
        rows=[
            *((day, *told) for day, told in lines),
            ("In all", *figures(found.total)),
        ],
    )


def _per(text: str, choices: Sequence[tuple[str, str]]) -> Per:
    try:
        return Per.of(text or REQUEST)
    except Invalid:  # an address that somebody changed
        return Per.of(choices[0][0])


def _noun(per: Per) -> str:
    return _NOUNS.get(str(per), per.name)


def _counted(per: Per) -> str:
    """Return what many of it are called; an outcome has one name for one and many."""
    return _noun(per) if per.kind == OUTCOME else f"{_noun(per)}s"


def window_of(budget: Budget, days: int, now: datetime) -> Window:
    """Return the last *days* of the budget's zone, today included."""
    zone = ZoneInfo(budget.timezone)
    today = day_of(now, zone)
    first = today - timedelta(days=days - 1)
    return Window(start_of(first, zone), start_of(today + timedelta(days=1), zone))
