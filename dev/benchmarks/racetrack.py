"""One race: a hot tree of its own, clients in processes, killed or not, expiry beside.

The budgets are four levels deep. Every call charges the root; half of the clients go
by one branch, half by the other, and a branch has three quarters of the root's amount.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.models import F, Max
from django.utils import timezone

from accounts import keys
from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from budgets.reservations.expire import GRACE, expire_all
from budgets.services import BudgetPlan, create_budget
from costops import env
from dev.benchmarks.racers import Runner, Start
from lib.money import from_units, to_units

BRANCHES = ("red", "blue")
WORKERS = 2  # of the server
PROCESSES = 4  # of clients
PATIENCE_S = 2  # for clients to get into it, before they are killed
LEASE_S = 1  # with expiry, which then gives holders so much more:
LEASE_GRACE = timedelta(seconds=5)
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """What is raced for, and how."""

    way: str
    clients: int
    limit: int  # units
    least: int  # of a request
    most: int
    kill: bool = False
    expiry: bool = False

    @property
    def calls(self) -> int:
        """Return how many calls a client makes at most: together, more than enough.

        What a call did not cost is there for the next.
        """
        times = {"reserve": 2, "turn over": 4}.get(self.way, 10)
        mean = (self.least + self.most) // 2
        return min(max(times * self.limit // mean // self.clients, 20), 3_000)

    @property
    def has_leases(self) -> bool:
        return self.way == "lease"


@dataclass(slots=True)
class Run:
    """What became of a race."""

    race: Race
    organization: Organization
    key: str
    limits: dict[str, int]  # units, by budget
    above: dict[str, tuple[str, ...]]  # the budgets a project charges
    events: list[dict[str, Any]] = field(default_factory=list)
    rooms: dict[str, int] = field(default_factory=dict)  # at exhaustion, by budget
    took: float = 0.0
    most_over: int = 0  # units, whenever it was looked
    killed: set[str] = field(default_factory=set)  # clients
    failed: list[str] = field(default_factory=list)  # what processes died of


def run(race: Race, port: int, directory: Path) -> Run:
    """Run *race* against the server at *port*; what is held then stays held."""
    done = _planted(race)
    logs = [directory / f"{done.organization.slug}-{n}" for n in range(PROCESSES)]
    with _clients(race, done, port, logs) as processes, _watch(done):
        began = time.monotonic()
        _tell(processes)
        if race.kill:
            _kill(processes[0], logs[0], done)
        _hear(processes, "done", done)
        done.took = time.monotonic() - began
        done.rooms = rooms_of(done)
        _tell(processes)  # to give leases back
        for process in processes:
            process.wait()
    done.events = [event for log in logs if log.exists() for event in _events(log)]
    return done


def rooms_of(done: Run) -> dict[str, int]:
    """Return what is left of every budget, in units, where somebody asked it."""
    rows = BudgetPeriod.objects.filter(organization=done.organization)
    left = F("limit") - F("spent") - F("reserved")
    return {
        name: to_units(units) for name, units in rows.values_list("budget__name", left)
    }


def _events(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text().splitlines(keepends=True):
        if line.endswith("\n"):  # the last may have been cut off
            yield json.loads(line)


def _planted(race: Race) -> Run:
    name = f"race-{next(_numbers)}"
    organization = Organization.objects.create(slug=name, name=name)
    key = keys.make_key("race", organization=organization).secret
    done = Run(race, organization, key, {}, {})
    root = _budget(done, "Company", race.limit, None, {})
    for branch in BRANCHES:
        parent, path = root, ["Company"]
        for level in ("department", "team", "project"):
            scope = {"projects": [branch], "models": ["gpt-4o"]}
            title = f"{branch} {level}"
            parent = _budget(done, title, race.limit * 3 // 4, parent, scope)
            path.append(title)
        done.above[branch] = tuple(path)
    return done


def _budget(
    done: Run, name: str, limit: int, parent: Budget | None, scope: dict[str, Any]
) -> Budget:
    done.limits[name] = limit
    plan = BudgetPlan(
        name=name,
        amount=from_units(limit),
        parent=parent,
        scope=scope,
        enforcement="hard",
    )
    return create_budget(done.organization, plan, now=timezone.now())


# -- The processes


@contextmanager
def _clients(
    race: Race, done: Run, port: int, logs: Sequence[Path]
) -> Iterator[list["subprocess.Popen[str]"]]:
    shares = [range(first, race.clients, PROCESSES) for first in range(PROCESSES)]
    processes = [
        _started(_start(race, done, port, log, share))
        for share, log in zip(shares, logs, strict=True)
        if share
    ]
    try:
        _hear(processes, "ready", done)
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _start(race: Race, done: Run, port: int, log: Path, share: range) -> Start:
    slug = done.organization.slug
    return Start(
        port=port,
        key=done.key,
        log=str(log),
        way=race.way,
        runners=[
            Runner(name=f"{slug}-{number}", project=BRANCHES[number % 2], seed=number)
            for number in share
        ],
        least=race.least,
        most=race.most,
        calls=race.calls,
        patience=6 if race.expiry else 3,
        pause_s=0.4 if race.expiry else 0.0,
        forgets=race.expiry,
        lease_s=LEASE_S if race.expiry else 60,
    )


def _started(start: Start) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "dev.benchmarks.racers"],
        cwd=env.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _say(process, json.dumps(start))
    return process


def _say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ValueError):  # it has ended
        process.stdin.write(f"{line}\n")
        process.stdin.flush()


def _tell(processes: Sequence["subprocess.Popen[str]"]) -> None:
    for process in processes:
        _say(process, "go")


def _hear(processes: Sequence["subprocess.Popen[str]"], word: str, done: Run) -> None:
    """Wait until each of the processes that live has said *word*."""
    for process in processes:
        if process.returncode is not None:
            continue
        assert process.stdout is not None
        if process.stdout.readline().strip() != word:
            process.kill()
            _, said = process.communicate()
            done.failed.append(said.strip()[-500:] or f"did not say {word}")


def _kill(process: "subprocess.Popen[str]", log: Path, done: Run) -> None:
    """Kill a process once its clients are in the middle of it."""
    killed = range(0, done.race.clients, PROCESSES)
    deadline = time.monotonic() + PATIENCE_S
    while _lines(log) < 2 * len(killed) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    done.killed = {f"{done.organization.slug}-{number}" for number in killed}


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


# -- Beside it


@contextmanager
def _watch(done: Run) -> Iterator[None]:
    """Look whether a limit is passed at any moment; with expiry, have that run too."""
    over = threading.Event()
    thread = threading.Thread(target=_watch_until, args=[over, done])
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch_until(over: threading.Event, done: Run) -> None:
    rows = BudgetPeriod.objects.filter(organization=done.organization)
    beyond = F("spent") + F("reserved") - F("limit")
    # Leases are kept for long after their time; that is shortened here.
    early = GRACE - LEASE_GRACE if done.race.has_leases else timedelta(0)
    while not over.wait(0.05):
        most = rows.aggregate(most=Max(beyond))["most"]
        done.most_over = max(done.most_over, to_units(most) if most else 0)
        if done.race.expiry:
            expire_all(timezone.now() + early)
    connections.close_all()
