"""What one of something cost a budget: a request, a user, a customer, an outcome."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Sum
from django.db.models.functions import TruncHour

from budgets.covered import stretches_of
from budgets.models import Budget, Coverage
from budgets.rollup import hours_of
from budgets.status import calendar_of
from ledger.analytics import TAG, lines_of
from ledger.costs import CostQuery
from ledger.models import OutcomeRecord
from ledger.types import Tags
from lib.errors import Invalid
from lib.money import quantize
from lib.periods import Cadence, Calendar, Window
from lib.query_params import range_of

REQUEST, USER, OUTCOME = "request", "user", "outcome"
CUSTOMER = "customer"  # those named by the tag of this name
INTERVALS = {
    "day": Cadence.DAILY,
    "week": Cadence.WEEKLY,
    "month": Cadence.MONTHLY,
}
MOST_POINTS = 1_000
LONGEST_NAME = 200
_ZERO = Decimal(0)
_MOMENT = timedelta(microseconds=1)

Counts = Mapping[int, int]  # by the place of the point


@dataclass(frozen=True, slots=True)
class Per:
    """What costs are held against: requests, distinct users, distinct values of a tag,
    or outcomes of a name."""

    kind: str
    name: str = ""

    @classmethod
    def of(cls, text: str) -> "Per":
        """Read "request", "user", "customer", "tag:NAME" or "outcome:NAME".

        Raises:
            Invalid: it is none of them.
        """
        kind, _, name = text.partition(":")
        name = name.strip()
        if text in (REQUEST, USER):
            return cls(text)
        if text == CUSTOMER:
            return cls(TAG, CUSTOMER)
        if kind in (TAG, OUTCOME) and 0 < len(name) <= LONGEST_NAME:
            return cls(kind, name)
        raise Invalid.field(
            "per",
            f"“{text[:LONGEST_NAME]}” is unknown; use request, user, customer, "
            "tag:<name> or outcome:<name>.",
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


@dataclass(frozen=True, slots=True)
class UnitCost:
    """One stretch of time; *cost* is in the budget's currency."""

    window: Window  # as far as it was asked for
    cost: Decimal
    count: int

    @property
    def each(self) -> Decimal | None:
        """What one cost, to ten places; None: there was none."""
        return quantize(self.cost / self.count) if self.count else None


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """The stretches one after the other, and all of them as one."""

    points: Sequence[UnitCost]
    total: UnitCost


def unit_costs(budget: Budget, per: Per, span: Window, interval: str) -> UnitCosts:
    """Return what one cost in each *interval* of *span*, by the budget's clocks.

    Exact to the microsecond at both ends, for requests and costs to the clock hour; of
    what the budget covers. Distinct users are counted anew in all, so they are fewer
    than the sum of the days'. At most four queries, two more for each stretch of time
    in which the budget covers something else.

    Raises:
        Invalid: it would be more than MOST_POINTS.
    """
    windows = _windows(budget, span, interval)
    if not windows:
        nothing = UnitCost(span, _ZERO, 0)
        return UnitCosts([], nothing)
    hours = hours_of([budget], windows[0].start, windows[-1].end)
    place_of = _placing(windows)
    costs: dict[int, Decimal] = defaultdict(Decimal)
    requests: dict[int, int] = defaultdict(int)
    for hour in hours:
        place = place_of(hour.starts_at)
        costs[place] += hour.spent
        requests[place] += hour.requests
    whole = [Window(windows[0].start, windows[-1].end)]
    counts: Counts = requests
    if per.kind == REQUEST:
        in_all = sum(requests.values())
    elif per.kind == OUTCOME:
        counts = _outcomes(budget, per.name, windows)
        in_all = sum(counts.values())
    else:
        counts = _distinct(budget, per, windows)
        in_all = _distinct(budget, per, whole).get(0, 0)
    points = [
        UnitCost(window, costs.get(place, _ZERO), counts.get(place, 0))
        for place, window in enumerate(windows)
    ]
    total = UnitCost(whole[0], sum(costs.values(), _ZERO), in_all)
    return UnitCosts(points, total)


def span_asked(budget: Budget, query: Mapping[str, str], *, now: datetime) -> Window:
    """Return the time that a query asks for by start_date and end_date, in the budget's
    zone: what is left out is the present period's, or the last one's.

    Raises:
        Invalid: a date is none, or nothing lies between them.
    """
    start, end = range_of(query, zone=ZoneInfo(budget.timezone))
    calendar = calendar_of(budget, budget.organization)
    last = (budget.ends_at or now) - _MOMENT
    period = calendar.window_of(max(min(now, last), budget.starts_at))
    start, end = start or min(period.start, end or period.start), end or period.end
    if start >= end:
        raise Invalid.field("end_date", "Must be after start_date.")
    return Window(start, end)


def outcome_names(budget: Budget) -> list[str]:
    """Return the names of outcomes that the organization has reported. One query."""
    rows = OutcomeRecord.objects.filter(organization=budget.organization_id)
    return list(rows.order_by("name").values_list("name", flat=True).distinct())


def _windows(budget: Budget, span: Window, interval: str) -> list[Window]:
    """Part *span*, as far as the budget lives in it."""
    start = max(span.start, budget.starts_at)
    end = min(span.end, budget.ends_at or span.end)
    calendar = Calendar(INTERVALS[interval], ZoneInfo(budget.timezone))
    found: list[Window] = []
    for window in calendar.windows(start, end) if start < end else ():
        if len(found) == MOST_POINTS:
            detail = f"More than {MOST_POINTS:,} points; ask for longer intervals."
            raise Invalid.field("interval", detail)
        found.append(Window(max(window.start, start), min(window.end, end)))
    return found


def _placing(windows: Sequence[Window]) -> Any:
    starts = [window.start for window in windows]

    def place_of(moment: datetime) -> int:
        # A clock hour may begin before the first window that has a part of it.
        return max(bisect_right(starts, moment) - 1, 0)

    return place_of


def _outcomes(budget: Budget, name: str, windows: Sequence[Window]) -> Counts:
    """Count outcomes by hours of the budget's clocks: days begin with one."""
    covered = Coverage.objects.filter(
        budget=budget,
        organization=budget.organization_id,
        attribution=OuterRef("attribution"),
        starts_at__lte=OuterRef("timestamp"),
        ends_at__gt=OuterRef("timestamp"),
    )
    rows = OutcomeRecord.objects.filter(
        Exists(covered),
        organization=budget.organization_id,
        name=name,
        timestamp__gte=windows[0].start,
        timestamp__lt=windows[-1].end,
    )
    hour = TruncHour("timestamp", tzinfo=ZoneInfo(budget.timezone))
    sums = (
        rows.order_by().annotate(hour=hour).values_list("hour").annotate(Sum("count"))
    )
    place_of, counts = _placing(windows), defaultdict[int, int](int)
    for moment, count in sums:
        counts[place_of(moment)] += count
    return counts


def _distinct(budget: Budget, per: Per, windows: Sequence[Window]) -> Counts:
    """Count the users, or values of a tag, that used something in each window."""
    group = TAG if per.kind == TAG else USER
    names: dict[int, set[str]] = defaultdict(set)
    question = CostQuery(budget.organization)
    for stretch, ids in stretches_of(budget).items():
        parts = [
            (place, Window(start, end))
            for place, window in enumerate(windows)
            if (start := max(window.start, stretch[0]))
            < (end := min(window.end, stretch[1]))
        ]
        among = replace(question, only=tuple(ids))
        buckets = [window for _, window in parts]
        for line in lines_of(among, (group,), buckets):
            if line.sums.requests > 0:
                place = parts[line.bucket][0]
                names[place].update(_named(line.group[0], per.name))
    return {place: len(found) for place, found in names.items()}


def _named(value: str | Tags, tag: str) -> Iterator[str]:
    """Yield the user, or what *tag* says; nothing where it says nothing."""
    if isinstance(value, str):
        texts = [value]
    elif isinstance(value, dict):
        texts = [value.get(tag, "")]
    else:
        parts = [(one[: len(tag)], one[len(tag) :]) for one in value]
        texts = [rest[1:] for name, rest in parts if name == tag and rest[:1] in "=:"]
    yield from filter(None, texts)
