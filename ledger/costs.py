"""Which cost records a question is about, and the records as clients see them."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from django.db.models import Max, Q
from django.http import QueryDict

from accounts.models import Organization
from ledger.models import DIMENSIONS, Attribution, CostRecord, CostRecordQuerySet
from ledger.quantities import wire
from ledger.sql import elements_of
from ledger.types import Tags
from ledger.versions import AT, COLUMNS, Values, all_versions, last_versions
from lib.errors import Invalid
from lib.query_params import listed, range_of
from lib.tables import cell, csv_lines, guarded

PAGE = 2_000  # records a stream sends in one piece
_MOST_ASKED = 16_000  # rows that one statement fetches
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_DESCRIBED = 20_000  # attributions a stream remembers
_ATTRIBUTION, _TOTAL = AT["attribution_id"], AT["total_cost"]
# What a query and an answer call the dimensions of an attribution.
NAMES = {
    "department_id": "department",
    "team_id": "team",
    "project_id": "project",
    "environment": "environment",
    "user_id": "user",
    "provider": "provider",
    "model": "model",
}
FILTERS = frozenset({"start_date", "end_date", "organization_id", "tag", *NAMES})
OF_RECORDS = frozenset({"run_id"})  # of lists of records, not of sums
LONGEST_VALUE = 200
MOST_VALUES = 500  # of one filter


class Cursor(NamedTuple):
    """Where a list of cost records was left: after this one."""

    timestamp: datetime
    id: int


@dataclass(frozen=True, slots=True)
class CostQuery:
    """Which cost records of one organization: when, and of which attributions.

    None for *start* or *end* leaves that side open. Several values of one dimension
    are alternatives, and so are the tags within one group; every dimension and every
    group has to hold. Models, providers and users are meant under all their names.
    """

    organization: Organization
    start: datetime | None = None
    end: datetime | None = None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: Sequence[Sequence[str]] = ()
    runs: Sequence[str] = ()
    only: Sequence[int] | None = None  # of these attributions; None: of any

    @classmethod
    def of(cls, query: QueryDict, organization: Organization) -> "CostQuery":
        """Read the filters of a query; see FILTERS and OF_RECORDS.

        Raises:
            Invalid: a date that is none, or far too many values.
        """
        start, end = range_of(query)
        values = {
            dimension: _values(query.getlist(name), name)
            for name, dimension in NAMES.items()
            if any(query.getlist(name))
        }
        tags = [_values([group], "tag") for group in query.getlist("tag") if group]
        runs = _values(query.getlist("run_id"), "run_id")
        return cls(organization, start, end, values, tags, runs)

    def attribution_ids(self) -> list[int] | None:
        """Return the attributions asked for; None when any will do. At most one query,
        two where a model ends in *.

        Tags are compared here, not in SQL: the two databases look into JSON in too
        different ways.
        """
        if not self.values and not self.tags:
            return None if self.only is None else list(self.only)
        rows = Attribution.objects.filter(organization=self.organization)
        if self.only is not None:
            rows = rows.filter(pk__in=elements_of(self.only))
        for dimension, values in self.values.items():
            rows = rows.of(dimension, values)
        if not self.tags:
            return list(rows.values_list("pk", flat=True))
        return [
            pk
            for pk, tags in rows.values_list("pk", "tags").iterator()
            if all(any(has_tag(tags, tag) for tag in group) for group in self.tags)
        ]


def has_tag(tags: Tags, wanted: str) -> bool:
    """Tell whether *tags* have *wanted*: a name, or name:value."""
    if wanted in tags:
        return True
    name, _, value = wanted.partition(":")
    if isinstance(tags, dict):
        return tags.get(name) == value if value else False
    return bool(value) and f"{name}={value}" in tags


def records_of(question: CostQuery) -> CostRecordQuerySet:
    """Return the cost records *question* is about; one query where it has filters."""
    rows = CostRecord.objects.filter(organization=question.organization)
    rows = rows.during(question.start, question.end)
    if question.runs:
        rows = rows.filter(run_id__in=question.runs)
    return among(rows, question.attribution_ids())


def among(rows: CostRecordQuerySet, ids: Sequence[int] | None) -> CostRecordQuerySet:
    """Keep the rows of these attributions, of which there may be very many."""
    if ids is None:
        return rows
    return rows.filter(attribution_id__in=elements_of(ids))


class View(NamedTuple):
    """Which of the records a question is about are listed."""

    unpriced: bool = False  # those no price is known for, too
    corrections: bool = False  # everything that was booked of each usage


def pages_of(
    question: CostQuery, *, after: Cursor | None = None, size: int = PAGE, view: View
) -> Iterator[list[dict[str, Any]]]:
    """Yield the records as clients see them, ordered by time, *size* at a time.

    Each usage once, as it stands now, unless *view* says otherwise. Every statement
    goes on where the last one ended, so memory stays flat and no transaction stays
    open while a slow client reads; what is booked meanwhile is left for the next time.
    """
    described: dict[int, dict[str, Any]] = {}

    def told(rows: Sequence[Values]) -> list[dict[str, Any]]:
        if len(described) > _MOST_DESCRIBED:
            described.clear()
        _describe({row[_ATTRIBUTION] for row in rows} - described.keys(), described)
        return [
            _record(row, described[row[_ATTRIBUTION]], question.organization)
            for row in rows
        ]

    waiting: list[Values] = []
    for rows in _parts_of(question, after, size, view):
        waiting += rows
        whole = len(waiting) - len(waiting) % size
        for start in range(0, whole, size):
            yield told(waiting[start : start + size])
        del waiting[:whole]
    yield told(waiting)


def _parts_of(
    question: CostQuery, after: Cursor | None, size: int, view: View
) -> Iterator[Sequence[Values]]:
    """Yield what is listed in parts of any length."""
    upto_id = CostRecord.objects.aggregate(last=Max("pk"))["last"] or 0
    rows = records_of(question).filter(pk__lte=upto_id).order_by("timestamp", "id")
    rows = rows.filter(correction__gte=0) if view.corrections else rows.contents()
    organization_id = question.organization.pk
    asked = size
    while True:
        found = list(beyond(rows, after).values_list(*COLUMNS)[:asked])
        if view.corrections:
            yield all_versions(organization_id, found, upto_id=upto_id)
        else:
            standing = last_versions(organization_id, found, upto_id=upto_id)
            yield (
                standing
                if view.unpriced
                else [row for row in standing if row[_TOTAL] is not None]
            )
        if len(found) < asked:
            return
        after = Cursor(found[-1][AT["timestamp"]], found[-1][AT["id"]])
        # A filter may make the database go through much for little: ever less often.
        asked = max(min(2 * asked, _MOST_ASKED), size)


def beyond(rows: CostRecordQuerySet, place: Cursor | None) -> CostRecordQuerySet:
    """Keep what comes after *place* in the order of time and id."""
    if place is None:
        return rows
    # The first condition alone is what the index (organization, timestamp) serves.
    return rows.filter(
        Q(timestamp__gte=place.timestamp),
        Q(timestamp__gt=place.timestamp) | Q(id__gt=place.id),
    )


def _describe(ids: Iterable[int], described: dict[int, dict[str, Any]]) -> None:
    """Add what the attributions *ids* say about a record; one query if any are new."""
    if not (missing := list(ids)):
        return
    rows = Attribution.objects.filter(pk__in=missing)
    columns = *DIMENSIONS, "model_version", "sent_provider", "sent_model", "tags"
    for pk, *values in rows.values_list("pk", *columns):
        named = dict(zip(columns, values, strict=True))
        described[pk] = {
            **{name: named[dimension] or None for name, dimension in NAMES.items()},
            "model_version": named["model_version"] or None,
            "sent_provider": named["sent_provider"],
            "sent_model": named["sent_model"],
            "tags": named["tags"],
        }


# What a cost record has, in this order.
FIELDS = (
    "id",
    "usage_id",
    "correction",
    "corrected",
    "organization_id",
    "project_id",
    "department_id",
    "team_id",
    "environment",
    "user_id",
    "provider",
    "model",
    "model_version",
    "sent_provider",
    "sent_model",
    "service_tier",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "requests",
    "quantities",
    "input_cost",
    "output_cost",
    "other_cost",
    "total_cost",
    "computed_cost",
    "currency",
    "priced",
    "unpriced_kinds",
    "assumed_kinds",
    "reported",
    "source_cost",
    "source_currency",
    "exchange_rate",
    "timestamp",
    "used_at",
    "latency_ms",
    "response_id",
    "run_id",
    "tags",
    "metadata",
)


_AMOUNTS = (
    "input_cost",
    "output_cost",
    "other_cost",
    "total_cost",
    "computed_cost",
    "source_cost",
    "exchange_rate",
)


_NOTHING = Decimal("0E-10")


def _record(
    row: tuple[Any, ...], described: dict[str, Any], organization: Organization
) -> dict[str, Any]:
    found = {**described, **dict(zip(COLUMNS, row, strict=True))}
    input_cost, output_cost = found["input_cost"], found["output_cost"]
    if input_cost is not None and found["other_cost"] is None:
        found["other_cost"] = _NOTHING
    found |= {
        "organization_id": organization.slug,
        "corrected": found["correction"] > 0,
        "currency": organization.currency,
        "priced": found["total_cost"] is not None,
        "computed_cost": None
        if input_cost is None
        else input_cost + output_cost + found["other_cost"],
        "quantities": wire(found["quantities"]),
        "unpriced_kinds": found["unpriced_kinds"] or [],
        "assumed_kinds": found["assumed_kinds"] or [],
        "source_currency": found["source_currency"] or None,
    }
    for name in _AMOUNTS:
        if (amount := found[name]) is not None:
            # As `wire` writes it: the database keeps ten places, and no -0.
            found[name] = f"{amount:f}"
    return {name: found[name] for name in FIELDS}


def json_stream(pages: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Write *pages* as one JSON array, a piece a page."""
    encode = msgspec.json.Encoder().encode
    opening = b"["
    for page in pages:
        if page:
            yield opening + encode(page)[1:-1]
            opening = b","
    yield b"[]" if opening == b"[" else b"]"


_TEXTS = frozenset({"usage_id", "service_tier", "response_id", "run_id", *NAMES}) | {
    "model_version",
    "sent_provider",
    "sent_model",
}


def csv_stream(pages: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Write *pages* as CSV, a piece a page."""
    yield csv_lines([FIELDS]).encode()
    for page in pages:
        cells = ([_cell(name, row[name]) for name in FIELDS] for row in page)
        yield csv_lines(cells).encode()


def _cell(name: str, value: Any) -> str:
    # Amounts are text by now, so it is the column that tells what is a number.
    if isinstance(value, str) and name not in _TEXTS:
        return value
    return guarded(value) if isinstance(value, str) else cell(value)


def cursor_of(place: Cursor) -> str:
    """Return the text that stands for *place* in a URL."""
    text = f"{(place.timestamp - _EPOCH) // _MICROSECOND}.{place.id}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str) -> Cursor:
    """Return what a cursor stands for.

    Raises:
        Invalid: it was not made here.
    """
    try:
        padded = (cursor + "=" * (-len(cursor) % 4)).encode("ascii")
        text = b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        micros, pk = map(int, text.split("."))
        return Cursor(_EPOCH + micros * _MICROSECOND, min(max(pk, 0), 2**63 - 1))
    except (ValueError, OverflowError) as error:
        detail = "Not a cursor that was given out here."
        raise Invalid.field("cursor", detail) from error


def _values(texts: Iterable[str], attr: str) -> list[str]:
    values = [value for text in texts for value in listed(text)]
    if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values):
        detail = (
            f"At most {MOST_VALUES} values of at most {LONGEST_VALUE} characters each."
        )
        raise Invalid.field(attr, detail)
    return values
