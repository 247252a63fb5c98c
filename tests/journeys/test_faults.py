"""A real server while something under it or before it goes wrong."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from django.db import connection

from tests.databases import ROOT
from tests.journeys.server import Server, free_port, running_server, running_worker
from tests.sizes import at_night

POSTGRES = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time"
)
NOW = datetime.now(UTC).isoformat()  # of a period that is not over


@pytest.fixture
def server(own_database: str, tmp_path: Path) -> Iterator[Server]:
    mails = f"file:{tmp_path}"
    with running_server(
        own_database, COSTOPS_MAIL_DOMAINS="*", EMAIL_URL=mails
    ) as running:
        yield running


def headers_for(server: Server, organization: str) -> dict[str, str]:
    key = server.manage("create_api_key", "journey", "--organization", organization)
    return {"Authorization": f"Bearer {key}"}


def post(server: Server, path: str, headers: dict[str, str], body: Any) -> Any:
    return requests.post(
        f"{server.url}/api/v1/{path}", json=body, headers=headers, timeout=60
    )


def record(usage_id: str, **fields: Any) -> dict[str, Any]:
    said = {"id": usage_id, "timestamp": NOW, "provider": "openai", "model": "gpt-4o"}
    return {**said, "cost": "1", **fields}


def sent_late(line: HTTPConnection, late_s: float) -> HTTPResponse:
    """Send a request without a key whose body comes a little after its head."""
    line.putrequest("POST", "/api/v1/authorizations")
    line.putheader("Content-Type", "application/json")
    line.putheader("Content-Length", "20")
    line.endheaders()
    time.sleep(late_s)
    line.send(b'{"model": "gpt-4o"} ')
    return line.getresponse()


def test_a_connection_goes_on_or_says_that_it_ends(server: Server) -> None:
    """Who is refused before the body was read may send the next request at once."""
    line = HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    found = []
    for number in range(30):
        refused = sent_late(line, (5 + number % 10 * 5) / 1000)
        refused.read()
        if refused.getheader("Connection") == "close":
            line.close()  # it opens another by itself
        line.request("GET", "/health/live")
        alive = line.getresponse()
        alive.read()
        found.append((refused.status, alive.status))
    line.close()

    assert found == [(401, 200)] * 30


@contextmanager
def held(url: str) -> Iterator[None]:
    """Hold all rows of budget periods, as somebody at the database's prompt might."""
    with psycopg.connect(url) as other:
        other.execute("SELECT id FROM budgets_budgetperiod FOR UPDATE")
        yield


@at_night
@POSTGRES
def test_rows_of_two_organizations_that_are_held_stop_nobody_else(
    server: Server, own_database: str
) -> None:
    names = ("acme", "initech", "globex")
    acme, initech, globex = (headers_for(server, one) for one in names)
    budget = {"name": "All", "amount": "1000", "start_date": "2026-11-01"}
    for headers in (acme, initech):
        assert post(server, "budgets", headers, budget).status_code == 201
        assert post(server, "usage", headers, record("first")).status_code == 201

    def report(number: int) -> tuple[int, str | None]:
        headers = (acme, initech)[number % 2]
        answer = post(server, "usage", headers, record(f"u{number}"))
        return answer.status_code, answer.headers.get("Retry-After")

    with held(own_database), ThreadPoolExecutor(60) as threads:
        answers = threads.map(report, range(120))
        took: list[float] = []
        until = time.monotonic() + 8
        while time.monotonic() < until:
            began = time.monotonic()
            assert requests.get(f"{server.url}/health/live", timeout=30).ok
            name = f"g{len(took)}"
            assert post(server, "usage", globex, record(name)).status_code == 201
            took.append(time.monotonic() - began)
            time.sleep(0.2)
        refused = list(answers)

    assert {status for status, _ in refused} == {503}
    assert None not in {wait for _, wait in refused}
    # A round is two requests. Nobody waits for the lock, which takes five seconds: a
    # second passes, at most, until it shows that those who hold it don't end.
    assert max(took) < 2
    assert report(0) == (201, None)


BUDGETS = 1_000


@at_night
@POSTGRES
def test_budgets_that_cross_at_once_keep_nobody_waiting_and_are_told_once(
    server: Server, own_database: str
) -> None:
    acme, globex = (headers_for(server, one) for one in ("acme", "globex"))
    make = partial(make_budget, server, acme)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(make, range(BUDGETS))) == {201}
    with psycopg.connect(own_database) as database:
        database.execute("DELETE FROM django_q_ormq")  # what setting them up left to do
    batch = [
        record(f"u{number}", team_id=f"t{number}", cost="850")
        for number in range(BUDGETS)
    ]

    with running_worker(server), ThreadPoolExecutor(1) as threads:
        others = threads.submit(durations, server, globex, 12)
        time.sleep(2)  # until the worker has begun
        began = time.monotonic()
        answer = post(server, "usage/batch", acme, batch)
        took = time.monotonic() - began
        delivered = until_delivered(own_database, BUDGETS)
        waits = sorted(others.result())

    assert answer.json()["accepted"] == BUDGETS
    assert delivered == BUDGETS
    # On a machine of its own: a second, and 70 ms for the slowest of the others.
    assert took < 5
    assert waits[len(waits) * 95 // 100] < 0.25


def make_budget(server: Server, headers: dict[str, str], number: int) -> int:
    body = {
        "name": f"Team {number}",
        "amount": "1000",
        "start_date": "2026-11-01",
        "scope": {"teams": [f"t{number}"]},
    }
    made = post(server, "budgets", headers, body)
    told = {"channels": ["email"], "recipients": ["a@x.example"]}
    rules = [{"type": "threshold", "threshold": 0.8, **told}]
    set_up = requests.put(
        f"{server.url}/api/v1/budgets/{made.json()['id']}/alerts",
        json={"alerts": rules},
        headers=headers,
        timeout=60,
    )
    assert set_up.ok, set_up.text
    return int(made.status_code)


def durations(server: Server, headers: dict[str, str], seconds: float) -> list[float]:
    """Report for *seconds*; return how long each took."""
    took: list[float] = []
    until = time.monotonic() + seconds
    with requests.Session() as session:
        while (began := time.monotonic()) < until:
            body = record(f"g{len(took)}")
            session.post(f"{server.url}/api/v1/usage", json=body, headers=headers)
            took.append(time.monotonic() - began)
            time.sleep(0.05)
    return took


def until_delivered(url: str, count: int) -> int:
    """Wait until so many messages are delivered, and a little; return how many are."""
    asked = "SELECT count(*) FROM notifications_delivery WHERE state = 'delivered'"
    until, found = time.monotonic() + 120, 0
    with psycopg.connect(url, autocommit=True) as database:
        while found < count and time.monotonic() < until:
            time.sleep(0.5)
            row = database.execute(asked).fetchone()
            found = int(row[0]) if row else 0
        time.sleep(2)  # for what would come twice
        row = database.execute(asked).fetchone()
        return int(row[0]) if row else 0


def below(pid: int) -> set[int]:
    """Return the processes that *pid* has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(path.parent.name))
    found, looked_at = set[int](), [pid]
    while looked_at:
        children = parents.get(looked_at.pop(), [])
        found.update(children)
        looked_at += children
    return found


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@at_night
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own way")
@pytest.mark.parametrize(
    ("words", "least"), [(["serve", "--workers", "2"], 2), (["qcluster"], 3)]
)
def test_nothing_is_left_of_a_main_process_that_was_killed(
    own_database: str, words: list[str], least: int
) -> None:
    port = free_port()
    settings = {"DATABASE_URL": own_database, "PORT": str(port)}
    settings["DJANGO_SETTINGS_MODULE"] = "costops.settings"
    settings["COSTOPS_SECRET_KEY"] = "journeys-only"
    main = subprocess.Popen(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while len(children := below(main.pid)) < least and time.monotonic() < until:
        time.sleep(0.1)

    main.kill()
    main.wait()

    assert len(children) >= least
    until = time.monotonic() + 10
    while any(map(is_alive, children)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(is_alive, children))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))  # nobody has it any more
