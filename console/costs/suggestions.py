"""Prices of models that are called alike, suggested for what has none."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Organization
from ledger.catalogue import known_models
from ledger.gaps import Gap
from ledger.pricing import PriceBook, convert
from ledger.similar import similar_to
from ledger.tariffs import Metered, Tariff
from lib.money import format_money, from_units

_KINDS = {
    "input_per_million": "input_tokens",
    "cached_input_per_million": "cached_tokens",
    "output_per_million": "output_tokens",
}


@dataclass(frozen=True, slots=True)
class PriceSuggestion:
    """A price that a model which is called alike has; nothing is priced by it."""

    name: str  # "openai/gpt-4o"
    why: str
    words: str  # "$2.50 in, $10.00 out a million"
    prices: dict[str, str]  # by field of a price
    currency: str
    would_cost: Decimal | None  # what was used so far, in the organization's currency


class Suggestions:
    """Suggests prices to one organization. Two queries."""

    def __init__(self, organization: Organization, locale: str) -> None:
        self._organization, self._locale = organization, locale
        self._book = PriceBook(organization.pk)

    def of(self, gaps: list[Gap]) -> list[PriceSuggestion]:
        """Return what may be a price of a model of which *gaps* were used."""
        first = gaps[0]
        if any(gap.kinds for gap in gaps):
            return []  # it has a price; what is missing is one of some kinds
        return [
            found
            for one in similar_to(first.provider, first.model, known_models())
            for found in self._suggested(one.provider, one.model, one.why, gaps)
        ]

    def _suggested(
        self, provider: str, model: str, why: str, gaps: list[Gap]
    ) -> Iterator[PriceSuggestion]:
        last = max(gap.last_used_at for gap in gaps)
        tariff = self._book.span_at(provider, model, "", last).tariff
        if tariff is None:
            return
        found = {
            name: tariff.price_of(kind, tariff.rates) for name, kind in _KINDS.items()
        }
        prices = {name: f"{one.amount:f}" for name, one in found.items() if one}
        if "input_per_million" in prices and "output_per_million" in prices:
            yield PriceSuggestion(
                name=f"{provider}/{model}",
                why=why,
                words=self._words(prices, tariff.currency),
                prices=prices,
                currency=tariff.currency,
                would_cost=self._cost(tariff, gaps),
            )

    def _words(self, prices: dict[str, str], currency: str) -> str:
        first, last = (
            format_money(Decimal(prices[name]), currency, self._locale)
            for name in ("input_per_million", "output_per_million")
        )
        return f"{first} in, {last} out a million"

    def _cost(self, tariff: Tariff, gaps: list[Gap]) -> Decimal | None:
        """Return about what *gaps* would cost: prices of long requests are left out."""
        used = Metered(
            *(sum(gap.input_tokens for gap in gaps), 0, 0),
            *(sum(gap.output_tokens for gap in gaps), 0),
            sum(gap.requests for gap in gaps),
            {},
        )
        units = tariff.bill(used).total
        if units is None:
            return None
        day = max(gap.last_used_at for gap in gaps).date()
        rate = self._book.rate(tariff.currency, self._organization.currency, day)
        return None if rate is None else from_units(convert(units, rate.rate))
