"""Django, behind what it needs from a threaded server that anybody can reach."""

import json
import threading
from collections.abc import Callable, Hashable, Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.db import DatabaseError, connections

from accounts import keys
from approvals.api.waiting import PLACES
from costops.serving.bodies import PART, Body, BodyReading, CrowdedError
from costops.serving.shares import Shares, ShareTakenError
from lib.errors import Unauthenticated
from lib.frames import with_room
from lib.web import address_in, problem

IN_MEMORY = 2**20  # bytes of a chunked body, before it goes to a file
_NEVER_LATE = "/health"

_of_thread = threading.local()


class _Party(NamedTuple):
    """Whose share a request takes from."""

    name: Hashable  # an organization's id, a key that is good for several, an address
    has_key: bool = False
    waits: bool = False  # for a decision; such requests hold up no others of the party


def within_limits(application: WSGIApplication, *, threads: int) -> WSGIApplication:
    """Return *application* for a server with *threads* threads in each process."""
    shares, reading = Shares(threads), BodyReading(threads)
    PLACES.fit(threads)

    def serve(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if not hasattr(_of_thread, "last_will"):
            _of_thread.last_will = _LastWill()
        if environ["PATH_INFO"].startswith(_NEVER_LATE):
            return application(environ, start_response)
        try:
            party = _party_of(environ, shares)
            with shares.of(party):
                body = _body_of(environ, reading, party)
                return _served(application, environ, start_response, body)
        except (ShareTakenError, CrowdedError):
            return _refused(start_response, "503 Service Unavailable", _BUSY)

    return with_room(serve)


def _body_of(
    environ: WSGIEnvironment, reading: BodyReading, party: _Party
) -> Body | None:
    """Return the body of a request, if it can have one."""
    source, reader = environ["wsgi.input"], party if party.has_key else None
    if _is_chunked(environ):
        return Body(source, None, reading, reader)
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return Body(source, length, reading, reader) if length else None


def _is_chunked(environ: WSGIEnvironment) -> bool:
    return bool(environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked")


def _served(
    application: WSGIApplication,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    body: Body | None,
) -> Iterable[bytes]:
    if body is None:
        return application(environ, start_response)
    environ["wsgi.input"] = body
    answer = _closing_unread(body, start_response)
    if not _is_chunked(environ):
        return application(environ, answer)
    with SpooledTemporaryFile(IN_MEMORY) as measured:
        _measure(environ, body, measured)
        return application(environ, answer)


def _closing_unread(body: Body, start_response: StartResponse) -> StartResponse:
    """End the connection when the answer is given before the body was read.

    What is left of it, or on its way, would be taken for the next request.
    """

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if not body.is_read:
            headers = [*headers, ("Connection", "close")]
        return start_response(status, headers, exc_info)

    return start


def _measure(environ: WSGIEnvironment, body: Body, measured: IO[bytes]) -> None:
    """Copy a chunked body to *measured*, and give it a Content-Length.

    Django reads nothing without one. What is too large is cut just above the limit,
    so that Django refuses it as it refuses any other.
    """
    left = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    while left and (part := body.read(min(left, PART))):
        left -= measured.write(part)
    environ["CONTENT_LENGTH"] = str(measured.tell())
    measured.seek(0)
    environ["wsgi.input"] = measured


def _party_of(environ: WSGIEnvironment, shares: Shares) -> _Party:
    """Return the party of a request; who its key is for is looked up at the expense of
    the address it comes from.

    Raises:
        ShareTakenError: that has all it may hold.
    """
    address = _Party(address_in(environ))
    header = environ.get("HTTP_AUTHORIZATION")
    if not header:
        return address
    caller = keys.remembered(header)
    if caller is None:
        try:
            with shares.of(address):
                caller = keys.check(header)
        except (Unauthenticated, DatabaseError):
            return address  # its view will say so
    name = caller.organization_id or f"key {caller.key_id}"
    return _Party(name, has_key=True, waits="wait=" in environ.get("QUERY_STRING", ""))


_BUSY = (
    "unavailable",
    "Too many of your requests are waiting for something; try again in a moment.",
)


def _refused(
    start_response: StartResponse, status: str, said: tuple[str, str]
) -> Iterable[bytes]:
    number = int(status[:3])
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Retry-After", "2"),
        ("Connection", "close"),
    ]
    start_response(status, headers)
    return [json.dumps(problem(number, *said)).encode()]


class _LastWill:
    """Closes a thread's database connections when the thread ends.

    The server ends idle threads. Their connections are part of reference cycles, so
    they would stay open until some later garbage collection, and pile up.
    """

    def __init__(self) -> None:
        self._connections = connections.all()

    def __del__(self) -> None:
        for connection in self._connections:
            connection.close()
