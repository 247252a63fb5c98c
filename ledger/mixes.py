"""What was used of each model, added up so that it can be priced anew, exactly.

Records are added up where their price is one multiplication: of one model and service
tier, in a stretch of time in which no price changes, and between the same thresholds of
prices for long requests.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from ledger import sql
from ledger.models import Attribution
from ledger.pricing import PriceBook
from ledger.tariffs import Metered, PricedSpan, Tariff
from lib.money import quantize


class Sold(NamedTuple):
    """A model as it is sold: the name that was sent, and the service tier."""

    provider: str  # its one name
    model: str
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Mix:
    """What some records used together; negative where they only correct others.

    Only what `is_plain` can be priced anew by its sums.
    """

    sold: Sold
    name: str  # the model's one name
    at: datetime  # in the stretch of time
    used: Metered
    largest: int  # input tokens of one request
    cost: Decimal  # as it is booked, in the organization's currency
    unpriced: int  # requests without a price
    is_reported: bool  # the sender named the cost
    has_quantities: bool  # beside plain tokens

    @property
    def is_plain(self) -> bool:
        return not (self.unpriced or self.is_reported or self.has_quantities)


@dataclass(frozen=True, slots=True)
class UseQuestion:
    """Whose use, and when: [start, end) in UTC; None: of all attributions."""

    organization_id: int
    start: datetime
    end: datetime
    attribution_ids: Sequence[int] | None = None


def sold_in(question: UseQuestion) -> list[tuple[str, str, str]]:
    """Return provider, sent model and model of all that was ever used. One query."""
    rows = Attribution.objects.filter(organization=question.organization_id)
    names = rows.order_by().values_list("provider", "sent_model", "model")
    return list(names.distinct())


def mixes_of(
    question: UseQuestion,
    book: PriceBook,
    sold: Iterable[Sold],
    *,
    sizes: Collection[int] = (),
) -> Iterator[Mix]:
    """Yield what was used, so that each of *sold* has one price for each mix.

    *sizes*: input tokens of a request that divide mixes, too. One statement, which
    reads the records of the time.
    """
    ids = question.attribution_ids
    if ids is not None and not ids:
        return
    spans = [span for one in sold for span in _spans(book, one, question)]
    edges = {span.start for span in spans} | {span.end for span in spans}
    inside = sorted(edge for edge in edges if question.start < edge < question.end)
    cuts = [question.start, *inside, question.end]
    slices = [(start, end, place) for place, (start, end) in enumerate(pairwise(cuts))]
    starts = {start for span in spans for start, _ in _tiers(span)} | set(sizes)
    parameters: list[object] = [*sql.slices_of(slices), question.organization_id]
    if ids is not None:
        parameters.append(sql.numbers(ids))
    statement = _STATEMENT.format(
        slices=sql.SLICES,
        size=_size(sorted(starts)),
        chosen=f"AND record.attribution_id IN ({sql.ELEMENTS})"
        if ids is not None
        else "",
    )
    for row in sql.sums(statement, parameters):
        yield _mix(row, cuts)


def repriced(
    mix: Mix, tariff: Tariff, used: Metered, book: PriceBook
) -> Decimal | None:
    """Return what *mix* would have cost had it used *used* at *tariff*.

    At the share that its cost has of what its own price comes to, which is what rates
    of exchange and rounding made of it. None: there is no price for it.
    """
    own = book.span_at(*mix.sold, mix.at).tariff
    now = None if own is None else own.bill(mix.used).total
    then = tariff.bill(used).total
    if own is None or not now or then is None:
        return None
    share = Fraction(then, now)
    if own.currency != tariff.currency:
        rate = book.rate(tariff.currency, own.currency, mix.at.date())
        if rate is None:
            return None
        share *= Fraction(rate.rate)
    exact = Fraction(mix.cost) * share
    return quantize(Decimal(exact.numerator) / Decimal(exact.denominator))


def _spans(book: PriceBook, sold: Sold, question: UseQuestion) -> Iterator[PricedSpan]:
    """Yield the prices of *sold* one after another."""
    at = question.start
    while at < question.end:
        span = book.span_at(*sold, at)
        yield span
        at = span.end


def _tiers(span: PricedSpan) -> Sequence[tuple[int, object]]:
    return () if span.tariff is None else span.tariff.tiers


_STATEMENT = """
WITH slices AS ({slices})
SELECT slices.bucket, of_it.provider, of_it.sent_model, of_it.model,
    record.service_tier, record.reported, record.quantities IS NOT NULL,
    record.unpriced <> 0, {size},
    sum(record.input_tokens), sum(record.cached_tokens), sum(record.cache_write_tokens),
    sum(record.output_tokens), sum(record.reasoning_tokens), sum(record.requests),
    coalesce(max(abs(record.input_tokens) / nullif(abs(record.requests), 0)), 0),
    coalesce(sum(record.total_cost), 0), sum(record.unpriced)
FROM slices JOIN ledger_costrecord AS record
    ON record.organization_id = %s
    AND record.timestamp >= slices.starts_at AND record.timestamp < slices.ends_at
    {chosen}
JOIN ledger_attribution AS of_it
    ON of_it.id = record.attribution_id
    AND of_it.organization_id = record.organization_id
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
_LARGER = """
    CASE WHEN abs(record.input_tokens) > {start} * abs(record.requests)
    THEN 1 ELSE 0 END"""


def _size(starts: Sequence[int]) -> str:
    """Return how many thresholds a request passes, as SQL has it."""
    return " + ".join(_LARGER.format(start=int(start)) for start in starts) or "0 + 0"


def _mix(row: Sequence[Any], cuts: Sequence[datetime]) -> Mix:
    place, provider, sent, name, tier, reported, quantities = row[:7]
    read, cached, kept, written, reasoned, requests, largest = map(int, row[9:16])
    return Mix(
        sold=Sold(provider, sent, tier),
        name=name,
        at=cuts[place],
        used=Metered(read, cached, kept, written, reasoned, requests),
        largest=largest,
        cost=sql.total_of(row[16]),
        unpriced=int(row[17]),
        is_reported=bool(reported),
        has_quantities=bool(quantities),
    )
