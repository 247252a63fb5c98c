"""The HTTP doors usage comes in by: plain views, for they are the busiest of all."""

import time
from collections.abc import Iterable
from typing import Any, cast

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from msgspec import UNSET

from accounts import keys
from accounts.access import require
from accounts.idempotency import answered_once
from accounts.scopes import Scope
from accounts.types import Caller
from intake.api.answers import (
    BatchReceiptOut,
    BookedElsewhereOut,
    ConflictingOut,
    IgnoredFieldsOut,
    RejectedOut,
    RepeatedResponseOut,
    SettledPlaceOut,
    UnpricedRecordOut,
    UsageReceiptOut,
    receipt_out,
    settled_out,
    words_out,
)
from intake.api.schemas import usage_record
from intake.booking import booked_elsewhere
from intake.services import Receipt, receive
from ledger.types import Marks
from ledger.usage import (
    Rejected,
    Usage,
    check,
    decode_batch,
    decode_error,
    decode_one,
    is_rounded,
)
from lib.answers import FieldProblemOut, Operation, described
from lib.bodies import JSON_TYPES, body_of, json_response, type_of
from lib.errors import FieldError, Forbidden, Invalid, TooLarge
from lib.money import wire
from lib.pieces import MOST_PIECES, TooManyError
from lib.texts import NO_ODD, odd_place_in
from lib.web import only

LINES_TYPES = {"application/x-ndjson", "application/ndjson", "application/jsonl"}
_ZERO = "0.0000000000"
_ATOMIC = {
    "name": "atomic",
    "in": "query",
    "schema": {"type": "boolean", "default": False},
    "description": "All or nothing: one bad record refuses the whole batch.",
}
_BATCH = {
    "application/json": {
        "type": "array",
        "items": usage_record(),
        "maxItems": MOST_PIECES,
    },
    "application/x-ndjson": {"type": "string", "description": "One record a line."},
}


@described(
    Operation(
        "usage_create",
        "Report one use of a model",
        "usage",
        {201: UsageReceiptOut, 200: UsageReceiptOut},
        description="Safe to repeat: an id counts once, and a repeat is a 200.",
        body=usage_record(),
    )
)
@csrf_exempt
@only("POST")
def usage(request: HttpRequest) -> HttpResponse:
    """Book one usage record: 201, or 200 when its id is known."""
    caller = caller_of(request)
    body = body_of(request, JSON_TYPES)
    return answered_once(request, caller, body, lambda: _one(body, caller))


@described(
    Operation(
        "usage_batch_create",
        "Report up to 10,000 uses",
        "usage",
        {200: BatchReceiptOut},
        description=(
            "The answer comes when all of it is durable and charged. Bad records "
            "never sink good ones, unless `atomic`. Gzip is taken."
        ),
        body=_BATCH,
        parameters=(_ATOMIC,),
    )
)
@csrf_exempt
@only("POST")
def usage_batch(request: HttpRequest) -> HttpResponse:
    """Book a JSON array, or one record a line; 200 with what became of each."""
    caller = caller_of(request)
    lines = type_of(request) in LINES_TYPES
    body = body_of(request, JSON_TYPES | LINES_TYPES)
    atomic = request.GET.get("atomic", "").lower() in {"1", "true", "yes"}
    return answered_once(
        request, caller, body, lambda: _many(body, caller, lines=lines, atomic=atomic)
    )


def _one(body: bytes, caller: Caller) -> HttpResponse:
    record = decoded(body)
    receipt = receive([record], [], caller=caller)
    if receipt.rejected:
        _refuse(receipt.rejected)
    outcome = receipt.outcomes[0]
    (currency,) = receipt.totals
    answer = receipt_out(record, outcome, currency)
    return json_response(answer, status=200 if outcome.duplicate else 201)


def decoded(body: bytes) -> Usage:
    try:
        record = decode_one(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = decode_error(error, body)
        raise Invalid(found.detail, errors=(found,)) from error
    if errors := check(record):
        raise Invalid(errors[0].detail, errors=errors)
    if (place := odd_place_in(body)) is not None:
        raise Invalid.field(place, NO_ODD)
    return record


def _refuse(rejected: list[Rejected]) -> None:
    (_, _, errors) = rejected[0]
    kind = Forbidden if errors[0].code == "forbidden" else Invalid
    raise kind(errors[0].detail, errors=errors)


def _many(body: bytes, caller: Caller, *, lines: bool, atomic: bool) -> HttpResponse:
    began = time.perf_counter()
    try:
        records, rejected = decode_batch(body, lines=lines)
    except TooManyError as error:
        raise TooLarge(
            f"More than {MOST_PIECES:,} records; part them into several batches.",
            errors=(FieldError("", "too_many_records", "Part it into several."),),
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        found = decode_error(error, body)
        raise Invalid(
            f"Send a JSON array of usage records. {found.detail}", errors=(found,)
        ) from error
    receipt = receive(records, rejected, caller=caller, atomic=atomic)
    return json_response(_summary(records, receipt, time.perf_counter() - began))


def _summary(
    records: list[Usage | None], receipt: Receipt, seconds: float
) -> BatchReceiptOut:
    totals = {currency: wire(total) for currency, total in receipt.totals.items()}
    single = next(iter(totals)) if len(totals) == 1 else None
    return BatchReceiptOut(
        status="success",
        accepted=receipt.accepted,
        duplicates=receipt.duplicates,
        rejected=[_rejected_out(*each) for each in receipt.rejected],
        **_told_of_booked(records, receipt),
        **_told_of_sent(records),
        # Amounts of several currencies can't be added up.
        total_cost=totals[single] if single else (None if totals else _ZERO),
        currency=single,
        processing_time_ms=round(seconds * 1000, 3),
        total_costs=totals if len(totals) > 1 else UNSET,
    )


def _told_of_booked(records: list[Usage | None], receipt: Receipt) -> dict[str, Any]:
    """Return the lists of a receipt that are about what became of records."""
    outcomes = receipt.outcomes.items()

    def usage_id(place: int) -> str:
        return cast("Usage", records[place]).id  # what was booked has been read

    settled = [(place, each.settled) for place, each in outcomes if each.settled]
    return {
        "conflicts": [
            ConflictingOut(place, usage_id(place))
            for place, outcome in outcomes
            if outcome.conflict
        ],
        "repeated_responses": [
            RepeatedResponseOut(place, usage_id(place), outcome.duplicate_of)
            for place, outcome in outcomes
            if outcome.duplicate_of
        ],
        "unpriced": [
            _unpriced_out(place, usage_id(place), outcome.marks)
            for place, outcome in outcomes
            if outcome.marks and outcome.marks.unpriced
        ],
        "booked_in": [
            BookedElsewhereOut(place, usage_id(place), month)
            for place, outcome in outcomes
            if (month := booked_elsewhere(cast("Usage", records[place]), outcome))
        ],
        "unsettled": [
            SettledPlaceOut(place, settled_out(one))
            for place, one in settled
            if one.over or not one.known
        ],
        "differing": [
            SettledPlaceOut(place, settled_out(one))
            for place, one in settled
            if one.said and one.said.differs
        ],
    }


def _told_of_sent(records: list[Usage | None]) -> dict[str, Any]:
    """Return the lists of a receipt that are about how records were written."""
    return {
        "rounded": [
            ConflictingOut(place, record.id)
            for place, record in enumerate(records)
            if record is not None and is_rounded(record)
        ],
        "ignored": [
            IgnoredFieldsOut(place, record.id, list(record.ignored))
            for place, record in enumerate(records)
            if record is not None and record.ignored
        ],
    }


def _rejected_out(
    place: int, usage_id: str | None, errors: Iterable[FieldError]
) -> RejectedOut:
    told = [FieldProblemOut(each.attr, each.code, each.detail) for each in errors]
    return RejectedOut(place, usage_id, told)


def _unpriced_out(place: int, usage_id: str, marks: Marks) -> UnpricedRecordOut:
    assumed = words_out(marks.assumed)
    return UnpricedRecordOut(place, usage_id, list(marks.unpriced), assumed)


def caller_of(request: HttpRequest) -> Caller:
    caller = keys.check(request.META.get("HTTP_AUTHORIZATION", ""))
    require(caller, Scope.USAGE_WRITE)
    return caller
