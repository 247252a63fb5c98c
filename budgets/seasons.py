"""How a year's money is shared out over its months or quarters. Pure.

Amounts are in the order of the fiscal year: the first is that of its first month, or
quarter. What is shared out adds up to the last place.
"""

from collections.abc import Sequence
from decimal import Decimal

from lib.money import quantize, smallest_unit
from lib.periods import Cadence, Calendar, Window

ZERO = Decimal(0)
HUNDRED = Decimal(100)
SEASONS = {Cadence.MONTHLY: 12, Cadence.QUARTERLY: 4}  # periods in a year
_MOST_OFF = Decimal(
    "0.1"
)  # percents that roundings may make twelve of them miss 100 by


def season_of(calendar: Calendar, window: Window) -> int:
    """Return which of the year's periods *window* is, from 0."""
    months = (calendar.day_of(window.start).month - calendar.fiscal_month) % 12
    return months * SEASONS[calendar.cadence] // 12


def add_up_to_hundred(percents: Sequence[Decimal]) -> bool:
    """Tell whether *percents* are all of a year, roundings apart."""
    return abs(sum(percents, ZERO) - HUNDRED) <= _MOST_OFF


def shared_out(
    total: Decimal, weights: Sequence[Decimal], currency: str
) -> list[Decimal]:
    """Return *total* in parts as *weights* say, which add up to *total*.

    In whole cents, or what the currency has, where *total* is; else to ten places.
    *weights* are not negative, and not all zero.
    """
    step = smallest_unit(currency)
    places = step if total % step == ZERO else Decimal(1).scaleb(-10)
    whole, so_far, given = sum(weights, ZERO), ZERO, ZERO
    parts = []
    for weight in weights:
        so_far += weight
        until = (total * so_far / whole).quantize(places)
        parts.append(quantize(until - given))
        given = until
    return parts
