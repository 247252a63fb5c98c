"""The only outgoing HTTP: to addresses people give, past a guard, within limits.

A name is resolved once, every address it has is checked, and the connection is made to
one of those: what the name means a moment later changes nothing. Redirects are not
followed. A request as a whole has a time limit, and its answer a size limit, however
slowly the other side speaks.
"""

import http.client
import logging
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import certifi
import requests.adapters
import requests.sessions
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Url, make_headers
from urllib3.util.ssl_ import create_urllib3_context

from lib.addresses import (
    AddressRefused,
    NoAnswer,
    check,
    check_address,
    is_open,
    looked_up,
    read_address,
)

__all__ = [
    "AddressRefused",
    "HttpAnswer",
    "NoAnswer",
    "Watched",
    "check_address",
    "guard_process",
    "is_open",
    "post",
    "put",
]

TIMEOUT_S = 15  # for one request, from looking up the name to the answer's last byte
MOST_BYTES = 64 * 2**10  # of an answer, headers and all
# Of one request that may take longer; None: TIMEOUT_S.
_within_s: ContextVar[float | None] = ContextVar("within_s", default=None)

# Their debug lines carry whole addresses, tokens included.
logging.getLogger("urllib3").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back; `body` as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def retry_after_s(self) -> float | None:
        """Return how long the other side asks to be left alone; None: it doesn't."""
        text = self.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
    """POST *body* to *url*; any status is an answer, a redirect too.

    Raises:
        AddressRefused: nothing was sent, nor will it ever be.
        NoAnswer: no connection, no answer in time, too long a one, or half of one.
    """
    return _answer("POST", url, body, headers)


def put(
    url: str, pieces: Iterable[bytes], headers: Mapping[str, str], *, within_s: float
) -> HttpAnswer:
    """PUT the file that *pieces* make; *headers* say its Content-Length.

    The request as a whole has *within_s* seconds; where nothing is taken from it for
    TIMEOUT_S it ends sooner.

    Raises:
        AddressRefused, NoAnswer: as `post`.
    """
    token = _within_s.set(within_s)
    try:
        return _answer("PUT", url, pieces, headers)
    finally:
        _within_s.reset(token)


def _answer(
    method: str, url: str, body: bytes | Iterable[bytes], headers: Mapping[str, str]
) -> HttpAnswer:
    try:
        return _sent(method, read_address(url), body, headers)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise NoAnswer(_sentence_of(error)) from error


def _sent(
    method: str, url: Url, body: bytes | Iterable[bytes], headers: Mapping[str, str]
) -> HttpAnswer:
    host, secure = url.host or "", url.scheme == "https"
    extra: dict[str, Any] = (
        {"ssl_context": _tls(), "cert_reqs": "CERT_REQUIRED"} if secure else {}
    )
    pool = (_HTTPSPool if secure else _HTTPPool)(
        host.strip("[]"), url.port, timeout=TIMEOUT_S, maxsize=1, **extra
    )
    auth = make_headers(basic_auth=url.auth) if url.auth else {}
    try:
        response = pool.urlopen(
            method,
            url.request_uri,
            body=body,
            headers={"User-Agent": "CostOps", **auth, **headers},
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            return HttpAnswer(response.status, response.headers, response.read())
        finally:
            response.close()
    finally:
        pool.close()


# -- Connections


class _Limited:
    """A socket whose answer must be there by a deadline, and not too long."""

    deadline = 0.0  # of time.monotonic()
    left = MOST_BYTES

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        wait = self.deadline - time.monotonic()
        if wait <= 0:
            raise TimeoutError
        own: Any = super()  # a socket's
        own.settimeout(wait)
        count: int = own.recv_into(*args, **kwargs)
        self.left -= count
        if self.left < 0:
            raise NoAnswer("The answer is too long.")
        return count


class _Socket(_Limited, socket.socket):
    pass


class _TLSSocket(_Limited, ssl.SSLSocket):
    pass


class _HTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self._dns_host, self.port, self.timeout)


class _HTTPSConnection(HTTPSConnection):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Others change the context to their needs: each connection has one of its own.
        self.ssl_context = self.ssl_context or _fresh_tls()

    def _new_conn(self) -> socket.socket:
        return _connected(self._dns_host, self.port, self.timeout)

    def connect(self) -> None:
        deadline = _deadline()
        super().connect()
        if isinstance(self.sock, _TLSSocket):
            self.sock.deadline = deadline


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


def _connected(host: str, port: int, timeout: Any) -> socket.socket:
    """Return a connection to *host*, all of whose addresses are open ones."""
    deadline = _deadline()
    found = looked_up(host, port, within_s=deadline - time.monotonic())
    for *_, address in found:
        check(str(address[0]))
    failed: OSError = OSError("no address")
    for family, kind, proto, _, address in found:
        sock = _Socket(family, kind, proto)
        sock.deadline = deadline
        try:
            sock.settimeout(_patience(deadline, timeout))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def _patience(deadline: float, timeout: Any) -> float:
    wait = deadline - time.monotonic()
    if wait <= 0:
        raise TimeoutError
    return min(wait, timeout) if isinstance(timeout, int | float) else wait


def _fresh_tls() -> ssl.SSLContext:
    context = create_urllib3_context()
    context.sslsocket_class = _TLSSocket
    return context


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Return the context of `post`: the system's authorities and certifi's."""
    context = _fresh_tls()
    context.load_default_certs()
    context.load_verify_locations(certifi.where())
    return context


# -- Libraries that send by themselves


@dataclass(slots=True)
class Watched:
    """What a library did under the guard: its answers, and what was refused."""

    deadline: float
    answers: list[HttpAnswer] = field(default_factory=list)
    problem: NoAnswer | None = None


_watched: Watched | None = None  # where the whole process is held to the rules


def guard_process(within_s: float) -> Watched:
    """Hold what this process sends by `requests` to the same rules, until it ends.

    For a process that sends once (`notifications.service_process`): nothing that a
    library does later, in another thread or while it is thrown away, is left out.
    The time limit is for all of it together. A socket that is opened otherwise is not
    guarded by this.
    """
    global _watched
    _watched = Watched(time.monotonic() + within_s)
    # `requests.post` opens a session of its own, which makes its adapters by this name.
    sessions: Any = requests.sessions
    sessions.HTTPAdapter = _GuardedAdapter
    return _watched


class _GuardedAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _HTTPPool,
            "https": _HTTPSPool,
        }

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["proxies"] = None  # a proxy would resolve the name anew
        watched = _watched
        try:
            response = super().send(*args, **kwargs)
        except NoAnswer as error:
            if watched:
                watched.problem = error
            raise requests.ConnectionError(str(error)) from error
        except requests.RequestException as error:
            if watched:
                watched.problem = NoAnswer(_sentence_of(error))
            raise
        if watched:
            watched.answers.append(HttpAnswer(response.status_code, response.headers))
        return response


def _deadline() -> float:
    return (
        _watched.deadline
        if _watched
        else time.monotonic() + (_within_s.get() or TIMEOUT_S)
    )


_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "The host's name is not known."),
    (TimeoutError, "There was no answer in time."),
    (urllib3.exceptions.TimeoutError, "There was no answer in time."),
    (requests.Timeout, "There was no answer in time."),
    (ssl.SSLError, "No secure connection came about: the certificate is not trusted."),
    (urllib3.exceptions.SSLError, "No secure connection came about."),
    (requests.exceptions.SSLError, "No secure connection came about."),
    (ConnectionRefusedError, "The connection was refused."),
    (urllib3.exceptions.IncompleteRead, "The answer ended in the middle."),
    (http.client.IncompleteRead, "The answer ended in the middle."),
    (http.client.RemoteDisconnected, "The connection was closed without an answer."),
    (urllib3.exceptions.ProtocolError, "The answer ended in the middle."),
    (http.client.HTTPException, "The answer is not HTTP."),
    (ConnectionError, "The connection was cut."),
)


def _sentence_of(error: BaseException) -> str:
    """Return what went wrong without the address, which may carry a token."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for each in reversed(causes):
        for kind, sentence in _SENTENCES:
            if isinstance(each, kind):
                return sentence
    return f"There was no connection ({type(error).__name__})."
