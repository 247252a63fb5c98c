"""FOCUS as CSV, against what PostgreSQL alone does to send the same columns.

The rival, one COPY of a SELECT, has the same lines with the same columns, and decides
nothing: prices, list prices and SKUs stand in it as constants. Memory is that of this
process, over a ledger of 500,000 records and one of 5,000,000.
"""

import os
import resource
from collections.abc import Callable, Iterator
from random import Random

from django.db import connection

from accounts.models import Organization
from dev.benchmarks import world
from dev.benchmarks.timing import Contender, Figure, take_turns
from reports.exports import KINDS, file_of, order_of

RECORDS = int(os.environ.get("BENCH_RECORDS", "5000000"))
SMALL = RECORDS // 10
_MADE = SMALL // 10  # by the pipeline; the others are copies of them
_KB = 1_024

_COPIES = """
INSERT INTO ledger_costrecord ({columns})
SELECT {copied} FROM ledger_costrecord, generate_series(%s, %s) AS copy
WHERE organization_id = %s AND id <= %s
"""
# Each kind of tokens of each record is a line, with the columns that FOCUS has.
_PLAIN = """
COPY (
    SELECT date_trunc('month', timestamp),
        date_trunc('month', timestamp) + interval '1 month',
        date_trunc('second', timestamp),
        date_trunc('second', timestamp) + interval '1 second',
        cost, cost, cost, cost, cost, amount, amount / 1000000.0, 'Usage', '',
        model || ' ' || kind, 'Usage-Based', 'Tokens', 1.0000000000, provider, provider,
        1.0000000000, 'Standard', 'USD', 1.0000000000, 1.0000000000, '1000000 Tokens',
        provider, provider, 'AI and Machine Learning', provider, provider,
        'Generative AI', provider || '/' || model || '/' || kind, kind,
        '{{"x_ModelDeveloper":"","x_ModelId":"","x_TokenCacheAction":"Uncached"}}',
        provider || '/' || model || '/' || kind || ':standard', 'org-1', 'Benchmark',
        'USD', '', team, team, tags, '', department, environment, "user", project, team,
        provider, model, '', 'catalogue', '', 'Uncached', 'Input', '', run_id, usage_id
    FROM ledger_costrecord AS record
    JOIN ledger_attribution AS attribution ON attribution.id = record.attribution_id
    CROSS JOIN LATERAL (VALUES
        ('input_tokens', input_tokens - cached_tokens, input_cost),
        ('cached_tokens', cached_tokens, 0),
        ('output_tokens', output_tokens, output_cost)
    ) AS part (kind, amount, cost)
    WHERE record.organization_id = {organization} AND amount > 0
) TO STDOUT (FORMAT csv)
"""


def measure(rounds: int) -> list[Figure]:
    organization = world.make_organization()
    world.preload(organization.pk, _MADE, Random(13))
    _grow(organization, SMALL)
    ways = {
        name: Contender(lambda: organization, _drained_of(way), SMALL)
        for name, way in (("COPY", _copied), ("export", _exported))
    }
    rates = take_turns(ways, rounds=rounds, label="FOCUS as CSV")
    small = _memory_mb()
    _grow(organization, RECORDS)
    _drained_of(_exported)(organization)
    return [
        Figure(
            "FOCUS as CSV / COPY of the same columns",
            rates.ratio("export", "COPY"),
            0.5,
            rate=f"{rates.median('export'):,.0f} of {rates.median('COPY'):,.0f} "
            "records/s",
        ),
        Figure(
            f"memory for {RECORDS:,} records / for {SMALL:,}",
            _memory_mb() / small,
            1.1,
            better="less",
            rate=f"{_memory_mb():.0f} MB",
        ),
    ]


def _grow(organization: Organization, size: int) -> None:
    """Copy the records that were made until there are *size*."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = 'ledger_costrecord' AND column_name <> 'id'"
        )
        names = [name for (name,) in cursor.fetchall()]
        cursor.execute("SELECT count(*), min(id) FROM ledger_costrecord")
        there, first = cursor.fetchone()
        own = {
            "usage_id": "usage_id || '-' || copy",
            "timestamp": "timestamp - copy * interval '1 hour'",
        }
        quoted = [f'"{name}"' for name in names]
        statement = _COPIES.format(
            columns=", ".join(quoted),
            copied=", ".join(own.get(name, f'"{name}"') for name in names),
        )
        copies = there // _MADE, size // _MADE - 1
        cursor.execute(statement, [*copies, organization.pk, first + _MADE - 1])
    world.vacuum()


def _exported(organization: Organization) -> Iterator[bytes]:
    order = order_of(KINDS["focus"], organization, {}, now=world.NOW)
    return file_of(KINDS["focus"], order, "csv")


def _copied(organization: Organization) -> Iterator[bytes]:
    connection.ensure_connection()
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(_PLAIN.format(organization=organization.pk)) as copy,
    ):
        yield from map(bytes, copy)


def _drained_of(
    way: Callable[[Organization], Iterator[bytes]],
) -> Callable[[Organization], int]:
    return lambda organization: sum(map(len, way(organization)))


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KB
