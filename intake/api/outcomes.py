"""The HTTP door for outcomes."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from msgspec import UNSET, UnsetType

from accounts.idempotency import answered_once
from accounts.types import Caller
from intake.api.schemas import outcome_record
from intake.api.usage import caller_of
from intake.outcomes import take_outcome
from ledger.outcomes import read_outcome
from lib.answers import Operation, Out, described, note
from lib.bodies import JSON_TYPES, body_of, json_response
from lib.web import only


class OutcomeReceiptOut(Out, frozen=True):
    """What became of one outcome."""

    status: Literal["success"]
    id: str
    name: str
    count: int
    duplicate: bool
    conflict: Annotated[
        bool | UnsetType, note("A repeat with other content: the first stands.")
    ] = UNSET


@described(
    Operation(
        "outcomes_create",
        "Report what was achieved",
        "usage",
        {201: OutcomeReceiptOut, 200: OutcomeReceiptOut},
        description=(
            "A budget whose scope the dimensions are in holds its cost against it: see "
            "its unit cost. Safe to repeat: an id counts once, and a repeat is a 200."
        ),
        body=outcome_record(),
    )
)
@csrf_exempt
@only("POST")
def outcomes(request: HttpRequest) -> HttpResponse:
    """Keep one outcome: 201, or 200 when its id is known."""
    caller = caller_of(request)
    body = body_of(request, JSON_TYPES)
    return answered_once(request, caller, body, lambda: _one(body, caller))


def _one(body: bytes, caller: Caller) -> HttpResponse:
    kept = take_outcome(read_outcome(body), caller=caller)
    answer = OutcomeReceiptOut(
        status="success",
        id=kept.record.outcome_id,
        name=kept.record.name,
        count=kept.record.count,
        duplicate=kept.duplicate,
        conflict=True if kept.conflict else UNSET,
    )
    return json_response(answer, status=200 if kept.duplicate else 201)
