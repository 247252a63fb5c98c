"""The web server: granian in front of Django, and nothing else."""

import errno
import logging
import os
import signal
import socket
from argparse import ArgumentParser
from functools import partial
from typing import Any
from wsgiref.types import WSGIApplication

from django.conf import settings
from django.core.checks.urls import check_url_config
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import MPServer

from costops import env
from costops.health import missing_migrations
from costops.serving.application import within_limits
from lib.processes import die_with, leave_to_stay

GRACE_S = 10  # how long requests in flight may take when the server stops
# Connections a worker holds open, idle ones included. Beyond them clients wait in the
# backlog; requests beyond the threads wait in a queue. Neither is ever refused.
CONNECTIONS = 1024
THREADS = 16  # of a process, if nothing else is said
HEADERS_S = 10  # how long the head of a request may take to come

_LOGGING = {
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}},  # as all the rest
}


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
            default=THREADS,
            help="Requests a process works on at once; each may hold a database "
            "connection (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["workers"] < 1 or options["threads"] < 1:
            raise CommandError("Give at least one worker and one thread.")
        if not 0 < options["port"] < 2**16:
            raise CommandError("The port must be between 1 and 65535.")
        env.with_bounded_waits(connections.databases["default"])
        address = _free_address(options["host"], options["port"])
        _require_own_schema()
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
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_S * 1000),
            websockets=False,
            respawn_failed_workers=True,
            workers_kill_timeout=GRACE_S,
            log_dictconfig=_LOGGING,
        )
        logging.getLogger("_granian").addFilter(_is_news)
        loader = partial(_load_in_worker, options["threads"], os.getpid())
        server.serve(target_loader=loader, wrap_loader=False)


class _Server(MPServer):
    """Granian that stops at the first signal and is deaf to the next."""

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        # Both Ctrl-C and the supervisor may tell it. The second signal would interrupt
        # the handling of the first, wait for the lock that one holds, and never end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        own: Any = super()
        own.signal_handler_interrupt(*args, **kwargs)


def _load_in_worker(threads: int, parent: int) -> WSGIApplication:
    die_with(parent)
    # Ctrl-C reaches every process; a worker that hears of it from the server too, with
    # another signal, may hang. So it listens to the server alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    application = load_application(threads)
    leave_to_stay()
    return application


def load_application(threads: int = THREADS) -> WSGIApplication:
    """Return Django behind the limits of a server with *threads* threads a process."""
    from costops.wsgi import application  # starts Django, so not before
    from ledger.catalogue import known_models

    # Or the first requests would wait a second for these.
    next(known_models())
    check_url_config(None)
    return within_limits(application, threads=threads)


def _require_own_schema() -> None:
    """Refuse to serve over tables that this version does not know."""
    try:
        missing = missing_migrations()
    except DatabaseError as error:
        raise CommandError(f"The database can't be asked: {error}") from error
    if missing:
        raise CommandError(
            f"The database lacks {len(missing)} migrations, {missing[0]} first. "
            "Run: python manage.py migrate"
        )


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
