"""What a usage counted with from one correction to the next, and counts with now.

A usage is booked as rows: the first is number 0. A repricing adds a row with the
difference in cost, a correction of the usage one with all of its new content; before
that, a row with the number below zero takes off what counted until then. So sums over
all rows are always right, and the last version of a usage is its last content with the
differences that follow it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from ledger.models import CostRecord

COLUMNS = (
    "id",
    "usage_id",
    "correction",
    "attribution_id",
    "timestamp",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "latency_ms",
    "service_tier",
    "input_cost",
    "output_cost",
    "total_cost",
    "source_cost",
    "source_currency",
    "exchange_rate",
    "reported",
    "metadata",
    "requests",
    "quantities",
    "other_cost",
    "unpriced_kinds",
    "assumed_kinds",
    "response_id",
    "run_id",
    "used_at",
    "charge_id",
)
Values = tuple[Any, ...]  # of COLUMNS
AT = {name: place for place, name in enumerate(COLUMNS)}
_ID, _USAGE, _NUMBER, _TIME, _USED = map(
    AT.__getitem__, ("id", "usage_id", "correction", "timestamp", "used_at")
)
_REQUESTS = AT["requests"]
_ADDED = ("input_cost", "output_cost", "other_cost", "total_cost", "source_cost")
_MOST_CHANGES = 20_000  # read at once, whichever usage they are of
_ASKED_FOR = 5_000  # usage ids in one query


def last_versions(
    organization_id: int, rows: Sequence[Values], *, upto_id: int
) -> Sequence[Values]:
    """Return of *rows*, contents in the order of time, those that count, as they stand.

    What was booked after *upto_id* is left out of account. One query where nothing was
    corrected; two and more otherwise.
    """
    changed = _changed(organization_id, rows, upto_id)
    if not changed:
        return rows
    versions = _versions(organization_id, changed, upto_id)
    found = []
    for row in rows:
        known = versions.get(row[_USAGE])
        if known is None:
            found.append(row)
        elif row[_NUMBER] == known.content:
            last = list(known.rows[known.last])
            last[_ID] = row[_ID]
            found.append(tuple(last))
    return found


def all_versions(
    organization_id: int, rows: Sequence[Values], *, upto_id: int
) -> Sequence[Values]:
    """Return each of *rows*, contents and differences, as the usage stood with it."""
    changed = _changed(organization_id, rows, upto_id)
    if not changed:
        return rows
    versions = _versions(organization_id, changed, upto_id)
    return [
        versions[row[_USAGE]].rows[row[_NUMBER]] if row[_USAGE] in versions else row
        for row in rows
    ]


class VersionChange(NamedTuple):
    """What one row that corrects a usage takes off, and what it has count instead."""

    before: Values | None
    after: Values | None


def changes_of(
    organization_id: int, rows: Iterable[tuple[str, int]], *, upto_id: int
) -> Iterator[VersionChange]:
    """Yield for *rows*, usage ids and numbers of what corrects them, what each changes.

    What a row takes off that has its number below zero, and the new content that has
    it above, are two changes; a difference in cost is one, of both. Two queries at
    most for some thousand usages.
    """
    asked = list(rows)
    versions = _versions(organization_id, {usage for usage, _ in asked}, upto_id)
    for usage_id, number in asked:
        known = versions[usage_id]
        if number < 0:
            yield VersionChange(known.before(-number), None)
        elif number in known.contents:
            yield VersionChange(None, known.rows[number])
        else:
            yield VersionChange(known.before(number), known.rows[number])


class _Versions:
    """The versions of one usage, by number."""

    def __init__(self) -> None:
        self.rows: dict[int, Values] = {}
        self.contents: set[int] = set()
        self.content = self.last = 0  # the last content, and the last of all

    def before(self, number: int) -> Values:
        """Return what counted before that *number* came."""
        return self.rows[max(known for known in self.rows if known < number)]

    def add(self, row: Values) -> None:
        number = row[_NUMBER]
        if row[_REQUESTS] > 0 or not number:
            self.content = number
            self.contents.add(number)
        else:
            row = with_difference(self.rows[self.last], row)
        self.rows[number] = row
        self.last = number


def with_difference(before: Values, row: Values) -> Values:
    """Return what counts when *row*, a difference in cost, comes on top of *before*."""
    values = list(before)
    values[_ID], values[_NUMBER] = row[_ID], row[_NUMBER]
    for name in _ADDED:
        place = AT[name]
        if row[place] is not None:
            values[place] = (values[place] or 0) + row[place]
    for name in ("source_currency", "exchange_rate"):
        values[AT[name]] = row[AT[name]] or values[AT[name]]
    for name in ("unpriced_kinds", "assumed_kinds"):  # of the price that holds now
        values[AT[name]] = row[AT[name]]
    return tuple(values)


def _changed(organization_id: int, rows: Sequence[Values], upto_id: int) -> set[str]:
    """Return the usage ids of *rows*, in the order of time, that have corrections.

    What corrects a row, or takes it off, is booked when it is, or if that month was
    closed tells when it was used: partial indexes find both.
    """
    if not rows:
        return set()
    used = [row[_USED] or row[_TIME] for row in rows]
    changes = CostRecord.objects.filter(organization=organization_id).changes()
    changes = changes.filter(
        Q(timestamp__range=(rows[0][_TIME], rows[-1][_TIME]))
        | Q(used_at__range=(min(used), max(used))),
        id__lte=upto_id,
    )
    ids = changes.order_by().values_list("usage_id", flat=True)
    found = list(ids[:_MOST_CHANGES])
    if not found:
        return set()
    mine = {row[_USAGE] for row in rows}
    if len(found) < _MOST_CHANGES:
        return mine.intersection(found)
    return {
        usage_id
        for chunk in _chunks(mine)
        for usage_id in ids.filter(usage_id__in=chunk)
    }


def _versions(
    organization_id: int, usage_ids: Iterable[str], upto_id: int
) -> dict[str, _Versions]:
    versions: dict[str, _Versions] = defaultdict(_Versions)
    for chunk in _chunks(usage_ids):
        booked = CostRecord.objects.filter(
            organization=organization_id,
            usage_id__in=chunk,
            correction__gte=0,
            id__lte=upto_id,
        )
        for row in booked.order_by("correction").values_list(*COLUMNS):
            versions[row[_USAGE]].add(row)
    return dict(versions)


def _chunks(usage_ids: Iterable[str]) -> Iterable[list[str]]:
    ids = sorted(usage_ids)
    return (ids[at : at + _ASKED_FOR] for at in range(0, len(ids), _ASKED_FOR))
