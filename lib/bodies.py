"""Bodies of the busiest requests and answers, read and written by plain views."""

import zlib

import msgspec
from django.http import HttpRequest, HttpResponse

from lib.answers import Out
from lib.errors import Invalid, TooLarge, UnsupportedType

MOST_BYTES = 64 * 2**20  # of a body, as sent and as unpacked
FREE_BYTES = 2**20  # unpacked, from however little
MOST_RATIO = 100  # of unpacked to packed beyond that; JSON of usage has some twenty
MOST_MEMBERS = 1_000  # of one gzip body
_GZIP = 31  # zlib's window bits, for gzip alone
_PIECE = 2**16  # bytes
_TOO_LARGE = (
    f"More than {MOST_BYTES // 2**20} MiB when unpacked, or {MOST_RATIO} times what "
    "was sent; part it into several."
)
JSON_TYPES = {"application/json", "text/json", ""}
_encode = msgspec.json.Encoder().encode


def type_of(request: HttpRequest) -> str:
    """Return the content type without its parameters."""
    return str(request.META.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


def body_of(request: HttpRequest, types: set[str]) -> bytes:
    """Return the body, unpacked.

    Raises:
        TooLarge: more than MOST_BYTES, packed or not, or unpacked so much more than
            packed as nothing but a bomb is; what is over is not read.
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
    """Unpack all members; no more is unpacked than may be kept."""
    room = min(MOST_BYTES, max(FREE_BYTES, MOST_RATIO * len(packed)))
    unpacker, members, parts = zlib.decompressobj(wbits=_GZIP), 1, []
    # Piece by piece: what follows a member is copied, and some follow thousands.
    for start in range(0, len(packed), _PIECE):
        rest = packed[start : start + _PIECE]
        while rest:
            if unpacker.eof:
                unpacker, members = zlib.decompressobj(wbits=_GZIP), members + 1
            if members > MOST_MEMBERS:
                raise TooLarge(
                    f"Pack it as one: more than {MOST_MEMBERS} gzip members."
                )
            part = _part(unpacker, rest, room + 1)
            room -= len(part)
            if room < 0:
                raise TooLarge(_TOO_LARGE)
            parts.append(part)
            rest = unpacker.unconsumed_tail or unpacker.unused_data
    if not unpacker.eof:
        raise Invalid("The gzip body is cut off.")
    return b"".join(parts)


def _part(unpacker: "zlib._Decompress", packed: bytes, most: int) -> bytes:
    try:
        return unpacker.decompress(packed, most)
    except zlib.error as error:
        raise Invalid("The body is not valid gzip.") from error


def json_response(answer: Out, *, status: int = 200) -> HttpResponse:
    """Answer with JSON, encoded as fast as can be."""
    body = _encode(answer)
    response = HttpResponse(body, status=status, content_type="application/json")
    response["Content-Length"] = str(len(body))
    return response
