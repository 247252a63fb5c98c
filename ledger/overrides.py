"""What a price set by hand makes of the one the catalogue has. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from ledger.quantities import SECONDS_IN_MINUTE
from ledger.tariffs import PLAIN, Rates, Tariff, rate_of
from lib.money import to_units

_NO_RATES = Rates(None, None, None, None, None, 0)

Prices = Mapping[str, Decimal]  # by kind: per million tokens, or of one thing


@dataclass(frozen=True, slots=True)
class Override:
    """What was set by hand; all else is the catalogue's.

    *tiers* are (start, prices): what *prices* say otherwise for requests with more
    than *start* input tokens. *percent* is one of everything the catalogue has.
    """

    currency: str
    source: str
    price_ref: int
    prices: Prices = field(default_factory=dict)
    tiers: Sequence[tuple[int, Prices]] = ()
    percent: Decimal | None = None

    def over(
        self, listed: Tariff | None, alike: Mapping[str, str] | None = None
    ) -> Tariff | None:
        """Return the price that applies where *listed* is the catalogue's.

        *alike* are kinds with the price of another, where the catalogue has none. What
        has another currency can't be mixed: then nothing is the catalogue's.
        """
        if listed is not None and listed.currency != self.currency:
            alike, listed = listed.alike, None
        if self.percent is not None:
            return None if listed is None else self._share_of(listed, self.percent)
        rates = _NO_RATES if listed is None else listed.rates
        starts = {start for start, _ in self.tiers}
        if listed is not None:
            starts |= {start for start, _ in listed.tiers}
            alike = listed.alike
        return Tariff(
            currency=self.currency,
            rates=_set(rates, self.prices),
            tiers=tuple(
                (start, self._rates_above(start, listed)) for start in sorted(starts)
            ),
            source=self.source,
            price_ref=self.price_ref,
            alike=alike or {},
        )

    def _rates_above(self, start: int, listed: Tariff | None) -> Rates:
        rates = _NO_RATES if listed is None else listed.rates_for(start + 1)
        prices = dict(self.prices)
        for first, own in sorted(self.tiers, key=lambda tier: tier[0]):
            if first <= start:
                prices |= own
        return _set(rates, prices)

    def _share_of(self, listed: Tariff, percent: Decimal) -> Tariff:
        share = Fraction(percent) / 100
        return replace(
            listed,
            rates=_share(listed.rates, share),
            tiers=tuple((start, _share(rates, share)) for start, rates in listed.tiers),
            source=self.source,
            price_ref=self.price_ref,
        )


def _set(rates: Rates, prices: Prices) -> Rates:
    """Return *rates* with *prices* in place of what they have."""
    plain = {
        name: to_units(prices[kind]) for kind, name in PLAIN.items() if kind in prices
    }
    if "output" in plain and rates.reasoning == rates.output:
        plain.setdefault("reasoning", plain["output"])  # it had none of its own
    if "requests" in prices:
        plain["per_request"] = to_units(prices["requests"])
    kinds = dict(rates.kinds)
    for kind, price in prices.items():
        if kind == "minutes":
            kinds["seconds"] = rate_of("seconds", Fraction(price) / SECONDS_IN_MINUTE)
        elif kind not in PLAIN and kind != "requests":
            kinds[kind] = rate_of(kind, price)
    return replace(rates, kinds=kinds, **plain)


def _share(rates: Rates, share: Fraction) -> Rates:
    """Return a share of *rates*: to ten places of a price per million, half to even."""

    def of(rate: int | None) -> int | None:
        return None if rate is None else round(rate * share)

    return Rates(
        of(rates.input),
        of(rates.cached_input),
        of(rates.cache_write),
        of(rates.output),
        of(rates.reasoning),
        round(rates.per_request * share),
        {kind: rate * share for kind, rate in rates.kinds.items()},
    )
