"""Decisions over HTTP on one hot tree of four levels, with two workers.

Durable ones, of 50 clients, beside the same door with a statement for each call; and
those from what the server has set aside, of 64, beside a view that does nothing.
"""

import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

import msgspec
from django.db import connection

from accounts import keys
from accounts.models import Organization
from budgets.models import Budget
from dev.benchmarks import client, world
from dev.benchmarks.counting import counted
from dev.benchmarks.serving import drivers, serving
from dev.benchmarks.timing import Contender, Figure, Rates, take_turns

WORKERS = 2
CLIENTS = 2  # processes
DURABLE, QUICK = 50, 64  # connections
CALLS, QUICK_CALLS = 4_000, 12_000  # in a round
DEPARTMENTS, TEAMS, PROJECTS = 2, 4, 8
USERS = 5  # of each project
PATH = "/api/v1/authorizations"


def measure(rounds: int) -> list[Figure]:
    secret = keys.make_key("bench", organization=_planted()).secret
    with (
        tempfile.TemporaryDirectory() as counts,
        serving(WORKERS, BENCH_COUNTS=counts) as port,
        drivers(CLIENTS) as (pool, barrier),
    ):
        load = _Load(pool, barrier, port, secret)
        figures = _durable(load, rounds)
        figures += _quick(load, rounds, Path(counts))
    return figures


def _planted() -> Organization:
    """Make a tree of four levels, all of it under hard limits."""
    organization = Organization.objects.create(slug=world.SLUG, name="Benchmark")
    scopes: list[tuple[str, dict[str, Any], str | None]] = [("Company", {}, None)]
    for number in range(DEPARTMENTS):
        name = f"department {number}"
        scopes.append((name, {"departments": [name]}, "Company"))
    for number in range(TEAMS):
        name, above = f"team {number}", f"department {number % DEPARTMENTS}"
        scopes.append((name, {"teams": [name]}, above))
    for number in range(PROJECTS):
        name, above = f"project {number}", f"team {number % TEAMS}"
        scopes.append((name, {"projects": [name]}, above))
    world.plant(organization, scopes)
    Budget.objects.filter(organization=organization).update(enforcement="hard")
    organization.touch()
    return organization


def _call(random: Random, *, durable: bool) -> dict[str, Any]:
    project = random.randrange(PROJECTS)
    return {
        "provider": "openai",
        "model": "gpt-4o",
        "department_id": f"department {project % DEPARTMENTS}",
        "team_id": f"team {project % TEAMS}",
        "project_id": f"project {project}",
        "user_id": f"user {random.randrange(USERS)}",
        "estimated_cost": f"{random.randrange(10**6, 5 * 10**7) / 10**10:.10f}",
        "durable": durable,
    }


class _Load:
    """What clients send, and how long they wait for the answers."""

    def __init__(self, pool: Any, barrier: Any, port: int, secret: str) -> None:
        self._pool, self._barrier = pool, barrier
        self._port, self._secret = port, secret
        self._random = Random(11)
        self.waits: dict[str, list[list[float]]] = {}  # by path, round by round

    def contender(
        self, path: str, calls: int, connections: int, *, durable: bool
    ) -> Contender:
        def prepare() -> list[bytes]:
            bodies = (_call(self._random, durable=durable) for _ in range(calls))
            return [
                client.request(path, self._secret, msgspec.json.encode(body))
                for body in bodies
            ]

        return Contender(prepare, partial(self._send, path, connections), calls)

    def p99(self, path: str) -> float:
        """Return what one answer in a hundred took longer than, in seconds."""
        waits = [wait for one in self.waits[path][1:] for wait in one]
        return quantiles(waits, n=100)[98]

    def _send(self, path: str, connections: int, requests: list[bytes]) -> float:
        shares = [
            (
                self._port,
                requests[first::CLIENTS],
                connections // CLIENTS,
                self._barrier,
            )
            for first in range(CLIENTS)
        ]
        drives: list[client.Drive] = self._pool.starmap(client.drive, shares, 1)
        waits = [wait for drive in drives for wait in drive.waits]
        self.waits.setdefault(path, []).append(waits)
        return client.took(drives)


def _durable(load: _Load, rounds: int) -> list[Figure]:
    alone = "/bench/alone"
    rates = take_turns(
        {
            path: load.contender(path, CALLS, DURABLE, durable=True)
            for path in (PATH, alone)
        },
        rounds=rounds,
        label="authorizations",
    )
    return [
        Figure(
            "Authorizations a second over HTTP, 50 clients",
            rates.median(PATH),
            1_000,
            rate=f"{rates.median(PATH):,.0f}/s",
        ),
        Figure(
            "the same: p99, ms",
            load.p99(PATH) * 1e3,
            110,
            better="less",
            rate=f"{load.p99(alone) * 1e3:.0f} ms with one statement each",
        ),
        Figure(
            "the same / one statement each",
            rates.ratio(PATH, alone),
            2,
            rate=f"{rates.median(PATH):,.0f} of {rates.median(alone):,.0f}/s",
        ),
    ]


def _quick(load: _Load, rounds: int, counts: Path) -> list[Figure]:
    trivial = "/bench/trivial"
    before = _statements(counts)
    rates = take_turns(
        {
            path: load.contender(path, QUICK_CALLS, QUICK, durable=False)
            for path in (PATH, trivial)
        },
        rounds=rounds,
        label="decisions under leases",
    )
    asked = _statements(counts) - before
    return [_trivial_figure(rates, trivial), _statements_figure(asked, rounds)]


def _trivial_figure(rates: Rates, trivial: str) -> Figure:
    return Figure(
        "Decision under the server's lease, 64 connections / trivial view, time",
        rates.ratio(trivial, PATH),
        1.3,
        better="less",
        rate=f"{rates.median(PATH):,.0f} of {rates.median(trivial):,.0f}/s",
    )


def _statements_figure(asked: int, rounds: int) -> Figure:
    decided = QUICK_CALLS * (rounds + 1)
    return Figure(
        "Database statements for each such decision",
        asked / decided,
        0.01,
        better="less",
        rate=f"{asked:,} for {decided:,}, COMMITs among them",
    )


def _statements(counts: Path) -> int:
    """Return how many statements were sent until now, with the COMMITs."""
    time.sleep(1.5)  # PostgreSQL tells of a transaction a second late
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT xact_commit FROM pg_stat_database "
            "WHERE datname = current_database()"
        )
        (committed,) = cursor.fetchone()
    return counted(counts) + int(committed)
