"""What was booked letter by letter is charged as if names had always meant as much."""

from decimal import Decimal
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from budgets import backfill
from budgets.models import Budget, BudgetPeriod
from budgets.refiling import refile, refile_due, refile_if_due
from ledger.identity import REVISION
from ledger.models import Attribution
from tests.budgets.moments import examples
from tests.budgets.stories import stories
from tests.budgets.worlds import World, differences, jan, january_budget, undone
from tests.factories import (
    make_api,
    make_organization,
    report,
    spend,
    usage_record,
)
from tests.filed_as_sent import filed_as_sent

MIGRATION = import_module("ledger.migrations.0006_attribution_sent_names")


def spent(budget: Budget) -> Decimal:
    return sum(
        BudgetPeriod.objects.filter(budget=budget).values_list("spent", flat=True),
        Decimal(0),
    )


@pytest.fixture
def old(db: None) -> Organization:
    """A budget of gpt-4o, another of ada's, and four uses of which each counts one."""
    with filed_as_sent():
        organization = make_organization()
        january_budget(organization, "gpt-4o", scope={"models": ["gpt-4o"]})
        january_budget(organization, "ada", scope={"users": ["ada@x.com"]})
        for number, (model, user) in enumerate(
            [
                ("gpt-4o", "Ada@X.com"),
                ("GPT-4o", "ADA@x.com"),
                ("gpt-4o-2024-08-06", "ada@x.com"),
                ("gpt-4o-mini", "x7Q"),
            ]
        ):
            fields = {"id": f"old{number}", "model": model, "user_id": user}
            spend(organization, "1", jan(10), **fields)
        assert differences(organization) == []
    return organization


def spends(organization: Organization) -> dict[str, Decimal]:
    rows = Budget.objects.filter(organization=organization)
    return {budget.name: spent(budget) for budget in rows}


@pytest.mark.django_db
@examples(3)
@given(story=stories, again=st.booleans(), chunk=st.sampled_from([None, None, 1, 3]))
def test_history_follows_when_names_come_to_mean_more(
    story: list[tuple[Any, ...]], chunk: int | None, *, again: bool
) -> None:
    with undone(), pytest.MonkeyPatch.context() as patched:
        if chunk:
            patched.setattr(backfill, "AT_ONCE", 0)
            patched.setattr(backfill, "CHUNK", chunk)
            patched.setattr(backfill, "enqueue", lambda *task: None)
        world = World()
        with filed_as_sent():
            for step in story:
                world.do(step)
            backfill.continue_all()
            assert differences(world.organization) == []

        refile_due()
        world.check()
        backfill.continue_all()
        world.check()
        if again:
            refile(world.organization)
            world.check()
        for step in story:
            world.do(step)
        backfill.continue_all()
        world.check()


def test_whoever_books_next_files_what_is_there_first(old: Organization) -> None:
    assert spends(old) == {"gpt-4o": 1, "ada": 1}

    report(old, usage_record(timestamp=jan(11).isoformat(), model="o3", cost="5"))

    assert spends(old) == {"gpt-4o": 3, "ada": 3}
    assert differences(old) == []
    old.refresh_from_db()
    assert old.identity_revision == REVISION


def test_whoever_decides_next_files_what_is_there_first(db: None) -> None:
    with filed_as_sent():
        organization = make_organization()
        scope = {"models": ["gpt-4o"]}
        january_budget(organization, amount="3", scope=scope, enforcement="hard")
        spend(organization, "3", model="gpt-4o-2024-08-06")

    answer = make_api(organization=organization).post(
        "authorizations",
        {"provider": "openai", "model": "gpt-4o", "estimated_cost": "0.1"},
    )

    assert answer.body["decision"] == "block"


def test_the_sweep_files_what_nobody_opens(old: Organization) -> None:
    call_command("sweep", stdout=(told := StringIO()))

    assert "Filed 1 organizations" in told.getvalue()
    assert spends(old) == {"gpt-4o": 3, "ada": 3}
    assert refile_due() == 0


def test_the_command_tells_what_it_moved(old: Organization) -> None:
    told = StringIO()

    call_command("refile", "--organization", old.slug, stdout=told)
    call_command("refile", stdout=told)

    assert told.getvalue().splitlines() == [
        "acme: moved 3 of 4 combinations.",
        "acme: moved 0 of 4 combinations.",
    ]
    assert spends(old) == {"gpt-4o": 3, "ada": 3}
    with pytest.raises(CommandError, match="no organization"):
        call_command("refile", "--organization", "nobody")


def test_long_history_is_left_to_a_worker(
    old: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "AT_ONCE", 0)
    told = StringIO()

    call_command("refile", stdout=told)

    assert "A worker goes on" in told.getvalue()
    backfill.continue_all()
    assert spends(old) == {"gpt-4o": 3, "ada": 3}
    assert differences(old) == []


def test_money_set_aside_is_held_by_what_names_mean(db: None) -> None:
    with filed_as_sent():
        organization = make_organization()
        api = make_api(organization=organization)
        scope = {"models": ["gpt-4o"]}
        budget = january_budget(organization, scope=scope, enforcement="hard")
        call = {"provider": "openai", "model": "GPT-4o", "estimated_cost": "40"}
        assert api.post("authorizations", call).body["decision"] == "allow"

    refile_if_due(organization.pk)

    (period,) = BudgetPeriod.objects.filter(budget=budget, reserved__gt=0)
    assert period.reserved == 40
    assert differences(organization) == []
    assert (
        api.post("authorizations", call | {"estimated_cost": "60.1"}).body["decision"]
        == "block"
    )


def test_what_is_filed_by_the_present_names_is_left_alone(old: Organization) -> None:
    refile_due()
    old.refresh_from_db()
    revision = old.revision

    refile_if_due(old.pk)

    old.refresh_from_db()
    assert old.revision == revision


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"model": "gpt-4"}, "openai / gpt-4 / ada"),
        ({"model_version": "gpt-4o-2024-08-06"}, "gpt-4o-2024-08-06"),
        ({"provider": "OpenAI"}, "OpenAI"),
        ({"user": "Ada@x.com"}, "Ada@x.com"),
        ({"sent_model": "gpt-4"}, "was changed"),
        ({"sent_user": "bob"}, "was changed"),
    ],
    ids=lambda value: str(value),
)
def test_verify_finds_another_name(
    old: Organization, fault: dict[str, str], told: str
) -> None:
    refile_due()
    one = Attribution.objects.filter(sent_model="gpt-4o")
    one.update(**fault)

    assert any(told in difference for difference in differences(old))


def test_the_words_are_kept_when_the_release_is_taken_back(old: Organization) -> None:
    with filed_as_sent():
        before = list(Attribution.objects.order_by("pk").values())
    refile_due()

    MIGRATION.restore(apps, None)
    with filed_as_sent():
        assert [
            {**row, "model_version": ""}
            for row in Attribution.objects.order_by("pk").values()
        ] == before
    Attribution.objects.update(sent_user="", sent_provider="", sent_model="")
    MIGRATION.keep(apps, None)
    refile_due()

    assert differences(old) == []
    assert spends(old) == {"gpt-4o": 3, "ada": 3}


def test_what_is_still_to_be_filed_anew_is_noted_and_not_wrong(
    acme: Organization, capsys: pytest.CaptureFixture[str]
) -> None:
    report(acme, usage_record(id="u1", provider="openai.responses", model="GPT-4o"))
    Attribution.objects.update(provider="openai.responses", model="GPT-4o")
    Organization.objects.update(identity_revision=0)

    call_command("verify")

    printed = capsys.readouterr().out
    assert "acme: note: 1 combinations are filed as an older version" in printed
    assert "every promise holds" in printed
