"""Behind a pooler that gives connections out by transaction: Debian's pgbouncer."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import psycopg
import pytest
from django.db import connection

from tests.concurrency.killing import manage
from tests.concurrency.processes import call, make_budgets, overlapping_batches, serving
from tests.factories import usage_record
from tests.notifications.receivers import free_port, until
from tests.sizes import at_night

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
CONNECTIONS = 3  # fewer than those who ask, so that each gets others' in turn
CLIENTS = 8

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="it pools PostgreSQL"),
    pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed"),
    at_night,
]


def settings_of(place: SplitResult, port: int, directory: Path) -> str:
    of = connection.settings_dict
    server = {
        "host": of["HOST"],
        "port": of["PORT"],
        "user": of["USER"],
        "password": of["PASSWORD"],
        "dbname": place.path[1:],
    }
    words = " ".join(f"{name}={value}" for name, value in server.items() if value)
    return f"""
[databases]
pooled = {words}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {CONNECTIONS}
logfile = {directory / "pgbouncer.log"}
"""


@pytest.fixture
def pooled(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings of a server whose every connection is pgbouncer's."""
    port = free_port()
    given = tmp_path / "pgbouncer.ini"
    given.write_text(settings_of(urlsplit(environment["DATABASE_URL"]), port, tmp_path))
    words = [str(PGBOUNCER), "-q", str(given)]
    if os.geteuid() == 0:  # it won't run as root
        for path in (tmp_path, *list(tmp_path.parents)[:3]):
            path.chmod(0o777)
        words[1:1] = ["-u", "nobody"]
    with subprocess.Popen(words) as pooler:
        until(lambda: answers(port))
        url = f"postgres://any@127.0.0.1:{port}/pooled?pool=transaction"
        try:
            yield environment | {"DATABASE_URL": url}
        finally:
            pooler.terminate()


def answers(port: int) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(f"host=127.0.0.1 port={port} user=any dbname=pooled").close()
        return True
    return False


def test_all_that_is_done_can_be_done_by_turns(
    pooled: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(
        "id,timestamp,provider,model,input_tokens\n"
        + "".join(
            f"f{number},2025-03-01T00:00:00Z,openai,gpt-4o,10\n"
            for number in range(200)
        )
    )
    key = manage(pooled, "create_api_key", "pooled").split()[-1]
    batches = overlapping_batches()
    who = {"organization_id": "acme"}
    ask = {"provider": "openai", "model": "gpt-4o", "estimated_cost": "0.01", **who}
    paths = (
        *("costs?limit=5", "costs?tag=a:b", "budgets/tree?at=2025-03-09T00:00:00Z"),
        *("analytics/summary", "analytics/summary?group_by=team_id", "alerts"),
    )

    with serving(pooled) as (port, _):
        make_budgets(port, key)

        def work(number: int) -> list[tuple[str, int]]:
            tried = []
            for turn in range(3):
                for path, body in (
                    ("usage/batch", batches[(number + turn) % len(batches)]),
                    ("usage", usage_record(id=f"{number}-{turn}", **who)),
                    ("authorizations", ask),
                ):
                    status, _ = call(port, "POST", f"/api/v1/{path}", key, body)
                    tried.append((path, status))
                for path in paths:
                    where = f"/api/v1/{path}{'&' if '?' in path else '?'}"
                    where += "organization_id=acme"
                    tried.append((path, call(port, "GET", where, key)[0]))
            return tried

        with ThreadPoolExecutor(CLIENTS) as threads:
            tried = [each for one in threads.map(work, range(CLIENTS)) for each in one]
    assert {
        (path, status) for path, status in tried if status not in {200, 201}
    } == set()

    assert "200 records loaded" in manage(
        pooled, "import_usage", str(file), "--organization", "acme"
    )
    manage(pooled, "sweep")
    manage(pooled, "deliver")
    assert "every promise holds" in manage(pooled, "verify")
