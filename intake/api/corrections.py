"""The HTTP door for corrections of usage."""

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.access import organization_named
from accounts.audit import acting_as
from accounts.idempotency import answered_once
from accounts.types import Caller
from intake.api.answers import UsageReceiptOut, receipt_out
from intake.api.schemas import usage_correction_body
from intake.api.usage import caller_of, decoded
from intake.corrections import LONGEST_REASON, correct
from ledger.usage import MOST_BYTES, Usage, decode_error
from lib.answers import Operation, described
from lib.bodies import JSON_TYPES, body_of, json_response
from lib.errors import Invalid, TooLarge
from lib.web import only

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


@described(
    Operation(
        "usage_correction_create",
        "Correct usage that was reported wrongly",
        "usage",
        {201: UsageReceiptOut, 200: UsageReceiptOut},
        description=(
            "The whole record as it should be, and why. The usage then counts with "
            "this content everywhere: budgets, costs, analytics. What an authorization "
            "was settled with stays. 200 where it has this content already."
        ),
        body=usage_correction_body(),
    )
)
@csrf_exempt
@only("POST")
def usage_correction(request: HttpRequest, usage_id: str) -> HttpResponse:
    """Have usage count with other content: 201, or 200 when it does already."""
    caller = caller_of(request)
    body = body_of(request, JSON_TYPES)
    return answered_once(
        request, caller, body, lambda: _correct(usage_id, body, caller)
    )


def _correct(usage_id: str, body: bytes, caller: Caller) -> HttpResponse:
    record, reason = _read(usage_id, body)
    organization = organization_named(record.organization_id, caller=caller)
    with acting_as(caller.name):
        done = correct(organization.pk, [record], reason=reason)[record.id]
    answer = receipt_out(
        record, done.outcome, organization.currency, corrected=done.corrected
    )
    return json_response(answer, status=201 if done.corrected else 200)


def _read(usage_id: str, body: bytes) -> tuple[Usage, str]:
    """Return the record, whose id is in the path, and why it is corrected."""
    if len(body) > MOST_BYTES:
        raise TooLarge(f"A correction has at most {MOST_BYTES:,} bytes.")
    try:
        fields = _decode_fields(body)
        reason = _decode_text(fields.pop("reason", msgspec.Raw(b'""'))).strip()
        given = _decode_text(fields.get("id", msgspec.json.encode(usage_id)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = decode_error(error, body)
        raise Invalid(found.detail, errors=(found,)) from error
    if given != usage_id:
        raise Invalid.field("id", "Differs from the id in the path; leave it out.")
    if not reason:
        detail = "A reason is required: it stands in the audit trail."
        raise Invalid.field("reason", detail, code="required")
    if len(reason) > LONGEST_REASON or "\x00" in reason:
        detail = f"At most {LONGEST_REASON} characters, none of them NUL."
        raise Invalid.field("reason", detail)
    whole: dict[str, Any] = {**fields, "id": usage_id}
    return decoded(msgspec.json.encode(whole)), reason
