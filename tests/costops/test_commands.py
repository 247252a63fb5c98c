"""The operator's commands, as they are typed."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone
from django_q.models import Schedule

from accounts import keys
from accounts.models import ApiKey, Organization, User
from budgets.models import BudgetPeriod
from costops.schedules import PERIODIC, install
from ledger.models import SpendDelta
from tests.budgets.worlds import january_budget
from tests.factories import report, usage_record

pytestmark = pytest.mark.django_db

JANUARY = datetime(2025, 1, 16, tzinfo=UTC)


def said(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_key_is_printed_alone_and_works() -> None:
    secret = said("create_api_key", "ci", "--organization", "acme").strip()

    assert keys.check(f"Bearer {secret}").organization_slug == "acme"
    assert secret not in str(ApiKey.objects.values())


def test_a_persons_key_does_what_the_person_may() -> None:
    secret = said(
        "create_api_key", "ana", "--organization", "acme", "--user", "ana@acme.example"
    ).strip()

    caller = keys.check(f"Bearer {secret}")

    assert caller.name == "ana@acme.example"
    assert "approvals:write" in caller.scopes
    assert "admin" not in caller.scopes
    assert not User.objects.get().has_usable_password()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scopes", "everything"], "Unknown scope"),
        (["--expires", "soon"], "date or time"),
        (["--organization", "no good"], "letters, digits"),
        (["--user", "nobody"], "email address"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_plainly(
    words: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        said("create_api_key", "x", *words)

    assert not ApiKey.objects.exists()


def test_a_sweep_rolls_up_opens_and_closes_as_of_the_moment_it_is_given(
    acme: Organization,
) -> None:
    budget = january_budget(acme, "Everything")
    report(acme, usage_record(cost="30"))

    said("sweep", "--at", "2025-02-01T00:00:00Z")
    again = said("sweep", "--at", "2025-02-01T00:00:00Z")

    assert not SpendDelta.objects.exists()
    january, february = BudgetPeriod.objects.filter(budget=budget)
    assert (january.spent, january.closed_at is not None) == (30, True)
    assert february.closed_at is None
    assert "Opened 0 and closed 0 budget periods" in again


def test_the_tree_is_printed_within_80_columns_and_as_json(acme: Organization) -> None:
    january_budget(acme, "Everything")
    report(acme, usage_record(cost="30"))

    with time_machine.travel(JANUARY, tick=False):
        (line,) = said("budget_status").splitlines()
        (root,) = json.loads(said("budget_status", "--json"))["acme"]

    assert len(line) <= 80
    assert line.startswith("Everything")
    assert "$100.00" in line
    assert root["total_spend"] == "30.0000000000"


def test_an_organization_without_budgets_is_told_what_to_do(acme: Organization) -> None:
    assert "has no budgets yet" in said("budget_status")


def test_schedules_are_installed_once() -> None:
    install()
    install()

    assert Schedule.objects.count() == len(PERIODIC)


def test_a_worker_that_retries_too_early_is_found_by_check() -> None:
    broken = {"retry": 10, "timeout": 60}

    with (
        override_settings(Q_CLUSTER=broken),
        pytest.raises(Exception, match="retries a task"),
    ):
        call_command("check")


def test_a_sweep_far_ahead_asks_whether_that_is_meant() -> None:
    later = timezone.now() + timedelta(days=2)

    with pytest.raises(CommandError, match="Add --really"):
        said("sweep", "--at", later.isoformat())

    assert said("sweep", "--at", later.isoformat(), "--really")
