"""Limits and rules hold however a call spells its model, provider or person."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from accounts.models import Organization
from budgets.models import Budget
from tests.controls.factories import authorize, call, lease, make_hard
from tests.controls.guarding import given as ruled
from tests.controls.guarding import guard
from tests.controls.spelled import Spelled, means, models
from tests.factories import Api
from tests.sizes import examples

pytestmark = pytest.mark.django_db
SPELLINGS = ["gpt-4o", "GPT-4o", "openai/gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-latest"]


@pytest.fixture
def company(acme: Organization) -> Budget:
    return make_hard(acme, "Company", "100")


@pytest.mark.usefixtures("_remembers")
@pytest.mark.parametrize("amount", ["0", "1"])
def test_a_limit_on_a_model_holds_under_all_its_names(
    api: Api, acme: Organization, amount: str
) -> None:
    make_hard(acme, "4o", amount, scope={"models": ["gpt-4o"]})

    answers = [
        authorize(api, model=model, estimated_cost="0.6")
        for model in [*SPELLINGS, "gpt-4o-mini"]
    ]

    allowed = [one["model"] for one in answers if one["decision"] == "allow"]
    assert allowed == (["gpt-4o"] if amount == "1" else []) + ["gpt-4o-mini"]


@pytest.mark.parametrize("model", SPELLINGS)
def test_no_lease_passes_a_limit_by_another_name(
    api: Api, acme: Organization, model: str
) -> None:
    make_hard(acme, "4o", "0", scope={"models": ["gpt-4o"]})

    assert lease(api, model=model, amount="1")["mode"] == "block"
    assert lease(api, model="gpt-4o-mini", amount="1")["mode"] == "lease"


@pytest.mark.parametrize("provider", ["openai", "openai.responses", "OpenAI"])
def test_a_limit_on_a_provider_or_person_holds_under_all_their_names(
    api: Api, acme: Organization, provider: str
) -> None:
    make_hard(acme, "OpenAI", "1", scope={"providers": ["openai"]})
    make_hard(acme, "Ada", "0.5", scope={"users": ["ada@acme.example"]})

    hers = authorize(api, provider=provider, user_id="Ada@Acme.example")
    dear = authorize(api, provider=provider, estimated_cost="1.1")
    fine = authorize(api, provider=provider, estimated_cost="0.9")

    assert [one["decision"] for one in (hers, dear, fine)] == [
        "block",
        "block",
        "allow",
    ]


BLOCKED = [
    *("gpt-4", "gpt-4-0613", "GPT-4", "openai/gpt-4"),
    *("claude-3-opus", "claude-3-opus-20240229", "claude-3-opus-latest"),
]


@pytest.mark.usefixtures("_remembers")
def test_a_blocklist_stops_all_names_of_its_models(api: Api, company: Budget) -> None:
    guard(company, ruled("model_blocklist", blocked_models=["gpt-4", "claude-3-opus"]))

    for model in BLOCKED:
        answer = authorize(api, model=model)
        assert (answer["decision"], answer["model"]) == ("block", model)
    assert authorize(api, model="gpt-4o")["decision"] == "allow"


def test_an_allowed_call_keeps_its_name_and_a_cheaper_one_its_authors(
    api: Api, company: Budget
) -> None:
    guard(company, ruled("model_downgrade", downgrades={"gpt-4": "GPT-3.5-turbo"}))

    same = authorize(api, model="openai/GPT-4o-2024-08-06")
    lesser = authorize(api, model="GPT-4-0613")

    assert (same["decision"], same["model"]) == ("allow", "openai/GPT-4o-2024-08-06")
    assert (lesser["decision"], lesser["model"]) == ("downgrade", "GPT-3.5-turbo")


def test_downgrades_that_lead_back_under_another_name_end(
    api: Api, acme: Organization, company: Budget
) -> None:
    search = make_hard(
        acme, "Search", "50", parent=company, scope={"projects": ["search"]}
    )
    guard(search, ruled("model_downgrade", downgrades={"gpt-4": "GPT-4o"}))
    guard(company, ruled("model_downgrade", downgrades={"gpt-4o": "openai/gpt-4"}))

    assert authorize(api, model="gpt-4")["model"] == "GPT-4o"
    assert authorize(api, model="gpt-4-0613")["model"] == "GPT-4o"
    assert authorize(api, model="gpt-4o")["model"] == "openai/gpt-4"


@pytest.mark.parametrize(
    ("downgrades", "why"),
    [
        ({"gpt-4": "o3", "O3": "openai/gpt-4"}, "circle: gpt-4 -> o3 -> openai/gpt-4."),
        ({"gpt-4-0613": "o3", "o3": "gpt-4-0613"}, "circle"),
        ({"gpt-4-0613": "o3", "o3": "gpt-4"}, "circle: gpt-4-0613 -> o3 -> gpt-4."),
        ({"gpt-4": "a", "GPT-4": "b"}, "gpt-4 and GPT-4 are the same model"),
    ],
)
def test_what_means_the_same_is_refused_in_downgrades(
    api: Api, company: Budget, downgrades: dict[str, str], why: str
) -> None:
    rule: dict[str, Any] = ruled("model_downgrade", downgrades=downgrades)

    answer = api.send("PUT", f"budgets/{company.uid}/controls", {"rules": [rule]})

    assert answer.status == 400
    assert why in answer.body["errors"][0]["detail"]


def test_a_version_may_have_another_downgrade_than_its_model(
    api: Api, company: Budget
) -> None:
    pairs = {"gpt-4": "gpt-4-0613", "gpt-4-0314": "gpt-3.5-turbo"}
    rule = ruled("model_downgrade", downgrades=pairs)

    assert (
        api.send("PUT", f"budgets/{company.uid}/controls", {"rules": [rule]}).status
        == 200
    )

    assert authorize(api, model="gpt-4")["model"] == "gpt-4-0613"
    assert authorize(api, model="gpt-4-0613")["decision"] == "allow"
    assert authorize(api, model="gpt-4-0314")["model"] == "gpt-3.5-turbo"


@settings(
    max_examples=examples(4, 60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(models(), models())
def test_any_spelling_is_held_to_a_limit_and_a_rule(
    api: Api, acme: Organization, written: Spelled, used: Spelled
) -> None:
    expected = "block" if means(written, used) else "allow"
    limit = make_hard(acme, "Limit", "0", scope={"models": [written.text]})
    body = call(model=used.text)

    limited = api.post("authorizations", body).body["decision"]
    Budget.objects.filter(pk=limit.pk).update(enforcement="soft")
    acme.touch()
    guard(limit, ruled("model_blocklist", blocked_models=[written.text]))
    ruled_out = api.post("authorizations", body).body["decision"]
    guard(limit)

    assert (limited, ruled_out) == (expected, expected)
