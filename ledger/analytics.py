"""Sums of what was spent: in all, by dimension, and over time; exact to the last place.

Whole UTC days are read from daily spend and what is not yet rolled up into it; the ends
of a range that cut a day, from the cost records. All in one statement, so that nothing
is seen twice or not at all while it is being rolled up.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Max, Min

from ledger import sql
from ledger.costs import NAMES, CostQuery
from ledger.models import DIMENSIONS, CostRecord
from ledger.types import Tags
from lib.errors import Invalid
from lib.money import quantize, wire
from lib.periods import Cadence, Calendar, Window

DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
LONGEST_BY_HOUR = timedelta(days=31)
# The time usage can be of: what an open side of a range stands for.
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
LAST = datetime(2100, 1, 1, tzinfo=UTC)
INTERVALS = {
    "hour": None,
    "day": Cadence.DAILY,
    "week": Cadence.WEEKLY,
    "month": Cadence.MONTHLY,
}
TAG = "tag"
GROUPS = (*DIMENSIONS, "model_version", TAG)
# What a question may call a group; answers use the plain name.
GROUP_NAMES = {**{name: name for name in GROUPS}, **NAMES}


@dataclass(slots=True)
class Sums:
    """What some cost records add up to; *cost* in the organization's currency."""

    cost: Decimal = Decimal(0)
    requests: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0

    def add(self, other: "Sums") -> None:
        for each in fields(self):
            total = getattr(self, each.name) + getattr(other, each.name)
            setattr(self, each.name, total)


class Slice(NamedTuple):
    """A stretch of time all of whose spend counts towards bucket number *bucket*."""

    start: datetime
    end: datetime
    bucket: int


class BucketSums(NamedTuple):
    """The sums of one bucket and one combination of what is grouped by."""

    bucket: int
    group: tuple[Any, ...]
    sums: Sums


def groups_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the dimensions that *names* stand for, each once.

    Raises:
        Invalid: one of them is unknown.
    """
    unknown = [name for name in names if name not in GROUP_NAMES]
    if unknown:
        detail = (
            f"Unknown group {', '.join(unknown)}; known are {', '.join(GROUP_NAMES)}."
        )
        raise Invalid.field("group_by", detail)
    return tuple(dict.fromkeys(GROUP_NAMES[name] for name in names))


def summary_of(question: CostQuery, groups: Sequence[str]) -> dict[str, Any]:
    """Return the totals, and the cost by each of *groups*, as the API answers them.

    A record without a value stands under an empty name. A record with several tags
    counts under each of them, so the costs by tag may add up to more than the total.
    """
    window = _window_of(question)
    total = Sums()
    by: dict[str, dict[str, Decimal]] = {group: {} for group in groups}
    for line in lines_of(question, groups, [window] if window else []):
        total.add(line.sums)
        for group, value in zip(groups, line.group, strict=True):
            for name in _names_of(value):
                costs = by[group]
                costs[name] = costs.get(name, Decimal(0)) + line.sums.cost
    average = quantize(total.cost / total.requests) if total.requests else Decimal(0)
    return {
        "total_cost": wire(total.cost),
        "total_requests": total.requests,
        "avg_cost_per_request": wire(average) if total.requests else "0",
        "unpriced_requests": total.unpriced,
        "input_tokens": total.input_tokens,
        "cached_tokens": total.cached_tokens,
        "output_tokens": total.output_tokens,
        "currency": question.organization.currency,
        **{f"by_{group}": _dearest_first(costs) for group, costs in by.items()},
    }


def unpriced_of(question: CostQuery) -> int:
    """Return how many of the records *question* is about have no known price.

    One query where the organization never had any.
    """
    rows = CostRecord.objects.filter(organization=question.organization)
    window = _window_of(question)
    if window is None or not rows.filter(total_cost=None).exists():
        return 0
    return sum(line.sums.unpriced for line in lines_of(question, (), [window]))


def timeseries_of(
    question: CostQuery, interval: str, zone: ZoneInfo, groups: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the sums of each hour, day, week or month of *zone*, as the API has them.

    What lies outside the range does not count, but `start` is always where the whole
    hour, day, week or month begins. Empty ones are there too, unless groups are asked
    for. A side of the range that is open ends where the spend does.

    Raises:
        Invalid: hours of more than LONGEST_BY_HOUR.
    """
    window = _window_of(question) and _used_part(question)
    if window is None:
        return []
    if interval == "hour" and window.end - window.start > LONGEST_BY_HOUR:
        detail = (
            "Hours are told for at most 31 days; give start_date and end_date, "
            "or ask for interval=day."
        )
        raise Invalid.field("interval", detail)
    whole = list(intervals_in(window, interval, zone))
    buckets = [
        Window(max(each.start, window.start), min(each.end, window.end))
        for each in whole
    ]
    sums: dict[tuple[int, tuple[str, ...]], Sums] = {}
    if not groups:
        sums = {(place, ()): Sums() for place in range(len(buckets))}
    for line in lines_of(question, groups, buckets):
        for group in combinations(line.group):
            sums.setdefault((line.bucket, group), Sums()).add(line.sums)
    return [
        {
            "start": whole[place].start.astimezone(zone),
            **dict(zip(groups, group, strict=True)),
            "cost": wire(found.cost),
            "requests": found.requests,
            "unpriced_requests": found.unpriced,
            "input_tokens": found.input_tokens,
            "cached_tokens": found.cached_tokens,
            "output_tokens": found.output_tokens,
        }
        for (place, group), found in sorted(sums.items())
    ]


def _window_of(question: CostQuery) -> Window | None:
    """Return the range of *question*; None when nothing can lie in it."""
    start = max(question.start or FIRST, FIRST)
    end = min(question.end or LAST, LAST)
    return Window(start, end) if start < end else None


def _used_part(question: CostQuery) -> Window | None:
    """Return the range asked for; a side that is open ends where the records do."""
    window = _window_of(question)
    if window is None or (question.start and question.end):
        return window
    rows = CostRecord.objects.filter(organization=question.organization)
    rows = rows.during(window.start, window.end)
    ends = rows.aggregate(first=Min("timestamp"), last=Max("timestamp"))
    if ends["first"] is None:
        return None
    last = ends["last"] + _TICK
    return Window(question.start or ends["first"], question.end or last)


def intervals_in(window: Window, interval: str, zone: ZoneInfo) -> Iterator[Window]:
    """Yield the intervals of *zone* that overlap *window*."""
    cadence = INTERVALS[interval]
    calendar = Calendar(cadence or Cadence.DAILY, zone)
    if cadence is not None:
        yield from calendar.windows(window.start, window.end)
        return
    start = window.start
    while start < window.end:
        hour = calendar.hour_at(start)
        yield hour
        start = hour.end


_RECORD_SUMS = """
    SELECT slices.bucket, record.attribution_id,
        record.requests, record.unpriced, record.input_tokens, record.cached_tokens,
        record.output_tokens, coalesce(record.total_cost, 0)
    FROM slices JOIN ledger_costrecord AS record
        ON record.organization_id = {organization}
        AND record.timestamp >= slices.starts_at AND record.timestamp < slices.ends_at
"""
_DAY_SUMS = """
    SELECT days.bucket, spend.attribution_id, spend.requests, spend.unpriced,
        spend.input_tokens, spend.cached_tokens, spend.output_tokens, spend.cost
    FROM days JOIN ledger_dailyspend AS spend
        ON spend.organization_id = {organization}
        AND spend.day >= days.first_day AND spend.day < days.next_day
    UNION ALL
    SELECT days.bucket, delta.attribution_id, delta.requests, delta.unpriced,
        delta.input_tokens, delta.cached_tokens, delta.output_tokens, delta.cost
    FROM days JOIN ledger_spenddelta AS delta
        ON delta.organization_id = {organization} AND delta.currency = ''
        AND delta.starts_at >= days.starts_at AND delta.starts_at < days.ends_at
"""
_SPEND = """
WITH days AS ({slices}), slices AS ({slices}),
spend (bucket, attribution_id, requests, unpriced, input_tokens, cached_tokens,
    output_tokens, cost) AS ({days} UNION ALL {records})"""
# Each row is told its group first: days of many attributions are as many rows before
# they are added up as after it, if they are added up by attribution.
_STATEMENT = """{spend}
SELECT bucket{groups}, sum(cost), sum(requests), sum(unpriced), sum(input_tokens),
    sum(cached_tokens), sum(output_tokens)
FROM spend {join} {chosen} GROUP BY bucket{groups}
"""
_COLUMN = ', of_it."{}"'
_JOIN = """JOIN ledger_attribution AS of_it
    ON of_it.id = attribution_id AND of_it.organization_id = {organization}"""


def lines_of(
    question: CostQuery, groups: Sequence[str], buckets: Sequence[Window]
) -> Iterator[BucketSums]:
    """Yield the sums of each bucket and combination of *groups* that has any.

    One statement, besides the one that finds the attributions of a question with
    filters; the range of *question* itself is not looked at. Tags come as they are
    kept.
    """
    ids = question.attribution_ids()
    if ids == [] or not buckets:
        return
    parameters = [each for part in _parted(buckets) for each in sql.slices_of(part)]
    if ids is not None:
        parameters.append(sql.numbers(ids))
    statement = _statement(question.organization.pk, groups, chosen=ids is not None)
    for bucket, *row in sql.sums(statement, parameters):
        cost, *counts = row[len(groups) :]
        sums = Sums(sql.total_of(cost), *map(int, counts))
        if sums == Sums():  # all that was there was put right since, and is elsewhere
            continue
        yield BucketSums(bucket, _group(groups, row), sums)


def attributed_of(
    question: CostQuery, buckets: Sequence[Window]
) -> Iterator[tuple[int, int, Sums]]:
    """Yield the sums of each bucket and attribution that has any, by their numbers.

    As `lines_of`.
    """
    for line in lines_of(question, ("id",), buckets):
        (attribution_id,) = line.group
        yield line.bucket, attribution_id, line.sums


def _statement(organization_id: int, groups: Sequence[str], *, chosen: bool) -> str:
    organization = int(organization_id)
    columns = [_COLUMN.format("tags" if group == TAG else group) for group in groups]
    spend = _SPEND.format(
        slices=sql.SLICES,
        days=_DAY_SUMS.format(organization=organization),
        records=_RECORD_SUMS.format(organization=organization),
    )
    return _STATEMENT.format(
        spend=spend,
        chosen=f"WHERE attribution_id IN ({sql.ELEMENTS})" if chosen else "",
        groups="".join(columns),
        join=_JOIN.format(organization=organization) if groups else "",
    )


def _parted(buckets: Iterable[Window]) -> tuple[list[Slice], list[Slice]]:
    """Part *buckets* into whole UTC days and what is left of them at the ends."""
    days, slices = [], []
    for place, (start, end) in enumerate((each.start, each.end) for each in buckets):
        first, last = _midnight(start + DAY - _TICK), _midnight(end)
        if first >= last:
            slices.append(Slice(start, end, place))
            continue
        days.append(Slice(first, last, place))
        slices += [
            Slice(left, right, place)
            for left, right in ((start, first), (last, end))
            if left < right
        ]
    return days, slices


def _midnight(moment: datetime) -> datetime:
    """Return where the UTC day of *moment* begins."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _group(groups: Sequence[str], row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(
        json.loads(value) if group == TAG else value
        for group, value in zip(groups, row, strict=False)
    )


def _names_of(value: str | Tags) -> Sequence[str]:
    """Return the names a cost goes by in one group: of tags, each."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [f"{name}:{text}" if text else name for name, text in value.items()]
    return value or [""]


def combinations(group: Sequence[str | Tags]) -> Iterator[tuple[str, ...]]:
    """Yield the names that a line of *group* counts under: with tags, several."""
    return product(*map(_names_of, group))


def _dearest_first(costs: Mapping[str, Decimal]) -> dict[str, str | None]:
    ordered = sorted(costs.items(), key=lambda item: (-item[1], item[0]))
    return {name: wire(cost) for name, cost in ordered}
