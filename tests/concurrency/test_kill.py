"""The server is killed in the middle of taking usage, as a power cut would."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from random import Random
from threading import Lock
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tests.concurrency.killing import manage

SENDERS = 6
BATCHES, SIZE, KNOWN = 36, 150, 2400
KILLED_AFTER = 9  # batches that were answered
PATIENCE_S = 60
Batch = list[dict[str, Any]]


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[tuple[int, Any]]:
    """Run the server; yield its port and what kills all of its processes at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port), "--threads", "4"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def kill() -> None:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()

    try:
        wait_for(port)
        yield port, kill
    finally:
        kill()


def wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(OSError, HTTPException):
            if call(port, "GET", "/health/ready", "")[0] == 200:
                return
        time.sleep(0.1)
    pytest.fail("The server did not start.")


def call(
    port: int, method: str, path: str, key: str, body: Any = None
) -> tuple[int, Any]:
    client = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        client.request(
            method,
            path,
            body=json.dumps(body),
            headers={
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
            },
        )
        answer = client.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        client.close()


def make_budgets(port: int, key: str) -> None:
    parent = None
    for name, scope in (("All", {}), ("Team", {"teams": ["a"]})):
        budget = {
            "name": name,
            "amount": "1000",
            "organization_id": "acme",
            "start_date": "2025-01-01",
            "scope": scope,
            "parent": parent,
        }
        status, answer = call(port, "POST", "/api/v1/budgets", key, budget)
        assert status == 201, answer
        parent = answer["id"]


def overlapping_batches() -> list[Batch]:
    """Return batches that share most of their records; each is the same whenever."""
    random = Random(1)
    return [
        [
            {
                "id": f"u{number}",
                "timestamp": f"2025-03-{1 + number % 28:02}T12:00:00Z",
                "provider": "openai",
                "model": "gpt-4o",
                "organization_id": "acme",
                "team_id": "ab"[number % 2],
                "user_id": f"user{number % 40}",
                "input_tokens": number,
                "output_tokens": 10,
            }
            for number in random.sample(range(KNOWN), SIZE)
        ]
        for _ in range(BATCHES)
    ]


def send(port: int, key: str, batch: Batch) -> dict[str, Any]:
    status, answer = call(port, "POST", "/api/v1/usage/batch", key, batch)
    assert status == 200, answer
    assert answer["rejected"] == answer["conflicts"] == []
    return dict(answer)


def kill_in_the_middle(url: str, kill: Callable[[], None]) -> None:
    """Kill the server; on PostgreSQL when a batch is written and not yet charged.

    Its connections end with it, as they would if the database's machine went too.
    """
    if not url.startswith("postgres"):
        kill()
        return
    with psycopg.connect(url) as others:
        others.execute("SELECT id FROM budgets_budgetperiod FOR UPDATE")
        until = time.monotonic() + PATIENCE_S
        while not others.execute("SELECT 1 FROM pg_locks WHERE NOT granted").rowcount:
            assert time.monotonic() < until, "Nobody waits."
            time.sleep(0.01)
        kill()
        others.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def send_until_killed(
    port: int, key: str, batches: list[Batch], kill: Callable[[], None]
) -> list[Batch]:
    """Send from many threads, kill the server meanwhile; return what was answered."""
    answered: list[Batch] = []
    lock = Lock()

    def work(batch: Batch) -> None:
        with suppress(OSError, HTTPException):  # it is gone
            send(port, key, batch)
            with lock:
                answered.append(batch)
                if len(answered) == KILLED_AFTER:
                    kill()

    with ThreadPoolExecutor(SENDERS) as threads:
        list(threads.map(work, batches))
    return answered


def test_a_server_killed_in_the_middle_lost_nothing_and_did_nothing_by_halves(
    environment: dict[str, str],
) -> None:
    key = manage(environment, "create_api_key", "kill").split()[-1]
    batches = overlapping_batches()
    with serving(environment) as (port, kill):
        make_budgets(port, key)
        die = partial(kill_in_the_middle, environment["DATABASE_URL"], kill)
        answered = send_until_killed(port, key, batches, die)
    assert KILLED_AFTER <= len(answered) < BATCHES

    assert "every promise holds" in manage(environment, "verify")
    with serving(environment) as (port, _):
        for batch in answered:
            assert send(port, key, batch)["duplicates"] == SIZE
        for batch in batches:
            send(port, key, batch)
        path = "/api/v1/analytics/summary?organization_id=acme"
        status, summary = call(port, "GET", path, key)

    assert status == 200
    sent = {record["id"] for batch in batches for record in batch}
    assert summary["total_requests"] == len(sent)
    assert "every promise holds" in manage(environment, "verify")
