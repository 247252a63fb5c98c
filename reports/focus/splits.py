"""What of a record's cost is whose: of each kind of quantity that it used. Pure.

Amounts are whole numbers of 1e-10. What is exact is the record's own cost: the shares
of kinds add up to it, the last one has what rounding left over.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from ledger.quantities import NONE, Quantity, restored
from ledger.tariffs import (
    MILLION,
    Metered,
    input_parts,
    output_parts,
    things_of,
)
from reports.focus.skus import ALL_INPUT, ALL_OUTPUT, DAYS, REQUESTS, kind_of

# How far the prices of kinds may miss the cost of a record by rounding, in 1e-10: of
# more kinds than a record can have each less than one.
SLACK = 60
_RATE = 10**12  # units of one exchange rate


class Booked(NamedTuple):
    """What counts of one usage, as the ledger has it; amounts in 1e-10, or None."""

    usage_id: str
    attribution_id: int
    timestamp: datetime
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    service_tier: str
    input_cost: int | None
    output_cost: int | None
    other_cost: int | None
    total_cost: int | None
    source_cost: int | None
    source_currency: str
    exchange_rate: Decimal | None
    reported: bool
    requests: int
    quantities: Mapping[str, int | str] | None
    run_id: str | None
    used_at: datetime | None  # where it is booked at another time: its month was closed
    charge_id: int | None

    @property
    def own_time(self) -> datetime:
        """When it was used, wherever it is booked: prices and rates are of then."""
        return self.used_at or self.timestamp

    @property
    def is_purchase(self) -> bool:
        """Whether it is a day of a fixed charge, or takes one off."""
        return self.charge_id is not None and not self.requests


class KindPrices(NamedTuple):
    """What one of a kind costs, in 1e-16 of the pricing currency, and costs by list."""

    rate: Fraction | int
    listed: Fraction | int


class CostShare(NamedTuple):
    """One kind's part of a record. Without *price* it is what was paid on average."""

    kind: str
    amount: Quantity
    cost: int
    source: int  # in the pricing currency
    price: KindPrices | None

    def list_cost(self, rate: Decimal | None) -> int:
        """Return what it would cost by list, in the billing currency."""
        price = self.price
        if price is None or price.listed == price.rate:
            return self.cost
        return _units(_times(self.amount, price.listed), rate)


def shares_of(
    booked: Booked, price_of: Callable[[str], KindPrices | None] | None
) -> list[CostShare]:
    """Return the shares of a record's cost; none of what has no price.

    *price_of* tells prices by kind; None: there are none in the record's currency.
    Where they do not make what was booked (they have changed since, or the sender named
    the cost) there is a share for input, one for output and one for the rest; where
    only the whole is known, one for it.
    """
    if booked.total_cost is None:
        return []
    if booked.is_purchase:
        total = booked.total_cost
        return [CostShare(DAYS, 1, total, _source(booked, total), None)]
    if not booked.reported:
        if price_of is not None:
            found = _by_price(booked, booked.total_cost, price_of)
            if found is not None:
                return found
        if booked.input_cost is not None and booked.output_cost is not None:
            return _by_side(booked, booked.total_cost)
    return [_whole(booked, booked.total_cost)]


def parts_of(booked: Booked) -> Iterator[tuple[str, Quantity]]:
    """Part what was used by kind, everything once; a fee per request comes first."""
    yield REQUESTS, booked.requests
    if booked.quantities is None:
        plain = booked.input_tokens - booked.cached_tokens - booked.cache_write_tokens
        yield "cache_write_tokens", booked.cache_write_tokens
        yield "cached_tokens", booked.cached_tokens
        yield "input_tokens", plain
        yield "reasoning_tokens", booked.reasoning_tokens
        yield "output_tokens", booked.output_tokens - booked.reasoning_tokens
        return
    used = _metered(booked)
    yield from things_of(used)
    yield from input_parts(used)
    yield from output_parts(used)


def _metered(booked: Booked) -> Metered:
    quantities = restored(booked.quantities) if booked.quantities else NONE
    return Metered(*booked[3:8], booked.requests, quantities)


def _by_price(
    booked: Booked, total: int, price_of: Callable[[str], KindPrices | None]
) -> list[CostShare] | None:
    """Return the shares by price; None: they do not make the cost that was booked."""
    rate = booked.exchange_rate
    found = []
    left, source_left = total, booked.source_cost if rate else total
    for kind, amount in parts_of(booked):
        if not amount:
            continue
        price = price_of(kind)
        if price is None:
            if kind == REQUESTS:
                continue
            return None
        exact = _times(amount, price.rate)
        source = int(exact // MILLION)
        cost = source if rate is None else _units(exact, rate)
        left -= cost
        source_left = (source_left or 0) - source
        found.append(CostShare(kind, amount, cost, source, price))
    if abs(left) > SLACK + (rate or 0):
        return None
    if not found:
        return [] if not total else None
    last = found[-1]
    rest = source_left if abs(source_left or 0) <= SLACK else 0
    found[-1] = last._replace(cost=last.cost + left, source=last.source + (rest or 0))
    return found


def _by_side(booked: Booked, total: int) -> list[CostShare]:
    sides = (
        (ALL_INPUT, booked.input_tokens, booked.input_cost or 0),
        (ALL_OUTPUT, booked.output_tokens, booked.output_cost or 0),
        (REQUESTS, 0, total - (booked.input_cost or 0) - (booked.output_cost or 0)),
    )
    found = []
    for kind, amount, cost in sides:
        if amount:
            found.append(CostShare(kind, amount, cost, 0, None))
        elif cost:
            found.append(CostShare(REQUESTS, booked.requests, cost, 0, None))
    return _with_sources(found, total, _source(booked, total))


def _with_sources(shares: list[CostShare], total: int, source: int) -> list[CostShare]:
    left = source
    for place, share in enumerate(shares):
        is_last = place == len(shares) - 1
        own = left if is_last else source * share.cost // total if total else 0
        left -= own
        shares[place] = share._replace(source=own)
    return shares


def _whole(booked: Booked, total: int) -> CostShare:
    return CostShare(REQUESTS, booked.requests, total, _source(booked, total), None)


def _source(booked: Booked, total: int) -> int:
    return total if booked.source_cost is None else booked.source_cost


def _times(amount: Quantity, rate: Fraction | int) -> Fraction | int:
    return rate * (amount if isinstance(amount, int) else Fraction(amount))


def _units(exact: Fraction | int, rate: Decimal | None) -> int:
    """Turn 1e-16 of the pricing currency into 1e-10 of the billing one, cut off."""
    if rate is None:
        return int(exact // MILLION)
    return int(exact * int(rate.scaleb(12)) // (MILLION * _RATE))


def unit_price(share: CostShare, rate: Decimal | None, *, listed: bool = False) -> int:
    """Return what a pricing unit of it costs, in 1e-10, rounded half to even.

    In the billing currency at *rate*; None: in the pricing currency itself, which for
    most is the same.
    """
    per_unit = MILLION if kind_of(share.kind).is_tokens else 1
    if share.price is None:
        paid = share.source if rate is None else share.cost
        return round(Fraction(paid) * per_unit / Fraction(share.amount))
    one = Fraction(share.price.listed if listed else share.price.rate) * per_unit
    return round(one * Fraction(1 if rate is None else rate) / MILLION)
