"""What of the ledger goes into a FOCUS file: each row that was booked, by time.

A usage as it was first booked has its lines. What corrects it (a repricing, or new
content) has those of what counted before, taken off, and those of what counts with it:
so a file's sum is the ledger's, whatever part of time it is of.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Max

from ledger.costs import CostQuery, Cursor, beyond, records_of
from ledger.models import CostRecord
from ledger.versions import AT, Values, changes_of
from lib.money import stored_units
from reports.focus.cells import end_of_month
from reports.focus.lines import Lines
from reports.focus.splits import Booked

PAGE = 5_000  # records that one statement reads
_OWN = ("id", "correction")
_FIELDS = (*_OWN, *Booked._fields)
_MONEY = ("input_cost", "output_cost", "other_cost", "total_cost", "source_cost")


class FilePiece(NamedTuple):
    """A piece of a file, and the time of its first and its last record."""

    data: bytes
    first: datetime
    last: datetime


def pages_of(question: CostQuery, lines: Lines) -> Iterator[FilePiece]:
    """Yield the lines of all records, some after the other.

    Every statement goes on where the last one ended: memory stays flat, and no
    transaction stays open while a slow reader reads. What is booked meanwhile is left
    for the next time.
    """
    upto_id = CostRecord.objects.aggregate(last=Max("pk"))["last"] or 0
    rows = records_of(question).filter(pk__lte=upto_id).order_by("timestamp", "id")
    place: Cursor | None = None
    while True:
        found = list(beyond(rows, place).values_list(*_FIELDS)[:PAGE])
        if found:
            place = Cursor(found[-1][_FIELDS.index("timestamp")], found[-1][0])
            page = _Page(question.organization.pk, found, lines, upto_id)
            first = found[0][_FIELDS.index("timestamp")]
            yield FilePiece("".join(page.lines()).encode(), first, place.timestamp)
        if len(found) < PAGE:
            return


class _Page:
    """Some rows of the ledger, and the lines they make."""

    def __init__(
        self,
        organization_id: int,
        rows: Sequence[tuple[Any, ...]],
        lines: Lines,
        upto_id: int,
    ) -> None:
        self._rows = rows
        self._lines = lines
        changed = [row for row in rows if row[1]]
        self._changes: dict[int, tuple[Booked | None, Booked | None]] = {}
        self._recorded: dict[int, datetime] = {}
        if changed:
            keys = [(row[2], row[1]) for row in changed]
            found = changes_of(organization_id, keys, upto_id=upto_id)
            for row, change in zip(changed, found, strict=True):
                self._changes[row[0]] = _version(change.before), _version(change.after)
        # What takes a day of a fixed charge off is a record of its own.
        ids_read = [row[0] for row in rows if row[1] or _takes_off(row)]
        if ids_read:
            ids = CostRecord.objects.filter(pk__in=ids_read)
            self._recorded = dict(ids.values_list("pk", "recorded_at"))
        ids_of = _FIELDS.index("attribution_id")
        both = (one for change in self._changes.values() for one in change if one)
        lines.describe(
            {row[ids_of] for row in rows} | {one.attribution_id for one in both}
        )

    def lines(self) -> Iterator[str]:
        for row in self._rows:
            booked = _booked(row[2:])
            billed, late = booked.timestamp, booked.used_at is not None
            if not row[1]:
                if row[0] in self._recorded:
                    late = late or self._recorded[row[0]] >= end_of_month(billed)
                yield from self._lines.of(booked, billed, corrects=late)
                continue
            before, after = self._changes[row[0]]
            corrects = late or self._recorded[row[0]] >= end_of_month(billed)
            if before is not None:
                yield from self._lines.of(
                    before, billed, takes_off=True, corrects=corrects
                )
            if after is not None:
                yield from self._lines.of(after, billed, corrects=corrects)


def _version(values: Values | None) -> Booked | None:
    if values is None:
        return None
    return _booked(tuple(values[AT[name]] for name in Booked._fields))


_CHARGE, _TOTAL = map(_FIELDS.index, ("charge_id", "total_cost"))


def _takes_off(row: tuple[Any, ...]) -> bool:
    return row[_CHARGE] is not None and (row[_TOTAL] or 0) < 0


_AMOUNTS = tuple(map(Booked._fields.index, _MONEY))


def _booked(values: tuple[Any, ...]) -> Booked:
    row = list(values)
    for place in _AMOUNTS:
        if row[place] is not None:
            row[place] = stored_units(row[place])
    return Booked(*row)
