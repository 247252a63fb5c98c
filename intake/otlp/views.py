"""POST /otlp/v1/traces: usage from what OpenTelemetry exporters send anyway.

https://opentelemetry.io/docs/specs/otlp/#otlphttp says what is answered when.
"""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from intake.api.usage import caller_of
from intake.otlp.receipts import Tally, receive_spans
from intake.otlp.wire import JSON, PROTOBUF, decode, encode_answer, encode_status
from lib.answers import Operation, ProblemOut, described
from lib.availability import is_passing, unavailable
from lib.bodies import body_of, type_of
from lib.errors import Refusal, TooLarge, UnsupportedType
from lib.web import only, problem_response

MOST_PROBLEMS = 5  # told of one export
LONGEST_PROBLEM = 300  # characters

logger = logging.getLogger(__name__)


_BINARY = {"type": "string", "format": "binary"}


def _of(name: str) -> dict[str, Any]:
    return {PROTOBUF: _BINARY, JSON: {"type": "object", "description": f"An {name}."}}


_REFUSED = {PROTOBUF: _BINARY, "application/problem+json": ProblemOut}


@described(
    Operation(
        "otlp_traces_create",
        "Report usage as OpenTelemetry spans",
        "usage",
        {
            200: _of("ExportTraceServiceResponse"),
            **dict.fromkeys((400, 401, 403, 408, 413, 415, 503), _REFUSED),
        },
        description=(
            "OTLP/HTTP. Spans with GenAI attributes are booked, others are ignored; "
            "`partialSuccess` counts those that can't be booked. Errors are a "
            "google.rpc.Status to protobuf, a Problem to JSON; after a 503 the same is "
            "to be sent again."
        ),
        body=_of("ExportTraceServiceRequest"),
    )
)
@csrf_exempt
@only("POST")
def traces(request: HttpRequest) -> HttpResponse:
    """Book the usage that spans tell of: 200, with how many were rejected and why."""
    try:
        return _answer(request, _receive(request))
    except Refusal as refusal:
        return _refusal(request, refusal)
    except RequestDataTooBig:
        detail = "The body is larger than what is taken in one request."
        return _refusal(request, TooLarge(detail))
    except (DatabaseError, InterfaceError) as error:
        if not is_passing(error):
            raise
        # Any other status would make the exporter drop what it holds.
        return _refusal(request, unavailable(error))


def _receive(request: HttpRequest) -> Tally:
    caller = caller_of(request)
    content_type = type_of(request)
    if content_type not in {PROTOBUF, JSON}:
        raise UnsupportedType(f"Send {PROTOBUF} or {JSON}.")
    body = body_of(request, {content_type})
    return receive_spans(decode(body, content_type), caller=caller)


def _answer(request: HttpRequest, tally: Tally) -> HttpResponse:
    rejected, message = len(tally.problems), _message(tally)
    if rejected:
        # Most exporters do not tell anybody.
        logger.warning("OTLP: %s", message)
    response = HttpResponse(
        encode_answer(rejected, message, type_of(request)),
        content_type=type_of(request),
    )
    # OTLP's answer has no place for it, and somebody who sets it up wants to see it.
    response["CostOps-Spans"] = (
        f"booked={tally.booked}, repeats={tally.repeats}, "
        f"ignored={tally.ignored}, rejected={rejected}"
    )
    return response


def _message(tally: Tally) -> str:
    told = [text[:LONGEST_PROBLEM] for text in tally.problems[:MOST_PROBLEMS]]
    if more := len(tally.problems) - len(told):
        told.append(f"And {more} more.")
    # A half of a surrogate pair can't be sent.
    return " ".join(told).encode(errors="replace").decode()


def _refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    response = problem_response(refusal)
    if type_of(request) == PROTOBUF:
        _make_status(response, str(refusal))
    return response


def _make_status(response: HttpResponse, message: str) -> None:
    """Put the one body in place that OTLP has for protobuf errors."""
    response.content = encode_status(message)
    response["Content-Type"] = PROTOBUF
