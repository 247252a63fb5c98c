"""What tokens cost, in whole units of 10^-10, as the server reckons it. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Optional

from llm_cost_ops.answers.controls import ModelPrice, TokenPrices
from llm_cost_ops.calls import Tokens
from llm_cost_ops.money import convert

MILLION = 1_000_000  # 10^-16, in which tokens are priced, in a unit of 10^-10
NO_LIMIT = 2**63  # more tokens than a record can hold


class Price:
    """What one model costs in the organization's currency."""

    __slots__ = ("_plain", "_plain_up_to", "_rate", "_tiers", "_worst")

    def __init__(self, price: ModelPrice, rate: Optional[Decimal]) -> None:
        self._plain = price
        self._tiers = sorted(price.tiers, key=lambda tier: tier.above)
        # Up to so many input tokens no tier applies.
        self._plain_up_to = self._tiers[0].above if self._tiers else NO_LIMIT
        self._rate = rate
        self._worst = _worst(price)

    def worst(self, input_tokens: int, output_tokens: int) -> int:
        """Return the most that so many tokens cost, of whatever kind they are."""
        if input_tokens <= self._plain_up_to:  # nearly always
            of_input, of_output, of_request = self._worst
        else:
            of_input, of_output, of_request = _worst(self._rates_for(input_tokens))
        return self._units(
            input_tokens * of_input + output_tokens * of_output + of_request
        )

    def cost(self, used: Tokens) -> int:
        """Return what *used* cost: rounded once, half to even."""
        rates = self._rates_for(used.input)
        return self._units(
            (used.input - used.cached - used.cache_write) * rates.input
            + used.cached * rates.cached_input
            + used.cache_write * rates.cache_write
            + (used.output - used.reasoning) * rates.output
            + used.reasoning * rates.reasoning
            + rates.per_request * MILLION
        )

    def _rates_for(self, input_tokens: int) -> TokenPrices:
        rates: TokenPrices = self._plain
        for tier in self._tiers:
            if input_tokens <= tier.above:
                break
            rates = tier
        return rates

    def _units(self, price: int) -> int:
        units, rest = divmod(price, MILLION)
        if rest:
            half = MILLION // 2
            units += rest > half or (rest == half and units % 2 == 1)
        return units if self._rate is None else convert(units, self._rate)


def _worst(rates: TokenPrices) -> tuple[int, int, int]:
    """Return the dearest input, the dearest output and a request, in 10^-16."""
    return (
        max(rates.input, rates.cached_input, rates.cache_write),
        max(rates.output, rates.reasoning),
        rates.per_request * MILLION,
    )


def price_of(listed: ModelPrice, currency: str) -> Optional[Price]:
    """Return a price in *currency*; None: none is known, which is not free."""
    if not listed.priced:
        return None
    if listed.rate is not None and listed.rate != 1:
        return Price(listed, listed.rate)
    is_foreign = listed.rate is None and listed.currency != currency
    return None if is_foreign and listed.currency else Price(listed, None)
