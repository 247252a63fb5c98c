"""What budgets may count instead of money: tokens, or requests.

An amount of them is a whole number, kept, locked and added up as money is: 1 token is
1.0000000000. The name of the measure stands where a currency's code would.
"""

from lib.money import COUNTED, UNITS

MONEY = "money"
MEASURES = (MONEY, *COUNTED)
# As spans, spend deltas and coverage name them: no currency is in small letters.
TOKENS, REQUESTS = "tok", "req"
_MARKS = dict(zip(COUNTED, (TOKENS, REQUESTS), strict=True))


def measure_of(currency: str) -> str:
    """Return what a budget in *currency* counts: money, tokens or requests."""
    return currency if currency in COUNTED else MONEY


def mark_of(currency: str) -> str:
    """Return how spans and coverage name what a budget in *currency* counts."""
    return _MARKS.get(currency, currency)


def is_mark(name: str) -> bool:
    """Tell whether *name* is not a currency's but one of what is counted."""
    return name in {TOKENS, REQUESTS}


def counted(mark: str, tokens: int, requests: int) -> int:
    """Return what usage adds to whatever counts *mark*, in units of 10^-10."""
    units: int = (tokens if mark == TOKENS else requests) * UNITS
    return units
