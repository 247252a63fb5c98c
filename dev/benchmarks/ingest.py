"""Taking usage in, against inserting the very same rows and doing nothing else."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from django.db import connection, transaction

from dev.benchmarks import orm, world
from dev.benchmarks.timing import Contender, Figure, take_turns
from intake.pipeline import take
from ledger import writing
from ledger.batch import PLAIN
from ledger.sql import postgresql

PRELOADED = 300_000  # rows in the ledger's table
BATCHES = {1: 300, 100: 30, 1_000: 8, 5_000: 3}  # batches in a round, by their size
TARGETS = {
    "postgresql": {1_000: 0.45, 5_000: 0.50},
    "sqlite": {1_000: 0.60, 5_000: 0.60},
}
LIMIT = {"postgresql": "raw COPY", "sqlite": "executemany"}
ORM_RECORDS = {"one by one": 20, "bulk_create": 1_000}  # in a round


def measure(rounds: int) -> list[Figure]:
    organization_id = world.make_organization().pk
    random = Random(11)
    world.preload(organization_id, PRELOADED, random)
    figures = []
    for size in BATCHES:
        figures += _of_size(organization_id, size, rounds, random)
    return figures


def _of_size(
    organization_id: int, size: int, rounds: int, random: Random
) -> list[Figure]:
    vendor = connection.vendor
    limit = LIMIT[vendor]

    def bodies(times: int) -> list[bytes]:
        return [world.body(size, random) for _ in range(times)]

    times = BATCHES[size]
    contenders = {
        limit: Contender(
            lambda: [ready_rows(organization_id, body) for body in bodies(times)],
            partial(each, insert_ready),
            times * size,
        ),
        "take": Contender(
            lambda: bodies(times),
            partial(each, lambda body: take(organization_id, world.decoded(body))),
            times * size,
        ),
    }
    if size == 1_000:
        for name, way in orm.WAYS.items():
            contenders[name] = Contender(
                partial(world.body, ORM_RECORDS[name], random),
                partial(way, organization_id),
                ORM_RECORDS[name],
            )
    rates = take_turns(contenders, rounds=rounds, label=f"{vendor}, {size:,} a batch")
    return [
        Figure(
            f"{vendor}, batches of {size:,}: {name} / {limit}",
            rates.ratio(name, limit),
            TARGETS[vendor].get(size) if name == "take" else None,
            rate=f"{rates.median(name):,.0f} of {rates.median(limit):,.0f} records/s",
        )
        for name in contenders
        if name != limit
    ]


def each(way: Callable[[Any], object], material: list[Any]) -> None:
    for one in material:
        way(one)


def ready_rows(organization_id: int, body: bytes) -> Any:
    """Return what `insert_ready` wants: COPY's bytes, or tuples for SQLite.

    Without the rare columns, which some rows have: the limit is that of plain ones.
    """
    rows = [row[:PLAIN] for row in world.rows_of(organization_id, body)]
    if connection.vendor == "postgresql":
        return postgresql.csv_of(rows)
    return rows


def insert_ready(ready: Any) -> None:
    """Insert rows in one transaction, as fast as the database takes them."""
    if connection.vendor == "postgresql":
        with (
            connection.cursor() as cursor,
            cursor.copy(postgresql.copy_statement(writing.RECORDS)) as copy,
        ):
            copy.write(ready)
        return
    marks = ", ".join("?" * (writing.RECORDS.count(",") + 1))
    with transaction.atomic():
        # Past Django's cursor, which would read every row once more for its marks.
        connection.connection.executemany(
            f"INSERT INTO {writing.RECORDS} VALUES ({marks})", ready
        )
