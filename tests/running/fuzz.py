"""make fuzz: requests made from the API's schema, against a server of its own.

python -m tests.running.fuzz SCHEMATHESIS [ARGUMENT ...]: runs that program against a
server on a fresh SQLite database and, where a PostgreSQL answers, on one there. What it
finds, it prints as curl lines. Exits with 1 when something answered 5xx, or what the
schema does not say. The server's own words are in var/fuzz-<database>.log.

FUZZ_MINUTES        how long all of it takes, at most (5)
TEST_DATABASE_URL   where PostgreSQL is, if not in one of the usual places
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory, gettempdir

import requests

from tests import databases
from tests.journeys.server import running_server
from tests.running.postgres import NoneAnsweredError, Postgres, find

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


def main(program: str, *arguments: str) -> int:
    seconds = float(os.environ.get("FUZZ_MINUTES") or 5) * 60
    with TemporaryDirectory(prefix="costops-fuzz-") as directory, postgres() as server:
        path = Path(directory) / "fuzz.sqlite3"
        copyfile(databases.migrated_file(), path)
        urls = {"sqlite": f"sqlite:///{path}"}
        if server:
            urls["postgres"] = server.url(server.template)
            databases.migrate(urls["postgres"])
        failed = [
            name
            for name, url in urls.items()
            if not fuzz(name, url, int(seconds / len(urls)), (program, *arguments))
        ]
    if failed:
        print(f"Fuzzing FAILED on {', '.join(failed)}: see above.", file=sys.stderr)
    return 1 if failed else 0


@contextmanager
def postgres() -> Iterator[Postgres | None]:
    """Find a server and make an empty database there, for as long as this runs."""
    try:
        server = find(os.environ.get("TEST_DATABASE_URL"))
    except NoneAnsweredError as silence:
        print("No PostgreSQL answered, so SQLite alone:", silence, sep="\n")
        yield None
        return
    try:
        server.make_template()
        yield server
    finally:
        server.drop_all()


def fuzz(name: str, url: str, seconds: int, command: tuple[str, ...]) -> bool:
    """Send requests for *seconds*; return whether every answer was as it should be."""
    print(f"== {name}: {seconds} s", flush=True)
    log = databases.ROOT / "var" / f"fuzz-{name}.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as output, running_server(url, output=output) as server:
        key = server.manage("create_api_key", "fuzz", "--organization", "acme")
        fill(f"{server.url}/api/v1", key)
        done = subprocess.run(
            [*command, *options(key, seconds), f"{server.url}/api/v1/schema"],
            cwd=gettempdir(),  # it leaves a folder where it runs
            check=False,
        )
    return done.returncode == 0


def fill(api: str, key: str) -> None:
    """Make a little of what lists show."""
    now = datetime.now(UTC).isoformat()
    usage = {"provider": "openai", "model": "gpt-4o", "input_tokens": 1000}
    hook = {"type": "webhook", "name": "Hook", "config": {"url": "https://example.com"}}
    for path, body in (
        ("budgets", {"name": "Company", "amount": "0.001"}),
        ("usage", {"id": "call-1", "timestamp": now, "project_id": "search", **usage}),
        ("leases", {"provider": "openai", "model": "gpt-4o"}),
        ("notification-channels", hook),
    ):
        answer = requests.post(
            f"{api}/{path}",
            json=body,
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
        print(f"made: {path}: {answer.status_code}", flush=True)


def options(key: str, seconds: int) -> list[str]:
    return [
        f"--header=Authorization: Bearer {key}",
        f"--checks={','.join(CHECKS)}",
        f"--max-time={seconds}",
        "--phases=coverage,fuzzing,stateful",
        "--continue-on-failure",
        "--suppress-health-check=all",
        "--generation-database=none",
        "--output-sanitize=false",  # the key dies with the database
        "--warnings=off",
    ]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
