"""The data every benchmark uses: one company, its budgets, and usage as it comes in.

500 people in 40 teams of 8 departments work on 20 projects with 12 models; each record
falls on 6 of the 581 budgets. Times lie within 2 hours, so that a batch of 1,000 has
about 800 distinct (attribution, hour) pairs: deliberately harsh.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import Max

from accounts.models import Organization
from budgets.models import AmountLine, Budget
from budgets.snapshots import open_snapshot
from ledger.batch import Batch
from ledger.sql import Values
from ledger.usage import Usage, decode_batch
from ledger.writing import insert_records

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPAN_S = 7_200  # the records' times lie within it
STARTS_AT = datetime(2026, 1, 1, tzinfo=UTC)
SLUG = "org-1"
AMOUNT = Decimal(100_000_000)  # of every budget: nothing is ever exceeded
MODELS = (
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
    ("mistral", "mistral-large-latest"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-haiku-4-5"),
    ("google", "gemini-2.5-flash"),
    ("mistral", "mistral-small-latest"),
    ("openai", "gpt-4.1"),
    ("anthropic", "claude-opus-4-1"),
    ("google", "gemini-2.0-flash"),
    ("openai", "gpt-4.1-mini"),
)
ENVIRONMENTS = ("prod", "prod", "prod", "prod", "staging", "dev")
DEPARTMENTS, TEAMS, USERS, PROJECTS = 8, 40, 500, 20


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    team: str
    department: str
    projects: tuple[str, str]  # the first most of the time
    models: tuple[int, int]  # places in MODELS; likewise


def _people() -> list[Person]:
    random = Random(7)
    return [
        Person(
            f"user-{number}",
            f"team-{number % TEAMS}",
            f"dept-{number % TEAMS % DEPARTMENTS}",
            (
                f"proj-{random.randrange(PROJECTS)}",
                f"proj-{random.randrange(PROJECTS)}",
            ),
            (random.randrange(len(MODELS)), random.randrange(len(MODELS))),
        )
        for number in range(USERS)
    ]


PEOPLE = _people()
_WEIGHTS = [1 / (number + 3) ** 0.8 for number in range(USERS)]  # a few use the most


def records(size: int, random: Random) -> list[dict[str, Any]]:
    """Return usage records as a sender writes them, each with an id of its own."""
    return [
        _record(person, random) for person in random.choices(PEOPLE, _WEIGHTS, k=size)
    ]


def body(size: int, random: Random) -> bytes:
    """Return the JSON of a batch, about 400 bytes a record."""
    return msgspec.json.encode(records(size, random))


def _record(person: Person, random: Random) -> dict[str, Any]:
    provider, model = MODELS[person.models[random.random() < 0.3]]
    at = NOW + timedelta(microseconds=random.randrange(SPAN_S * 1_000_000))
    return {
        "id": f"{random.getrandbits(128):032x}",
        "timestamp": at.isoformat(),
        "organization_id": SLUG,
        "project_id": person.projects[random.random() < 0.3],
        "department_id": person.department,
        "team_id": person.team,
        "environment": ENVIRONMENTS[random.randrange(6)],
        "user_id": person.name,
        "provider": provider,
        "model": model,
        "input_tokens": random.randrange(50, 8_000),
        "output_tokens": random.randrange(1, 2_000),
        "cached_tokens": random.randrange(50),
        "tags": {"feature": "chat"},
    }


def make_organization() -> Organization:
    """Make the organization with its 581 budgets."""
    organization = Organization.objects.create(slug=SLUG, name="Benchmark")
    plant(organization, _scopes())
    return organization


def _scopes() -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Yield the name, the scope and the parent's name of every budget."""
    yield "everything", {}, None
    for number in range(DEPARTMENTS):
        name = f"dept-{number}"
        yield name, {"departments": [name]}, "everything"
    for number in range(TEAMS):
        name = f"team-{number}"
        yield name, {"teams": [name]}, f"dept-{number % DEPARTMENTS}"
    for person in PEOPLE:
        yield person.name, {"users": [person.name]}, person.team
    for number in range(PROJECTS):
        name = f"proj-{number}"
        yield name, {"projects": [name]}, "everything"
    for _, model in MODELS:
        yield model, {"models": [model]}, "everything"


def plant(
    organization: Organization,
    wanted: Iterable[tuple[str, dict[str, Any], str | None]],
    *,
    amount: Decimal = AMOUNT,
) -> None:
    """Insert a tree of budgets at once, given parents before children.

    Saved one by one, each would have mptt renumber all that were there before.
    """
    budgets: dict[str, Budget] = {}
    children: dict[str | None, list[str]] = {}
    last = Budget.objects.aggregate(pk=Max("pk"), tree=Max("tree_id"))
    for pk, (name, scope, parent) in enumerate(wanted, start=(last["pk"] or 0) + 1):
        children.setdefault(parent, []).append(name)
        budgets[name] = Budget(
            pk=pk,
            organization=organization,
            name=name,
            parent=budgets[parent] if parent else None,
            scope=scope,
            amount=amount,
            currency="USD",
            period="monthly",
            timezone="UTC",
            starts_at=STARTS_AT,
            tree_id=(last["tree"] or 0) + 1,
        )
    _number(budgets, children, None, level=0, places=count(1))
    Budget.objects.bulk_create(budgets.values(), batch_size=1_000)
    AmountLine.objects.bulk_create(
        [
            AmountLine(
                organization=organization,
                budget=budget,
                kind=AmountLine.Kind.PLANNED,
                amount=amount,
                made_at=STARTS_AT,
            )
            for budget in budgets.values()
        ],
        batch_size=1_000,
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # the sequence knows nothing of these ids
            cursor.execute(
                "SELECT setval('budgets_budget_id_seq', max(id)) FROM budgets_budget"
            )


def _number(
    budgets: dict[str, Budget],
    children: dict[str | None, list[str]],
    parent: str | None,
    *,
    level: int,
    places: Iterator[int],
) -> None:
    for name in children.get(parent, ()):
        budget = budgets[name]
        budget.level, budget.lft = level, next(places)
        _number(budgets, children, name, level=level + 1, places=places)
        budget.rght = next(places)


def decoded(body: bytes) -> list[Usage]:
    """Decode a batch that is known to be good."""
    found, rejected = decode_batch(body, lines=False)
    assert not rejected, rejected[:3]
    return [one for one in found if one is not None]


def rows_of(organization_id: int, body: bytes) -> list[Values]:
    """Return the rows of the ledger that a batch becomes, ready to be inserted."""
    with transaction.atomic():
        snapshot, _ = open_snapshot(organization_id)
        usage = sorted(decoded(body), key=lambda one: one.id)
        return list(Batch(snapshot).rows(usage, snapshot.entries_for(usage)))


def preload(organization_id: int, size: int, random: Random) -> None:
    """Fill the ledger's table with *size* records; no counter knows of them."""
    for _ in range(0, size, 5_000):
        rows = rows_of(organization_id, body(5_000, random))
        insert_records(rows, meanwhile=lambda: None)
    vacuum()


def vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE"
        )
