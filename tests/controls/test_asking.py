"""Asking for money in the call that was refused: what is opened, joined, or why not."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Organization, User
from accounts.scopes import Role, Scope
from approvals import services
from approvals.models import BudgetRequest, TrailEntry
from budgets.models import Budget, Reservation
from budgets.status import calendar_of
from controls.models import ControlRule
from tests.approvals.factories import approve, person_in, reject
from tests.controls.factories import authorize, call, make_hard
from tests.factories import Api, make_key

pytestmark = pytest.mark.django_db
WHY = "The nightly evaluation has to end"


@pytest.fixture
def cfo(acme: Organization) -> User:
    return person_in(acme, "cfo", Role.FINANCE_ADMIN)


@pytest.fixture
def pm(acme: Organization) -> User:
    return person_in(acme, "pm", Role.BUDGET_OWNER)


@pytest.fixture
def team(acme: Organization, cfo: User, pm: User) -> Budget:
    return make_hard(acme, "Team", "2", owner=pm)


@pytest.fixture
def agent(acme: Organization) -> Api:
    """A program of nobody's."""
    scopes = Scope.CONTROLS_AUTHORIZE, Scope.APPROVALS_WRITE
    return Api(make_key(*scopes, organization=acme, name="night agent"))


def ask(**fields: Any) -> dict[str, Any]:
    return {"justification": WHY, "amount": "3", **fields}


def refused(agent: Api, **fields: Any) -> dict[str, Any]:
    told = authorize(agent, **{"estimated_cost": "5", "ask": ask(), **fields})
    assert (told["decision"], told["id"]) == ("block", None)
    return told


def opened(told: dict[str, Any]) -> BudgetRequest:
    return BudgetRequest.objects.get(uid=told["request"])


def why_not(told: dict[str, Any]) -> str:
    """Return by which name the answer says why nothing was asked for."""
    assert told["request"] is None
    last = told["reasons"][-1]
    assert last["message"].startswith("Nothing was asked for: ")
    return str(last["rule"])


def test_a_refusal_opens_one_request_for_equal_asks(
    agent: Api, team: Budget, cfo: User, pm: User
) -> None:
    allowed = authorize(agent, ask=ask())
    first = opened(refused(agent))
    again = opened(refused(agent, ask=ask(amount="2")))
    more = opened(refused(agent, ask=ask(amount=None, raise_by=4.0)))

    assert "request" not in allowed
    assert (first.pk, again.pk) == (more.pk, more.pk)
    window = calendar_of(team, team.organization).window_of(timezone.now())
    assert (more.kind, more.budget, more.until) == ("raise", team, window.end)
    assert (more.requester, more.filed_by_name) == (pm, "key night agent")
    assert (more.amount, more.justification) == (4, WHY)
    assert more.metadata["refused_call"] == {
        "provider": "openai",
        "model": "gpt-4o",
        "project_id": "search",
        "estimated_cost": "5",
    }
    events = TrailEntry.objects.filter(event="request.joined")
    assert not events.exists()  # who asks again says nothing new

    approve(more, cfo, now=timezone.now())

    assert authorize(agent, estimated_cost="5", ask=ask())["decision"] == "allow"
    assert refused(agent)["request"] != str(more.uid)


def test_whose_request_it_is(agent: Api, acme: Organization, team: Budget) -> None:
    ann = person_in(acme, "ann", Role.FINANCE_ADMIN)
    of_anns = Api(make_key(organization=acme, user=ann))

    by_address = opened(refused(agent, user_id=ann.email))
    by_name = opened(refused(agent, user_id="ann"))
    by_key = opened(refused(of_anns, user_id="pm@acme.example"))
    Budget.objects.update(owner=None)
    nobody = refused(agent, user_id="who@elsewhere.example")

    assert (by_address.requester, by_address.pk) == (ann, by_key.pk)
    assert by_name.requester.email == "pm@acme.example"
    assert why_not(nobody) == "no_requester"


def test_of_several_budgets_the_tightest_is_asked_for(
    agent: Api, acme: Organization, team: Budget, pm: User
) -> None:
    inner = make_hard(acme, "Inner", "4", parent=team, scope={"projects": ["search"]})

    asked = opened(refused(agent, ask=ask(until="2099-12-31")))

    assert (asked.budget, inner.amount) == (team, 4)
    assert asked.until is not None
    assert f"{asked.until:%Y-%m-%d}" == "2100-01-01"


def test_a_block_that_looks_at_the_amount_is_asked_about_and_no_other(
    agent: Api, acme: Organization, team: Budget
) -> None:
    rule = ControlRule.objects.create(
        organization=acme, budget=team, action="block", trigger="remaining < 3"
    )
    acme.touch()
    assert opened(refused(agent)).budget == team

    for trigger in ("estimated_cost > 1", "always"):
        rule.trigger = trigger
        rule.save()
        acme.touch()
        assert why_not(refused(agent)) == "money_does_not_help"
    rule.delete()
    acme.touch()
    path = f"budgets/{team.uid}/kill-switch"
    assert Api(make_key()).send("PUT", path, {"active": True}).status == 200
    assert why_not(refused(agent)) == "money_does_not_help"


def test_a_refusal_stands_when_nothing_can_be_asked_for(
    agent: Api, acme: Organization, team: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = Api(make_key(Scope.CONTROLS_AUTHORIZE, organization=acme))
    assert why_not(refused(mute)) == "forbidden"
    monkeypatch.setattr(services, "MOST_OF_REQUESTER", 0)
    assert why_not(refused(agent)) == "too_many_requests_open"
    monkeypatch.setattr(services, "MOST_OF_REQUESTER", 5)
    for limit in ("MOST_OF_WRITER", "MOST_OF_BUDGET"):
        monkeypatch.setattr(services, limit, 0)
        assert why_not(refused(agent)) == "too_many_requests_open"
        monkeypatch.setattr(services, limit, 20)
    monkeypatch.setattr(services, "MOST_REVISIONS", 2)
    for amount in ("3", "4"):
        assert opened(refused(agent, ask=ask(amount=amount))).amount == int(amount)
    assert why_not(refused(agent, ask=ask(amount="5"))) == "too_many_requests_open"

    def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(services, "_join", fails)
    assert why_not(refused(agent)) == "ask_failed"


def test_a_key_leads_to_the_request_that_came_of_it_first(
    agent: Api, team: Budget, cfo: User
) -> None:
    body = call(estimated_cost="5", ask=ask())
    keyed = {**body, "ask": ask(key="call-1")}

    answers = [agent.post("authorizations", body, idempotency_key="k")]
    own = agent.post("authorizations", keyed)
    reject(opened(answers[0].body), cfo, now=timezone.now())
    answers.append(agent.post("authorizations", body, idempotency_key="k"))
    still = agent.post("authorizations", keyed)
    anew = agent.post("authorizations", {**body, "ask": ask(key="call-2")})
    other = agent.post("authorizations", {**body, "model": "o"}, idempotency_key="k")

    assert answers[0].body == answers[1].body
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert int(answers[1].headers["Content-Length"]) > 0
    assert own.body["request"] == still.body["request"] == answers[0].body["request"]
    assert anew.body["request"] != own.body["request"]
    assert (other.status, other.body["code"]) == (409, "idempotency_key_reused")
    assert BudgetRequest.objects.count() == 2


def test_a_bad_ask_is_refused_before_the_call_is_decided(
    agent: Api, team: Budget
) -> None:
    past = (timezone.now() - timedelta(days=1)).isoformat()
    bad: list[tuple[Any, str]] = [
        ({"amount": None}, "ask.amount"),
        ({"amount": "0"}, "ask.amount"),
        ({"amount": "-1"}, "ask.amount"),
        ({"amount": "0.00000000001"}, "ask.amount"),
        ({"raise_by": "2"}, "ask.raise_by"),
        ({"justification": " "}, "ask.justification"),
        ({"justification": ""}, "ask.justification"),
        ({"until": past}, "ask.until"),
        ({"until": "soon"}, "ask.until"),
        ({"key": "k" * 256}, "ask.key"),
    ]

    for fields, attr in bad:
        answer = agent.post("authorizations", call(ask=ask(**fields)))
        assert answer.status == 400, fields
        assert [one["attr"] for one in answer.body["errors"]] == [attr]
    assert Reservation.objects.count() == 0
