"""Where 10,000 budgets stand, over a small ledger and over one fifty times as large.

The ledgers are filled by SQL, past the pipeline, with the counters that belong to them;
the two organizations stand side by side in one database, so that both are timed in the
same rounds.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from accounts.models import Organization
from budgets.models import Budget
from budgets.status import status_names
from dev.benchmarks import world
from dev.benchmarks.timing import Contender, Figure, take_turns
from ledger.models import CostRecord

MONTH = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
SMALL, LARGE = 100_000, 5_000_000  # records
DEPARTMENTS, TEAMS, USERS, PROJECTS, MODELS = 20, 200, 9_000, 700, 79
BUDGETS = 1 + DEPARTMENTS + TEAMS + USERS + PROJECTS + MODELS
SAMPLED = 12  # budgets of each kind, for what would take hours
FLOATS = 200_000  # records added up for the naive way


def measure(rounds: int) -> list[Figure]:
    small = _filled("small", SMALL)
    large = _filled("large", LARGE)
    world.vacuum()
    _assert_counters_are_right(large)
    contenders = {
        "budget rows": _contender(lambda: _budget_rows(large)),
        "large": _contender(lambda: _standings(large)),
        "small": _contender(lambda: _standings(small)),
    }
    rates = take_turns(contenders, rounds=rounds, label="status")
    took_s = BUDGETS / rates.median("large")
    sums_s, floats_s = _seconds_of_sums(large), _seconds_of_floats(large)
    told = f"{took_s * 1e3:,.1f} ms"
    return [
        Figure(
            f"status of {BUDGETS:,} budgets / fetch of their rows",
            rates.ratio("budget rows", "large"),
            4,
            better="less",
            rate=f"{told} against {BUDGETS / rates.median('budget rows') * 1e3:,.1f}",
        ),
        Figure(
            f"status over {LARGE:,} records / over {SMALL:,}",
            rates.ratio("small", "large"),
            1.1,
            better="less",
            rate=f"{told} against {BUDGETS / rates.median('small') * 1e3:,.1f}",
        ),
        Figure(
            "one indexed SUM per budget / status (a sample, extrapolated)",
            sums_s / took_s,
            300,
            rate=f"{sums_s:,.1f} s against {told}",
        ),
        Figure(
            "every cost fetched and added up per budget / status (extrapolated)",
            floats_s / took_s,
            rate=f"{floats_s / 3_600:,.1f} hours against {told}",
        ),
    ]


def _contender(work: Callable[[], Any]) -> Contender:
    return Contender(lambda: None, lambda _: work(), BUDGETS)


def _budget_rows(organization: Organization) -> list[tuple[int, Decimal]]:
    rows = Budget.objects.filter(organization=organization).order_by()
    return list(rows.values_list("pk", "amount"))


def _standings(organization: Organization) -> Sequence[str]:
    found = list(status_names(organization, now=NOW).values())
    assert len(found) == BUDGETS
    return found


@transaction.atomic
def _filled(name: str, records: int) -> Organization:
    organization = Organization.objects.create(slug=name, name=name)
    world.plant(organization, _scopes(), amount=Decimal(5_000))
    values: dict[str, int | str | datetime] = {
        "organization": organization.pk,
        "records": records,
        "prefix": name,
        "start": MONTH[0],
        "end": MONTH[1],
        "users": USERS,
        "teams": TEAMS,
        "departments": DEPARTMENTS,
        "projects": PROJECTS,
        "models": MODELS,
    }
    with connection.cursor() as cursor:
        for statement in _FILL:
            cursor.execute(statement, values)
    return organization


def _scopes() -> Iterator[tuple[str, dict[str, Any], str | None]]:
    yield "everything", {}, None
    for number in range(DEPARTMENTS):
        name = f"dept-{number}"
        yield name, {"departments": [name]}, "everything"
    for number in range(TEAMS):
        name = f"team-{number}"
        yield name, {"teams": [name]}, f"dept-{number % DEPARTMENTS}"
    for number in range(USERS):
        name = f"user-{number}"
        yield name, {"users": [name]}, f"team-{number % TEAMS}"
    for number in range(PROJECTS):
        name = f"proj-{number}"
        yield name, {"projects": [name]}, "everything"
    for number in range(MODELS):
        name = f"model-{number}"
        yield name, {"models": [name]}, "everything"


_FILL = (
    """
    INSERT INTO ledger_attribution (organization_id, digest, department, team, project,
        environment, "user", provider, model, model_version, sent_user, sent_provider,
        sent_model, tags)
    SELECT %(organization)s, decode(md5('user-' || n), 'hex'),
        'dept-' || n %% %(teams)s %% %(departments)s, 'team-' || n %% %(teams)s,
        'proj-' || n %% %(projects)s, 'prod', 'user-' || n, 'openai',
        'model-' || n %% %(models)s, '', 'user-' || n, 'openai',
        'model-' || n %% %(models)s, '{}'
    FROM generate_series(0, %(users)s - 1) AS n
    """,
    """
    INSERT INTO ledger_costrecord (organization_id, attribution_id, usage_id,
        correction, timestamp, input_tokens, cached_tokens, cache_write_tokens,
        output_tokens, reasoning_tokens, service_tier, input_cost, output_cost,
        total_cost, source_currency, reported)
    SELECT %(organization)s, (SELECT min(id) FROM ledger_attribution
            WHERE organization_id = %(organization)s) + n %% %(users)s,
        %(prefix)s || '-' || md5(n::text), 0,
        %(start)s::timestamptz + (%(end)s::timestamptz - %(start)s::timestamptz)
            * (n / %(records)s::float),
        1000, 0, 0, 500, 0, '', n %% 1000 * 1e-6, 0.005, n %% 1000 * 1e-6 + 0.005, '',
        false
    FROM generate_series(0, %(records)s - 1) AS n
    """,
    """
    INSERT INTO budgets_coverage (organization_id, attribution_id, budget_id, starts_at,
        ends_at, currency)
    SELECT %(organization)s, attribution.id, budget.id, %(start)s, %(end)s, ''
    FROM ledger_attribution AS attribution JOIN budgets_budget AS budget
        ON budget.organization_id = attribution.organization_id
        AND budget.name IN ('everything', department, team, "user", project, model)
    WHERE attribution.organization_id = %(organization)s
    """,
    """
    INSERT INTO budgets_budgetperiod (organization_id, budget_id, starts_at, ends_at,
        amount, carried_over, adjusted, spent, reserved, late_spend, requests,
        unpriced_requests)
    SELECT %(organization)s, budget.id, %(start)s, %(end)s, budget.amount, 0, 0,
        sum(used.cost), 0, 0, sum(used.requests), 0
    FROM (
        SELECT attribution_id, sum(total_cost) AS cost, count(*) AS requests
        FROM ledger_costrecord WHERE organization_id = %(organization)s
        GROUP BY attribution_id
    ) AS used
    JOIN budgets_coverage AS coverage USING (attribution_id)
    JOIN budgets_budget AS budget ON budget.id = coverage.budget_id
    GROUP BY budget.id
    """,
)


def _assert_counters_are_right(organization: Organization) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), max(spent) = (SELECT sum(total_cost)"
            " FROM ledger_costrecord WHERE organization_id = %(id)s)"
            " FROM budgets_budgetperiod WHERE organization_id = %(id)s",
            {"id": organization.pk},
        )
        assert cursor.fetchone() == (BUDGETS, True)


# The product has no such index, for it would double the cost of an insert: it is made
# here, so that what the status is compared with is as fast as it can be.
_INDEX = """
CREATE INDEX ledger_of_attribution ON ledger_costrecord
    (attribution_id, timestamp) INCLUDE (total_cost)
"""
_SUM = """
SELECT sum(total_cost) FROM ledger_costrecord WHERE attribution_id IN (
    SELECT attribution_id FROM budgets_coverage WHERE budget_id = %s
) AND timestamp >= %s AND timestamp < %s
"""


def _seconds_of_sums(organization: Organization) -> float:
    """Return how long one SUM for each budget would take, from a few of each kind."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEX)
    world.vacuum()
    total = 0.0
    for kind, count in (
        ("everything", 1),
        ("dept-", DEPARTMENTS),
        ("team-", TEAMS),
        ("user-", USERS),
        ("proj-", PROJECTS),
        ("model-", MODELS),
    ):
        same = Budget.objects.filter(organization=organization, name__startswith=kind)
        sample = list(same.order_by("?").values_list("pk", flat=True)[:SAMPLED])
        began = time.perf_counter()
        with connection.cursor() as cursor:
            for budget_id in sample:
                cursor.execute(_SUM, [budget_id, *MONTH])
                cursor.fetchone()
        total += (time.perf_counter() - began) / len(sample) * count
    return total


def _seconds_of_floats(organization: Organization) -> float:
    """Return how long the first version would take: all costs, for every budget."""
    costs = CostRecord.objects.filter(organization=organization).order_by()
    began = time.perf_counter()
    sum(
        float(cost or 0) for cost in costs.values_list("total_cost", flat=True)[:FLOATS]
    )
    return (time.perf_counter() - began) * LARGE / FLOATS * BUDGETS
