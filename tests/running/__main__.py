"""dev/scripts/test: the checks and all tests, or those that arguments select.

TEST_DATABASE_URL          where PostgreSQL is, if not in one of the usual places
COSTOPS_REQUIRE_POSTGRES   1: it is a failure if none answers
COSTOPS_LANES              how many parts run at once; two more than there are cores
COSTOPS_TESTS              everyday or large: how much tests of random work do
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.running import report
from tests.running.lanes import Done, Job, Lanes
from tests.running.postgres import NoneAnsweredError, Postgres, find
from tests.running.run import Run
from tests.sizes import PROFILE


def main(arguments: tuple[str, ...]) -> int:
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lanes = Lanes(int(os.environ.get("COSTOPS_LANES") or (os.cpu_count() or 1) + 2))
    with postgres() as server, TemporaryDirectory(prefix="costops-tests-") as directory:
        version = f", PostgreSQL {server.version}" if server else ""
        print(
            f"Tests ({PROFILE}): SQLite{version}; {lanes.count} parts at once.",
            flush=True,
        )
        run = Run(arguments, server, Path(directory))
        before = server.cpu_s() if server else None
        lanes.run(run.first(), lambda done: go_on(run, done))
        after = server.cpu_s() if server else None
        worked = None if before is None or after is None else after - before
        own = resource.getrusage(resource.RUSAGE_SELF)
        is_well = report.summary(
            run, time.monotonic() - began, own.ru_utime + own.ru_stime, worked
        )
    if not server and os.environ.get("COSTOPS_REQUIRE_POSTGRES") == "1":
        print("COSTOPS_REQUIRE_POSTGRES=1 makes that a failure.", file=sys.stderr)
        return 1
    return 0 if is_well else 1


def go_on(run: Run, done: Done) -> list[Job]:
    jobs = run.next(done)
    report.progress(run, done)
    return jobs


@contextmanager
def postgres() -> Iterator[Postgres | None]:
    """Find a server, make the database to copy, and leave none of this run behind."""
    try:
        server = find(os.environ.get("TEST_DATABASE_URL"))
    except NoneAnsweredError as silence:
        print(
            "No PostgreSQL answered (TEST_DATABASE_URL says where one is):",
            silence,
            sep="\n",
        )
        yield None
        return
    try:
        server.make_template()
        yield server
    finally:
        server.drop_all()


if __name__ == "__main__":
    try:
        sys.exit(main(tuple(sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit(130)
