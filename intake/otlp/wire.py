"""OTLP/HTTP traces on the wire: protobuf and JSON in, the answers to both out."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from intake.otlp.outline import MalformedError, parted, span_in
from lib.errors import Invalid, TooLarge
from lib.pieces import MOST_PIECES, TooManyError, pieces_of
from lib.texts import without_halves

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

# Begin the names of the attributes that make a span interesting.
_MARKS = (
    "costops.quantities.",
    "gen_ai.",
    "llm.",
    "ai.usage.",
    "langfuse.observation.usage",
    "langsmith.usage",
    "mlflow.chat.",
)
MOST_VALUES = 100_000  # of one span; prompts in it may have braces of their own
_TOO_MUCH = "it has more attributes and values than are read"
_NOTHING = {b"", b"null"}
_INT64 = re.compile(r"-?[0-9]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """What is read of a span. Attributes are plain values, none where none is GenAI's.

    Ids are lower-case hex, as they came: they may be of a wrong length. Times are
    nanoseconds since 1970, 0 where they are missing.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start: int
    end: int
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass(slots=True)
class Export:
    """The spans of one request, and a sentence on each that could not be read."""

    spans: list[Span] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def add_unreadable(self, why: str) -> None:
        """Note that the next span is none."""
        place = len(self.spans) + len(self.unreadable)
        self.unreadable.append(f"Span number {place}: {why}.")


def decode(body: bytes, content_type: str) -> Export:
    """Decode an ExportTraceServiceRequest.

    Raises:
        TooLarge: more than MOST_PIECES spans, resources or scopes; none was read.
        Invalid: as a whole it is none.
    """
    try:
        return _of_protobuf(body) if content_type == PROTOBUF else _of_json(body)
    except TooManyError as error:
        detail = f"More than {MOST_PIECES:,} spans, or groups of them; part them."
        raise TooLarge(detail) from error


# -- Protobuf


def _of_protobuf(body: bytes) -> Export:
    export = Export()
    try:
        # All are counted before the first is unpacked.
        for resource, spans in list(parted(body)):
            read = Resource.FromString(resource)
            attributes = _attributes_of(read.attributes)
            for span in spans:
                _unpack_span(span, attributes, export)
    except (DecodeError, MalformedError) as error:
        raise Invalid("The body is not a protobuf ExportTraceServiceRequest.") from (
            error
        )
    return export


def _unpack_span(written: memoryview, resource: dict[str, Any], export: Export) -> None:
    """Add one span; one that is too large is noted and does not harm its neighbours."""
    try:
        whole = span_in(written)
    except TooManyError:
        export.add_unreadable(_TOO_MUCH)
    else:
        export.spans.append(_span_of(trace_pb2.Span.FromString(whole), resource))


def _span_of(span: trace_pb2.Span, resource: dict[str, Any]) -> Span:
    # Most spans are of other things: their attributes are not even unpacked.
    marked = any(each.key.startswith(_MARKS) for each in span.attributes)
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_attributes_of(span.attributes) if marked else {},
        resource=resource,
    )


def _attributes_of(pairs: Iterable[common_pb2.KeyValue]) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: common_pb2.AnyValue) -> Any:
    """Return the Python value; None for bytes, which no attribute of ours has."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes_of(value.kvlist_value.values)
    if kind in {"string_value", "bool_value", "int_value", "double_value"}:
        return getattr(value, kind)
    return None


# -- JSON: ids are hex, not base64, and 64-bit numbers are strings or numbers


class _Value(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: "_Array | None" = None
    kvlist_value: "_Pairs | None" = None

    def plain(self) -> Any:
        """Return the Python value.

        Raises:
            ValueError: a number that is none, or has more than 64 bits.
        """
        if self.int_value is not None:
            return _whole(self.int_value, least=-(2**63), most=2**63 - 1)
        if self.double_value is not None:
            return float(self.double_value)
        if self.array_value is not None:
            return [each.plain() for each in self.array_value.values or ()]
        if self.kvlist_value is not None:
            return _plain_pairs(self.kvlist_value.values)
        return self.bool_value if self.string_value is None else self.string_value


class _Pair(msgspec.Struct):
    key: str
    value: _Value | None = None


class _Array(msgspec.Struct):
    values: list[_Value] | None = None


class _Pairs(msgspec.Struct):
    values: list[_Pair] | None = None


class _Span(msgspec.Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = None
    name: str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[_Pair] | None = None


class _Resource(msgspec.Struct):
    attributes: list[_Pair] | None = None


class _ScopeSpans(msgspec.Struct):
    spans: msgspec.Raw = msgspec.Raw()


class _ResourceSpans(msgspec.Struct, rename="camel"):
    resource: msgspec.Raw = msgspec.Raw()
    scope_spans: msgspec.Raw = msgspec.Raw()


class _Request(msgspec.Struct, rename="camel"):
    resource_spans: msgspec.Raw = msgspec.Raw()


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_group = msgspec.json.Decoder(_ResourceSpans).decode
_decode_scope = msgspec.json.Decoder(_ScopeSpans).decode
_decode_resource = msgspec.json.Decoder(_Resource | None).decode
_decode_span = msgspec.json.Decoder(_Span).decode
_WRONG = (msgspec.DecodeError, ValueError, RecursionError)  # UnicodeDecodeError, too


def _of_json(body: bytes) -> Export:
    export = Export()
    try:
        # All are counted before the first is read.
        for resource, spans in list(_groups_in(_request_in(body))):
            attributes = _resource_in(resource)
            for raw in spans:
                _read_span(raw, attributes, export)
    except TooManyError:
        raise
    except _WRONG as error:
        why = str(error) or "nested too deeply"
        raise Invalid(
            f"The body is not a JSON ExportTraceServiceRequest: {why}."
        ) from (error)
    return export


def _groups_in(
    request: _Request,
) -> Iterator[tuple[msgspec.Raw, Sequence[msgspec.Raw]]]:
    """Yield each resource with its spans."""
    groups = count = 0
    for raw in _items(request.resource_spans):
        group, spans = _decode_group(raw), list[msgspec.Raw]()
        for scope in _items(group.scope_spans):
            found = _items(_decode_scope(scope).spans)
            spans += found
            groups, count = groups + 1, count + len(found)
            if groups > MOST_PIECES or count > MOST_PIECES:
                raise TooManyError
        yield group.resource, spans


def _items(array: msgspec.Raw) -> Sequence[msgspec.Raw]:
    return () if bytes(array) in _NOTHING else pieces_of(array)


def _resource_in(raw: msgspec.Raw) -> dict[str, Any]:
    if bytes(raw) in _NOTHING:
        return {}
    if _has_too_much(raw):
        raise TooManyError
    resource = _decode_resource(raw)
    return {} if resource is None else _plain_pairs(resource.attributes)


def _has_too_much(raw: msgspec.Raw) -> bool:
    """Tell whether there may be more values in it than are unpacked."""
    return bytes(raw).count(b"{") > MOST_VALUES


def _request_in(body: bytes) -> _Request:
    """Decode the outline of an export; spans stay as they are.

    JavaScript's SDK cuts long texts anywhere, so also in the middle of an emoji. JSON
    does not forbid what comes of it, but the decoder does, and for all spans at once.
    """
    try:
        return _decode_request(body)
    except msgspec.DecodeError:
        mended = without_halves(body, rb"\ufffd")
        if mended == body:
            raise
        return _decode_request(mended)


def _read_span(raw: msgspec.Raw, resource: dict[str, Any], export: Export) -> None:
    """Add one span; one that is no span is noted and does not harm its neighbours."""
    if _has_too_much(raw):
        export.add_unreadable(_TOO_MUCH)
        return
    try:
        export.spans.append(_span_of_json(_decode_span(raw), resource))
    except _WRONG as error:
        export.add_unreadable(str(error) or "nested too deeply")


def _span_of_json(span: _Span, resource: dict[str, Any]) -> Span:
    pairs = span.attributes or ()
    marked = any(pair.key.startswith(_MARKS) for pair in pairs)
    return Span(
        trace_id=span.trace_id.lower(),
        span_id=span.span_id.lower(),
        parent_id=(span.parent_span_id or "").lower(),
        name=span.name or "",
        start=_whole(span.start_time_unix_nano or 0, least=0, most=2**64 - 1),
        end=_whole(span.end_time_unix_nano or 0, least=0, most=2**64 - 1),
        attributes=_plain_pairs(pairs) if marked else {},
        resource=resource,
    )


def _plain_pairs(pairs: Iterable[_Pair] | None) -> dict[str, Any]:
    return {
        pair.key: None if pair.value is None else pair.value.plain()
        for pair in pairs or ()
    }


def _whole(number: int | str, *, least: int, most: int) -> int:
    """Return a 64-bit number that JSON may hold as a string.

    Raises:
        ValueError: it is none.
    """
    if isinstance(number, str):
        if not _INT64.fullmatch(number):
            raise ValueError("a number was expected, not another text")
        number = int(number)
    if not least <= number <= most:
        raise ValueError("a number has more than 64 bits")
    return number


# -- Answers


def encode_answer(rejected: int, message: str, content_type: str) -> bytes:
    """Return the ExportTraceServiceResponse: of a full success, an empty one."""
    if content_type == PROTOBUF:
        response = ExportTraceServiceResponse()
        if rejected:
            response.partial_success.CopyFrom(
                ExportTracePartialSuccess(
                    rejected_spans=rejected, error_message=message
                )
            )
        return response.SerializeToString()
    if not rejected:
        return b"{}"
    partial = {"rejectedSpans": str(rejected), "errorMessage": message}
    return msgspec.json.encode({"partialSuccess": partial})


def encode_status(message: str) -> bytes:
    """Return what OTLP answers an error with: a google.rpc.Status.

    Its message has the same number and type as that of a span's status, so one more
    package for it is not needed; its code is not used by OTLP.
    """
    return trace_pb2.Status(message=message).SerializeToString()
