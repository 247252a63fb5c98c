"""Decisions over HTTP on one hot tree of four levels, with two workers.

Of 50 clients, beside the same door with a statement for each call.
"""

from functools import partial
from random import Random
from statistics import quantiles
from typing import Any

import msgspec

from accounts import keys
from accounts.models import Organization
from budgets.models import Budget
from dev.benchmarks import client, world
from dev.benchmarks.serving import drivers, serving
from dev.benchmarks.timing import Contender, Figure, take_turns

WORKERS = 2
CLIENTS = 2  # processes
CONNECTIONS = 50
CALLS = 4_000  # in a round
DEPARTMENTS, TEAMS, PROJECTS = 2, 4, 8
USERS = 5  # of each project
PATH = "/api/v1/authorizations"


def measure(rounds: int) -> list[Figure]:
    secret = keys.make_key("bench", organization=_planted()).secret
    with serving(WORKERS) as port, drivers(CLIENTS) as (pool, barrier):
        return _figures(_Load(pool, barrier, port, secret), rounds)


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


def _call(random: Random) -> dict[str, Any]:
    project = random.randrange(PROJECTS)
    return {
        "provider": "openai",
        "model": "gpt-4o",
        "department_id": f"department {project % DEPARTMENTS}",
        "team_id": f"team {project % TEAMS}",
        "project_id": f"project {project}",
        "user_id": f"user {random.randrange(USERS)}",
        "estimated_cost": f"{random.randrange(10**6, 5 * 10**7) / 10**10:.10f}",
    }


class _Load:
    """What clients send, and how long they wait for the answers."""

    def __init__(self, pool: Any, barrier: Any, port: int, secret: str) -> None:
        self._pool, self._barrier = pool, barrier
        self._port, self._secret = port, secret
        self._random = Random(11)
        self.waits: dict[str, list[list[float]]] = {}  # by path, round by round

    def contender(self, path: str) -> Contender:
        def prepare() -> list[bytes]:
            bodies = (_call(self._random) for _ in range(CALLS))
            return [
                client.request(path, self._secret, msgspec.json.encode(body))
                for body in bodies
            ]

        return Contender(prepare, partial(self._send, path), CALLS)

    def p99(self, path: str) -> float:
        """Return what one answer in a hundred took longer than, in seconds."""
        waits = [wait for one in self.waits[path][1:] for wait in one]
        return quantiles(waits, n=100)[98]

    def _send(self, path: str, requests: list[bytes]) -> float:
        shares = [
            (
                self._port,
                requests[first::CLIENTS],
                CONNECTIONS // CLIENTS,
                self._barrier,
            )
            for first in range(CLIENTS)
        ]
        drives: list[client.Drive] = self._pool.starmap(client.drive, shares, 1)
        waits = [wait for drive in drives for wait in drive.waits]
        self.waits.setdefault(path, []).append(waits)
        return client.took(drives)


def _figures(load: _Load, rounds: int) -> list[Figure]:
    alone = "/bench/alone"
    rates = take_turns(
        {path: load.contender(path) for path in (PATH, alone)},
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
