"""What a client needs of HTTP and of money: one connection, kept; exact amounts."""

import json
import socket
from typing import Any

UNITS = 10**10  # of money in one of any currency


def amount_of(units: int) -> str:
    return f"{units // UNITS}.{units % UNITS:010d}"


def units_of(amount: str) -> int:
    """Read an amount as the API writes it, with ten places, or with fewer."""
    whole, _, part = amount.partition(".")
    return int(whole) * UNITS + int(f"{part:0<10}")


class Line:
    """One connection to the server, which it keeps open; a thread of its own each."""

    def __init__(self, port: int, key: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._head = (
            f" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Send *body*, nothing where it is None; return status and answer."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"POST {path}{self._head}{len(content)}\r\n\r\n"
        self._socket.sendall(head.encode() + content)
        return self._answer()

    def _answer(self) -> tuple[int, Any]:
        found = b""
        while b"\r\n\r\n" not in found:
            found += self._received()
        head, _, body = found.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        while len(body) < int(length):
            body += self._received()
        status = int(head.split(b" ", 2)[1])
        return status, json.loads(body) if b"json" in head else body.decode()

    def _received(self) -> bytes:
        part = self._socket.recv(2**16)
        if not part:
            raise ConnectionError("The server has hung up.")
        return part
