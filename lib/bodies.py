"""Bodies of the busiest requests and answers, read and written by plain views."""

import zlib

import msgspec
from django.http import HttpRequest, HttpResponse

from lib.answers import Out
from lib.errors import Invalid, TooLarge, UnsupportedType

MOST_BYTES = 64 * 2**20  # of a body, as sent and as unpacked
JSON_TYPES = {"application/json", "text/json", ""}
_encode = msgspec.json.Encoder().encode


def type_of(request: HttpRequest) -> str:
    """Return the content type without its parameters."""
    return str(request.META.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


def body_of(request: HttpRequest, types: set[str]) -> bytes:
    """Return the body, unpacked.

    Raises:
        TooLarge: more than MOST_BYTES, packed or not; what is over is not read.
        UnsupportedType: neither of *types*, or packed in another way than gzip.
        Invalid: gzip that is cut or broken.
    """
    if type_of(request) not in types:
        raise UnsupportedType("Send application/json or application/x-ndjson.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > MOST_BYTES:
        raise TooLarge(f"At most {MOST_BYTES // 2**20} MiB are taken in one request.")
    packing = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if packing in {"", "identity"}:
        return request.body
    if packing != "gzip":
        raise UnsupportedType("Only gzip is known as Content-Encoding.")
    return _unpacked(request.body)


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(packed, MOST_BYTES + 1)
    except zlib.error as error:
        raise Invalid("The body is not valid gzip.") from error
    if len(body) > MOST_BYTES:
        raise TooLarge(f"More than {MOST_BYTES // 2**20} MiB when unpacked.")
    if not unpacker.eof:
        raise Invalid("The gzip body is cut off.")
    return body


def json_response(answer: Out, *, status: int = 200) -> HttpResponse:
    """Answer with JSON, encoded as fast as can be."""
    body = _encode(answer)
    response = HttpResponse(body, status=status, content_type="application/json")
    response["Content-Length"] = str(len(body))
    return response
