"""The dashboard and Explore over 1,000 budgets and 5,000,000 records, as pages.

The ledger is filled by SQL, past the pipeline, with the counters that belong to it: the
records of the last 60 days, of 9,000 attributions. What is measured is a request in
process, rendered to its last byte.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from tqdm import tqdm

from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from budgets.models import Budget
from dev.benchmarks import world
from dev.benchmarks.timing import Figure
from forecasts.models import StoredForecast

RECORDS = int(os.environ.get("BENCH_RECORDS", "5000000"))
DAYS = 60
DEPARTMENTS, TEAMS, USERS, PROJECTS, MODELS = 20, 200, 9_000, 700, 79
BUDGETS = 1 + DEPARTMENTS + TEAMS + PROJECTS + MODELS
EXPLORE = "/admin/reports/spendview/explore/?organization=desk"
PAGES = {
    "dashboard": ("/admin/", 300),
    "dashboard, movers by project": ("/admin/?by=project", 300),
    "dashboard of a team lead": ("/admin/", 300),
    "explore: 30 days by team, compared": (f"{EXPLORE}&by=team&compare=1", None),
    "explore: 30 days by project across model": (
        f"{EXPLORE}&by=project&across=model",
        None,
    ),
    "explore: one team by person": (f"{EXPLORE}&by=user&team=team-7", None),
    "explore: today by model, across hours": (
        f"{EXPLORE}&by=model&span=today&across=hour",
        None,
    ),
}
_LEAD = "dashboard of a team lead"


def measure(rounds: int) -> list[Figure]:
    settings.ALLOWED_HOSTS = ["*"]
    organization = _filled(timezone.now())
    world.vacuum()
    browsers = {name: _browser(organization, name) for name in PAGES}
    took: dict[str, list[float]] = {name: [] for name in PAGES}
    with tqdm(total=(rounds + 1) * len(PAGES), desc="desk", leave=False) as bar:
        for turn in range(rounds + 1):
            for name, (address, _) in PAGES.items():
                began = time.perf_counter()
                answer = browsers[name].get(address)
                length_ms = (time.perf_counter() - began) * 1e3
                assert answer.status_code == 200, answer.status_code
                if turn:  # the first one warms up
                    took[name].append(length_ms)
                bar.update()
    return [
        Figure(
            f"{name}: milliseconds, {BUDGETS:,} budgets, {RECORDS:,} records",
            median(took[name]),
            target,
            better="less",
            rate=f"{min(took[name]):,.0f} to {max(took[name]):,.0f} ms",
        )
        for name, (_, target) in PAGES.items()
    ]


def _browser(organization: Organization, page: str) -> Client:
    is_lead = page == _LEAD
    role = Role.BUDGET_OWNER if is_lead else Role.FINANCE_ADMIN
    person, is_new = User.objects.get_or_create(email=f"{role}@desk.example")
    if is_new:
        Membership.objects.create(organization=organization, user=person, role=role)
    if is_lead:
        Budget.objects.filter(organization=organization, name="dept-3").update(
            owner=person
        )
    client = Client()
    client.force_login(person)
    return client


@transaction.atomic
def _filled(now: datetime) -> Organization:
    organization = Organization.objects.create(slug="desk", name="Desk")
    world.plant(organization, _scopes(), amount=Decimal(50_000))
    month = now.astimezone(UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    values: dict[str, Any] = {
        "organization": organization.pk,
        "records": RECORDS,
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
    with connection.cursor() as cursor:
        for statement in _FILL:
            cursor.execute(statement, values)
    _foresee(organization, values, now)
    return organization


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
    GROUP BY 1, 2, 3
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
)
