"""What was spent, exactly as the ledger has it: of each budget, and of several at once.

All comes of one statement, by attribution and stretch of time, and of what budgets
cover. So what is told of budgets, of their total and of what no budget counts adds up
to the last place, in the organization's currency as it was booked.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

from accounts.models import Organization
from budgets.models import Coverage
from ledger.analytics import Sums, attributed_of
from ledger.costs import CostQuery
from ledger.sql import elements_of
from lib.periods import Window
from reports.monthly.calendars import ReportedMonth

ZERO = Decimal(0)


@dataclass(frozen=True)
class Spends:
    """Sums by attribution and piece of time; a budget covers a piece or not."""

    pieces: Sequence[Window]  # in order, without gaps
    sums: Mapping[int, Mapping[int, Sums]]  # by attribution, then piece
    covered: Mapping[int, Sequence[tuple[int, datetime, datetime]]]  # by budget

    def of(self, budget_id: int) -> "DatedSpend":
        """Return what was charged to the budget."""
        return self.of_all([budget_id])

    def of_all(self, budget_ids: Iterable[int]) -> "DatedSpend":
        """Return what was charged to any of the budgets, each cost once."""
        found: set[tuple[int, int]] = set()
        for budget_id in budget_ids:
            for attribution_id, start, end in self.covered.get(budget_id, ()):
                found.update(
                    (attribution_id, place)
                    for place in self.sums.get(attribution_id, ())
                    if start <= self.pieces[place].start
                    and self.pieces[place].end <= end
                )
        return DatedSpend(self, found)

    @property
    def everything(self) -> "DatedSpend":
        """What was spent in all, whether a budget counts it or not."""
        places = {(one, place) for one, of in self.sums.items() for place in of}
        return DatedSpend(self, places)

    @cached_property
    def starts(self) -> list[datetime]:
        return [piece.start for piece in self.pieces]


@dataclass(frozen=True)
class DatedSpend:
    """What of all spends counts: pairs of an attribution and a piece."""

    spends: Spends
    found: Collection[tuple[int, int]]

    @cached_property
    def by_piece(self) -> Mapping[int, Decimal]:
        costs: dict[int, Decimal] = defaultdict(Decimal)
        for attribution_id, place in self.found:
            costs[place] += self.spends.sums[attribution_id][place].cost
        return costs

    def within(self, window: Window) -> Decimal:
        """Return what was spent in *window*, whose ends are those of pieces."""
        first = bisect_left(self.spends.starts, window.start)
        last = bisect_left(self.spends.starts, window.end)
        return sum(
            (cost for place, cost in self.by_piece.items() if first <= place < last),
            ZERO,
        )

    def attributed(self, window: Window) -> Mapping[int, Sums]:
        """Return what each attribution has in *window*."""
        sums: dict[int, Sums] = defaultdict(Sums)
        for attribution_id, place in self.found:
            piece = self.spends.pieces[place]
            if window.start <= piece.start and piece.end <= window.end:
                sums[attribution_id].add(self.spends.sums[attribution_id][place])
        return sums

    @property
    def attributions(self) -> set[int]:
        return {attribution_id for attribution_id, _ in self.found}


def spends_of(
    organization: Organization,
    budget_ids: Collection[int],
    month: ReportedMonth,
    *,
    only_theirs: bool,
) -> Spends:
    """Read what *month*, the one before and the fiscal year have, day by day of the
    month. Two queries, however many budgets.

    *only_theirs*: not what none of the budgets covers.
    """
    span = Window(min(month.year.start, month.before.start), month.year.end)
    covered = _covered(organization, budget_ids, span)
    pieces = _pieces(month, span, covered)
    ids = {row[0] for rows in covered.values() for row in rows}
    question = CostQuery(organization, only=sorted(ids) if only_theirs else None)
    sums: dict[int, dict[int, Sums]] = defaultdict(dict)
    for place, attribution_id, of_it in attributed_of(question, pieces):
        sums[attribution_id][place] = of_it
    return Spends(pieces, sums, covered)


def _covered(
    organization: Organization, budget_ids: Collection[int], span: Window
) -> Mapping[int, Sequence[tuple[int, datetime, datetime]]]:
    rows = Coverage.objects.filter(
        organization=organization,
        budget__in=elements_of(budget_ids),
        starts_at__lt=span.end,
        ends_at__gt=span.start,
    )
    covered: dict[int, list[tuple[int, datetime, datetime]]] = defaultdict(list)
    for budget_id, attribution_id, start, end in rows.order_by().values_list(
        "budget_id", "attribution_id", "starts_at", "ends_at"
    ):
        covered[budget_id].append((attribution_id, start, end))
    return covered


def _pieces(
    month: ReportedMonth,
    span: Window,
    covered: Mapping[int, Sequence[tuple[int, datetime, datetime]]],
) -> list[Window]:
    """Cut *span* wherever a month or a day begins, or what is covered changes."""
    edges = {span.start, span.end, month.before.start, month.year.start}
    edges |= {month.month(first).start for first in month.firsts}
    edges |= {month.day(day).start for day in month.days} | {month.window.end}
    for rows in covered.values():
        for _, start, end in rows:
            edges.update((start, end))
    ordered = sorted(edge for edge in edges if span.start <= edge <= span.end)
    return [Window(start, end) for start, end in pairwise(ordered)]
