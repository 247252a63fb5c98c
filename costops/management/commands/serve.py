"""The web server: granian in front of Django, and nothing else."""

import errno
import logging
import signal
import socket
import threading
from argparse import ArgumentParser
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from granian.constants import HTTPModes, Interfaces
from granian.server import MPServer

GRACE_S = 10  # how long requests in flight may take when the server stops
# Connections a worker holds open, idle ones included. Beyond them clients wait in the
# backlog; requests beyond the threads wait in a queue. Neither is ever refused.
CONNECTIONS = 1024
IN_MEMORY = 2**20  # bytes of a chunked body, before it goes to a file
PART = 2**16  # bytes read at once

_LOGGING = {
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}},  # as all the rest
}

_of_thread = threading.local()


class Command(BaseCommand):
    help = "Serve pages, API and static files, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--host",
            default="127.0.0.1",
            help="Address to listen at; 0.0.0.0 is all of them (default: %(default)s).",
        )
        parser.add_argument(
            "--port",
            type=int,
            default=settings.PORT,
            help="Default: the variable PORT, now %(default)s.",
        )
        parser.add_argument(
            "--workers", type=int, default=2, help="Processes (default: %(default)s)."
        )
        parser.add_argument(
            "--threads",
            type=int,
            default=16,
            help="Requests a process works on at once; each may hold a database "
            "connection (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["workers"] < 1 or options["threads"] < 1:
            raise CommandError("Give at least one worker and one thread.")
        if not 0 < options["port"] < 2**16:
            raise CommandError("The port must be between 1 and 65535.")
        address = _free_address(options["host"], options["port"])
        load_application()  # what is wrong with it shows here, once
        connections.close_all()  # a forked process may not share them
        server = _Server(
            "costops.wsgi:application",
            address=address,
            port=options["port"],
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            workers=options["workers"],
            blocking_threads=options["threads"],
            blocking_threads_idle_timeout=600,  # seconds, the most there is
            backpressure=CONNECTIONS,
            websockets=False,
            respawn_failed_workers=True,
            workers_kill_timeout=GRACE_S,
            log_dictconfig=_LOGGING,
        )
        logging.getLogger("_granian").addFilter(_is_news)
        server.serve(target_loader=_load_in_worker, wrap_loader=False)


class _Server(MPServer):
    """Granian that stops at the first signal and is deaf to the next."""

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        # Both Ctrl-C and the supervisor may tell it. The second signal would interrupt
        # the handling of the first, wait for the lock that one holds, and never end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().signal_handler_interrupt(*args, **kwargs)  # type: ignore[no-untyped-call]  # granian's


def _load_in_worker() -> WSGIApplication:
    # Ctrl-C reaches every process; a worker that hears of it from the server too, with
    # another signal, may hang. So it listens to the server alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    return load_application()


def load_application() -> WSGIApplication:
    """Return Django behind what it needs from a threaded server."""
    from costops.wsgi import application  # starts Django, so not before

    def serve(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if not hasattr(_of_thread, "last_will"):
            _of_thread.last_will = _LastWill()
        if environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
            return application(environ, start_response)
        with SpooledTemporaryFile(IN_MEMORY) as body:
            _measure_body(environ, body)
            return application(environ, start_response)

    return serve


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


def _measure_body(environ: WSGIEnvironment, body: IO[bytes]) -> None:
    """Copy a chunked body to *body*, and give it a Content-Length.

    Django reads nothing without one. What is too large is cut just above the limit,
    so that Django refuses it as it refuses any other.
    """
    left = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    while left and (part := environ["wsgi.input"].read(min(left, PART))):
        left -= body.write(part)
    environ["CONTENT_LENGTH"] = str(body.tell())
    body.seek(0)
    environ["wsgi.input"] = body


def _free_address(host: str, port: int) -> str:
    """Return the IP address of *host* if its *port* is free.

    The server shares the port among its processes, and would share it with another
    server just as readily: so look first.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], found[1]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[4])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} is in use. Choose another one with PORT or --port."
            ) from error
        raise CommandError(f"Can't listen at {host}, port {port}: {error}.") from error
    return str(found[4][0])


def _is_news(record: logging.LogRecord) -> bool:
    """Drop the warning about many threads: they mostly wait for the database."""
    return "Python threads" not in record.getMessage()
