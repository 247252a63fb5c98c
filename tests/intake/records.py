"""Records as oracles keep them, and what their tokens cost."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

TEN_PLACES = Decimal("1E-10")
Record = dict[str, Any]


def per_million(tokens: int, price: Decimal) -> Decimal:
    amount = tokens * price / 1_000_000
    return amount.quantize(TEN_PLACES, ROUND_HALF_EVEN)
