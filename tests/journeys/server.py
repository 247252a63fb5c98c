"""A real server for journeys: its own process, its own database, a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

import requests

from tests.databases import ROOT

_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Server:
    """Where a started server answers, and the environment of its commands."""

    url: str
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"

    def manage(self, *words: str) -> str:
        """Run a management command on the server's database; return what it said."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def kill(self) -> None:
        """End all of its processes at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_PATIENCE_S)


@contextmanager
def running_server(
    database_url: str,
    *,
    output: IO[bytes] | int = subprocess.DEVNULL,
    port: int | None = None,
    **settings: str,
) -> Iterator[Server]:
    """Start `manage.py serve` on a migrated database; stop it in the end.

    On *port*, else on a free one. What it says goes to *output*.
    """
    port = port or free_port()
    environment = {
        **os.environ,
        "COSTOPS_SITE_URL": f"http://127.0.0.1:{port}",
        **settings,
        "DATABASE_URL": database_url,
        "COSTOPS_SECRET_KEY": "journeys-only",
        "DJANGO_SETTINGS_MODULE": "costops.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", "1"],
        cwd=ROOT,
        env=environment,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    server = Server(f"http://127.0.0.1:{port}", environment, process)
    try:
        _wait_for(server.url)
        yield server
    finally:
        with suppress(ProcessLookupError):  # it was killed
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(_PATIENCE_S)


@contextmanager
def running_worker(server: Server) -> Iterator[None]:
    """Run `manage.py qcluster` beside the server."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "qcluster"],
        cwd=ROOT,
        env=server.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()  # it ends its own processes
        process.wait(_PATIENCE_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            requests.get(f"{url}/health", timeout=5).raise_for_status()
        except requests.RequestException:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
