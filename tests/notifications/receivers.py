"""Real receivers on this machine: HTTP that misbehaves on request, and SMTP."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, TypeVar

import msgspec
from aiosmtpd.controller import Controller

_T = TypeVar("_T")
Answering = Callable[["Handler"], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came in."""

    path: str
    headers: Any
    body: bytes
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(slots=True)
class Receiver:
    """What came in, and how the next requests are answered; 200 when nothing is set."""

    port: int = 0
    answers: list[Answering] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    over: Event = field(default_factory=Event)  # lets those go that hang
    slow_s: float = 0.0  # before it answers

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def bodies(self) -> list[Any]:
        return [request.json for request in self.requests]


class Handler(BaseHTTPRequestHandler):
    """Keeps the request, then answers as the receiver was told to."""

    receiver: Receiver
    timeout = 30

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        request = Request(self.path, self.headers, self.rfile.read(size))
        with self.receiver.lock:
            self.receiver.requests.append(request)
            answers = self.receiver.answers
            answering = answers.pop(0) if answers else with_status(200)
        if self.receiver.slow_s:
            self.receiver.over.wait(self.receiver.slow_s)
        with suppress(OSError):
            answering(self)

    do_GET = do_PUT = do_POST

    def log_message(self, *args: Any) -> None:
        pass


def with_status(status: int, body: bytes = b"ok", **headers: str) -> Answering:
    """Answer *status*; underscores in *headers* are dashes."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang(handler: Handler) -> None:
    """Say nothing at all."""
    handler.receiver.over.wait(20)
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """Say something all the time, and never come to an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.receiver.over.wait(0.05):
        handler.wfile.write(b"X-More: of it\r\n")
        handler.wfile.flush()


def half(handler: Handler) -> None:
    """Promise more than comes."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")
    handler.close_connection = True


def nothing(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def babble(handler: Handler) -> None:
    """Say what is not HTTP."""
    handler.wfile.write(b"220 smtp.example.com ESMTP ready\r\n")
    handler.close_connection = True


def flood(handler: Handler) -> None:
    """Answer with more than anyone wants to read."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(50 * 2**20))
    handler.end_headers()
    for _ in range(50):
        handler.wfile.write(b"x" * 2**20)


@contextmanager
def receiving(host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Run an HTTP receiver on a free port."""
    receiver = Receiver()
    kind = type("Handler", (Handler,), {"receiver": receiver})

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """Say nothing: clients that give up are what is tested."""

    server = Server((host, 0), kind)
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Mail(EmailMessage):
    """A mail as a server took it: when, and for whom."""

    at: datetime
    recipients: tuple[str, ...]

    @property
    def message(self) -> EmailMessage:
        return self

    @property
    def text(self) -> str:
        body = self.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


class _Keeping:
    """An SMTP server's handler that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.sizes: list[int] = []
        self.answers: dict[str, str] = {}  # by recipient, in place of "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if answer := self.answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = BytesParser(Mail, policy=default).parsebytes(envelope.content)
        assert isinstance(mail, Mail)
        mail.at, mail.recipients = datetime.now(UTC), tuple(envelope.rcpt_tos)
        self.mails.append(mail)
        self.sizes.append(len(envelope.content))
        return "250 OK"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A running SMTP server and what it was given."""

    port: int
    keeping: _Keeping

    @property
    def mails(self) -> list[Mail]:
        return self.keeping.mails

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if address in mail.recipients]

    def refuse(self, address: str, answer: str) -> None:
        self.keeping.answers[address] = answer


@contextmanager
def receiving_mail() -> Iterator[MailServer]:
    """Run an SMTP server on a free port."""
    keeping = _Keeping()
    controller = Controller(keeping, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield MailServer(controller.port, keeping)
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(look: Callable[[], _T], *, seconds: float = 60) -> _T:
    """Return the first true thing that *look* returns; fail when it takes longer."""
    last = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < last, "It did not come about in time."
        time.sleep(0.02)
    return found
