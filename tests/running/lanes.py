"""Commands that run beside one another, so many at once, and what each took."""

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S = 20  # until what was told to end is killed


@dataclass(frozen=True, slots=True)
class Job:
    """A command, and where what it says goes."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    log: Path


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    job: Job
    status: int  # negative: the signal that ended it
    wall_s: float
    cpu_s: float  # of it and of all it waited for


@dataclass(slots=True)
class Lanes:
    """So many commands at once; the others wait their turn."""

    count: int
    running: dict[int, tuple[Job, "subprocess.Popen[bytes]", float]] = field(
        default_factory=dict
    )

    def run(self, jobs: Iterable[Job], then: Callable[[Done], Iterable[Job]]) -> None:
        """Run *jobs*, and what *then* returns whenever one is done."""
        queue = deque(jobs)
        try:
            while queue or self.running:
                while queue and len(self.running) < self.count:
                    self._start(queue.popleft())
                queue.extend(then(self._wait()))
        finally:
            self._stop()

    def _start(self, job: Job) -> None:
        with job.log.open("wb") as log:
            process = subprocess.Popen(
                job.command,
                env=job.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # or Ctrl-C would reach its servers too
            )
        self.running[process.pid] = job, process, time.monotonic()

    def _wait(self) -> Done:
        pid, status, usage = os.wait4(-1, 0)
        job, process, began = self.running.pop(pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.monotonic() - began
        return Done(job, process.returncode, wall_s, usage.ru_utime + usage.ru_stime)

    def _stop(self) -> None:
        """End what still runs, in good order where it can."""
        for pid in self.running:
            os.killpg(pid, signal.SIGINT)
        for pid, (_, process, _) in self.running.items():
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            process.wait()
