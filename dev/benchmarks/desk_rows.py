"""What the console is measured over: budgets, records, and the counters of them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from accounts.models import Organization
from budgets.models import Budget, BudgetHour, BudgetPeriod, Coverage
from dev.benchmarks import world
from forecasts.models import StoredForecast
from ledger.models import Attribution, CostRecord, DailySpend

DAYS = 60
DEPARTMENTS, TEAMS, USERS, PROJECTS, MODELS = 20, 200, 9_000, 700, 79
BUDGETS = 1 + DEPARTMENTS + TEAMS + PROJECTS + MODELS
_ROWS = 2_000  # that are inserted at once
_INPUT, _OUTPUT = 1_000, 500  # tokens of each record
_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


@transaction.atomic
def fill(slug: str, records: int, now: datetime) -> Organization:
    """Make an organization with *records*, past the pipeline."""
    organization = Organization.objects.create(slug=slug, name=slug.title())
    world.plant(organization, _scopes(), amount=Decimal(50_000))
    month = now.astimezone(UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    values: dict[str, Any] = {
        "organization": organization.pk,
        "records": records,
        "start": now - timedelta(days=DAYS),
        "end": now,
        "month": month,
        "next": (month + timedelta(days=32)).replace(day=1),
        "users": USERS,
        "teams": TEAMS,
        "departments": DEPARTMENTS,
        "projects": PROJECTS,
        "models": MODELS,
    }
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for statement in _FILL:
                cursor.execute(statement, values)
    else:
        _fill_by_rows(organization, values)
    _foresee(organization, values, now)
    return organization


def _fill_by_rows(organization: Organization, values: dict[str, Any]) -> None:
    """Do what `_FILL` does, row by row: for databases without its words."""
    where = Attribution.objects.bulk_create(
        [_attribution(organization, number) for number in range(USERS)], _ROWS
    )
    records = list(_records(organization, where, values))
    CostRecord.objects.bulk_create(records, _ROWS)
    daily: dict[tuple[int, Any], list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    hourly: dict[datetime, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    spent: dict[int, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    budgets = {
        one.name: one for one in Budget.objects.filter(organization=organization)
    }
    covering = {one.pk: list(_covering(one, budgets)) for one in where}
    for one in records:
        sums = [daily[one.attribution_id, one.timestamp.date()]]
        sums.append(hourly[one.timestamp.replace(minute=0, second=0, microsecond=0)])
        if one.timestamp >= values["month"]:
            sums += [spent[budget.pk] for budget in covering[one.attribution_id]]
        for counted in sums:
            counted[0] += 1
            counted[1] += one.total_cost
    _count(organization, daily, hourly, budgets)
    _cover(organization, values, covering, spent)


def _attribution(organization: Organization, number: int) -> Attribution:
    team, name = number % TEAMS, f"user-{number}"
    model = f"model-{number % MODELS}"
    return Attribution(
        organization=organization,
        digest=hashlib.blake2b(name.encode(), digest_size=16).digest(),
        department=f"dept-{team % DEPARTMENTS}",
        team=f"team-{team}",
        project=f"proj-{number % PROJECTS}",
        environment="prod",
        user=name,
        provider="openai",
        model=model,
        sent_user=name,
        sent_provider="openai",
        sent_model=model,
    )


def _records(
    organization: Organization, where: list[Attribution], values: dict[str, Any]
) -> Iterator[CostRecord]:
    length = values["end"] - values["start"]
    for number in range(values["records"]):
        cost = Decimal(number % 1_000) / 1_000_000
        yield CostRecord(
            organization=organization,
            attribution=where[number % USERS],
            usage_id=f"{organization.pk}-{number}",
            timestamp=values["start"] + length * (number / values["records"]),
            input_tokens=_INPUT,
            output_tokens=_OUTPUT,
            input_cost=cost,
            output_cost=Decimal("0.005"),
            total_cost=cost + Decimal("0.005"),
        )


def _covering(one: Attribution, budgets: dict[str, Budget]) -> Iterator[Budget]:
    for name in ("everything", one.department, one.team, one.project, one.model):
        yield budgets[name]


def _count(
    organization: Organization,
    daily: dict[tuple[int, Any], list[Any]],
    hourly: dict[datetime, list[Any]],
    budgets: dict[str, Budget],
) -> None:
    DailySpend.objects.bulk_create(
        [
            DailySpend(
                organization=organization,
                attribution_id=pk,
                day=day,
                requests=count,
                input_tokens=count * _INPUT,
                output_tokens=count * _OUTPUT,
                cost=cost,
            )
            for (pk, day), (count, cost) in daily.items()
        ],
        _ROWS,
    )
    top = budgets["everything"]
    BudgetHour.objects.bulk_create(
        [
            BudgetHour(
                organization=organization,
                budget=top,
                starts_at=hour,
                spent=cost,
                requests=count,
            )
            for hour, (count, cost) in hourly.items()
        ],
        _ROWS,
    )


def _cover(
    organization: Organization,
    values: dict[str, Any],
    covering: dict[int, list[Budget]],
    spent: dict[int, list[Any]],
) -> None:
    Coverage.objects.bulk_create(
        [
            Coverage(
                organization=organization,
                attribution_id=pk,
                budget=budget,
                starts_at=values["start"],
                ends_at=_FOR_EVER,
                currency="",
            )
            for pk, covered in covering.items()
            for budget in covered
        ],
        _ROWS,
    )
    BudgetPeriod.objects.bulk_create(
        [
            BudgetPeriod(
                organization=organization,
                budget_id=pk,
                starts_at=values["month"],
                ends_at=values["next"],
                amount=Decimal(50_000),
                spent=cost,
                requests=count,
            )
            for pk, (count, cost) in spent.items()
        ],
        _ROWS,
    )


def _foresee(organization: Organization, values: dict[str, Any], now: datetime) -> None:
    """Store the day's forecasts, as the sweep does once a day."""
    StoredForecast.objects.bulk_create(
        [
            StoredForecast(
                organization=organization,
                budget=budget,
                made_on=now.astimezone(UTC).date(),
                made_at=now,
                starts_at=values["month"],
                ends_at=values["next"],
                limit=budget.amount,
                spent=0,
                days=DAYS,
                expected=40_000,
                today=1_000,
                rest=20_000,
            )
            for budget in Budget.objects.filter(organization=organization)
        ]
    )


def _scopes() -> Iterator[tuple[str, dict[str, Any], str | None]]:
    yield "everything", {}, None
    for number in range(DEPARTMENTS):
        name = f"dept-{number}"
        yield name, {"departments": [name]}, "everything"
    for number in range(TEAMS):
        name = f"team-{number}"
        yield name, {"teams": [name]}, f"dept-{number % DEPARTMENTS}"
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
        md5(n::text), 0,
        %(start)s::timestamptz + (%(end)s::timestamptz - %(start)s::timestamptz)
            * (n / %(records)s::float),
        1000, 0, 0, 500, 0, '', n %% 1000 * 1e-6, 0.005, n %% 1000 * 1e-6 + 0.005, '',
        false
    FROM generate_series(0, %(records)s - 1) AS n
    """,
    """
    INSERT INTO ledger_dailyspend (organization_id, attribution_id, day, requests,
        unpriced, input_tokens, cached_tokens, output_tokens, cost)
    SELECT organization_id, attribution_id, (timestamp AT TIME ZONE 'UTC')::date,
        count(*), 0, sum(input_tokens), 0, sum(output_tokens), sum(total_cost)
    FROM ledger_costrecord WHERE organization_id = %(organization)s
    GROUP BY 1, 2, 3 ORDER BY 3, 2
    """,
    """
    INSERT INTO budgets_coverage (organization_id, attribution_id, budget_id, starts_at,
        ends_at, currency)
    SELECT %(organization)s, attribution.id, budget.id, %(start)s,
        timestamptz '9999-01-01', ''
    FROM ledger_attribution AS attribution JOIN budgets_budget AS budget
        ON budget.organization_id = attribution.organization_id
        AND budget.name IN ('everything', department, team, project, model)
    WHERE attribution.organization_id = %(organization)s
    """,
    """
    INSERT INTO budgets_budgetperiod (organization_id, budget_id, starts_at, ends_at,
        amount, carried_over, adjusted, spent, reserved, late_spend, requests,
        unpriced_requests)
    SELECT %(organization)s, budget.id, %(month)s, %(next)s, budget.amount, 0, 0,
        sum(used.cost), 0, 0, sum(used.requests), 0
    FROM (
        SELECT attribution_id, sum(cost) AS cost, sum(requests) AS requests
        FROM ledger_dailyspend
        WHERE organization_id = %(organization)s AND day >= %(month)s::date
        GROUP BY attribution_id
    ) AS used
    JOIN budgets_coverage AS coverage USING (attribution_id)
    JOIN budgets_budget AS budget ON budget.id = coverage.budget_id
    GROUP BY budget.id
    """,
    """
    INSERT INTO budgets_budgethour (organization_id, budget_id, starts_at, spent,
        requests)
    SELECT %(organization)s, budget.id, date_trunc('hour', record.timestamp, 'UTC'),
        sum(record.total_cost), count(*)
    FROM ledger_costrecord AS record JOIN budgets_budget AS budget
        ON budget.organization_id = record.organization_id
        AND budget.name = 'everything'
    WHERE record.organization_id = %(organization)s
    GROUP BY 2, 3
    """,
)
