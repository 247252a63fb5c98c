"""One run: its jobs, in which order, and what came of them."""

import os
import re
import secrets
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.databases import TEMPLATE
from tests.running.lanes import Done, Job
from tests.running.parts import (
    POSTGRES,
    SQLITE,
    Part,
    divided,
    for_postgres,
)
from tests.running.plugin import Result, Test, read_plan, read_results, write_plan
from tests.running.postgres import Postgres
from tests.sizes import PROFILE

CHECKS, COLLECTING, DATABASES = "checks", "collecting", "databases to copy"
_SETTINGS = re.compile(r"(COSTOPS_|DATABASE_URL|REDIS_URL|EMAIL_URL|PORT$)")
_NOTHING_TO_RUN = 5  # pytest's exit status


@dataclass(slots=True)
class Run:
    """Everything, or the tests that *arguments* select; files go to *directory*."""

    arguments: tuple[str, ...]
    postgres: Postgres | None
    directory: Path
    tests: list[Test] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)

    def first(self) -> list[Job]:
        """Return the jobs that need nothing else."""
        collect = self._pytest("--collect-only", "-q", f"--plan={self._file('plan')}")
        make = [sys.executable, "-m", "tests.databases"]
        if self.postgres:
            make.append(self.postgres.url(self.postgres.template))
        checks = [] if self.arguments else [self._job(CHECKS, ["dev/scripts/check"])]
        return [*checks, self._job(COLLECTING, collect), self._job(DATABASES, make)]

    def next(self, done: Done) -> list[Job]:
        """Return the parts, once it is known of what, and there are databases."""
        self.done.append(done)
        ready = {one.job.name for one in self.done if self.is_well(one)}
        if self.parts or not {COLLECTING, DATABASES} <= ready:
            return []
        self.tests = read_plan(self._file("plan"))
        # The longest first, so that none of them is left for the end.
        self.parts = sorted(self._divided(), key=lambda part: -part.seconds)
        return [self._job_of(*numbered) for numbered in enumerate(self.parts)]

    def is_well(self, done: Done) -> bool:
        is_pytest = done.job.name not in {CHECKS, DATABASES}
        return done.status == 0 or (is_pytest and done.status == _NOTHING_TO_RUN)

    def results_of(self, part: Part) -> list[Result]:
        return [*read_results(self._file(part.name, "results"))]

    def _divided(self) -> Iterable[Part]:
        yield from divided(self.tests, SQLITE)
        if self.postgres:
            large = PROFILE == "large"
            yield from divided(for_postgres(self.tests, large=large), POSTGRES)

    def _job_of(self, number: int, part: Part) -> Job:
        plan, results = self._file(part.name, "plan"), self._file(part.name, "results")
        write_plan(plan, part.tests)
        modules = sorted({test.module for test in part.tests})
        command = self._pytest(f"--only={plan}", f"--record={results}", *modules)
        settings = self._settings_of(number) if part.database == POSTGRES else {}
        return self._job(part.name, command, settings)

    def _settings_of(self, number: int) -> dict[str, str]:
        assert self.postgres is not None
        return {
            "DATABASE_URL": self.postgres.url(f"{self.postgres.name}_{number}"),
            TEMPLATE: self.postgres.template,
            # For the settings to load; the tests replace it.
            "COSTOPS_SECRET_KEY": secrets.token_urlsafe(50),
        }

    def _pytest(self, *options: str) -> list[str]:
        # Its cache is for one process at a time.
        own = ("-p", "tests.running.plugin", "-p", "no:cacheprovider")
        return [
            sys.executable,
            "-m",
            "tests.running.roomy",
            *own,
            *options,
            *self.arguments,
        ]

    def _job(
        self, name: str, command: list[str], settings: dict[str, str] | None = None
    ) -> Job:
        """Return a job that sees no settings of the shell but the size of the tests."""
        plain = {k: v for k, v in os.environ.items() if not _SETTINGS.match(k)}
        environment = {**plain, "COSTOPS_TESTS": PROFILE, **(settings or {})}
        return Job(name, tuple(command), environment, self._file(name, "log"))

    def _file(self, *names: str) -> Path:
        return self.directory / re.sub(r"[^A-Za-z0-9.]+", "-", ".".join(names))
