"""Which price and which exchange rate applies: overrides first, then the bundled."""

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from ledger.corrections import same_prices
from ledger.identity import ModelName, identify
from ledger.models import ExchangeRate, Price
from ledger.patterns import is_priced_as, pattern_of
from ledger.rates import bundled_rate, bundled_start
from ledger.tariffs import PricedSpan
from ledger.types import LIST_PRICE_TIERS, OPEN_END, OPEN_START, Rate

RATE_PLACES = Decimal("1E-12")
_MOST_SPANS = 20_000
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class PriceBook:
    """The prices and rates of one organization, as they stood when it was opened.

    Two queries to open; none afterwards.
    """

    def __init__(self, organization_id: int) -> None:
        self._overrides: dict[str, list[Price]] = {}
        for price in Price.objects.for_organization(organization_id):
            provider = identify(price.provider, price.model).provider
            self._overrides.setdefault(provider, []).append(price)
        self._manual: dict[tuple[str, str], list[ExchangeRate]] = {}
        for rate in ExchangeRate.objects.for_organization(organization_id):
            self._manual.setdefault((rate.base, rate.quote), []).append(rate)
        self._spans: dict[tuple[str, str, str], PricedSpan] = {}
        self._rates: dict[tuple[str, str, date], Rate | None] = {}

    def span_at(self, provider: str, model: str, tier: str, at: datetime) -> PricedSpan:
        """Return the price at that moment, and the time around it in which it holds.

        *model* is the name that was sent, for it may tell a version or a fine-tuned
        one, which have prices of their own.
        """
        key = provider, model, tier
        span = self._spans.get(key)
        if span is None or not span.start <= at < span.end:
            if len(self._spans) >= _MOST_SPANS:
                self._spans.clear()
            span = self._spans[key] = self._find_span(provider, model, tier, at)
        return span

    def rate(self, base: str, quote: str, on: date) -> Rate | None:
        """Return what 1 *base* is worth in *quote* on that UTC day; None if unknown.

        The latest rate known on or before the day; a manual one beats the bundled one
        of the same day, and an organization's own one that for all.
        """
        if base == quote:
            return Rate(Decimal(1), on)
        key = base, quote, on
        if key not in self._rates:
            if len(self._rates) >= _MOST_SPANS:
                self._rates.clear()
            self._rates[key] = self._find_rate(base, quote, on)
        return self._rates[key]

    def first_rate(self, base: str, quote: str) -> Rate:
        """Return the rate on the first day there is one, for what was before it.

        Raises:
            LookupError: there never is one.
        """
        days = [bundled_start(base, quote)]
        for pair in ((base, quote), (quote, base)):
            days += [row.date for row in self._manual.get(pair, ())]
        for day in sorted(day for day in days if day is not None):
            if known := self.rate(base, quote, day):
                return known
        raise LookupError(f"There is no rate from {base} to {quote}.")

    def _find_span(
        self, provider: str, model: str, tier: str, at: datetime
    ) -> PricedSpan:
        meant = identify(provider, model)
        name = ModelName(meant.model, meant.version)
        candidates = [
            price
            for price in self._overrides.get(meant.provider, ())
            if is_priced_as(price.model, model, name) and _serves(price, tier)
        ]
        edges = {OPEN_START, OPEN_END}
        for price in candidates:
            edges.add(price.effective_from)
            edges.add(price.effective_to or OPEN_END)
        start = max(edge for edge in edges if edge <= at)
        end = min(edge for edge in edges if edge > at)
        in_force = [
            price
            for price in candidates
            if price.effective_from <= at
            and (price.effective_to is None or at < price.effective_to)
        ]
        # Imported when a price is first looked up: not every command does.
        from ledger.catalogue import span_at

        listed = span_at(provider, model, at, tier)
        tariff = listed.tariff
        if in_force:
            override = max(in_force, key=_rank).override()
            tariff = override.over(tariff, same_prices(meant.provider, meant.model))
        return PricedSpan(max(start, listed.start), min(end, listed.end), tariff)

    def _find_rate(self, base: str, quote: str, on: date) -> Rate | None:
        found = [
            *self._manual_rates(base, quote, on),
            *(
                Rate((1 / known.rate).quantize(RATE_PLACES), known.date)
                for known in self._manual_rates(quote, base, on)
            ),
        ]
        if bundled := bundled_rate(base, quote, on):
            found.append(Rate(bundled.rate, bundled.date))
        # The first of the latest: direct manual, inverse manual, bundled.
        return max(found, key=lambda rate: rate.date, default=None)

    def _manual_rates(self, base: str, quote: str, on: date) -> list[Rate]:
        known = [row for row in self._manual.get((base, quote), ()) if row.date <= on]
        known.sort(key=lambda row: (row.date, row.organization_id is not None))
        return [Rate(known[-1].rate, known[-1].date)] if known else []


def convert(units: int, rate: Decimal) -> int:
    """Turn units of one currency into units of another, rounded half to even."""
    return int(_EXACT.multiply(Decimal(units), rate).to_integral_value())


def _serves(price: Price, tier: str) -> bool:
    if price.service_tier:
        return price.service_tier.lower() == tier.lower()
    # A share of the list is one of all of it, whatever the service tier.
    return price.percent_of_list is not None or tier.lower() in LIST_PRICE_TIERS


def _rank(price: Price) -> tuple[bool, bool, tuple[int, int], int]:
    return (
        price.organization_id is not None,
        bool(price.service_tier),
        pattern_of(price.model).rank,
        price.pk,  # of several that mean the same, from before names were looked at
    )
