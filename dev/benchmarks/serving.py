"""`manage.py serve`, and clients in processes of their own beside it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Manager, get_context
from typing import IO, Any

from costops import env


@contextmanager
def serving(workers: int, *, said: IO[bytes] | None = None) -> Iterator[int]:
    """Run the server on the database of DATABASE_URL; yield its port.

    What it says goes to *said*.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--workers", str(workers)],
        cwd=env.BASE_DIR,
        stderr=said or subprocess.DEVNULL,
    ) as server:
        try:
            _wait_for(port)
            yield port
        finally:
            server.terminate()


@contextmanager
def drivers(processes: int) -> Iterator[tuple[Any, Any]]:
    """Start processes for `client.drive`; yield their pool and a barrier for them."""
    with Manager() as manager, get_context("spawn").Pool(processes) as pool:
        yield pool, manager.Barrier(processes)


def _wait_for(port: int, patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"The server does not answer at port {port}.")
