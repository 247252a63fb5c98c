"""What usage costs at a known price, in whole numbers."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self

from costops.lib.money import to_units

MILLION = 1_000_000  # prices are quoted for so many tokens
NO_LIMIT = 2**63  # more tokens than a record can hold


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of one token of each kind, in 1e-16 of the currency.

    The figure is the price per million tokens in units of 1e-10, so that prices with
    up to ten decimals are exact. *per_request* is in units of 1e-10 too.
    """

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    per_request: int

    @classmethod
    def per_million(
        cls,
        input_price: Decimal,
        output_price: Decimal,
        *,
        cached_input: Decimal | None = None,
        cache_write: Decimal | None = None,
        reasoning: Decimal | None = None,
        per_request: Decimal = Decimal(0),
    ) -> Self:
        """Build rates from prices per million tokens (and per one request).

        None means that the kind has no price of its own: cached input and cache
        writes then cost what input costs, reasoning what output costs.

        Raises:
            ValueError: a price has more than ten decimals.
        """
        if cached_input is None:
            cached_input = input_price
        if cache_write is None:
            cache_write = input_price
        if reasoning is None:
            reasoning = output_price
        return cls(
            input=to_units(input_price),
            cached_input=to_units(cached_input),
            cache_write=to_units(cache_write),
            output=to_units(output_price),
            reasoning=to_units(reasoning),
            per_request=to_units(per_request),
        )


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
    # For requests up to so many input tokens a token costs whole units of 1e-10, these
    # (in the order of Rates); -1 when it never does.
    _whole_up_to: int = field(init=False, repr=False, compare=False)
    _whole: tuple[int, int, int, int, int, int] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        rates = self.rates
        prices = (
            rates.input,
            rates.cached_input,
            rates.cache_write,
            rates.output,
            rates.reasoning,
        )
        first_tier = self.tiers[0][0] if self.tiers else NO_LIMIT
        is_whole = not any(price % MILLION for price in prices)
        object.__setattr__(self, "_whole_up_to", first_tier if is_whole else -1)
        whole = (*(price // MILLION for price in prices), rates.per_request)
        object.__setattr__(self, "_whole", whole)

    def cost(
        self,
        input_tokens: int,
        cached_tokens: int,
        cache_write_tokens: int,
        output_tokens: int,
        reasoning_tokens: int,
    ) -> tuple[int, int]:
        """Price one request: (input, output) in units of 1e-10.

        *input_tokens* includes the cached and the cache-write ones, *output_tokens*
        the reasoning ones. The sum of both is the exact price, rounded once, half to
        even; the input's part (with the price per request) is rounded likewise, and
        the output's is the rest.

        Raises:
            ValueError: a part is more than the whole it belongs to.
        """
        plain_input = input_tokens - cached_tokens - cache_write_tokens
        plain_output = output_tokens - reasoning_tokens
        if plain_input < 0 or plain_output < 0:
            message = "Cached or reasoning tokens exceed the tokens they are part of."
            raise ValueError(message)
        if input_tokens <= self._whole_up_to:  # nearly always: nothing to round
            read, cached, written, produced, reasoned, request = self._whole
            return (
                plain_input * read
                + cached_tokens * cached
                + cache_write_tokens * written
                + request,
                plain_output * produced + reasoning_tokens * reasoned,
            )
        rates = self.rates_for(input_tokens)
        input_price = (
            plain_input * rates.input
            + cached_tokens * rates.cached_input
            + cache_write_tokens * rates.cache_write
            + rates.per_request * MILLION
        )
        output_price = plain_output * rates.output + reasoning_tokens * rates.reasoning
        input_units = _rounded(input_price)
        return input_units, _rounded(input_price + output_price) - input_units

    def rates_for(self, input_tokens: int) -> Rates:
        """Return the rates of a request with so many input tokens."""
        rates = self.rates
        for start, tier in self.tiers:
            if input_tokens <= start:
                break
            rates = tier
        return rates


@dataclass(frozen=True, slots=True)
class PricedSpan:
    """A time, [start, end) in UTC, throughout which one price holds.

    *tariff* is None where no price is known, which is not the same as free.
    """

    start: datetime
    end: datetime
    tariff: Tariff | None


def _rounded(price: int) -> int:
    """Round 1e-16 to units of 1e-10, half to even."""
    units, rest = divmod(price, MILLION)
    half = MILLION // 2
    return units + (rest > half or (rest == half and units % 2 == 1))
