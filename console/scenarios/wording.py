"""What is assumed, in words."""

from collections.abc import Iterator
from decimal import Decimal

from forecasts.assumptions import Assumptions, Swap
from forecasts.swaps import SwapEffect
from lib.amounts import written_amount
from lib.humanize import reader_locale
from lib.money import format_money, format_percent

_ONE = Decimal(1)


def assumption_words(assumed: Assumptions, currency: str) -> Iterator[str]:
    """Yield what is *assumed*, each as a phrase; amounts in *currency* ("": bare)."""
    locale = reader_locale()

    def money(amount: Decimal) -> str:
        if currency:
            return format_money(amount, currency, locale)
        return written_amount(amount, locale, 0)

    if assumed.growth:
        way = "more" if assumed.growth > 0 else "less"
        yield f"{format_percent(abs(assumed.growth), locale)} {way} use"
    if assumed.cost_reduction:
        yield f"{format_percent(assumed.cost_reduction, locale)} saved"
    if assumed.additional_requests:
        each = money(assumed.average_cost)
        yield f"{_requests(assumed.additional_requests, 'more ')} at {each} each"
    yield from map(_swap_words, assumed.model_swap)
    if assumed.limit is not None:
        yield f"a limit of {money(assumed.limit)}"


def _swap_words(swap: Swap) -> str:
    words = f"{swap.to} instead of {swap.model}"
    if swap.share == _ONE:
        return words
    return f"{words} for {format_percent(swap.share, reader_locale())} of it"


def _requests(number: int, which: str = "") -> str:
    written = written_amount(Decimal(number), reader_locale(), 0)
    return f"{written} {which}request{'' if number == 1 else 's'}"


def effect_words(effect: SwapEffect, currency: str, days: int) -> str:
    """Say what a switch is reckoned from; amounts in *currency*."""
    locale = reader_locale()
    cost = format_money(effect.cost, currency, locale)
    would = format_money(effect.would_cost, currency, locale)
    return (
        f"{effect.swap.model}: {_requests(effect.requests)} in the last {days} days "
        f"cost {cost}; {effect.swap.to} would have cost {would} for them."
    )
