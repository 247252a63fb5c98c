"""Plain makers of OTLP exports, in protobuf and in JSON, and who sends them."""

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from intake.otlp.spans import candidate_of, usage_of
from intake.otlp.wire import decode
from ledger.usage import Usage
from tests.factories import NOON

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
NOON_NS = int(NOON.timestamp()) * 10**9

# 0.0125 USD by the list price.
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 1000,
}
AGENT = {**CHAT, "gen_ai.operation.name": "invoke_agent"}
EMBEDDINGS = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "text-embedding-3-small",
    "gen_ai.usage.input_tokens": 500,
}


def trace_id(number: int = 1) -> str:
    return f"{number:032x}"


def span_id(number: int) -> str:
    return f"{number:016x}"


def usage_id(span: int = 1, trace: int = 1) -> str:
    return f"{trace_id(trace)}-{span_id(span)}"


def make_span(
    number: int = 1,
    attributes: dict[str, Any] | None = None,
    *,
    parent: int = 0,
    trace: int = 1,
    at: float = 0,
    seconds: float = 1,
    **overrides: Any,
) -> dict[str, Any]:
    """Return a span in OTLP's JSON; it begins *at* so many seconds after noon."""
    start = NOON_NS + int(at * 10**9)
    return {
        "traceId": trace_id(trace),
        "spanId": span_id(number),
        "parentSpanId": span_id(parent) if parent else "",
        "name": "a span",
        "kind": 3,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + int(seconds * 10**9)),
        "attributes": pairs_of(CHAT if attributes is None else attributes),
        "status": {"code": 1},
        **overrides,
    }


def pairs_of(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _any(value)} for name, value in attributes.items()]


def _any(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        named = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
        return {"doubleValue": named.get(str(value), value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(each) for each in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs_of(value)}}
    return {"stringValue": value}


def make_export(
    *spans: dict[str, Any], resource: dict[str, Any] | None = None
) -> dict[str, Any]:
    scope = {"scope": {"name": "tests"}, "spans": list(spans)}
    attributes = pairs_of(resource or {})
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes}, "scopeSpans": [scope]}
        ]
    }


def to_json(export: dict[str, Any]) -> bytes:
    return json.dumps(export).encode()


def to_protobuf(export: dict[str, Any]) -> bytes:
    """Encode by the library; its JSON has ids in base64, unlike OTLP's."""
    copy = json.loads(json.dumps(export))
    for of_resource in copy["resourceSpans"]:
        for of_scope in of_resource["scopeSpans"]:
            for span in of_scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    raw = bytes.fromhex(span.get(name, ""))
                    span[name] = base64.b64encode(raw).decode()
    return ParseDict(copy, ExportTraceServiceRequest()).SerializeToString()


ENCODERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    PROTOBUF: to_protobuf,
    JSON: to_json,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What the door answered."""

    status: int
    rejected: int
    message: str
    counts: str  # the header
    response: HttpResponse


def record_of(
    attributes: dict[str, Any],
    resource: dict[str, Any] | None = None,
    *,
    content_type: str = JSON,
    **overrides: Any,
) -> Usage:
    """Return the usage record that a span with *attributes* becomes."""
    export = make_export(
        make_span(attributes=attributes, **overrides), resource=resource
    )
    (read,) = decode(ENCODERS[content_type](export), content_type).spans
    candidate = candidate_of(read)
    assert candidate is not None
    return usage_of(candidate)


class Exporter:
    """Sends exports with a key of its own."""

    def __init__(self, secret: str) -> None:
        self._client = Client(headers={"authorization": f"Bearer {secret}"})

    def send(
        self,
        *spans: dict[str, Any],
        resource: dict[str, Any] | None = None,
        content_type: str = PROTOBUF,
        packed: bool = False,
    ) -> Sent:
        body = ENCODERS[content_type](make_export(*spans, resource=resource))
        if packed:
            return self.post(gzip.compress(body), content_type, content_encoding="gzip")
        return self.post(body, content_type)

    def post(self, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Sent:
        """Send *body* as it is; a bug in the product is raised, not a status of 500."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response: Any = self._client.generic(
            "POST",
            "/otlp/v1/traces",
            body,
            headers=named,
            CONTENT_TYPE=content_type,  # of an empty body, too
        )
        rejected, message = 0, ""
        if response.status_code == 200:
            assert response["Content-Type"] == content_type.partition(";")[0]
            rejected, message = _partial_success(response)
        counts = response.headers.get("CostOps-Spans", "")
        return Sent(response.status_code, rejected, message, counts, response)


def _partial_success(response: HttpResponse) -> tuple[int, str]:
    if response["Content-Type"] == JSON:
        partial = json.loads(response.content).get("partialSuccess", {})
        return int(partial.get("rejectedSpans", "0")), partial.get("errorMessage", "")
    decoded = ExportTraceServiceResponse.FromString(response.content)
    success = decoded.partial_success
    return success.rejected_spans, success.error_message
