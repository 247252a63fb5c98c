"""What messages arrive at: a mail server and an HTTP server, both real."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, TypeVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.journeys.server import free_port

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as the server took it, and when."""

    at: datetime
    to: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the receiver took it, and when."""

    at: datetime
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Mailbox:
    """A mail server; `port` is where it listens."""

    port: int
    mails: list[Mail] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(Mail(datetime.now(UTC), envelope.rcpt_tos, message))
        return "250 OK"

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if address in mail.to]


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox(free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass(slots=True)
class Receiver:
    """An HTTP server that says 204 to everything."""

    url: str
    calls: list[Call] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    calls: list[Call] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            calls.append(Call(datetime.now(UTC), self.path, headers, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Receiver(f"http://127.0.0.1:{server.server_port}", calls)
        server.shutdown()


def wait_until(look: Callable[[], _T], *, seconds: float = 60) -> _T:
    """Return the first true thing that *look* returns."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "It did not happen in time."
        time.sleep(0.05)
    return found
