"""Clients that decide, in processes that set Django up first."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import psycopg

THREADS = 32  # of each process
# How many of each thread in a round.
CALLS = {"together": 400, "alone": 30}
_TTL = timedelta(minutes=10)

# What a decision takes at least when each is a statement of its own: the path locked
# with the root last, seen to have room, added to, and the reservation kept.
ONE_STATEMENT = """
WITH path AS MATERIALIZED (
    SELECT period.id, spent + reserved + %(cost)s::numeric <= "limit" AS fits
    FROM unnest(%(path)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
    JOIN budgets_budgetperiod AS period USING (id)
    ORDER BY wanted.place FOR UPDATE OF period
), verdict AS (
    SELECT bool_and(fits) AS allowed FROM path
), taken AS (
    UPDATE budgets_budgetperiod AS period SET reserved = reserved + %(cost)s::numeric
    FROM verdict WHERE allowed AND period.id = ANY(%(path)s::bigint[])
), kept AS (
    INSERT INTO budgets_reservation (uid, organization_id, kind, state, path, granted,
        held, settled, records, lines, details, at, expires_at)
    SELECT gen_random_uuid(), %(organization)s, 'authorization', 'open', '{}',
        %(cost)s::numeric, %(cost)s::numeric, 0, 0, '[]', '{}', now(),
        now() + interval '10 min'
    FROM verdict WHERE allowed RETURNING id
)
SELECT (SELECT allowed FROM verdict), (SELECT id FROM kept)
"""


def ask(random: Random) -> Any:
    from controls.decisions.types import CallRequest
    from controls.policy import Where
    from dev.benchmarks import world

    person = random.choice(world.PEOPLE)
    provider, model = world.MODELS[person.models[0]]
    return CallRequest(
        where=Where(
            provider,
            person.department,
            person.team,
            person.projects[0],
            "prod",
            person.name,
        ),
        model=model,
        estimate=random.randrange(10**6, 5 * 10**7),
        ttl=_TTL,
    )


def set_up() -> None:
    import django

    django.setup()


def decide(
    name: str, organization_id: int, paths: list[list[int]], barrier: Any
) -> tuple[float, float, list[float]]:
    """Decide from THREADS threads; return when it began and ended, and the waits."""
    way = {"together": _together, "alone": _alone}[name]
    ready = threading.Barrier(THREADS + 1)
    waits: list[list[float]] = []

    def client() -> None:
        random, mine = Random(), list[float]()
        decide, close = way(organization_id, paths, random)
        ready.wait()
        for _ in range(CALLS[name]):
            began = time.perf_counter()
            decide()
            mine.append(time.perf_counter() - began)
        waits.append(mine)
        close()

    threads = [threading.Thread(target=client) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    barrier.wait()
    ready.wait()
    began = time.monotonic()
    for thread in threads:
        thread.join()
    return began, time.monotonic(), [wait for mine in waits for wait in mine]


def _together(
    organization_id: int, paths: list[list[int]], random: Random
) -> tuple[Callable[[], None], Callable[[], None]]:
    from django.db import connections

    from controls.decisions import services

    def decide() -> None:
        answer = services.decide_together(organization_id, ask(random))
        assert answer.decision == "allow", answer.reasons

    for _ in range(3):  # each thread's own connection, for each may come to lead
        services.decide(organization_id, [ask(random)])
    return decide, connections.close_all


def _alone(
    organization_id: int, paths: list[list[int]], random: Random
) -> tuple[Callable[[], None], Callable[[], None]]:
    raw = psycopg.connect(_dsn(), autocommit=True, prepare_threshold=1)

    def decide() -> None:
        cost = f"{random.randrange(10**6, 5 * 10**7)}e-10"
        given = {
            "path": random.choice(paths),
            "cost": cost,
            "organization": organization_id,
        }
        found = raw.execute(ONE_STATEMENT, given).fetchone()
        assert found is not None
        assert found[0], found

    decide()
    return decide, raw.close


def _dsn() -> str:
    from django.db import connection

    at = connection.settings_dict
    return f"host={at['HOST']} port={at['PORT']} user={at['USER']} dbname={at['NAME']}"
