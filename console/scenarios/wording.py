"""What is assumed, in words."""

from collections.abc import Iterator
from decimal import Decimal

from forecasts.assumptions import Assumptions
from forecasts.swaps import SwapEffect
from lib.humanize import reader_locale
from lib.money import format_money, format_percent

_ONE = Decimal(1)


def assumption_words(assumed: Assumptions, currency: str) -> Iterator[str]:
    """Yield what is *assumed*, each as a phrase; amounts with their *currency*."""
    locale = reader_locale()

    def money(amount: Decimal) -> str:
        return format_money(amount, currency, locale) if currency else f"{amount:,f}"

    if assumed.growth:
        way = "more" if assumed.growth > 0 else "less"
        yield f"{format_percent(abs(assumed.growth), locale)} {way} use"
    if assumed.cost_reduction:
        yield f"{format_percent(assumed.cost_reduction, locale)} saved"
    if assumed.additional_requests:
        each = money(assumed.average_cost)
        yield f"{assumed.additional_requests:,} more requests at {each} each"
    for swap in assumed.model_swap:
        part = ""
        if swap.share != _ONE:
            part = f" for {format_percent(swap.share, locale)} of it"
        yield f"{swap.to} instead of {swap.model}{part}"
    if assumed.limit is not None:
        yield f"a limit of {money(assumed.limit)}"


def effect_words(effect: SwapEffect, currency: str, days: int) -> str:
    """Say what a switch is reckoned from; amounts in *currency*."""
    locale = reader_locale()
    cost = format_money(effect.cost, currency, locale)
    would = format_money(effect.would_cost, currency, locale)
    calls = f"{effect.requests:,} requests" if effect.requests != 1 else "1 request"
    return (
        f"{effect.swap.model}: {calls} in the last {days} days cost {cost}; "
        f"{effect.swap.to} would have cost {would} for them."
    )
