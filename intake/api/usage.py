"""The HTTP doors usage comes in by: plain views, for they are the busiest of all."""

import time
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import keys
from accounts.access import require
from accounts.idempotency import answered_once
from accounts.scopes import Scope
from accounts.types import Caller
from intake.services import Receipt, receive
from ledger.types import Marks, Outcome, Settled
from ledger.usage import (
    Rejected,
    Usage,
    check,
    decode_batch,
    decode_error,
    decode_one,
    is_rounded,
    odd_characters,
)
from lib.bodies import JSON_TYPES, body_of, json_response, type_of
from lib.errors import FieldError, Forbidden, Invalid, TooLarge
from lib.money import wire

MOST_RECORDS = 10_000  # in one batch
LINES_TYPES = {"application/x-ndjson", "application/ndjson", "application/jsonl"}


@csrf_exempt
@require_POST
def usage(request: HttpRequest) -> HttpResponse:
    """Book one usage record: 201, or 200 when its id is known."""
    caller = caller_of(request)
    body = body_of(request, JSON_TYPES)
    return answered_once(request, caller, body, lambda: _one(body, caller))


@csrf_exempt
@require_POST
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
    answer = answer_of(record, outcome, currency)
    return json_response(answer, status=200 if outcome.duplicate else 201)


def answer_of(record: Usage, outcome: Outcome, currency: str) -> dict[str, Any]:
    """Tell what became of one record."""
    answer: dict[str, Any] = {
        "status": "success",
        "id": record.id,
        "usage_id": record.id,
        "cost": wire(outcome.cost),
        "currency": currency,
        "priced": outcome.cost is not None,
        "duplicate": outcome.duplicate,
    }
    if outcome.duplicate:
        answer["conflict"] = outcome.conflict
    if outcome.duplicate_of is not None:
        answer["duplicate_of"] = outcome.duplicate_of
    if is_rounded(record):
        answer["cost_rounded"] = True
    if outcome.settled is not None:
        answer["authorization"] = _settled_body(outcome.settled)
    answer |= _marks_body(outcome)
    if record.ignored:
        answer["ignored"] = record.ignored
    return answer


def decoded(body: bytes) -> Usage:
    try:
        record = decode_one(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = decode_error(error)
        raise Invalid(found.detail, errors=(found,)) from error
    errors = check(record) or (odd_characters(record) if b"\\u" in body else ())
    if errors:
        raise Invalid(errors[0].detail, errors=errors)
    return record


def _refuse(rejected: list[Rejected]) -> None:
    (_, _, errors) = rejected[0]
    kind = Forbidden if errors[0].code == "forbidden" else Invalid
    raise kind(errors[0].detail, errors=errors)


def _many(body: bytes, caller: Caller, *, lines: bool, atomic: bool) -> HttpResponse:
    began = time.perf_counter()
    try:
        records, rejected = decode_batch(body, lines=lines)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        found = decode_error(error)
        raise Invalid(
            f"Send a JSON array of usage records. {found.detail}", errors=(found,)
        ) from error
    if len(records) > MOST_RECORDS:
        raise TooLarge(
            f"{len(records):,} records; send at most {MOST_RECORDS:,} in one batch.",
            errors=(FieldError("", "too_many_records", "Part it into several."),),
        )
    receipt = receive(records, rejected, caller=caller, atomic=atomic)
    return json_response(_summary(records, receipt, time.perf_counter() - began))


def _summary(
    records: list[Usage | None], receipt: Receipt, seconds: float
) -> dict[str, Any]:
    conflicts = [
        {"index": place, "id": record.id}
        for place, outcome in receipt.outcomes.items()
        if outcome.conflict and (record := records[place]) is not None
    ]
    totals = {currency: wire(total) for currency, total in receipt.totals.items()}
    single = next(iter(totals)) if len(totals) == 1 else None
    summary = {
        "status": "success",
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "rejected": [
            {"index": place, "id": usage_id, "errors": errors}
            for place, usage_id, errors in receipt.rejected
        ],
        "conflicts": conflicts,
        "repeated_responses": [
            {"index": place, "id": record.id, "duplicate_of": outcome.duplicate_of}
            for place, outcome in receipt.outcomes.items()
            if outcome.duplicate_of and (record := records[place]) is not None
        ],
        "rounded": [
            {"index": place, "id": record.id}
            for place, record in enumerate(records)
            if record is not None and is_rounded(record)
        ],
        "unpriced": [
            {"index": place, "id": record.id, **_marks_body(outcome)}
            for place, outcome in receipt.outcomes.items()
            if outcome.marks
            and outcome.marks.unpriced
            and (record := records[place]) is not None
        ],
        "ignored": [
            {"index": place, "id": record.id, "fields": record.ignored}
            for place, record in enumerate(records)
            if record is not None and record.ignored
        ],
        "unsettled": [
            {"index": place, "authorization": _settled_body(settled)}
            for place, outcome in receipt.outcomes.items()
            if (settled := outcome.settled) and (settled.over or not settled.known)
        ],
        "differing": [
            {"index": place, "authorization": _settled_body(settled)}
            for place, outcome in receipt.outcomes.items()
            if (settled := outcome.settled) and settled.said and settled.said.differs
        ],
        # Amounts of several currencies can't be added up.
        "total_cost": totals[single] if single else (None if totals else wire_zero()),
        "currency": single,
        "processing_time_ms": round(seconds * 1000, 3),
    }
    if len(totals) > 1:
        summary["total_costs"] = totals
    return summary


def _settled_body(settled: Settled) -> dict[str, Any]:
    """Tell what became of an authorization: unknown, or what it cost beyond, and what
    the record says otherwise than the decision, whose dimensions stand."""
    said = settled.said
    return {
        "id": settled.authorization_id,
        "known": settled.known,
        "reserved": wire(settled.reserved),
        "over": wire(settled.over),
        "differs": [one._asdict() for one in said.differs] if said else [],
        "without_leave": said is not None and said.without_leave,
    }


def _marks_body(outcome: Outcome) -> dict[str, Any]:
    """Tell which kinds have no price, or one that stands in for their own."""
    marks = outcome.marks or Marks()
    named = {"unpriced_kinds": marks.unpriced, "assumed_kinds": marks.assumed}
    return {name: kinds for name, kinds in named.items() if kinds}


def wire_zero() -> str:
    return "0.0000000000"


def caller_of(request: HttpRequest) -> Caller:
    caller = keys.check(request.META.get("HTTP_AUTHORIZATION", ""))
    require(caller, Scope.USAGE_WRITE)
    return caller
