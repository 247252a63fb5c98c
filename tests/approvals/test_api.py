"""Requests for money over HTTP: what is sent, who is believed, what is answered."""

import json
import time
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership, Organization, User
from accounts.people import person_for
from accounts.scopes import Role, Scope
from approvals.api import asking
from approvals.api.waiting import PLACES, THREADS, Places
from approvals.models import BudgetRequest
from notifications import outbox
from tests.approvals.factories import person_in
from tests.factories import make_budget, make_key, make_organization
from tests.notifications.receivers import MailServer

pytestmark = pytest.mark.django_db

MANAGER, DIRECTOR = "engineering-manager@company.com", "finance-director@company.com"
# As the video writes it.
SCENE_6: dict[str, Any] = {
    "requester": "product-manager@company.com",
    "amount": 5000,
    "duration": "monthly",
    "justification": "New AI feature launch - customer demand tool",
    "approvers": [MANAGER, DIRECTOR],
    "metadata": {
        "project": "customer-insights",
        "expectedROI": "3x",
        "businessCase": "link-to-doc",
    },
}


class Asking:
    """A client of one key."""

    def __init__(
        self, organization: Organization | None, *scopes: str, email: str = ""
    ) -> None:
        user = person_for(email, organization) if email else None
        self.key = make_key(*scopes, organization=organization, user=user)
        self.client = Client(headers={"authorization": f"Bearer {self.key}"})

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        status: int = 200,
        **headers: str,
    ) -> Any:
        content = b"" if body is None else json.dumps(body)
        response = self.client.generic(
            method,
            f"/api/v1/{path}",
            content,
            content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        assert response.status_code == status, response.content
        self.headers = response.headers
        return response.json() if response.content else None


def decided(request: Any, decision: str = "approved", **more: Any) -> tuple[str, Any]:
    return f"budget-requests/{request['id']}/decisions", {"decision": decision, **more}


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


def test_scene_6_ends_in_a_budget(mail_server: MailServer, acme: Organization) -> None:
    ask = Asking(acme)
    manager = Asking(acme, Scope.APPROVALS_WRITE, email=MANAGER)
    director = Asking(acme, email=DIRECTOR)

    asked = ask("POST", "budget-requests", SCENE_6, 201)
    first = manager(
        "POST",
        *decided(asked, approver=MANAGER, comments="Approved - aligns with Q1 OKRs"),
        status=201,
    )
    last = director("POST", *decided(asked), status=201)

    assert (asked["state"], asked["kind"], asked["budget"]) == ("pending", "new", None)
    (step,) = asked["steps"]
    assert [one["person"] for one in step["approvers"]] == [MANAGER, DIRECTOR]
    assert (first["state"], first["steps"][0]["given"]) == ("pending", 1)
    assert (last["state"], last["approved_amount"]) == ("approved", "5000.0000000000")
    assert [one["approver"] for one in last["decisions"]] == [MANAGER, DIRECTOR]
    (node,) = ask("GET", "budgets/tree")
    assert (
        node["id"]
        == last["budget"]
        == manager("GET", f"budget-requests/{asked['id']}")["budget"]
    )
    made = ask("GET", f"budgets/{last['budget']}")
    assert (made["amount"], made["period"]) == ("5000.0000000000", "monthly")
    assert made["scope"]["projects"] == ["customer-insights"]
    events = [one["event"] for one in last["trail"]]
    assert {"request.submitted", "request.decided", "effect.new"} <= {*events}
    outbox.deliver(now=timezone.now())
    for approver in (MANAGER, DIRECTOR):
        assert mail_server.to(approver)[0]["Subject"].startswith("To decide: ")
    (told,) = mail_server.to(SCENE_6["requester"])
    assert told["Subject"] == (
        "Approved: a new monthly budget, customer-insights, of $5,000.00"
    )


def test_who_decides_is_the_keys_person_and_never_the_bodys(acme: Organization) -> None:
    program, requester = Asking(acme), Asking(acme, email=SCENE_6["requester"])
    manager, director = Asking(acme, email=MANAGER), Asking(acme, email=DIRECTOR)
    stranger = Asking(acme, email="stranger@company.com")
    other = make_organization("other")
    both = User.objects.get(email=MANAGER)
    Membership.objects.create(user=both, organization=other, role=Role.APPROVER)
    elsewhere = Asking(other, email=MANAGER)
    asked = program("POST", "budget-requests", SCENE_6, 201)
    path, approval = decided(asked)

    refusals: list[tuple[Asking, dict[str, Any], int, str]] = [
        (program, {}, 403, "not_asked"),
        (program, {"approver": MANAGER}, 403, "not_asked"),
        (director, {"approver": MANAGER}, 403, "forbidden"),
        (requester, {}, 403, "own_request"),
        (stranger, {}, 403, "not_asked"),
        (elsewhere, {}, 404, "not_found"),
        (manager, {"decision": "rejected"}, 400, "invalid"),
        (manager, {"decision": "yes"}, 400, "invalid"),
        (manager, {"amount": "5001"}, 400, "invalid"),
        (manager, {"revision": 7}, 409, "request_changed"),
    ]

    for who, more, status, code in refusals:
        said = who("POST", path, {**approval, **more}, status)
        assert (said["code"], bool(said["detail"])) == (code, True)
    tag = {"if_match": '"7"'}
    assert manager("POST", path, approval, 412, **tag)["code"] == "changed_meanwhile"
    first = manager("POST", path, approval, 201, idempotency_key="k")
    assert manager("POST", path, approval, 201, idempotency_key="k") == first
    assert manager("POST", path, approval, 409)["code"] == "already_spoken"
    last = director("POST", *decided(asked, "rejected", comments="No"), status=201)
    assert (last["state"], last["reason"], last["budget"]) == ("rejected", "No", None)
    assert manager("POST", path, approval, 409)["code"] == "already_decided"


def test_a_request_from_its_draft_to_its_end(acme: Organization) -> None:
    pm, manager = Asking(acme, email=SCENE_6["requester"]), Asking(acme, email=MANAGER)
    finance = Asking(acme)
    fay = Asking(acme, email="fay@company.com")
    Membership.objects.filter(user__email="fay@company.com").update(
        role=Role.FINANCE_ADMIN
    )
    body = {**SCENE_6, "draft": True, "until": None, "needed_by": "2099-12-31"}

    drafted = pm("POST", "budget-requests", body, 201)
    path = f"budget-requests/{drafted['id']}"
    edited = pm("PATCH", path, {"amount": "4000", "project_id": "insights"})
    tag = pm.headers["ETag"]
    asked = pm("POST", f"{path}/submit", {}, if_match=tag)
    manager("POST", *decided(asked, amount="3000"), status=201)
    raised = pm("PATCH", path, {"amount": "4500"}, if_match=tag)
    assert manager("PATCH", path, {"amount": "1"}, 403)["code"] == "not_your_request"
    given_on = fay(
        "POST",
        f"{path}/reassign",
        {"from": DIRECTOR, "to": "fay@company.com", "reason": "Away"},
    )
    sent_back = fay(
        "POST", *decided(asked, "changes_requested", comments="Less"), status=201
    )
    pm("PATCH", path, {"amount": "2000"})
    again = pm("POST", f"{path}/submit", {})
    ended = pm("POST", f"{path}/withdraw", {"reason": "Later"})

    assert (drafted["state"], drafted["needed_by"]) == ("draft", "2100-01-01T00:00:00Z")
    assert edited["scope"]["projects"] == ["insights"]
    assert (asked["state"], asked["revision"]) == ("pending", 2)
    assert (raised["steps"][0]["given"], raised["approved_amount"]) == (0, None)
    people = [one["person"] for one in given_on["steps"][0]["approvers"]]
    assert people == [MANAGER, "fay@company.com"]
    assert (sent_back["state"], again["state"]) == ("changes_requested", "pending")
    assert (ended["state"], ended["reason"]) == ("withdrawn", "Later")
    assert [one["decision"] for one in ended["decisions"]] == [
        *("approved", "changes_requested")
    ]
    listed = finance("GET", "budget-requests?state=withdrawn&kind=new")
    assert [one["id"] for one in listed["results"]] == [asked["id"]]
    assert manager("GET", "budget-requests?waiting=true")["results"] == []


def test_equal_asks_join_and_many_are_refused(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Asking(acme, Scope.APPROVALS_WRITE, email="agent@company.com")
    budget = make_budget(acme)
    fay = person_in(acme, "fay", Role.FINANCE_ADMIN)
    body = {"budget": str(budget.uid), "amount": "5", "ask_key": "x"}

    first = agent("POST", "budget-requests", body, 201)
    second = agent("POST", "budget-requests", {**body, "amount": 9}, 201)
    monkeypatch.setattr(asking, "MOST_OPEN", 1)
    refused = agent("POST", "budget-requests", {**body, "ask_key": ""}, 409)

    assert first["kind"] == "increase"
    assert [one["person"] for one in first["steps"][0]["approvers"]] == [fay.email]
    assert (second["id"], second["amount"]) == (first["id"], "9.0000000000")
    assert first["impact"]["lines"][0]["name"] == budget.name
    assert refused["code"] == "too_many_requests_open"
    assert "1 requests" in refused["detail"]


def test_bad_input_names_the_field_and_what_to_do(acme: Organization) -> None:
    ask, agent = Asking(acme), Asking(acme, Scope.APPROVALS_WRITE)
    other, known = make_budget(make_organization("other")), person_in(acme, "ann")
    bad: list[tuple[Any, str]] = [
        ({"amount": "-1"}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"requester": "x"}, "requester"),
        ({"requester": MANAGER}, "approvers"),
        ({"approvers": [7]}, "approvers.0"),
        ({"approvers": [], "duration": "monthly"}, "approvers"),
        ({"duration": "custom"}, "duration"),
        ({"kind": "raise"}, "budget"),
        ({"kind": "gift"}, "kind"),
        ({"parent": str(other.uid)}, "parent"),
        ({"until": "soon"}, "until"),
        ({"metadata": [1]}, "metadata"),
        ({"links": [{"url": "javascript:alert(1)"}]}, "links.0.url"),
        ({"colour": "red"}, "colour"),
    ]

    for more, attr in bad:
        said = ask("POST", "budget-requests", {**SCENE_6, **more}, 400)
        assert attr in {one["attr"] for one in said["errors"]}, said
    for more, attr in (
        ({"requester": "pm@elsewhere.com", "approvers": []}, "requester"),
        ({"requester": known.email, "approvers": ["x@elsewhere.com"]}, "approvers"),
    ):
        said = agent("POST", "budget-requests", {**SCENE_6, **more}, 400)
        assert [one["attr"] for one in said["errors"]] == [attr]
    colleague = {"requester": known.email, "approvers": ["new@acme.example"]}
    agent("POST", "budget-requests", {**SCENE_6, **colleague}, 201)
    for query in ("wait=0", "wait=31", "wait=x", "wait=1&x=2"):
        asked = ask("POST", "budget-requests", SCENE_6, 201)
        ask("GET", f"budget-requests/{asked['id']}?{query}", status=400)


def test_those_who_find_no_place_are_answered_at_once(acme: Organization) -> None:
    ask = Asking(acme)
    asked = ask("POST", "budget-requests", SCENE_6, 201)
    request = BudgetRequest.objects.get(uid=asked["id"])

    with ExitStack() as taken:
        places = [
            taken.enter_context(PLACES.taken(request))
            for _ in range(PLACES.most_of_one + 1)
        ]
        found = ask("GET", f"budget-requests/{asked['id']}?wait=30")

    assert places == [True] * (THREADS // 4) + [False]
    assert (found["state"], ask.headers["Retry-After"]) == ("pending", "1")
    began = time.monotonic()
    ask("GET", f"budget-requests/{asked['id']}?wait=1")
    assert 0.9 < time.monotonic() - began < 5
    assert "Retry-After" not in ask.headers


@pytest.mark.parametrize(
    ("threads", "all_wait", "of_one_wait"),
    [(1, 0, 0), (2, 1, 1), (4, 2, 1), (7, 3, 2), (16, 8, 4), (64, 32, 16)],
)
def test_half_the_threads_wait_at_most_and_half_of_those_for_one(
    threads: int, all_wait: int, of_one_wait: int
) -> None:
    places = Places()
    places.fit(threads)
    organizations = [1] * threads + [*range(2, 2 * threads + 2)]
    pending = [
        BudgetRequest(pk=number, organization_id=one)
        for number, one in enumerate(organizations)
    ]

    with ExitStack() as taken:
        found = [taken.enter_context(places.taken(one)) for one in pending]

    assert (sum(found), sum(found[:threads])) == (all_wait, of_one_wait)


def test_a_policy_says_who_would_have_to_approve(acme: Organization) -> None:
    ask, ann = Asking(acme), Asking(acme, email="ann@company.com")
    level = {"name": "Lead", "approvers": [MANAGER]}
    board = {**level, "name": "Board", "min_amount": "1000", "required": "all"}
    body = {"name": "Money", "levels": [level, board]}

    made = ask("POST", "approval-policies", body, 201)
    path = f"approval-policies/{made['id']}"
    assert ask("GET", path) == made
    tag = ask.headers["ETag"]
    small = ann("POST", "approval-policies/preview", {"amount": "999"})
    ask("PATCH", path, {"name": "Much"}, if_match=tag)
    ask("PATCH", path, {"name": "More"}, 412, if_match=tag)
    empty = ask("PATCH", path, {"levels": [{**level, "approvers": []}]}, 400)
    ask("POST", "approval-policies/preview", {"amount": "7000"})
    ann("PATCH", path, {"name": "Mine"}, 403)
    ask("DELETE", path, status=204)

    assert [one["required"] for one in made["levels"]] == [1, "all"]
    assert [one["name"] for one in small["levels"]] == ["Lead"]
    assert small["levels"][0]["approvers"] == [MANAGER]
    assert empty["errors"][0]["attr"] == "levels.0.approvers"
    assert ask("GET", "approval-policies")["results"] == []


def test_who_stands_in_decides_for_whom(acme: Organization) -> None:
    ask, manager = Asking(acme), Asking(acme, email=MANAGER)
    deputy = Asking(acme, email="deputy@company.com")
    body = {"delegate": "deputy@company.com", "end_date": "2099-01-01"}

    made = manager("POST", "delegations", body, 201)
    ask("POST", "delegations", {**body, "delegator": MANAGER}, 403)
    asked = ask("POST", "budget-requests", {**SCENE_6, "approvers": [MANAGER]}, 201)
    waiting = deputy("GET", "budget-requests?waiting=1")["results"]
    last = deputy("POST", *decided(asked), status=201)
    manager("DELETE", f"delegations/{made['id']}", status=204)

    assert [one["id"] for one in waiting] == [asked["id"]]
    (said,) = last["decisions"]
    assert said["approver"] == "deputy@company.com"
    assert said["on_behalf_of"] == MANAGER
    assert deputy("GET", "delegations?mine=1")["results"][0]["ended_at"]


def test_a_longer_list_costs_no_more_queries(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ask, budget = Asking(acme), make_budget(acme)
    about = {**SCENE_6, "kind": "increase", "budget": str(budget.uid)}
    policy = {"name": "P", "levels": [{"name": "L", "approvers": [MANAGER]}]}
    ask("POST", "approval-policies", policy, 201)
    ask("POST", "approval-policies", {**policy, "budget": str(budget.uid)}, 201)
    for _ in range(3):
        asked = ask("POST", "budget-requests", about, 201)

    with django_assert_num_queries(1):
        listed = ask("GET", "budget-requests?state=pending")
    with django_assert_num_queries(3):
        policies = ask("GET", "approval-policies")
    assert (len(listed["results"]), len(policies["results"])) == (3, 2)
    assert listed["results"][0].items() <= asked.items()
