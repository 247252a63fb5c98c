"""The server is killed in the middle of taking usage, as a power cut would."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from threading import Lock
from typing import Any

import psycopg

from tests.concurrency.killing import manage
from tests.concurrency.processes import (
    BATCHES,
    PATIENCE_S,
    SENDERS,
    SIZE,
    Batch,
    call,
    make_budgets,
    overlapping_batches,
    serving,
)

KILLED_AFTER = 9  # batches that were answered


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
