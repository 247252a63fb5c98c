"""The sweep: thresholds of 100,000 budgets, and 10,000 budgets evaluated by the clock.

Everything is filled by SQL, past the pipeline. What a round changes it also has noticed
as the pipeline would, so that the sweep has nothing left to raise.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F

from accounts.models import Organization
from alerts.evaluation import evaluate_by_clock, evaluate_thresholds
from alerts.models import Alert, AlertRule, RuleType
from alerts.services import observe
from budgets.models import Budget, BudgetPeriod
from budgets.thresholds import Basis
from budgets.types import Crossing
from dev.benchmarks import world
from dev.benchmarks.timing import Contender, Figure, Rates, take_turns

MONTH = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MANY, RULED = 100_000, 10_000  # budgets
LIMIT = Decimal(1_000)
STEP = Decimal(20)  # by which 1 % of the budgets spend more, each round
SHARES = (Decimal("0.8"), Decimal("0.95"), Decimal(1))
DAYS, HOURS_A_DAY = 56, 6  # of history; on weekdays


def measure(rounds: int) -> list[Figure]:
    many = organization_of("many", MANY)
    ruled = organization_of("ruled", RULED)
    fill_hours(ruled, days=DAYS)
    _add_rules(ruled)
    world.vacuum()
    first_s = _seconds(lambda: evaluate_thresholds(many, now=NOW))
    world.vacuum()
    turns = iter(range(10**6))
    rates = take_turns(
        {
            "fetch": Contender(lambda: None, lambda _: _counters(many), MANY),
            "still": Contender(lambda: None, lambda _: _sweep(many), MANY),
            "changed": Contender(
                lambda: _spend_more(many, next(turns)), lambda _: _sweep(many), MANY
            ),
            "clock": Contender(lambda: None, lambda _: _by_clock(ruled), RULED),
        },
        rounds=rounds,
        label="sweep",
    )
    figures = _figures(rates, first_s, many, ruled)
    _add_foresight(ruled)
    further = take_turns(
        {"clock": Contender(lambda: None, lambda _: _by_clock(ruled), RULED)},
        rounds=rounds,
        label="foresight",
    )
    return [*figures, _foresight(further, ruled)]


def _figures(
    rates: Rates, first_s: float, many: Organization, ruled: Organization
) -> list[Figure]:
    names = ("fetch", "still", "changed")
    took = {name: MANY / rates.median(name) * 1e3 for name in names}
    return [
        Figure(
            f"sweep of {MANY:,} budgets, nothing changed / fetch of their counters",
            rates.ratio("fetch", "still"),
            2,
            better="less",
            rate=f"{took['still']:,.1f} ms against {took['fetch']:,.1f}",
        ),
        Figure(
            f"sweep of {MANY:,} budgets, 1 % changed / fetch of their counters",
            rates.ratio("fetch", "changed"),
            2,
            better="less",
            rate=f"{took['changed']:,.1f} ms against {took['fetch']:,.1f}",
        ),
        Figure(
            f"first sweep of {MANY:,} budgets, in seconds",
            first_s,
            rate=f"{Alert.objects.filter(organization=many).count():,} alerts since",
        ),
        Figure(
            f"sweep of {RULED:,} budgets with four types of rules, in seconds",
            RULED / rates.median("clock"),
            10,
            better="less",
            rate=f"{Alert.objects.filter(organization=ruled).count():,} alerts",
        ),
    ]


def _foresight(rates: Rates, ruled: Organization) -> Figure:
    return Figure(
        f"the same {RULED:,} with forecasts of two shares and hours, in seconds",
        RULED / rates.median("clock"),
        10,
        better="less",
        rate=f"{Alert.objects.filter(organization=ruled).count():,} alerts",
    )


def _seconds(work: object) -> float:
    assert callable(work)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _counters(organization: Organization) -> list[tuple[int, Decimal]]:
    rows = BudgetPeriod.objects.filter(
        organization=organization, starts_at__lte=NOW, ends_at__gt=NOW
    )
    return list(rows.order_by().values_list("pk", "spent"))


def _sweep(organization: Organization) -> None:
    assert evaluate_thresholds(organization, now=NOW).raised == 0


def _by_clock(organization: Organization) -> None:
    assert evaluate_by_clock(organization, now=NOW).evaluated == RULED


def _spend_more(organization: Organization, turn: int) -> None:
    """Have each hundredth budget spend more, and what that passes be noticed."""
    rows = BudgetPeriod.objects.alias(place=F("budget_id") % 100).filter(
        organization=organization, place=turn % 100
    )
    assert rows.update(spent=F("spent") + STEP) == MANY // 100
    crossings = [
        Crossing(budget_id, period_id, share, spent, LIMIT)
        for period_id, budget_id, spent in rows.values_list("pk", "budget_id", "spent")
        for share in SHARES
        if spent - STEP < share * LIMIT <= spent
    ]
    observe(organization.pk, crossings, now=NOW)


def organization_of(name: str, budgets: int) -> Organization:
    """Make an organization of one tree, a root and all others right below."""
    organization = Organization.objects.create(slug=name, name=name)
    world.plant(organization, [("everything", {}, None)], amount=LIMIT)
    root = Budget.objects.get(organization=organization)
    names = _columns()
    given = {
        "uid": "gen_random_uuid()",
        "name": "'budget ' || n",
        "parent_id": "root.id",
        "level": "1",
        "lft": "2 * n",
        "rght": "2 * n + 1",
    }
    values = ", ".join(given.get(name, f"root.{name}") for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO budgets_budget ({', '.join(names)}) SELECT {values}"
            " FROM budgets_budget AS root, generate_series(1, %s) AS n"
            " WHERE root.id = %s",
            [budgets - 1, root.pk],
        )
        cursor.execute(_LINES, [organization.pk, root.pk])
        cursor.execute(
            "UPDATE budgets_budget SET rght = %s WHERE id = %s", [2 * budgets, root.pk]
        )
        cursor.execute(
            _PERIODS,
            {"organization": organization.pk, "from": MONTH[0], "to": MONTH[1]},
        )
    return organization


def fill_hours(organization: Organization, *, days: int) -> None:
    """Have each budget spend at some hours of the weekdays of *days* and today."""
    given: dict[str, Any] = {"organization": organization.pk, "now": NOW, "days": days}
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, given)


def _columns() -> Sequence[str]:
    fields = Budget._meta.concrete_fields
    return [str(field.column) for field in fields if not field.primary_key]


def _add_rules(organization: Organization) -> None:
    root = Budget.objects.get(organization=organization, parent=None)
    for kind, values in (
        (RuleType.FORECAST, {"threshold": Decimal("0.9")}),
        (RuleType.VELOCITY, {"condition": "spending_rate > projected_rate * 1.2"}),
        (RuleType.ANOMALY, {"window": "daily"}),
        (RuleType.SPIKE, {"threshold": Decimal(100), "window": "hourly"}),
    ):
        AlertRule.objects.create(
            organization=organization, budget=root, type=kind, **values
        )


def _add_foresight(organization: Organization) -> None:
    """Have a forecast held against two shares of the limit, and hours judged."""
    root = Budget.objects.get(organization=organization, parent=None)
    for kind, values in (
        (RuleType.THRESHOLD, {"threshold": Decimal("0.8"), "probability": "0.9"}),
        (RuleType.THRESHOLD, {"threshold": Decimal(1), "probability": "0.5"}),
        (RuleType.ANOMALY, {"window": "hourly"}),
    ):
        if kind == RuleType.THRESHOLD:
            values = {"basis": Basis.FORECAST, **values}
        AlertRule.objects.create(
            organization=organization, budget=root, type=kind, **values
        )
    _by_clock(organization)  # what this raises is raised once


_PERIODS = """
INSERT INTO budgets_budgetperiod (organization_id, budget_id, starts_at, ends_at,
    amount, carried_over, adjusted, spent, reserved, late_spend, requests,
    unpriced_requests)
SELECT organization_id, id, %(from)s, %(to)s, amount, 0, 0,
    (id * 7919 %% 10000) * 0.0799, 0, 0, 1, 0
FROM budgets_budget WHERE organization_id = %(organization)s
"""
_LINES = """
INSERT INTO budgets_amountline (organization_id, budget_id, kind, amount, reason,
    actor, made_at, ends_rollover)
SELECT organization_id, id, 'planned', amount, '', 'benchmark', starts_at, FALSE
FROM budgets_budget WHERE organization_id = %s AND id <> %s
"""
_HOURS = f"""
INSERT INTO budgets_budgethour (organization_id, budget_id, starts_at, spent, requests)
SELECT organization_id, id, midnight + hour * interval '1 hour',
    1 + (id * 31 + hour * 17 + extract(day FROM midnight)::int * 7) %% 10 / 10.0, 1
FROM budgets_budget, generate_series(date_trunc('day', %(now)s::timestamptz)
        - %(days)s * interval '1 day', %(now)s, interval '1 day') AS midnight,
    generate_series(9, 8 + {HOURS_A_DAY}) AS hour
WHERE organization_id = %(organization)s AND extract(isodow FROM midnight) < 6
ORDER BY midnight, hour, id
"""
