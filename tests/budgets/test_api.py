"""The API of budgets: shapes, refusals, isolation."""

from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Organization
from budgets.api import trees
from budgets.models import Budget
from budgets.tree import TreeNode, tree_of
from tests.factories import Api, make_api, make_organization, report, usage_record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_the_middle_of_january() -> Any:
    with time_machine.travel("2025-01-16T00:00:00Z", tick=False):
        yield


def monthly(**overrides: Any) -> dict[str, Any]:
    return {"name": "Everything", "amount": "100", "period": "monthly", **overrides}


def test_a_budget_is_made_and_read_back_alike(api: Api) -> None:
    made = api.post("budgets", monthly(scope={"projects": ["production"]}))

    read = api.get(f"budgets/{made.body['id']}")

    assert made.status == 201
    assert read.body == made.body
    assert made.body["amount"] == "100.0000000000"
    assert made.body["scope"]["projects"] == ["production"]
    assert made.body["start_date"] == "2025-01-01T00:00:00Z"


def test_it_counts_what_was_spent_before_it_was_made(
    api: Api, acme: Organization
) -> None:
    report(acme, usage_record(cost="30"), usage_record(id="u2", cost="12.5"))

    made = api.post("budgets", monthly())
    status = api.get(f"budgets/{made.body['id']}/status")

    assert status.body["total_spend"] == "42.5000000000"
    assert status.body["status"] == "OK"
    assert (status.body["elapsed_days"], status.body["total_days"]) == (15, 31)
    assert status.body["period_end"] == "2025-02-01T00:00:00Z"
    assert "backfill" not in status.body


def test_the_names_that_clients_use_are_understood(api: Api) -> None:
    top = api.post(
        "budgets", {"name": "Company", "limit": 5000.0, "scope": "company-wide"}
    )
    below = api.post(
        "budgets",
        monthly(parent_budget=top.body["id"], project_id="dept-engineering"),
    )

    assert top.body["amount"] == "5000.0000000000"
    assert top.body["scope"]["projects"] == []
    assert below.body["parent"] == top.body["id"]
    assert below.body["scope"]["projects"] == ["dept-engineering"]


def test_names_are_taken_as_the_video_writes_them(api: Api) -> None:
    company = {"name": "Company", "amount": 100_000, "scope": "company-wide"}
    top = api.post("budgets", {**company, "period": "monthly"})
    below = api.post(
        "budgets",
        monthly(parentBudget=top.body["id"], warningThreshold=0.5, startDate=None),
    )
    unclear = api.post("budgets", monthly(parentBudget="a", parent="b"))

    assert below.body["parent"] == top.body["id"]
    assert below.body["warning_threshold"] == 0.5
    assert unclear.status == 400
    assert (
        unclear.body["errors"][0]["detail"] == "Differs from parent; send one of them."
    )


def test_alert_thresholds_are_kept(api: Api) -> None:
    alerts = [{"threshold": 0.5, "channels": ["email"]}]

    made = api.post("budgets", monthly(alerts=alerts))

    assert made.body["alerts"] == alerts


BAD_BUDGETS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "a\x00b"}, ""),
    ({"amount": "-1"}, "amount"),
    ({"amount": "NaN"}, "amount"),
    ({"amount": "1e30"}, "amount"),
    ({"amount": "0.00000000001"}, "amount"),
    ({"amount": None}, "amount"),
    ({"amount": []}, "amount"),
    ({"currency": "XXL"}, "currency"),
    ({"period": "fortnightly"}, "period"),
    ({"timezone": "Mars/Olympus"}, "timezone"),
    ({"parent": "no-such-budget"}, "parent"),
    ({"scope": {"planets": ["x"]}}, "scope.planets"),
    ({"scope": {"teams": [1]}}, "scope.teams"),
    ({"scope": [1]}, "scope"),
    ({"warning_threshold": 0}, "warning_threshold"),
    ({"warning_threshold": 0.9, "critical_threshold": 0.8}, "critical_threshold"),
    ({"alerts": [{"threshold": -1}]}, "alerts.0.threshold"),
    ({"enforcement": "iron"}, "enforcement"),
    ({"rollover": {"mode": "some"}}, "rollover.mode"),
    ({"start_date": "soon"}, "start_date"),
    ({"start_date": "9999-12-31T23:59:59-14:00"}, "start_date"),
    ({"start_date": "2025-02-01", "end_date": "2025-01-01"}, "end_date"),
    ({"period": "custom"}, "start_date"),
    ({"period": "custom", "start_date": "2025-01-01"}, "end_date"),
    ({"owner": "nobody@acme.example"}, "owner"),
    ({"limt": 5}, "limt"),
]


@pytest.mark.parametrize(("fields", "attr"), BAD_BUDGETS, ids=str)
def test_a_bad_field_is_named(api: Api, fields: dict[str, Any], attr: str) -> None:
    answer = api.post("budgets", monthly(**fields))

    assert answer.status == 400, answer.body
    assert attr in [error["attr"] for error in answer.body["errors"]] or not attr
    assert not Budget.objects.exists()


def test_a_bare_end_date_includes_that_whole_day_in_the_budgets_zone(api: Api) -> None:
    made = api.post(
        "budgets",
        monthly(
            period="custom",
            timezone="Asia/Kolkata",
            start_date="2025-01-01",
            end_date="2025-01-31",
        ),
    )

    assert made.body["start_date"] == "2024-12-31T18:30:00Z"
    assert made.body["end_date"] == "2025-01-31T18:30:00Z"


def test_a_budget_is_changed_in_part(api: Api) -> None:
    made = api.post("budgets", monthly(note="Because."))

    changed = api.patch(f"budgets/{made.body['id']}", {"amount": "250"})

    assert (changed.status, changed.body["amount"]) == (200, "250.0000000000")
    assert changed.body["note"] == "Because."


def test_a_budget_has_a_priority(api: Api) -> None:
    made = api.post("budgets", monthly())

    changed = api.patch(f"budgets/{made.body['id']}", {"priority": "critical"})
    wrong = api.patch(f"budgets/{made.body['id']}", {"priority": "urgent"})

    assert made.body["priority"] == "normal"
    assert changed.body["priority"] == "critical"
    assert wrong.body["errors"][0]["attr"] == "priority"


def test_a_parent_that_is_its_own_descendant_is_refused(api: Api) -> None:
    top = api.post("budgets", monthly()).body["id"]
    below = api.post("budgets", monthly(parent=top)).body["id"]

    answer = api.patch(f"budgets/{top}", {"parent": below})

    assert (answer.status, answer.body["errors"][0]["code"]) == (400, "cycle")


def test_deleting_archives_and_one_with_budgets_below_is_kept(api: Api) -> None:
    top = api.post("budgets", monthly()).body["id"]
    below = api.post("budgets", monthly(parent=top)).body["id"]

    refused = api.delete(f"budgets/{top}")
    done = api.delete(f"budgets/{below}")

    assert (refused.status, refused.body["code"]) == (409, "has_budgets_below")
    assert done.status == 204
    assert [b["id"] for b in api.get("budgets").body["results"]] == [top]
    assert len(api.get("budgets?archived=true").body["results"]) == 2


def test_trees_deeper_than_are_kept_are_answered_all_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = api.post("budgets", monthly()).body["id"]
    for name in ("One", "Other"):
        below = api.post("budgets", monthly(name=name, parent=top)).body["id"]
        api.post("budgets", monthly(name=f"Below {name}", parent=below))
    known = api.get("budgets/tree").body

    monkeypatch.setattr(trees, "MOST_LEVELS", 1)
    deep = api.get("budgets/tree")

    assert (deep.status, deep.body) == (200, known)


def test_no_tree_is_too_deep_to_be_written(api: Api) -> None:
    api.post("budgets", monthly())
    organization = Organization.objects.get(slug="acme")
    (root,) = tree_of(organization, at=timezone.now())
    root.children = []
    for _ in range(1_500):
        root = TreeNode(root.status, root.tree, [root])

    content = trees.deep_trees_json([root])

    assert content.count(b'"children":[') == 1_501
    assert trees.is_deep([root]) is False  # its budgets stand on no deep level


def test_the_tree_is_nested_with_what_is_allocated(api: Api) -> None:
    top = api.post("budgets", monthly()).body["id"]
    api.post("budgets", monthly(name="A", amount="70", parent=top))
    api.post("budgets", monthly(name="B", amount="40", parent=top))

    (root,) = api.get("budgets/tree").body
    conflicts = api.get("budgets/conflicts").body

    assert [child["name"] for child in root["children"]] == ["A", "B"]
    assert root["allocated"] == "110.0000000000"
    assert root["unallocated"] == "-10.0000000000"
    assert {"over_allocated", "overlap"} == {clash["type"] for clash in conflicts}


def test_a_child_has_a_status_and_a_variance_of_its_own(api: Api) -> None:
    top = api.post("budgets", monthly()).body["id"]
    below = api.post("budgets", monthly(name="Below", parent=top)).body["id"]

    assert api.get(f"budgets/{below}/status").body["name"] == "Below"
    assert api.get(f"budgets/{below}/status?at=2025-01-10").status == 200
    assert api.get(f"budgets/{below}/variance").status == 200


def test_variance_names_what_moved_it(api: Api, acme: Organization) -> None:
    report(
        acme,
        usage_record(cost="80", project_id="search"),
        usage_record(id="u2", cost="20", project_id="chat"),
    )
    budget = api.post("budgets", monthly()).body["id"]

    body = api.get(f"budgets/{budget}/variance").body

    assert body["variance_category"] == "Over Budget"
    projects = [d for d in body["drivers"] if d["dimension"] == "project"]
    assert [(d["name"], d["cost"], d["share"]) for d in projects] == [
        ("search", "80.0000000000", 0.8),
        ("chat", "20.0000000000", 0.2),
    ]


def test_status_at_a_moment_counts_what_was_spent_up_to_it(
    api: Api, acme: Organization
) -> None:
    report(
        acme,
        usage_record(cost="1", timestamp="2025-01-10T10:15:00Z"),
        usage_record(id="u2", cost="2", timestamp="2025-01-10T10:45:00Z"),
    )
    budget = api.post("budgets", monthly()).body["id"]

    body = api.get(f"budgets/{budget}/status?at=2025-01-10T10:30:00").body

    assert body["total_spend"] == "1.0000000000"


@pytest.mark.parametrize(
    "path",
    ["", "/status", "/variance", "/periods", "/lines"],
    ids=lambda path: path or "itself",
)
def test_another_organizations_budget_is_not_found(api: Api, path: str) -> None:
    other = make_api(organization=make_organization("other"))
    theirs = other.post("budgets", monthly()).body["id"]

    assert api.get(f"budgets/{theirs}{path}").status == 404
    assert api.patch(f"budgets/{theirs}", {"amount": "1"}).status == 404
    assert api.delete(f"budgets/{theirs}").status == 404
    assert api.post("budgets", monthly(parent=theirs)).status == 400
    assert api.get("budgets").body["results"] == []


def test_a_list_asked_for_another_organization_is_forbidden(api: Api) -> None:
    make_organization("other")

    for path in ("budgets", "budgets/tree", "budgets/conflicts"):
        assert api.get(f"{path}?organization_id=other").status == 403


def test_reading_scopes_do_not_write(acme: Organization) -> None:
    reader = make_api("budgets:read", organization=acme)

    assert reader.get("budgets").status == 200
    assert reader.post("budgets", monthly()).status == 403


def test_an_idempotency_key_makes_one_budget(api: Api) -> None:
    first = api.post("budgets", monthly(), idempotency_key="k")
    again = api.post("budgets", monthly(), idempotency_key="k")

    assert first.body == again.body
    assert Budget.objects.count() == 1


def test_the_list_is_a_table_for_spreadsheets_too(api: Api) -> None:
    api.post("budgets", monthly(name="=1+1"))

    answer = api.get("budgets?format=csv")

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "'=1+1" in answer.body


def test_the_list_comes_in_pages(api: Api) -> None:
    for number in range(3):
        api.post("budgets", monthly(name=str(number)))

    first = api.get("budgets?limit=2").body

    assert len(first["results"]) == 2
    assert first["next"] is not None
