"""Filing history anew beside those who book and roll up, in real threads."""

import time
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from budgets import refiling
from budgets.models import Coverage
from budgets.refiling import refile, refile_if_due
from budgets.rollup import roll_up
from ledger.filing import file_anew
from ledger.models import CostRecord
from lib.memories import forget_everything
from tests.budgets.worlds import differences, jan, january_budget
from tests.factories import at_once, make_organization, report, usage_record
from tests.filed_as_sent import filed_as_sent

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
MODELS = ("gpt-4o", "GPT-4o", "openai/gpt-4o", "gpt-4o-2024-08-06", "gpt-4", "GPT-4")
WRITERS = 8
HISTORY = 300  # records
TURNS = 6  # of who files anew
MOST_TURNS = 500  # of a writer, should nobody tell it to stop


def records_of(kind: str, count: int) -> list[dict[str, Any]]:
    return [
        usage_record(
            id=f"{kind} {number}",
            timestamp=jan(1 + number % 20).isoformat(),
            model=MODELS[number % len(MODELS)],
            user_id=("Ada@x.com", "ada@x.com", "x7Q")[number % 3],
            project_id=f"p{number % 7}",
        )
        for number in range(count)
    ]


@pytest.fixture
def old() -> Organization:
    """History that was filed letter by letter."""
    with filed_as_sent():
        organization = make_organization()
        root = january_budget(organization, "All", starts_at=jan(1))
        for number, scope in enumerate(
            [{"models": ["gpt-4o"]}, {"models": ["gpt-4"]}, {"users": ["ada@x.com"]}]
        ):
            january_budget(
                organization,
                f"Budget {number}",
                parent=root if number else None,
                scope=scope,
                starts_at=jan(1),
                period="daily",
            )
        report(organization, *records_of("old", HISTORY))
    return organization


def slowly(organization: Organization, **told: Any) -> int:
    time.sleep(0.05)  # writers could come and go
    return file_anew(organization, **told)


def write(organization: Organization, kind: str, done: Event) -> set[str]:
    """Book until *done*; return the ids."""
    sent: set[str] = set()
    for turn in range(MOST_TURNS):
        if done.is_set():
            break
        records = records_of(f"{kind}.{turn}", 5)
        report(organization, *records)
        sent.update(record["id"] for record in records)
    return sent


def charge_anew(
    organization: Organization, anew: Callable[[Organization], object], done: Event
) -> set[str]:
    """File all anew, as if names had come to mean something else for every budget."""
    for _ in range(TURNS):
        Coverage.objects.filter(organization=organization).delete()
        Organization.objects.update(identity_revision=0)
        anew(organization)
    done.set()
    return set()


def roll_up_and_forget(organization: Organization) -> set[str]:
    for _ in range(TURNS):
        roll_up(organization.pk)
        forget_everything()
    return set()


# Without holding the organization alone in `refile`: deadlocks, or sums that are wrong.
@pytest.mark.parametrize("anew", [refile, lambda one: refile_if_due(one.pk)])
def test_history_is_filed_under_the_writers(
    old: Organization, monkeypatch: pytest.MonkeyPatch, anew: Callable[..., Any]
) -> None:
    monkeypatch.setattr(refiling, "file_anew", slowly)
    done = Event()

    results = at_once(
        *(partial(write, old, f"new {number}", done) for number in range(WRITERS)),
        partial(charge_anew, old, anew, done),
        partial(roll_up_and_forget, old),
    )

    assert not [one for one in results if isinstance(one, Exception)]
    sent = {record["id"] for record in records_of("old", HISTORY)}.union(*results)
    booked = list(CostRecord.objects.values_list("usage_id", flat=True))
    assert sorted(booked) == sorted(sent)
    assert differences(old) == []
    roll_up(old.pk)
    assert differences(old) == []
