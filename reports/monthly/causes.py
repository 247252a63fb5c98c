"""Why a month came to what it did: prices, use and rates, and who or what moved it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Sum

from accounts.models import Organization
from budgets.drivers import DIMENSIONS
from budgets.variance_parts import Exchanged
from ledger.analytics import Sums
from ledger.models import Attribution, CostRecord
from ledger.pricing import PriceBook
from ledger.sql import elements_of
from lib.periods import Window
from reports.monthly.calendars import ReportedMonth
from reports.monthly.figures import ReportDriver
from reports.monthly.spends import DatedSpend

ZERO, _ONE = Decimal(0), Decimal(1)
MOST = 5  # drivers of each dimension


class Names(NamedTuple):
    """What an attribution is called in each of DIMENSIONS."""

    model: str
    project: str
    user: str


@dataclass(frozen=True)
class Causes:
    """What was charged in the month and in the one before, by attribution."""

    now: Mapping[int, Sums]
    before: Mapping[int, Sums]
    names: Mapping[int, Names]

    def drivers(self) -> list[ReportDriver]:
        """Return what moved the month most: first the greatest of each dimension."""
        placed = []
        for dimension in DIMENSIONS:
            spent, before = (
                self._by(dimension, sums) for sums in (self.now, self.before)
            )
            found = [
                ReportDriver(
                    dimension, name, spent.get(name, ZERO), before.get(name, ZERO)
                )
                for name in {**spent, **before}
                if name
            ]
            moved = [one for one in found if one.change]
            moved.sort(key=lambda one: (-abs(one.change), one.name))
            placed += list(enumerate(moved[:MOST]))
        placed.sort(key=lambda pair: (pair[0], -abs(pair[1].change), pair[1].name))
        return [one for _, one in placed]

    def _by(self, dimension: str, sums: Mapping[int, Sums]) -> dict[str, Decimal]:
        costs: dict[str, Decimal] = defaultdict(Decimal)
        for attribution_id, of in sums.items():
            costs[getattr(self.names[attribution_id], dimension)] += of.cost
        return costs


def causes_of(line: DatedSpend, month: ReportedMonth) -> Causes:
    """Read what the attributions of *line* are called. One query."""
    now, before = line.attributed(month.window), line.attributed(month.before)
    rows = Attribution.objects.filter(pk__in=elements_of(sorted({*now, *before})))
    names = {pk: Names(*row) for pk, *row in rows.values_list("pk", *DIMENSIONS)}
    return Causes(now, before, names)


def exchanged_of(
    organization: Organization,
    sums: Mapping[int, Sums],
    names: Mapping[int, Names],
    window: Window,
    planned_on: date,
) -> Iterator[Exchanged]:
    """Yield what was charged of each model in *window*, what came in other currencies
    apart. Two queries where there is any."""
    rest = {pk: of.cost for pk, of in sums.items()}
    for part in _foreign(organization, sums, window, planned_on):
        rest[part.attribution_id] -= part.charged
        yield Exchanged(
            model=names[part.attribution_id].model,
            amount=part.amount,
            charged=part.charged,
            rate=part.rate,
            planned_rate=part.planned_rate,
            requests=0,  # they are counted with the rest
            tokens=0,
        )
    for pk, of in sums.items():
        tokens = of.input_tokens + of.output_tokens
        model, cost = names[pk].model, rest[pk]
        yield Exchanged(model, cost, cost, _ONE, _ONE, of.requests, tokens)


class _Foreign(NamedTuple):
    attribution_id: int
    amount: Decimal
    charged: Decimal
    rate: Decimal
    planned_rate: Decimal


def _foreign(
    organization: Organization,
    sums: Mapping[int, Sums],
    window: Window,
    planned_on: date,
) -> Sequence[_Foreign]:
    rows = CostRecord.objects.filter(organization=organization)
    rows = rows.during(window.start, window.end).exclude(source_currency="")
    found = (
        rows.filter(total_cost__isnull=False, exchange_rate__isnull=False)
        .order_by()
        .values_list("attribution_id", "source_currency", "exchange_rate")
        .annotate(amount=Sum("source_cost"), charged=Sum("total_cost"))
    )
    parts = [row for row in found if row[0] in sums]
    book = PriceBook(organization.pk) if parts else None
    result = []
    for attribution_id, source, rate, amount, charged in parts:
        known = book.rate(source, organization.currency, planned_on) if book else None
        planned = known.rate if known else rate
        result.append(_Foreign(attribution_id, amount, charged, rate, planned))
    return result
