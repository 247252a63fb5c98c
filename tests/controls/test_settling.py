"""What usage that settles a decision is charged to: where its money was set aside."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization
from budgets.models import BudgetPeriod, Reservation
from budgets.reservations.settlements import differences
from ledger.models import Attribution, CostRecord
from tests.controls.factories import authorize, book, lease, make_hard, money_of
from tests.factories import Api, browser_for, usage_record
from tests.pages import page_at

pytestmark = pytest.mark.django_db

ASKED = {
    "provider": "openai",
    "model": "gpt-4o",
    "project_id": "search",
    "team_id": "ml",
    "department_id": "engineering",
    "environment": "prod",
    "user_id": "ada",
    "tags": {"feature": "chat"},
}
SCOPES = {
    "model": {"models": ["gpt-4o"]},
    "provider": {"providers": ["openai"]},
    "project_id": {"projects": ["search"]},
    "team_id": {"teams": ["ml"]},
    "department_id": {"departments": ["engineering"]},
    "environment": {"environments": ["prod"]},
    "user_id": {"users": ["ada"]},
    "tags": {"tags": {"feature": "chat"}},
}
# What records say for it: another spelling, another word, or nothing.
SENT = [
    ("model", "gpt-4o-2024-08-06"),
    ("model", "GPT-4o"),
    ("model", "openai/gpt-4o"),
    ("provider", "openai.chat"),
    ("provider", "OpenAI"),
    ("project_id", None),
    ("project_id", "Search"),
    ("team_id", "research"),
    ("department_id", None),
    ("environment", "production"),
    ("user_id", "Ada"),
    ("user_id", None),
    ("tags", None),
    ("tags", {"feature": "search"}),
    ("tags", ["feature"]),
]


def settle(api: Api, authorization: str, **fields: Any) -> dict[str, Any]:
    """Report a call of $0.60 that was allowed."""
    record = usage_record(
        cost="0.60",
        timestamp=timezone.now().isoformat(),
        **{**ASKED, "authorization_id": authorization, **fields},
    )
    answer = api.post("usage", {k: v for k, v in record.items() if v is not None})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


@pytest.mark.parametrize(("field", "sent"), SENT)
def test_a_limit_holds_however_the_record_spells_what_was_asked(
    acme: Organization, api: Api, field: str, sent: object
) -> None:
    limited = make_hard(acme, "Limited", "1", scope=SCOPES[field])

    decisions = []
    for number in range(4):
        asked = authorize(api, **ASKED, estimated_cost="0.60")
        decisions.append(asked["decision"])
        if asked["id"]:
            settle(api, asked["id"], id=f"u{number}", **{field: sent})

    assert decisions == ["allow", "block", "block", "block"]
    assert money_of(limited) == (Decimal("0.6"), 0)


@pytest.mark.parametrize(("field", "sent"), SENT)
def test_a_lease_is_drawn_on_however_the_record_spells_it(
    acme: Organization, api: Api, field: str, sent: object
) -> None:
    limited = make_hard(acme, "Limited", "1", scope=SCOPES[field])
    asked = {name: value for name, value in ASKED.items() if value}
    leased = lease(api, **asked, amount="0.60", minimum="0.60")

    settle(api, leased["id"], id="u1", **{field: sent})

    assert money_of(limited) == (Decimal("0.6"), 0)


# A decision, what its record says of the model, and whether it was another one.
OF_MODELS = [
    ({"model": "gpt-4o-2024-08-06"}, {"model": "gpt-4o"}),
    ({"model": "openai/gpt-4o-20240806"}, {"model": "GPT-4o-latest"}),
    ({"model": "claude-3-5-sonnet-20241022"}, {"model": "claude-3.5-sonnet"}),
    ({"provider": "azure"}, {"provider": None}),
    ({"provider": "azure"}, {"provider": None, "model": "gpt-4o-2024-08-06"}),
    (
        {"provider": "bedrock", "model": "anthropic.claude-3-5-sonnet-20241022-v2:0"},
        {"provider": None, "model": "claude-3-5-sonnet-latest"},
    ),
    ({"provider": "openrouter", "model": "openai/gpt-4o"}, {"provider": None}),
]


@pytest.mark.parametrize("takes_lease", [False, True], ids=["asked", "leased"])
@pytest.mark.parametrize(("asked", "sent"), OF_MODELS)
def test_a_limit_holds_though_records_leave_out_version_or_provider(
    acme: Organization,
    api: Api,
    asked: dict[str, str],
    sent: dict[str, Any],
    *,
    takes_lease: bool,
) -> None:
    said = {**ASKED, **asked}
    scope = {"models": [said["model"]], "providers": [said["provider"]]}
    limited = make_hard(acme, "Limited", "1", scope=scope)
    if takes_lease:
        named = lease(api, **said, amount="0.60", minimum="0.60")["id"]
    else:
        named = authorize(api, **said, estimated_cost="0.60")["id"]

    told = settle(api, named, id="u1", **{**asked, **sent})["authorization"]

    assert money_of(limited) == (Decimal("0.6"), 0)
    assert (told["differs"], told["without_leave"]) == ([], False)
    assert list(differences(acme)) == []


def test_what_is_left_out_is_left_out_by_a_repeat_too(
    acme: Organization, api: Api
) -> None:
    asked = {"provider": "azure", "model": "gpt-4o-2024-08-06"}
    decision = authorize(api, **asked, estimated_cost="0.60")
    record = usage_record(
        timestamp=timezone.now().isoformat(), model="gpt-4o", cost="0.60"
    )
    del record["provider"]
    api.post("usage", {**record, "authorization_id": decision["id"]})

    again = api.post("usage", {**record, "authorization_id": decision["id"]})
    unnamed = api.post("usage", record)
    other = api.post("usage", {**record, "model": "gpt-4o-mini"})

    assert (again.body["duplicate"], again.body["conflict"]) == (True, False)
    assert (unnamed.body["duplicate"], unnamed.body["conflict"]) == (True, False)
    assert other.body["conflict"] is True


def test_another_version_than_was_allowed_is_told(acme: Organization, api: Api) -> None:
    limited = make_hard(acme, "May", "1", scope={"models": ["gpt-4o-2024-05-13"]})
    asked = authorize(api, model="gpt-4o-2024-08-06", estimated_cost="0.60")

    answer = settle(api, asked["id"], model="gpt-4o-2024-05-13")

    assert answer["authorization"]["without_leave"] is True
    assert answer["authorization"]["differs"] == [
        {"field": "model", "asked": "gpt-4o-2024-08-06", "sent": "gpt-4o-2024-05-13"}
    ]
    assert money_of(limited) == (Decimal("0.6"), 0)
    assert list(differences(acme)) == []


def test_a_version_that_leads_to_a_limit_nobody_asked_is_told(
    acme: Organization, api: Api
) -> None:
    limited = make_hard(acme, "August", "1", scope={"models": ["gpt-4o-2024-08-06"]})
    asked = authorize(api, model="gpt-4o", estimated_cost="0.60")

    answer = settle(api, asked["id"], model="gpt-4o-2024-08-06")

    assert answer["authorization"]["without_leave"] is True
    assert answer["authorization"]["differs"] == [
        {"field": "model", "asked": "gpt-4o", "sent": "gpt-4o-2024-08-06"}
    ]
    assert money_of(limited) == (Decimal("0.6"), 0)


def test_another_word_is_told_and_kept(acme: Organization, api: Api) -> None:
    make_hard(acme, "Limited", "1", scope={"projects": ["search"]})
    asked = authorize(api, estimated_cost="0.60")  # says nothing of a user

    answer = settle(api, asked["id"], project_id="web")

    differs = [{"field": "project_id", "asked": "search", "sent": "web"}]
    assert answer["authorization"]["differs"] == differs
    assert answer["authorization"]["without_leave"] is False
    (record,) = api.get("costs").body
    assert record["project_id"] == "search"
    assert record["user_id"] == "ada"


def test_what_is_left_out_or_spelled_otherwise_is_no_difference(
    acme: Organization, api: Api
) -> None:
    asked = authorize(api, **ASKED, estimated_cost="0.60")

    answer = settle(
        api,
        asked["id"],
        model="openai/GPT-4o-2024-08-06",
        provider="openai.responses",
        tags=None,
        team_id=None,
    )

    assert answer["authorization"]["differs"] == []


def test_another_model_is_charged_as_what_it_was_and_told(
    acme: Organization, api: Api
) -> None:
    asked_of = make_hard(acme, "Mini", "1", scope={"models": ["gpt-4o-mini"]})
    other = make_hard(acme, "Big", "1", scope={"models": ["gpt-4o"]})
    asked = authorize(api, model="gpt-4o-mini", estimated_cost="0.60")

    answer = book(api, "0.70", authorization_id=asked["id"])

    assert answer["authorization"]["without_leave"] is True
    assert answer["authorization"]["differs"] == [
        {"field": "model", "asked": "gpt-4o-mini", "sent": "gpt-4o"}
    ]
    assert money_of(asked_of) == (0, 0)
    assert money_of(other) == (Decimal("0.7"), 0)


def test_a_record_may_not_lead_where_nobody_asked(acme: Organization, api: Api) -> None:
    make_hard(acme, "Company", "10")
    ada = make_hard(acme, "Ada", "0.10", scope={"users": ["ada"]})
    asked = authorize(api, estimated_cost="0.60")

    answer = book(api, "0.60", authorization_id=asked["id"], user_id="ada")

    assert answer["authorization"]["differs"] == [
        {"field": "user_id", "asked": None, "sent": "ada"}
    ]
    assert not BudgetPeriod.objects.filter(budget=ada, spent__gt=0).exists()


def test_a_batch_tells_which_of_its_records_differ(
    acme: Organization, api: Api
) -> None:
    make_hard(acme, "Company", "10")
    one, other = authorize(api), authorize(api)
    now = timezone.now().isoformat()

    answer = api.post(
        "usage/batch",
        [
            usage_record(
                id="u1",
                timestamp=now,
                project_id="search",
                authorization_id=one["id"],
            ),
            usage_record(
                id="u2", timestamp=now, project_id="web", authorization_id=other["id"]
            ),
        ],
    )

    (differing,) = answer.body["differing"]
    assert differing["index"] == 1
    assert differing["authorization"]["differs"] == [
        {"field": "project_id", "asked": "search", "sent": "web"}
    ]


def test_a_repeat_of_a_settled_record_is_no_conflict(
    acme: Organization, api: Api
) -> None:
    asked = authorize(api, estimated_cost="0.60")
    record = usage_record(
        timestamp=timezone.now().isoformat(),
        project_id="web",
        cost="0.60",
        authorization_id=asked["id"],
    )
    api.post("usage", record)

    again = api.post("usage", record)
    unnamed = api.post("usage", {**record, "authorization_id": None})

    assert (again.body["duplicate"], again.body["conflict"]) == (True, False)
    assert (unnamed.body["duplicate"], unnamed.body["conflict"]) == (True, False)


def test_what_was_said_otherwise_is_listed_with_the_conflicts(
    acme: Organization, api: Api
) -> None:
    make_hard(acme, "Company", "10")
    for number in range(2):
        asked = authorize(api, estimated_cost="0.60")
        settle(api, asked["id"], id=f"u{number}", project_id="web")

    clashes = api.get("budgets/conflicts").body

    (clash,) = [one for one in clashes if one["type"] == "said_otherwise"]
    assert clash["amount"] == "1.2000000000"
    assert clash["message"] == (
        "2 calls of the last 30 days, $1.20, are charged to what they were allowed "
        "for, not to what they said: project “web” for “search”."
    )


def test_a_call_without_leave_is_told_on_the_page_and_by_verify(
    acme: Organization, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    mini = make_hard(acme, "Mini", "1", scope={"models": ["gpt-4o-mini"]})
    asked = authorize(api, model="gpt-4o-mini", estimated_cost="0.60")
    settle(api, asked["id"])

    page = page_at(browser_for(acme), f"/admin/budgets/budget/{mini.pk}/change/")
    call_command("verify")
    clashes = api.get("budgets/conflicts").body

    told = "went where it had no leave: model “gpt-4o” for “gpt-4o-mini”."
    assert f"1 call this period, $0.60, {told}" in page.text
    printed = capsys.readouterr().out
    assert "acme: note: 1 call ($0.60) went where they had no leave" in printed
    assert "every promise holds" in printed
    assert "without_leave" in {one["type"] for one in clashes}


FAULTS: dict[str, Callable[[CostRecord, Reservation], object]] = {
    "settled by 1 records of": lambda record, row: Reservation.objects.filter(
        pk=row.pk
    ).update(settled="0.5"),
    "which knows of none": lambda record, row: CostRecord.objects.filter(
        pk=record.pk
    ).update(settles=uuid4()),
    "its project is “web”": lambda record, row: Attribution.objects.filter(
        pk=record.attribution_id
    ).update(project="web"),
    "untold": lambda record, row: Attribution.objects.filter(
        pk=record.attribution_id
    ).update(model="gpt-5"),
}


@pytest.mark.parametrize("found", FAULTS)
def test_verify_finds_what_is_not_where_its_money_was(
    acme: Organization, api: Api, found: str
) -> None:
    make_hard(acme, "Company", "10")
    asked = authorize(api, estimated_cost="0.60")
    settle(api, asked["id"])
    assert list(differences(acme)) == []

    FAULTS[found](CostRecord.objects.get(), Reservation.objects.get())

    assert any(found in difference for difference in differences(acme))
