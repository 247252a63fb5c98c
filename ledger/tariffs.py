"""What usage costs at a known price, in whole numbers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, Self

from ledger.quantities import (
    CACHED_PARTS,
    NONE,
    OUTPUT_PARTS,
    PARTS,
    WRITES,
    Quantities,
    Quantity,
    is_tokens,
)
from lib.money import from_units, to_units

MILLION = 1_000_000  # prices of tokens are quoted for so many
NO_LIMIT = 2**63  # more tokens than a record can hold

# A kind that costs what another does where it has no price of its own. That a token is
# cached only ever makes it cheaper; the record says which kinds were priced so.
STAND_INS = {"cached_tokens": "input_tokens", **CACHED_PARTS}
# Kinds with an attribute of their own.
PLAIN = {
    "input_tokens": "input",
    "cached_tokens": "cached_input",
    "cache_write_tokens": "cache_write",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
}


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of one of each kind, in 1e-16 of the currency; None: there is none.

    The figure of a token is the price per million in units of 1e-10, so that prices
    with up to ten decimals are exact. *per_request* is in units of 1e-10 too. *kinds*
    have the prices of what is metered beside plain tokens.
    """

    input: int | None
    cached_input: int | None
    cache_write: int | None
    output: int | None
    reasoning: int | None
    per_request: int
    kinds: Mapping[str, Fraction] = field(default_factory=dict, hash=False)

    @classmethod
    def of(
        cls, prices: Mapping[str, Decimal | Fraction], *, per_request: Decimal
    ) -> Self:
        """Build rates from prices by kind: per million tokens, or of one thing.

        Reasoning tokens are output: without a price of their own they have that of
        output.

        Raises:
            ValueError: a price of plain tokens has more than ten decimals.
        """
        plain = {
            name: to_units(price)
            for kind, name in PLAIN.items()
            if isinstance(price := prices.get(kind), Decimal)
        }
        others = {kind: price for kind, price in prices.items() if kind not in PLAIN}
        return cls(
            input=plain.get("input"),
            cached_input=plain.get("cached_input"),
            cache_write=plain.get("cache_write"),
            output=plain.get("output"),
            reasoning=plain.get("reasoning", plain.get("output")),
            per_request=to_units(per_request),
            kinds={kind: rate_of(kind, price) for kind, price in others.items()},
        )

    def rate(self, kind: str) -> Fraction | int | None:
        name = PLAIN.get(kind)
        return self.kinds.get(kind) if name is None else getattr(self, name)

    def are_known(self, cache_write_tokens: int) -> bool:
        """Tell whether all plain tokens of a request have a price."""
        return not (
            self.input is None
            or self.output is None
            or (cache_write_tokens and self.cache_write is None)
        )


def rate_of(kind: str, price: Decimal | Fraction) -> Fraction:
    """Return the rate of *kind* at a price per million tokens, or of one thing."""
    units = Fraction(price) * 10**10
    return units if is_tokens(kind) else units * MILLION


class Metered(NamedTuple):
    """What one record says was used.

    *input* includes the cached and the cache-write tokens, *output* the reasoning
    ones; *quantities* are in the form of `ledger.quantities.read`, without requests.
    """

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    requests: int = 1
    quantities: Quantities = NONE


class Bill(NamedTuple):
    """What a record costs, in units of 1e-10; None where a kind has no price.

    The sum of the parts is the exact price, rounded once, half to even. The input's
    part has the price per request; *other* is what is neither input nor output, None
    where there is nothing. *unpriced* are the kinds without a price, *assumed* those
    with a price that stands in for one of their own; "requests" among them: what many
    requests used was priced by their mean.
    """

    input: int | None
    output: int | None
    other: int | None = None
    unpriced: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def total(self) -> int | None:
        if self.input is None or self.output is None:
            return None
        return self.input + self.output + (self.other or 0)


class KindPrice(NamedTuple):
    """The price of a million tokens, or of one thing, to ten places."""

    amount: Decimal
    assumed: bool  # it stands in for one of the kind's own


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of one model at one time for one service tier.

    *tiers* are (start, rates), ascending: a request with more than *start* input
    tokens costs those rates for **all** its tokens. *source* says where the price
    comes from ("catalogue:openai/gpt-4o", "override:17"); *price_ref* is the
    override's id, None for the catalogue.
    """

    currency: str
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...]
    source: str
    price_ref: int | None
    # Kinds that are sold at the price of another, where they have none of their own.
    alike: Mapping[str, str] = field(default_factory=dict, hash=False)
    # For requests up to so many input tokens a token costs whole units of 1e-10, these
    # (in the order of Rates); -1 when it never does, or the price of input or output
    # is missing.
    _whole_up_to: int = field(init=False, repr=False, compare=False)
    _whole: tuple[int, int, int, int, int, int] = field(
        init=False, repr=False, compare=False
    )
    # Cached tokens have no price of their own: that of others stands in for it.
    assumes_cached: bool = field(init=False, repr=False, compare=False)
    _writes: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rates = self.rates
        prices = (
            rates.input,
            rates.input if rates.cached_input is None else rates.cached_input,
            rates.cache_write or 0,
            rates.output,
            rates.reasoning,
        )
        first_tier = self.tiers[0][0] if self.tiers else NO_LIMIT
        is_whole = not any(price is None or price % MILLION for price in prices)
        object.__setattr__(self, "_whole_up_to", first_tier if is_whole else -1)
        whole = (*((price or 0) // MILLION for price in prices), rates.per_request)
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "assumes_cached", rates.cached_input is None)
        object.__setattr__(self, "_writes", rates.cache_write is not None)

    def cost(
        self,
        input_tokens: int,
        cached_tokens: int,
        cache_write_tokens: int,
        output_tokens: int,
        reasoning_tokens: int,
    ) -> tuple[int, int] | None:
        """Price one request of plain tokens: (input, output) as `bill` does, and as
        fast as can be; see `assumes_cached`.

        None: a price that it needs is missing: `bill` tells which.

        Raises:
            ValueError: a part is more than the whole it belongs to.
        """
        plain_input = input_tokens - cached_tokens - cache_write_tokens
        plain_output = output_tokens - reasoning_tokens
        if plain_input < 0 or plain_output < 0:
            raise ValueError("A part of the tokens is more than the whole.")
        if cache_write_tokens and not self._writes:
            return None
        if input_tokens <= self._whole_up_to:  # nearly always: nothing to round
            read, cached, written, produced, reasoned, request = self._whole
            return (
                plain_input * read
                + cached_tokens * cached
                + cache_write_tokens * written
                + request,
                plain_output * produced + reasoning_tokens * reasoned,
            )
        used = plain_input, cached_tokens, cache_write_tokens
        return self._rounded_cost(used, (plain_output, reasoning_tokens))

    def _rounded_cost(
        self, used: tuple[int, int, int], produced: tuple[int, int]
    ) -> tuple[int, int] | None:
        """Do what `cost` does where its prices leave something to round."""
        (plain, cached, written), (plain_output, reasoning) = used, produced
        rates = self.rates_for(sum(used))
        if not rates.are_known(written):
            return None
        cached_input = rates.cached_input
        if cached and (cached_input is None) != self.assumes_cached:
            return None
        own = rates.input or 0
        input_price = (
            plain * own
            + cached * (own if cached_input is None else cached_input)
            + written * (rates.cache_write or 0)
            + rates.per_request * MILLION
        )
        output_price = plain_output * (rates.output or 0)
        output_price += reasoning * (rates.reasoning or 0)
        units = _rounded(input_price)
        return units, _rounded(input_price + output_price) - units

    def total(
        self,
        input_tokens: int,
        cached_tokens: int,
        cache_write_tokens: int,
        output_tokens: int,
        reasoning_tokens: int,
    ) -> int | None:
        """Price one request of plain tokens, in units of 1e-10; None: it can't be."""
        used = (
            *(input_tokens, cached_tokens, cache_write_tokens),
            *(output_tokens, reasoning_tokens),
        )
        parts = self.cost(*used)
        return self.bill(Metered(*used)).total if parts is None else sum(parts)

    def bill(self, used: Metered) -> Bill:
        """Price everything a record says was used."""
        rates = self.rates_for(used.input, used.requests)
        sums = _Sums(self, rates)
        read = sums.cost_of(input_parts(used)) + (
            used.requests * rates.per_request * MILLION
        )
        produced = sums.cost_of(output_parts(used))
        things = dict(things_of(used))
        apart = sums.cost_of(things.items())
        if sums.unpriced:
            return Bill(None, None, None, tuple(sorted(sums.unpriced)))
        if used.requests > 1 and self.tiers and used.input > self.tiers[0][0]:
            sums.assumed.add("requests")
        first, both = _rounded(read), _rounded(read + produced)
        other = _rounded(read + produced + apart) - both if things else None
        return Bill(first, both - first, other, (), tuple(sorted(sums.assumed)))

    def kinds(self, rates: Rates) -> list[str]:
        """Return the kinds that have a price, or may have one that stands in."""
        return [*PLAIN, *STAND_INS, *rates.kinds, *self.alike]

    def price_of(self, kind: str, rates: Rates) -> KindPrice | None:
        """Return the price of *kind*: of a million tokens, or of one thing."""
        rate, assumed = self.rate_of(kind, rates)
        if rate is None:
            return None
        units = Fraction(rate) if is_tokens(kind) else Fraction(rate, MILLION)
        return KindPrice(from_units(round(units)), assumed)

    def rate_of(self, kind: str, rates: Rates) -> tuple[Fraction | int | None, bool]:
        """Return the rate of *kind*, and whether it stands in for one of its own."""
        rate = rates.rate(kind)
        if rate is None and kind in self.alike:
            rate = rates.rate(self.alike[kind])
        if rate is None and (stand_in := STAND_INS.get(kind)):
            rate, _ = self.rate_of(stand_in, rates)
            return rate, rate is not None
        return rate, False

    def rates_for(self, input_tokens: int, requests: int = 1) -> Rates:
        """Return the rates of *requests* with, together, so many input tokens."""
        rates = self.rates
        for start, tier in self.tiers:
            if input_tokens <= start * requests:
                break
            rates = tier
        return rates


class _Sums:
    """Adds up what kinds cost, and keeps which had no price of their own."""

    def __init__(self, tariff: "Tariff", rates: Rates) -> None:
        self.tariff = tariff
        self.rates = rates
        self.unpriced: set[str] = set()
        self.assumed: set[str] = set()

    def cost_of(self, parts: Iterable[tuple[str, Quantity]]) -> Fraction | int:
        """Return the exact cost of kinds and how much of each, in 1e-16."""
        cost: Fraction | int = 0
        for kind, amount in parts:
            if amount:
                cost += self._rate(kind) * (
                    amount if isinstance(amount, int) else Fraction(amount)
                )
        return cost

    def _rate(self, kind: str) -> Fraction | int:
        rate, assumed = self.tariff.rate_of(kind, self.rates)
        if rate is None:
            self.unpriced.add(kind)
            return 0
        if assumed:
            self.assumed.add(kind)
        return rate


def input_parts(used: Metered) -> Iterator[tuple[str, Quantity]]:
    """Part the input tokens by kind, each token once."""
    plain = used.input - used.cached - used.cache_write
    cached, written = used.cached, used.cache_write
    if used.quantities:
        of = used.quantities
        for both, modality in CACHED_PARTS.items():
            apart = int(of.get(both, 0))
            fresh = int(of.get(modality, 0)) - apart
            cached -= apart
            plain -= fresh
            yield both, apart
            yield modality, fresh
        for kind in WRITES:
            apart = int(of.get(kind, 0))
            written -= apart
            yield kind, apart
    yield "input_tokens", plain
    yield "cached_tokens", cached
    yield "cache_write_tokens", written


def output_parts(used: Metered) -> Iterator[tuple[str, Quantity]]:
    """Part the output tokens by kind, each token once."""
    plain = used.output - used.reasoning
    for kind in OUTPUT_PARTS if used.quantities else ():
        apart = int(used.quantities.get(kind, 0))
        plain -= apart
        yield kind, apart
    yield "output_tokens", plain
    yield "reasoning_tokens", used.reasoning


def things_of(used: Metered) -> Iterator[tuple[str, Quantity]]:
    for kind, amount in used.quantities.items():
        if kind not in PARTS:
            yield kind, amount


@dataclass(frozen=True, slots=True)
class PricedSpan:
    """A time, [start, end) in UTC, throughout which one price holds.

    *tariff* is None where no price is known, which is not the same as free.
    """

    start: datetime
    end: datetime
    tariff: Tariff | None


def _rounded(price: Fraction | int) -> int:
    """Round 1e-16 to units of 1e-10, half to even."""
    units, rest = divmod(price, MILLION)
    half = MILLION // 2
    return units + (rest > half or (rest == half and units % 2 == 1))
