"""In which currency the tree shows amounts, and at which rates, in words."""

from collections import Counter
from collections.abc import Iterable
from decimal import Context

from babel.numbers import format_decimal

from budgets.consolidated import Consolidation
from budgets.tree import Leaf
from console.budgets.tree import Outline
from lib.humanize import date_words
from lib.money import COUNTED

_SHOWN = Context(prec=6)  # digits of a rate


def currencies_told(outline: Outline, among: Iterable[int]) -> dict[str, object]:
    """Return the currency that amounts may be shown in instead, with words (nothing
    where all budgets have it), and the rates at which those *among* them are."""
    own, leaves = outline.organization.currency, outline.leaves
    is_one = {leaf.currency for leaf in leaves.values()} <= {own, *COUNTED}
    tree, told = outline.consolidated, map(leaves.__getitem__, among)
    return {
        "currencies": [] if is_one else [(own, f"{own}, all")],
        "rates": _rates(tree.consolidation, told, outline.locale) if tree else [],
    }


def _rates(
    consolidation: Consolidation, leaves: Iterable[Leaf], locale: str
) -> list[str]:
    """Say at which rate each currency of *leaves* is shown, and which has none."""
    quote = consolidation.currency
    counted = Counter(leaf.currency for leaf in leaves)
    told = []
    for currency in sorted(set(counted) - {quote, *COUNTED}):
        rate = consolidation.rate_of(currency)
        if rate is None:
            told.append(_unknown(currency, quote, counted[currency]))
            continue
        shown = _SHOWN.plus(rate.rate).normalize()
        worth = format_decimal(shown, locale=locale, decimal_quantization=False)
        told.append(f"1 {currency} is {worth} {quote}, as of {date_words(rate.date)}.")
    return told


def _unknown(currency: str, quote: str, count: int) -> str:
    budgets = "1 budget stays" if count == 1 else f"{count} budgets stay"
    return (
        f"No rate from {currency} to {quote} is known: {budgets} in {currency} and "
        "in no sum."
    )
