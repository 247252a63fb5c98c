"""The API of rules and kill switches: as people write them, refusals, isolation."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from budgets.models import Budget
from budgets.services import archive_budget
from controls.models import ControlRule, KillSwitch
from controls.ruleset import open_ruleset
from tests.controls.typical import RULES
from tests.factories import Answer, Api, make_api, make_budget, make_organization

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _one_moment() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ml(acme: Organization) -> Budget:
    return make_budget(acme, "ML Team", "15000")


def put(api: Api, budget: Budget, *rules: Any, **more: Any) -> Answer:
    body = {"rules": list(rules), **more}
    return api.send("PUT", f"budgets/{budget.uid}/controls", body)


def switch(api: Api, budget: Budget, **body: Any) -> Answer:
    return api.send("PUT", f"budgets/{budget.uid}/kill-switch", body)


def test_rules_are_taken_as_people_write_them(api: Api, ml: Budget) -> None:
    answer = put(api, ml, *RULES, budgetId=str(ml.uid))

    assert answer.status == 200, answer.body
    rules = api.get(f"budgets/{ml.uid}/controls").body["rules"]
    assert rules == answer.body["rules"]
    assert [rule["trigger"] for rule in rules] == [one["trigger"] for one in RULES]
    assert [rule["notify"] for rule in rules] == [True, False, False, False]
    assert [rule["config"] for rule in rules] == [
        RULES[0]["config"],
        {
            "blocked_models": ["gpt-4", "claude-3-opus"],
            "allowed_models": ["gpt-3.5-turbo", "claude-3-haiku"],
        },
        {"max_requests_per_minute": 10, "max_cost_per_hour": "50.0000000000"},
        {
            "message": "Monthly budget exceeded. Contact finance team.",
            "exempt_users": ["admin@company.com"],
        },
    ]
    assert rules[2]["summary"].startswith("From 95")


def test_rules_may_be_written_in_snake_case_and_sent_back(api: Api, ml: Budget) -> None:
    first = put(api, ml, *RULES).body

    again = api.send("PUT", f"budgets/{ml.uid}/controls", first)

    assert again.status == 200, again.body
    assert again.body == first


def test_a_rule_stays_itself(api: Api, ml: Budget) -> None:
    first, second, *_ = put(api, ml, *RULES).body["rules"]
    changed = {
        **RULES[0],
        "id": first["id"],
        "trigger": "budget_percentage >= 0.8",
    }
    softer = {**RULES[1], "config": {"blocked_models": ["gpt-4"]}}

    rules = put(api, ml, softer, changed).body["rules"]

    assert [rule["id"] for rule in rules] == [second["id"], first["id"]]
    assert rules[0]["config"] == {"blocked_models": ["gpt-4"]}
    assert rules[1]["trigger"] == "budget_percentage >= 0.8"
    assert ControlRule.objects.count() == 2


def test_no_rules_take_all_away(api: Api, ml: Budget) -> None:
    put(api, ml, *RULES)

    assert put(api, ml).body["rules"] == []
    assert not ControlRule.objects.exists()


def test_rules_are_shown_to_the_budgets_below(
    api: Api, ml: Budget, acme: Organization
) -> None:
    below = make_budget(acme, "Search", "10", parent=ml)
    put(api, ml, RULES[3])
    switch(api, ml, active=True, message="Audit.")

    body = api.get(f"budgets/{below.uid}/controls").body

    assert body["rules"] == []
    (inherited,) = body["inherited"]
    assert inherited["action"] == "block"
    assert inherited["from"] == {"id": str(ml.uid), "name": "ML Team"}
    assert body["kill_switch"]["active"] is False
    (above,) = body["kill_switch"]["inherited"]
    assert (above["from"]["name"], above["message"]) == ("ML Team", "Audit.")


def test_a_budget_is_switched_off_and_on(api: Api, ml: Budget) -> None:
    off = switch(api, ml, active=True, message="Leaked key.")
    again = switch(api, ml, active=True, message="Leaked key.")
    other = switch(api, ml, active=True, message="Still leaking.")

    assert (
        off.body
        == again.body
        == {
            "budget": str(ml.uid),
            "active": True,
            "message": "Leaked key.",
            "actor": "key tests",
            "since": "2026-11-10T12:00:00Z",
            "inherited": [],
        }
    )
    assert other.body["message"] == "Still leaking."
    assert api.get(f"budgets/{ml.uid}/kill-switch").body == other.body
    for _ in range(2):
        on = switch(api, ml, active=False)
        assert (on.status, on.body["active"], on.body["since"]) == (200, False, None)


def test_every_change_keeps_who_and_what(api: Api, ml: Budget) -> None:
    put(api, ml, *RULES)
    put(api, ml, RULES[3])
    switch(api, ml, active=True)
    switch(api, ml, active=False)

    rules = ControlRule.history.order_by("history_id")
    switches = KillSwitch.history.order_by("history_id")
    assert [row.history_type for row in rules] == [*"++++---~"]
    assert {row.actor for row in rules} == {"key tests"}
    assert [row.history_type for row in switches] == [*"+-"]


def test_a_change_tells_every_process(api: Api, ml: Budget, acme: Organization) -> None:
    def revision() -> int:
        acme.refresh_from_db()
        return acme.revision

    seen = [revision()]
    put(api, ml, *RULES)
    seen.append(revision())
    for active in (True, False):
        switch(api, ml, active=active)
        seen.append(revision())

    assert seen == sorted(set(seen))


def test_what_is_effective_is_read_in_order(api: Api, ml: Budget) -> None:
    put(api, ml, *RULES)
    switch(api, ml, active=True, message="Stop.")

    ruleset = open_ruleset(ml.organization_id)

    rules = ruleset.for_budgets([ml.pk, 0])
    assert [rule.action.value for rule in rules] == [one["action"] for one in RULES]
    assert {rule.exempt_users for rule in rules} == {frozenset({"admin@company.com"})}
    assert rules[2].max_cost_per_hour == 50 * 10**10
    assert ruleset.switches[ml.pk].message == "Stop."
    assert ruleset.rules == rules


BAD: dict[str, tuple[Any, str, str]] = {
    "no rules": ({}, "rules", "required"),
    "not a list": ({"rules": {}}, "rules", "list"),
    "not a rule": ({"rules": [5]}, "rules.0", "dictionary"),
    "an unknown field": ({"rules": [{"actoin": "block"}]}, "rules.0.actoin", "known"),
    "no trigger": ({"rules": [{"action": "block"}]}, "rules.0.trigger", "required"),
    "another budget": ({"rules": [], "budgetId": "x"}, "budget_id", "another budget"),
    "too many": (
        {"rules": [{"action": "block", "trigger": "always"}] * 51},
        "rules",
        "no more than 50",
    ),
}


@pytest.mark.parametrize(("body", "attr", "why"), BAD.values(), ids=BAD)
def test_a_bad_body_is_named(
    api: Api, ml: Budget, body: Any, attr: str, why: str
) -> None:
    answer = api.send("PUT", f"budgets/{ml.uid}/controls", body)

    assert answer.status == 400, answer.body
    assert attr in [error["attr"] for error in answer.body["errors"]]
    assert why in " ".join(error["detail"] for error in answer.body["errors"])


def ruled(action: str, trigger: str = "always", **config: Any) -> dict[str, Any]:
    return {"trigger": trigger, "action": action, "config": config}


BAD_RULES: list[tuple[dict[str, Any], str, str]] = [
    (ruled("block", "budget_percentage >= 90"), "trigger", "write 0.9 for 90 %"),
    (ruled("block", "budget_percentage => 1"), "trigger", "can't be read"),
    (ruled("block", 'colour == "red"'), "trigger", "names “colour”"),
    (ruled("block", "x" * 501), "trigger", "500"),
    (ruled("explode"), "action", "unknown; use block, model_blocklist"),
    (ruled("block", mesage="No."), "config.mesage", "known are exempt_users"),
    (ruled("block", exemptUsers="ann"), "config.exempt_users", "list"),
    (ruled("model_blocklist"), "config.blocked_models", "Send blocked_models or"),
    (ruled("model_blocklist", blockedModels=["g*4"]), "config.blocked_models.0", "end"),
    (ruled("model_downgrade"), "config.downgrades", "required"),
    (ruled("model_downgrade", downgrades={}), "config.downgrades", "Name a model"),
    (ruled("model_downgrade", downgrades={"a": "b*"}), "config.downgrades.a", "end"),
    (
        ruled("model_downgrade", downgrades={"a": "b", "b": "a"}),
        "config.downgrades",
        "Leads in a circle: a -> b -> a.",
    ),
    (ruled("model_downgrade", downgrades={"a": "a"}), "config.downgrades", "circle"),
    (ruled("model_downgrade", downgrades={"": "a"}), "config.downgrades", "blank"),
    (ruled("model_downgrade", downgrades={"a": []}), "config.downgrades.a", "valid"),
    (ruled("rate_limit"), "config.max_requests_per_minute", "Send"),
    (ruled("rate_limit", maxRequestsPerMinute=0), "config.max_requests_per_minute", ""),
    (ruled("rate_limit", maxCostPerHour=0), "config.max_cost_per_hour", "more than 0"),
    (ruled("rate_limit", maxCostPerHour="much"), "config.max_cost_per_hour", "number"),
    (ruled("rate_limit", maxCostPerHour="1e40"), "config.max_cost_per_hour", "digits"),
    ({"trigger": "always", "action": "notify", "config": []}, "config", "dictionary"),
    (
        {**ruled("block"), "id": "00000000-0000-0000-0000-000000000000"},
        "id",
        "Leave the id out",
    ),
]


@pytest.mark.parametrize(
    ("rule", "attr", "why"), BAD_RULES, ids=lambda one: str(one)[:60]
)
def test_a_bad_rule_is_named(
    api: Api, ml: Budget, rule: Any, attr: str, why: str
) -> None:
    good = {"trigger": "always", "action": "notify"}

    answer = put(api, ml, good, rule)

    assert answer.status == 400, answer.body
    assert f"rules.1.{attr}" in [error["attr"] for error in answer.body["errors"]]
    assert why in " ".join(error["detail"] for error in answer.body["errors"])
    assert not ControlRule.objects.exists()


def test_a_cheaper_model_of_the_same_family_is_no_circle(api: Api, ml: Budget) -> None:
    rule = ruled("model_downgrade", downgrades={"gpt-4*": "gpt-4o-mini"})

    assert put(api, ml, rule).status == 200


def test_a_rules_id_is_its_own_budgets(
    api: Api, ml: Budget, acme: Organization
) -> None:
    other = make_budget(acme, "Sales", "10")
    (rule,) = put(api, other, RULES[3]).body["rules"]

    assert put(api, ml, {**RULES[3], "id": rule["id"]}).status == 400
    twice = {**RULES[3], "id": rule["id"]}
    assert put(api, other, twice, twice).status == 400


@pytest.mark.parametrize(
    "body", [{}, {"active": "perhaps"}, {"active": True, "mesage": "x"}, []]
)
def test_a_bad_switch_is_refused(api: Api, ml: Budget, body: Any) -> None:
    answer = api.send("PUT", f"budgets/{ml.uid}/kill-switch", body)

    assert answer.status == 400
    assert not KillSwitch.objects.exists()


def test_an_archived_budget_stays_as_it_is(api: Api, ml: Budget) -> None:
    archive_budget(ml, now=NOW)

    assert put(api, ml, RULES[3]).body["code"] == "budget_archived"
    assert switch(api, ml, active=True).status == 409
    assert switch(api, ml, active=False).status == 200


PATHS = ("controls", "kill-switch", "controls/replay")


@pytest.mark.parametrize("path", PATHS)
def test_other_organizations_budgets_are_not_there(ml: Budget, path: str) -> None:
    other = make_api(organization=make_organization("globex"))
    bodies = {"controls": {"rules": []}, "kill-switch": {"active": True}}
    method = "POST" if path == "controls/replay" else "PUT"

    for uid in (ml.uid, "x", "00000000-0000-0000-0000-000000000000"):
        if method == "PUT":
            assert other.get(f"budgets/{uid}/{path}").status == 404
        answer = other.send(method, f"budgets/{uid}/{path}", bodies.get(path, {}))
        assert answer.status == 404
    assert not KillSwitch.objects.exists()


@pytest.mark.parametrize("path", PATHS)
def test_reading_and_changing_take_their_scopes(
    acme: Organization, ml: Budget, path: str
) -> None:
    reader = make_api("budgets:read", organization=acme)
    stranger = make_api("controls:authorize", organization=acme)
    where = f"budgets/{ml.uid}/{path}"

    if path == "controls/replay":
        assert reader.post(where, {}).status == 200
        assert stranger.post(where, {}).status == 403
        return
    assert reader.get(where).status == 200
    assert reader.send("PUT", where, {}).status == 403
    assert stranger.get(where).status == 403


def test_a_misspelt_parameter_is_refused(api: Api, ml: Budget) -> None:
    assert api.get(f"budgets/{ml.uid}/controls?at=now").status == 400


def test_rules_are_read_in_few_queries(
    api: Api, ml: Budget, django_assert_num_queries: Any
) -> None:
    put(api, ml, *RULES)

    with django_assert_num_queries(6):  # one for the version of the answer
        api.get(f"budgets/{ml.uid}/controls")


def test_why_calls_are_stopped_is_kept(acme: Organization, api: Api) -> None:
    place = f"budgets/{make_budget(acme).uid}"
    rule = {"trigger": "always", "action": "block", "config": {}}

    api.send("PUT", f"{place}/controls", {"rules": [rule], "reason": "A loop"})
    api.send("PUT", f"{place}/kill-switch", {"active": True, "reason": "Still"})
    endless = api.send("PUT", f"{place}/controls", {"rules": [], "reason": "x" * 501})

    assert ControlRule.history.get().history_change_reason == "A loop"
    assert KillSwitch.history.get().history_change_reason == "Still"
    assert (endless.status, endless.body["errors"][0]["attr"]) == (400, "reason")
