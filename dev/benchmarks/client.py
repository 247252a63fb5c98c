"""A client that costs next to nothing: raw sockets, keep-alive, one request each.

Runs in processes of its own, which know nothing of Django.
"""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from selectors import EVENT_READ, DefaultSelector
from typing import NamedTuple


class Drive(NamedTuple):
    """When a client began and ended, and how long it waited for each answer."""

    began: float
    ended: float
    waits: list[float]


def took(drives: Sequence[Drive]) -> float:
    """Return the seconds from the first request of all to the last answer."""
    return max(one.ended for one in drives) - min(one.began for one in drives)


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    requests: list[bytes]  # still to be sent, the next one last
    answer: bytes = b""
    sent_at: float = 0.0
    waits: list[float] = field(default_factory=list)  # for each answer, in seconds

    def send_next(self) -> bool:
        """Send one request; False when there is none left."""
        if not self.requests:
            return False
        self.answer = b""
        self.sent_at = time.monotonic()
        self.socket.sendall(self.requests.pop())
        return True

    def receive(self) -> bool:
        """Read what is there; True when the answer is complete."""
        self.answer += self.socket.recv(2**16)
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(self.answer.decode())
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return False
        self.waits.append(time.monotonic() - self.sent_at)
        return True


def request(path: str, secret: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def drive(
    port: int, requests: Sequence[bytes], connections: int, start: Barrier
) -> Drive:
    """Send all *requests* over so many connections."""
    opened = [
        _Connection(
            socket.create_connection(("127.0.0.1", port)),
            list(requests[first::connections]),
        )
        for first in range(connections)
    ]
    start.wait()
    began = time.monotonic()
    with DefaultSelector() as selector:
        for one in opened:
            if one.send_next():
                selector.register(one.socket, EVENT_READ, one)
        while selector.get_map():
            for key, _ in selector.select():
                if key.data.receive() and not key.data.send_next():
                    selector.unregister(key.fileobj)
    ended = time.monotonic()
    for one in opened:
        one.socket.close()
    return Drive(began, ended, [wait for one in opened for wait in one.waits])
