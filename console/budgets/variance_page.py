"""How far a budget's spend is from an even pace, and what makes the difference."""

from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from budgets.drivers import Driver, currency_of, drivers_of
from budgets.paths import ways_of
from budgets.status import BudgetStatus, status_at
from budgets.variance_parts import VarianceParts
from budgets.variances import variance_parts
from console.pages import Pages, budget_or_404
from ledger.addresses import records_address
from lib.humanize import locale_of, when
from lib.money import format_money, format_percent

_REASONS = (
    (
        "Volume",
        "volume",
        "What more, less, dearer or cheaper use than expected comes to.",
    ),
    (
        "Price",
        "price",
        "What other prices than those of the period before come to: for a token of "
        "each model, or a request without tokens.",
    ),
    (
        "Currency",
        "currency",
        "What other exchange rates than those of the period's first day come to.",
    ),
)


@dataclass(frozen=True, slots=True)
class VarianceLine:
    """One step on the way from what was expected to what was spent."""

    name: str
    why: str
    amount: Decimal  # in the budget's currency


def variance_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer the variance of the present period, with its parts and its drivers."""
    budget = budget_or_404(request, budget_id)
    now = timezone.now()
    found = status_at(budget, at=None, now=now)
    window = found.window
    is_known = budget.backfill_id is None
    parts = variance_parts(found, until=None) if is_known else None
    end = min(now, window.end)
    drivers = drivers_of(budget, window.start, end) if end > window.start else []
    period = when(window, ZoneInfo(budget.timezone))
    context = pages.page(
        request,
        title=f"Variance of {budget.name}",
        budget=budget,
        way=ways_of([budget])[budget.pk],
        here="Variance",
        sentence=variance_sentence(found, period, locale_of(request)),
        variance=found.variance,
        lines=lines_of(parts) if parts else [],
        drivers=named(drivers),
        currency=currency_of(budget),
        period=period,
        records=records_address(budget.organization.slug, window, budget=budget.pk),
    )
    return TemplateResponse(request, "console/budgets/variance.html", context)


def lines_of(parts: VarianceParts) -> list[VarianceLine]:
    """Return the parts in the order of the bridge, each with what it means."""
    return [
        VarianceLine(name, why, getattr(parts, field)) for name, field, why in _REASONS
    ]


def named(drivers: list[Driver]) -> list[Driver]:
    """Keep what carries a name and cost something, or did before."""
    return [one for one in drivers if one.name and (one.cost or one.previous)]


def variance_sentence(found: BudgetStatus, period: str, locale: str) -> str:
    """Say the answer first."""
    budget, variance = found.budget, found.variance

    def money(amount: Decimal) -> str:
        return format_money(abs(amount), budget.currency, locale)

    spent = money(variance.actual_spend)
    expected = money(variance.expected_spend)
    away = variance.absolute_variance
    if not away:
        return f"{budget.name} has spent {spent} {period}, as an even pace has it."
    share = variance.variance_percent
    percent = f", {format_percent(abs(share) / 100, locale)}" if share else ""
    than = "more" if away > 0 else "less"
    return (
        f"{budget.name} has spent {spent} {period}: {money(away)}{percent} {than} "
        f"than the {expected} that an even pace expects by now."
    )
