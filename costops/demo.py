"""The demo organization: Acme's budgets and 90 days of made-up usage, always the same.

Spend has the rhythm of days and weeks, grows, has a spike, and heavy-tailed requests.
Today's is there as far as the day is, so that a month that has just begun has some.
"""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ledger.outcomes import OutcomeReport
from ledger.usage import Usage

SLUG = "org-acme-corp"
DAYS = 90  # before today
RUN_FEATURE = "evals"  # its requests of a day are one run
_SEED = 20250101
_WEEKDAYS = (1.1, 1.15, 1.15, 1.1, 1.0, 0.35, 0.3)  # Monday first
_HOURS = tuple(
    0.15 + math.exp(-((hour - 11) ** 2) / 8) + 0.9 * math.exp(-((hour - 15) ** 2) / 6)
    for hour in range(24)
)
_SPIKE_DAY, _SPIKE = 67, 2.6  # counted from the first; ML's spend that day
_GROWTH = 0.004  # a day
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """A model and its list price per million tokens, from which tokens are made up."""

    provider: str
    name: str
    input_price: float
    output_price: float


OPUS = Model("anthropic", "claude-opus-4-1", 15, 75)
SONNET = Model("anthropic", "claude-sonnet-4-5", 3, 15)
GPT_4O = Model("openai", "gpt-4o", 2.5, 10)
GPT_4O_MINI = Model("openai", "gpt-4o-mini", 0.15, 0.6)
GEMINI = Model("google", "gemini-2.5-pro", 1.25, 10)


@dataclass(frozen=True, slots=True)
class Team:
    """Who spends: about `daily` dollars in `requests` requests on a working day."""

    department: str
    team: str
    project: str
    features: tuple[str, ...]
    users: tuple[str, ...]
    models: tuple[tuple[Model, float], ...]  # with their share of the requests
    daily: float
    requests: int


TEAMS = (
    Team(
        "engineering",
        "ml",
        "team-ml",
        ("search", "recommendations", "evals"),
        ("priya@acme.example", "jonas@acme.example", "mei@acme.example"),
        ((OPUS, 0.35), (SONNET, 0.4), (GEMINI, 0.25)),
        455,
        210,
    ),
    Team(
        "engineering",
        "backend",
        "team-backend",
        ("code-review", "support-bot"),
        ("luca@acme.example", "amara@acme.example"),
        ((SONNET, 0.5), (GPT_4O, 0.3), (GPT_4O_MINI, 0.2)),
        215,
        160,
    ),
    Team(
        "engineering",
        "platform",
        "dept-engineering",
        ("incident-notes",),
        ("noor@acme.example",),
        ((GPT_4O, 0.6), (GPT_4O_MINI, 0.4)),
        62,
        45,
    ),
    Team(
        "sales",
        "sales",
        "dept-sales",
        ("outreach", "call-summaries"),
        ("sofia@acme.example", "tom@acme.example"),
        ((GPT_4O, 0.7), (GPT_4O_MINI, 0.3)),
        190,
        110,
    ),
    Team(
        "operations",
        "support",
        "help-center",
        ("answers",),
        ("emil@acme.example",),
        ((GPT_4O_MINI, 0.8), (GPT_4O, 0.2)),
        38,
        70,
    ),
)


@dataclass(frozen=True, slots=True)
class PlannedBudget:
    """One budget of the demo: its parent by name, its amount, what it is about."""

    name: str
    amount: str
    scope: dict[str, list[str]]
    parent: str | None = None
    enforcement: str = "soft"
    said: Mapping[str, Any] = field(default_factory=dict)  # else of its BudgetPlan
    percents: tuple[int, ...] = ()  # of a year, one for each month
    rules: tuple[
        dict[str, Any], ...
    ] = ()  # as controls.configuration.configure has them


def _rule(action: str, trigger: str, *, notify: bool = False, **config: Any) -> Any:
    return {"action": action, "trigger": trigger, "config": config, "notify": notify}


# The tutorial's, for the models that Sales uses.
_SALES_RULES = (
    _rule(
        "model_downgrade",
        "budget_percentage >= 0.9",
        downgrades={"gpt-4o": "gpt-4o-mini"},
        notify=True,
    ),
    _rule(
        "model_blocklist",
        'environment == "development"',
        allowed_models=["gpt-4o-mini"],
    ),
    _rule(
        "rate_limit",
        "budget_percentage >= 0.95",
        max_requests_per_minute=10,
        max_cost_per_hour="50.0000000000",
    ),
    _rule(
        "block",
        "budget_percentage >= 1.0",
        message="Monthly budget exceeded. Contact finance team.",
        exempt_users=["admin@acme.example"],
    ),
)


BUDGETS = (
    PlannedBudget("Acme Corp", "50000", {}),
    PlannedBudget(
        "Engineering", "30000", {"departments": ["engineering"]}, "Acme Corp"
    ),
    PlannedBudget("ML Team", "15000", {"teams": ["ml"]}, "Engineering"),
    PlannedBudget("Backend Team", "10000", {"teams": ["backend"]}, "Engineering"),
    PlannedBudget(
        *("Sales", "15000", {"departments": ["sales"]}, "Acme Corp"),
        enforcement="hard",
        rules=_SALES_RULES,
    ),
)


# What the tutorial has not: of each kind of budget one.
MORE_BUDGETS = (
    PlannedBudget(
        *("Each salesperson", "4000", {"departments": ["sales"]}, "Sales"),
        said={"template_for_each": "user"},
    ),
    PlannedBudget(
        *("Support", "1300", {"departments": ["operations"]}, "Acme Corp"),
        said={"rollover_mode": "unused"},
        percents=(7, 7, 8, 7, 8, 8, 7, 7, 8, 9, 12, 12),
    ),
    PlannedBudget(
        *("Tokens of Opus", "250000000", {"models": ["claude-opus-4-1"]}),
        said={"currency": "tokens"},
    ),
)

# What might become of the ML Team, side by side.
SCENARIOS_OF = "ML Team"
SCENARIOS = (
    {"name": "A fifth more", "assumptions": {"growth": 0.2}},
    {
        "name": "Sonnet in place of Opus",
        "assumptions": {
            "model_swap": [{"from": "claude-opus-4-1", "to": "claude-sonnet-4-5"}]
        },
    },
    {"name": "A limit of $25,000", "assumptions": {"limit": "25000"}},
)


def usage_until(now: datetime) -> Iterator[list[Usage]]:
    """Yield the usage of each of the 90 days before *now*, and of today until then."""
    source = _source()
    first = now.date() - timedelta(days=DAYS)
    for number in range(DAYS + 1):
        yield [
            record
            for team in TEAMS
            for record in _day_of(team, first + timedelta(days=number), number, source)
            if record.timestamp <= now
        ]


def _source() -> random.Random:
    return random.Random(_SEED)  # noqa: S311 - made-up data, always the same


def _day_of(
    team: Team, day: date, number: int, source: random.Random
) -> Iterator[Usage]:
    rhythm = _WEEKDAYS[day.weekday()] * (1 + _GROWTH * number)
    spend = team.daily * rhythm * source.lognormvariate(0, 0.08)
    if team.team == "ml" and number == _SPIKE_DAY:
        spend *= _SPIKE
    count = max(1, round(team.requests * rhythm))
    weights = [source.lognormvariate(0, 1.1) for _ in range(count)]
    total = sum(weights)
    for place, weight in enumerate(weights):
        yield _request(team, day, place, spend * weight / total, source)


def _request(
    team: Team, day: date, place: int, cost: float, source: random.Random
) -> Usage:
    models, shares = zip(*team.models, strict=True)
    (model,) = source.choices(models, shares)
    (hour,) = source.choices(range(24), _HOURS)
    moment = datetime.combine(day, time(hour), UTC) + timedelta(
        milliseconds=source.randrange(3_600_000)
    )
    output_share = source.uniform(0.15, 0.5)
    input_tokens = int(cost * (1 - output_share) / model.input_price * _MILLION)
    usage = Usage(
        id=f"demo-{day:%Y%m%d}-{team.team}-{place:04}",
        timestamp=moment,
        provider=model.provider,
        model=model.name,
        input_tokens=input_tokens,
        output_tokens=int(cost * output_share / model.output_price * _MILLION),
        latency_ms=round(source.lognormvariate(7.3, 0.5)),
        department_id=team.department,
        team_id=team.team,
        project_id=team.project,
        user_id=source.choice(team.users),
        environment="production" if source.random() < 0.85 else "staging",
    )
    feature = source.choice(team.features)
    usage.tags = msgspec.Raw(
        msgspec.json.encode({"feature": feature, "team": team.team})
    )
    if feature == RUN_FEATURE:
        usage.run_id = run_of(day)
    return usage


def run_of(day: date) -> str:
    """Return the name of the run that tries the models out on *day*."""
    return f"evals-{day:%Y-%m-%d}"


def outcomes_until(now: datetime) -> Iterator[OutcomeReport]:
    """Yield how many questions Support answered each of the days before *now*."""
    source = _source()
    first = now.date() - timedelta(days=DAYS)
    for number in range(DAYS):
        day = first + timedelta(days=number)
        usual = 260 * _WEEKDAYS[day.weekday()] * (1 + _GROWTH * number)
        yield OutcomeReport(
            id=f"demo-{day:%Y%m%d}-answers",
            name="questions answered",
            timestamp=datetime.combine(day, time(18), UTC),
            count=round(usual * source.lognormvariate(0, 0.1)),
            organization_id=SLUG,
            project_id="help-center",
            department_id="operations",
            team_id="support",
        )


def amount_of(plan: PlannedBudget) -> Decimal:
    return Decimal(plan.amount)
