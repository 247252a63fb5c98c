"""Templates over the wire: made, told of, overridden, refused."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from budgets.verification import differences
from tests.controls.factories import authorize
from tests.factories import (
    Api,
    make_api,
    make_budget,
    make_key,
    make_person,
    spend,
    usage_record,
)


@pytest.fixture
def api(acme: Organization) -> Api:
    return make_api(organization=acme)


def verified(organization: Organization) -> list[str]:
    return list(differences(organization))


def make(api: Api, **fields: Any) -> dict[str, Any]:
    body = {"name": "Each user", "amount": "5", "template": {"for_each": "user"}}
    answer = api.post("budgets", {**body, **fields})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


@pytest.mark.django_db
def test_a_template_and_what_it_made(api: Api) -> None:
    made = make(api, enforcement="hard")
    now = timezone.now().isoformat()
    api.post("usage", usage_record(user_id="Ann@acme.example", timestamp=now))

    (child,) = api.get(f"budgets?parent={made['id']}").body["results"]
    told = api.get(f"budgets/{made['id']}").body
    (node,) = api.get("budgets/tree").body

    assert (child["name"], child["amount"]) == ("ann@acme.example", "5.0000000000")
    assert (child["template_of"], child["template_value"]) == (
        made["id"],
        "ann@acme.example",
    )
    assert (child["template"], child["override"], child["enforcement"]) == (
        None,
        False,
        "hard",
    )
    assert told["template"] == {
        "for_each": "user",
        "most": 1000,
        "made": 1,
        "full": False,
    }
    assert (told["template_of"], told["template_value"]) == (None, None)
    assert node["template"] == told["template"]
    assert [one["template_value"] for one in node["children"]] == ["ann@acme.example"]


@pytest.mark.django_db
def test_one_value_has_another_amount_before_it_is_met_or_after(api: Api) -> None:
    made = make(api, enforcement="hard")
    path = f"budgets/{made['id']}/overrides"

    answer = api.post(path, {"value": " ANN@acme.example", "amount": 50})

    assert (answer.status, answer.body["override"]) == (201, True)
    asked = {"user_id": "ann@acme.example", "project_id": None}
    assert authorize(api, estimated_cost="50", **asked)["decision"] == "allow"
    back = api.post(path, {"value": "ann@acme.example", "amount": None})
    assert (back.body["amount"], back.body["override"]) == ("5.0000000000", False)
    assert back.body["id"] == answer.body["id"]
    assert authorize(api, estimated_cost="1", **asked)["decision"] == "block"


@pytest.mark.django_db
def test_a_full_hard_template_says_why_it_blocks(api: Api) -> None:
    made = make(api, enforcement="hard", template={"for_each": "user", "most": 1})
    authorize(api, user_id="ann")

    refused = authorize(api, user_id="mallory")

    (reason,) = refused["reasons"]
    assert (refused["decision"], reason["rule"]) == ("block", "template_full")
    assert reason["budget"] == made["id"]
    answer = api.post(
        f"budgets/{made['id']}/overrides", {"value": "bob", "amount": "1"}
    )
    assert (answer.status, answer.body["code"]) == (409, "template_full")

    more = api.patch(f"budgets/{made['id']}", {"template": {"most": 2}})

    assert more.body["template"]["most"] == 2
    assert authorize(api, user_id="mallory")["decision"] == "allow"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("template", "attr"),
    [
        ({"for_each": "model"}, "template.for_each"),
        ({"for_each": "tag:"}, "template.for_each"),
        ({"most": 5}, "template.for_each"),
        ({"for_each": "user", "most": 0}, "template.most"),
        ({"for_each": "user", "most": 10_001}, "template.most"),
        ({"for_each": "user", "most": "x"}, "template.most"),
        ("user", "template"),
    ],
)
def test_what_is_wrong_is_named(api: Api, template: Any, attr: str) -> None:
    answer = api.post("budgets", {"name": "Each", "amount": "5", "template": template})

    assert answer.status == 400
    assert attr in answer.body["errors"][0]["attr"]


@pytest.mark.django_db
def test_templates_are_not_nested_and_stay_what_they_are(api: Api) -> None:
    made = make(api)
    authorize(api, user_id="ann")
    (child,) = api.get(f"budgets?parent={made['id']}").body["results"]

    for parent in (made, child):
        answer = api.post(
            "budgets",
            {
                "name": "Nested",
                "amount": "1",
                "parent": parent["id"],
                "template": {"for_each": "team"},
            },
        )
        assert (answer.status, answer.body["errors"][0]["attr"]) == (400, "parent")
    other = api.patch(f"budgets/{made['id']}", {"template": {"for_each": "team"}})
    assert other.body["errors"][0]["attr"] == "template.for_each"
    followed = api.patch(f"budgets/{child['id']}", {"enforcement": "hard"})
    assert followed.body["errors"][0]["attr"] == "enforcement"
    plain = api.post(f"budgets/{child['id']}/overrides", {"value": "x", "amount": "1"})
    assert (plain.status, plain.body["code"]) == (409, "no_template")


@pytest.mark.django_db
def test_a_lease_opens_a_budget_and_its_usage_is_charged_to_it(api: Api) -> None:
    made = make(api, enforcement="hard")
    body = {"provider": "openai", "model": "gpt-4o", "amount": "1", "user_id": "ann"}

    lease = api.post("leases", body).body
    record = usage_record(
        user_id="ann",
        cost="0.25",
        timestamp=timezone.now().isoformat(),
        authorization_id=lease["id"],
    )
    api.post("usage", record)

    (child,) = api.get(f"budgets?parent={made['id']}").body["results"]
    status = api.get(f"budgets/{child['id']}/status").body
    assert status["total_spend"] == "0.2500000000"


# -- For each API key


@pytest.mark.django_db
def test_each_key_has_its_budget_whatever_its_holder_says(
    acme: Organization, api: Api
) -> None:
    made = make(api, enforcement="hard", template={"for_each": "api_key"})
    secrets = [make_key(organization=acme, name=name) for name in ("one", "two")]
    one, two = (Api(secret) for secret in secrets)
    now = timezone.now().isoformat()

    record = usage_record(
        cost="4", timestamp=now, tags={"api_key": "cok_another", "a": "b"}
    )
    answer = one.post("usage", record)
    again = one.post("usage", record)
    refused = authorize(one, estimated_cost="2", project_id=None)
    allowed = authorize(two, estimated_cost="2", tags=["x"])

    assert (answer.status, again.status, again.body["conflict"]) == (201, 200, False)
    assert (refused["decision"], allowed["decision"]) == ("block", "allow")
    children = api.get(f"budgets?parent={made['id']}").body["results"]
    assert {each["template_value"] for each in children} == {
        secret[:12] for secret in secrets
    }
    of_one = next(each for each in children if each["name"] == secrets[0][:12])
    status = api.get(f"budgets/{of_one['id']}/status").body
    assert status["total_spend"] == "4.0000000000"
    assert verified(acme) == []


@pytest.mark.django_db
def test_usage_stays_with_the_key_it_came_by_whoever_settles_or_corrects_it(
    acme: Organization, api: Api
) -> None:
    made = make(api, enforcement="hard", template={"for_each": "api_key"})
    secret = make_key(organization=acme, name="one")
    one = Api(secret)
    asked = authorize(one, estimated_cost="2")
    record = usage_record(
        cost="1",
        timestamp=timezone.now().isoformat(),
        project_id="search",
        authorization_id=asked["id"],
    )

    api.post("usage", record)
    fixed = {**record, "cost": "3", "reason": "Wrong"}
    del fixed["authorization_id"]
    api.post("usage/u1/correction", fixed)

    children = api.get(f"budgets?parent={made['id']}").body["results"]
    assert [each["name"] for each in children] == [secret[:12]]
    status = api.get(f"budgets/{children[0]['id']}/status").body
    assert (status["total_spend"], status["reserved"]) == (
        "3.0000000000",
        "0.0000000000",
    )
    assert verified(acme) == []


@pytest.mark.django_db
def test_without_such_a_template_keys_are_in_no_tag(
    acme: Organization, api: Api
) -> None:
    make(api)
    api.post("usage", usage_record(user_id="ann", tags={"api_key": "mine"}))

    (cost,) = api.get("costs").body

    assert cost["tags"] == {"api_key": "mine"}


@pytest.mark.django_db
def test_no_money_is_dated_for_a_template_itself(acme: Organization, api: Api) -> None:
    made = make(api)
    other = api.post("budgets", {"name": "Other", "amount": "50"}).body
    api.post("usage", usage_record(user_id="ann", timestamp=timezone.now().isoformat()))
    (ann,) = api.get(f"budgets?parent={made['id']}").body["results"]
    template, to = f"budgets/{made['id']}", {"to": made["id"], "amount": "1"}
    more = {"amount": "1", "until": "2199-01-01", "reason": "x"}

    asked = {"kind": "raise", "budget": made["id"], "justification": "x", **more}
    asked |= {"requester": make_person("ann@acme.example", {acme: Role.VIEWER}).email}
    asked.pop("reason")

    refused = [
        api.post(f"{template}/raises", more),
        api.post(f"{template}/transfers", {"to": other["id"], "amount": "1"}),
        api.post(f"budgets/{other['id']}/transfers", to),
        api.send("PUT", f"{template}/phasing", {"amounts": ["1"] * 12}),
        api.send("PUT", f"budgets/{ann['id']}/phasing", {"amounts": ["1"] * 12}),
        api.post("budget-requests", asked),
    ]

    said = [one.body["errors"][0] for one in refused]
    assert [one["attr"] for one in said] == [
        *("budget", "source", "to", "amounts", "amounts", "budget")
    ]
    assert [one["code"] for one in said] == [
        "is_made" if place == 4 else "is_template" for place in range(6)
    ]
    assert api.post(f"budgets/{ann['id']}/raises", more).status == 201


@pytest.mark.django_db
def test_an_owner_gives_what_their_topmost_template_made_no_more(
    acme: Organization,
) -> None:
    pat = make_person("pat@acme.example", {acme: Role.BUDGET_OWNER})
    template = make_budget(acme, owner=pat, template_for_each="user")
    api, path = Api(make_key(user=pat)), f"budgets/{template.uid}/overrides"
    spend(acme, "1", user_id="ann")
    spend(acme, "1", user_id="ben")
    ann, ben = (str(one.uid) for one in template.made.order_by("pk"))
    longer = {"amount": 1, "until": "2099-01-01"}

    refused = [
        api.post(path, {"value": "ann", "amount": 1001}),
        api.post(path, {"value": "new", "amount": 1001}),
        api.patch(f"budgets/{ann}", {"amount": 1001}),
        api.post(f"budgets/{ann}/raises", longer),
    ]
    allowed = [
        api.post(path, {"value": "ann", "amount": 900}),
        api.post(path, {"value": "new", "amount": None}),
        api.post(f"budgets/{ann}/transfers", {"to": ben, "amount": 1}),
    ]

    assert [one.status for one in refused] == [403] * 4
    assert {one.body["code"] for one in refused} == {"needs_request", "not_yours"}
    assert [one.status for one in allowed] == [201] * 3
