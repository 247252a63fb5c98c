"""HTTP/1.1 over connections that are kept open, with Python's own library."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    RemoteDisconnected,
)
from typing import NamedTuple, Optional
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from llm_cost_ops.errors import NoAnswerError
from llm_cost_ops.requests import Answer

MOST_IDLE = 8  # connections kept open
IDLE_S = 30  # after which the other side may have closed one
MOST_BYTES = 2**30  # of an answer
_CHUNK = 2**16

_GONE = (RemoteDisconnected, BrokenPipeError, ConnectionResetError)


class Message(NamedTuple):
    """A request in the terms of HTTP."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: Optional[bytes]


class Connections:
    """Connections to one server; any number of threads may use them at once."""

    def __init__(self, endpoint: str) -> None:
        self._url = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
        if self._url.scheme not in {"http", "https"} or not self._url.hostname:
            raise ValueError(f"An endpoint is an http(s) URL, not {endpoint!r}.")
        self._proxy = _proxy_for(self._url)
        self._idle: list[tuple[float, HTTPConnection]] = []
        self._lock = threading.Lock()

    def exchange(self, message: Message, timeout: float) -> Answer:
        """Send *message* and return the answer, both within *timeout* seconds.

        Raises:
            NoAnswerError: there was none, or not in time.
        """
        until = time.monotonic() + timeout
        try:
            if (kept := self._take()) is not None:
                try:
                    return self._exchange(kept, message, until)
                except _GONE:  # the other side had closed it meanwhile
                    pass
            return self._exchange(self._connection(timeout), message, until)
        except (OSError, HTTPException) as error:
            what = str(error) or type(error).__name__
            raise NoAnswerError(f"No answer from {self._url.netloc}: {what}") from error

    def _exchange(
        self, connection: HTTPConnection, message: Message, until: float
    ) -> Answer:
        is_kept = False
        try:
            _set_timeout(connection, until)
            target = self._target(message.target)
            connection.request(
                message.method, target, message.body, dict(message.headers)
            )
            response = connection.getresponse()
            body = _body(connection, response, until)
            headers = {name.lower(): value for name, value in response.getheaders()}
            is_kept = not response.will_close and self._keep(connection)
            return Answer(response.status, headers, body)
        finally:
            if not is_kept:
                connection.close()

    def _take(self) -> Optional[HTTPConnection]:
        with self._lock:
            while self._idle:
                since, connection = self._idle.pop()
                if time.monotonic() - since < IDLE_S:
                    return connection
                connection.close()
        return None

    def _keep(self, connection: HTTPConnection) -> bool:
        with self._lock:
            if len(self._idle) >= MOST_IDLE:
                return False
            self._idle.append((time.monotonic(), connection))
            return True

    def _connection(self, timeout: float) -> HTTPConnection:
        is_https = self._url.scheme == "https"
        kind = HTTPSConnection if is_https else HTTPConnection
        server = self._proxy or self._url
        made = kind(server.hostname or "", server.port, timeout=timeout)
        if self._proxy is not None and is_https:
            made.set_tunnel(self._url.hostname or "", self._url.port)
        return made

    def _target(self, target: str) -> str:
        path = self._url.path.rstrip("/") + target
        if self._proxy is not None and self._url.scheme == "http":
            return f"http://{self._url.netloc}{path}"
        return path

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def after_fork(self) -> None:
        """Forget the parent's connections: its end of them stays open."""
        self._lock = threading.Lock()
        self.close()


def _proxy_for(url: SplitResult) -> Optional[SplitResult]:
    """Return the proxy that the environment names for *url*, if any."""
    found = getproxies().get(url.scheme)
    if not found or proxy_bypass(url.hostname or "") or "REQUEST_METHOD" in os.environ:
        return None
    proxy = urlsplit(found if "//" in found else f"//{found}")
    return proxy if proxy.hostname else None


def _set_timeout(connection: HTTPConnection, until: float) -> None:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    connection.timeout = left
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _body(connection: HTTPConnection, response: HTTPResponse, until: float) -> bytes:
    """Read to the end; a server that only drips is out of time, too."""
    parts: list[bytes] = []
    size = 0
    while part := response.read1(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise HTTPException("the answer is too large")
        _set_timeout(connection, until)
    if response.length:  # it ended before all of it had come
        raise HTTPException("the answer was cut off")
    response.close()  # the connection is free for the next request
    return b"".join(parts)
