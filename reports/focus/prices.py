"""The prices that made what is booked, as they are known now: by kind, and by list."""

from datetime import datetime
from typing import NamedTuple

from ledger.catalogue import span_at as listed_at
from ledger.pricing import PriceBook
from ledger.tariffs import MILLION, Rates, Tariff
from reports.focus.skus import REQUESTS
from reports.focus.splits import KindPrices

_MOST_SPANS = 20_000


class SoldAs(NamedTuple):
    """What prices are found by: a model as it was sent, at a provider, for a tier."""

    provider: str
    sent_model: str
    tier: str


class Prices:
    """The prices of one model in a stretch of time, for requests of one length."""

    def __init__(self, tariff: Tariff, listed: Tariff | None, length: int) -> None:
        self.currency = tariff.currency
        self.source = tariff.source
        # More input tokens than these; 0: the usual prices.
        self.above = tariff.tiers[length - 1][0] if length else 0
        self._tariff, self._rates = tariff, _rates(tariff, length)
        same = listed is not None and listed.currency == tariff.currency
        self._listed = listed if same else None
        self._list_rates = (
            listed.rates_for(self.above + 1 if length else 0)
            if same and listed is not None
            else None
        )
        self._known: dict[str, KindPrices | None] = {}

    def of(self, kind: str) -> KindPrices | None:
        """Return the price of one of *kind*; by list too, where a list has it."""
        if kind not in self._known:
            self._known[kind] = self._find(kind)
        return self._known[kind]

    def _find(self, kind: str) -> KindPrices | None:
        if kind == REQUESTS:
            return self._fee()
        rate, _ = self._tariff.rate_of(kind, self._rates)
        if rate is None:
            return None
        listed = None
        if self._listed is not None and self._list_rates is not None:
            listed, _ = self._listed.rate_of(kind, self._list_rates)
        return KindPrices(rate, rate if listed is None else listed)

    def _fee(self) -> KindPrices | None:
        fee = self._rates.per_request * MILLION
        listed = self._list_rates.per_request * MILLION if self._list_rates else 0
        return KindPrices(fee, listed or fee) if fee else None


class PriceSpan(NamedTuple):
    """A stretch of time in which a model's prices stay the same, by length."""

    start: datetime
    end: datetime
    tariff: Tariff | None
    by_length: tuple[Prices, ...]

    def prices_for(self, input_tokens: int, requests: int) -> Prices | None:
        """Return the prices of *requests* with, together, so many input tokens."""
        if self.tariff is None:
            return None
        length = 0
        for start, _ in self.tariff.tiers:
            if input_tokens <= start * requests:
                break
            length += 1
        return self.by_length[length]


class PriceList:
    """The prices of one organization, as they were when it was opened.

    Two queries to open; none afterwards.
    """

    def __init__(self, organization_id: int) -> None:
        self._book = PriceBook(organization_id)
        self._last: dict[SoldAs, PriceSpan] = {}

    def span_at(self, sold: SoldAs, at: datetime) -> PriceSpan:
        span = self._last.get(sold)
        if span is None or not span.start <= at < span.end:
            if len(self._last) >= _MOST_SPANS:
                self._last.clear()
            span = self._last[sold] = self._find(sold, at)
        return span

    def _find(self, sold: SoldAs, at: datetime) -> PriceSpan:
        found = self._book.span_at(*sold, at)
        tariff = found.tariff
        if tariff is None:
            return PriceSpan(found.start, found.end, None, ())
        listed = listed_at(sold.provider, sold.sent_model, at, sold.tier).tariff
        lengths = range(len(tariff.tiers) + 1)
        prices = tuple(Prices(tariff, listed, length) for length in lengths)
        return PriceSpan(found.start, found.end, tariff, prices)


def _rates(tariff: Tariff, length: int) -> Rates:
    return tariff.tiers[length - 1][1] if length else tariff.rates
