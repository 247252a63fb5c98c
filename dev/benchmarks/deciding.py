"""Decisions in process: 64 clients on one hot tree, together or alone.

Two processes with 32 threads each; a decision is durable when it is answered. On SQLite
one process decides, from many threads and from one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import Manager, get_context
from random import Random
from statistics import quantiles
from threading import Thread
from typing import Any

from django.db import connection, connections
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from controls.decisions.services import decide, decide_together
from controls.policy import open_guard
from dev.benchmarks import deciders, world
from dev.benchmarks.deciders import ask
from dev.benchmarks.timing import Contender, Figure, Rates, take_turns

PROCESSES = 2
SQLITE_CALLS = {64: 6_400, 1: 1_280}  # by threads


def measure(rounds: int) -> list[Figure]:
    organization = world.make_organization()
    Budget.objects.filter(organization=organization).update(enforcement="hard")
    Organization.objects.get(pk=organization.pk).touch()
    if connection.vendor == "sqlite":
        return _measure_sqlite(organization.pk, rounds)
    paths = _paths(organization.pk)
    return _figures(*_raced(organization.pk, paths, rounds))


def _raced(
    organization_id: int, paths: list[list[int]], rounds: int
) -> tuple[Rates, dict[str, list[float]]]:
    """Return decisions a second and how long each took, of several ways to decide."""
    waits: dict[str, list[float]] = {name: [] for name in deciders.CALLS}
    with _deciders() as run:
        contenders = {
            name: Contender(
                lambda: None,
                partial(_round, run, name, organization_id, paths, waits[name]),
                PROCESSES * deciders.THREADS * deciders.CALLS[name],
            )
            for name in deciders.CALLS
        }
        return take_turns(contenders, rounds=rounds, label="decisions"), waits


# -- SQLite: it has one writer, so one process is all there is to ask


def _measure_sqlite(organization_id: int, rounds: int) -> list[Figure]:
    contenders = {
        f"{threads} thread{'s' * (threads > 1)}": Contender(
            lambda: None,
            partial(_decide_in_threads, organization_id, threads),
            calls,
        )
        for threads, calls in SQLITE_CALLS.items()
    }
    rates = take_turns(contenders, rounds=rounds, label="decisions, SQLite")
    return [
        Figure(
            f"Decisions a second on SQLite, {name}",
            rates.median(name),
            5_000,
            rate=f"{rates.median(name):,.0f} decisions/s",
        )
        for name in contenders
    ]


def _decide_in_threads(organization_id: int, threads: int, _: None) -> None:
    def client(seed: int) -> None:
        random = Random(seed)
        for _ in range(SQLITE_CALLS[threads] // threads):
            answer = decide_together(organization_id, ask(random))
            assert answer.decision == "allow", answer.reasons
        connections.close_all()

    clients = [Thread(target=client, args=[seed]) for seed in range(threads)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()


# -- The clients, and what they found


def _round(run: Callable[..., float], *given: Any) -> float:
    return run(*given[:-1])


def _figures(rates: Rates, waits: dict[str, list[float]]) -> list[Figure]:
    p99 = {name: quantiles(found, n=100)[98] for name, found in waits.items()}
    return [
        Figure(
            "Decisions, 64 clients: together / one statement each",
            rates.ratio("together", "alone"),
            10,
            rate=f"{rates.median('together'):,.0f} of "
            f"{rates.median('alone'):,.0f} decisions/s",
        ),
        Figure(
            "Decisions, 64 clients, p99: together / one statement each",
            p99["together"] / p99["alone"],
            1 / 20,
            better="less",
            rate=f"{p99['together'] * 1e3:.1f} ms of {p99['alone'] * 1e3:.0f} ms",
        ),
    ]


def _paths(organization_id: int) -> list[list[int]]:
    """Open the periods on the paths of some calls; return their ids, in lock order."""
    decide(organization_id, [ask(Random(seed)) for seed in range(500)])
    guard, now = open_guard(organization_id), timezone.now()
    plans = [
        guard.plan(ask(Random(s)).where, ask(Random(s)).model, now) for s in range(500)
    ]
    return [
        [guard.charging.ids_of([target])[target.key] for target in plan.hard]
        for plan in plans
    ]


@contextmanager
def _deciders() -> Iterator[Callable[..., float]]:
    with (
        Manager() as manager,
        get_context("spawn").Pool(PROCESSES, initializer=deciders.set_up) as pool,
    ):
        barrier = manager.Barrier(PROCESSES)

        def run(
            name: str, organization_id: int, paths: list[list[int]], waits: list[float]
        ) -> float:
            share = (name, organization_id, paths, barrier)
            parts = pool.starmap(deciders.decide, [share] * PROCESSES, 1)
            for _, _, found in parts:
                waits.extend(found)
            return float(
                max(part[1] for part in parts) - min(part[0] for part in parts)
            )

        yield run
