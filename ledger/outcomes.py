"""Outcomes as they come in: read, checked and kept, each id once."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from ledger.models import OutcomeRecord
from ledger.usage import EARLIEST, LATEST, Usage, decode_error, parse_tags
from lib.errors import FieldError, Invalid
from lib.texts import NO_ODD, odd_place_in

MOST_COUNT = 10**12  # of one record
MOST_BYTES = 2**16  # of one record

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Label = Annotated[str, msgspec.Meta(max_length=200)]


class OutcomeReport(msgspec.Struct, forbid_unknown_fields=True):
    """One outcome, as its sender describes it."""

    id: _Id
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    timestamp: datetime
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_COUNT)] = 1
    organization_id: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    project_id: _Label | None = None
    department_id: _Label | None = None
    team_id: _Label | None = None
    environment: _Label | None = None
    user_id: _Label | None = None
    provider: _Label | None = None
    model: _Label | None = None
    tags: msgspec.Raw = msgspec.Raw()

    def belonging(self) -> Usage:
        """Return usage that belongs where the outcome does: its dimensions alone."""
        return Usage(
            id=self.id,
            timestamp=self.timestamp,
            organization_id=self.organization_id,
            project_id=self.project_id,
            department_id=self.department_id,
            team_id=self.team_id,
            environment=self.environment,
            user_id=self.user_id,
            provider=self.provider,
            model=self.model,
            tags=self.tags,
        )


@dataclass(frozen=True, slots=True)
class OutcomeKept:
    """What became of an outcome; a repeat is a *conflict* where its content differs."""

    record: OutcomeRecord  # the first of the id
    duplicate: bool
    conflict: bool


_decode = msgspec.json.Decoder(OutcomeReport).decode


def read_outcome(body: bytes) -> OutcomeReport:
    """Read and check one outcome.

    Raises:
        Invalid: a field is wrong; it is named.
    """
    if len(body) > MOST_BYTES:
        raise Invalid(f"An outcome has at most {MOST_BYTES:,} bytes.")
    try:
        report = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = _unknown_field(error) or decode_error(error, body)
        raise Invalid(found.detail, errors=(found,)) from error
    if (place := odd_place_in(body)) is not None:
        raise Invalid.field(place, NO_ODD)
    if errors := [*_wrong_time(report), *_wrong_words(report)]:
        raise Invalid(errors[0].detail, errors=tuple(errors))
    return report


def keep_outcome(
    organization_id: int, report: OutcomeReport, attribution_id: int
) -> OutcomeKept:
    """Keep *report* once, however often and by however many it is sent."""
    sent = OutcomeRecord(
        organization_id=organization_id,
        attribution_id=attribution_id,
        outcome_id=report.id,
        name=report.name,
        timestamp=report.timestamp,
        count=report.count,
    )
    OutcomeRecord.objects.bulk_create([sent], ignore_conflicts=True)
    first = OutcomeRecord.objects.get(
        organization=organization_id, outcome_id=report.id
    )
    is_new = first.uid == sent.uid
    return OutcomeKept(first, not is_new, _content(first) != _content(sent))


def _content(record: OutcomeRecord) -> tuple[object, ...]:
    return record.name, record.timestamp, record.count, record.attribution_id


def _unknown_field(error: Exception) -> FieldError | None:
    unknown = _UNKNOWN.search(str(error))
    if unknown is None:
        return None
    known = ", ".join(OutcomeReport.__struct_encode_fields__)
    return FieldError(unknown[1], "unknown_field", f"Unknown field; known are {known}.")


_UNKNOWN = re.compile(r"unknown field `([^`]{1,200})`")


def _wrong_time(report: OutcomeReport) -> list[FieldError]:
    """Read a time without a zone as UTC; say so if it is absurd."""
    when = report.timestamp
    try:
        utc = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except OverflowError:  # year 1 or 9999, and an offset
        utc = LATEST
    report.timestamp = utc
    if EARLIEST <= utc < LATEST:
        return []
    detail = "Must lie between the years 2000 and 2099."
    return [FieldError("timestamp", "out_of_range", detail)]


def _wrong_words(report: OutcomeReport) -> list[FieldError]:
    report.name = report.name.strip()
    if not report.name:
        return [FieldError("name", "required", "name is required.")]
    try:
        parse_tags(bytes(report.tags))
    except (ValueError, RecursionError) as error:
        detail = str(error) or "Too deeply nested."
        return [FieldError("tags", "invalid", detail)]
    return []
