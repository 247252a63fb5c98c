"""Rules that need approval: people are asked, the rule acts, and is taken back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals import trail
from approvals.models import BudgetRequest, RequestState, TrailEntry
from approvals.services import expire_due
from budgets.models import Budget
from controls.actions import NotInEffect, NotOver, ask_due, reset, reverse
from controls.configuration import configure
from controls.models import ControlRule, RuleAction
from notifications import outbox
from tests.approvals.factories import approve, by, person_in, reject
from tests.controls.factories import authorize, lease, make_hard
from tests.factories import Api, make_budget, make_key
from tests.notifications.receivers import MailServer

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
APPROVED_BLOCK = {
    "trigger": "always",
    "action": "block",
    "config": {"message": "Stopped by finance.", "needs_approval": True},
    "notify": False,
}


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as travelled:
        yield travelled


@pytest.fixture
def cfo(acme: Organization) -> User:
    return person_in(acme, "cfo", Role.FINANCE_ADMIN)


@pytest.fixture
def owner(acme: Organization) -> User:
    return person_in(acme, "owner", Role.BUDGET_OWNER)


@pytest.fixture
def team(acme: Organization, cfo: User, owner: User) -> Budget:
    budget = make_budget(acme, "Team", owner=owner)
    configure(budget, [APPROVED_BLOCK])
    return budget


def decision(api: Api) -> str:
    return str(authorize(api)["decision"])


def triggered(api: Api) -> tuple[RuleAction, BudgetRequest]:
    """Have the rule's trigger hold, and people asked about it."""
    assert decision(api) == "allow"
    assert ask_due(NOW) == 1
    action = RuleAction.objects.select_related("request").latest("pk")
    assert action.state == "pending"
    assert action.request is not None
    return action, action.request


def state_of(action: RuleAction) -> str:
    return str(RuleAction.objects.select_related("request").get(pk=action.pk).state)


def test_a_rule_acts_from_its_approval_on_until_its_period_ends(
    api: Api,
    team: Budget,
    cfo: User,
    owner: User,
    clock: Any,
    mail_server: MailServer,
) -> None:
    action, request = triggered(api)
    outbox.deliver(now=NOW)
    (mail,) = mail_server.to(cfo.email)
    assert "owner@acme.example asks for “Always: block all calls”" in mail["Subject"]
    assert "What it would mean: No amount changes." in mail.text
    assert (decision(api), ask_due(NOW), RuleAction.objects.count()) == ("allow", 0, 1)
    assert lease(api, amount="1")["rules"] == []
    assert (request.kind, request.requester, request.amount) == (
        *("rule_action", owner),
        0,
    )
    assert request.rule == "Always: block all calls"
    assert request.until == request.expires_at == datetime(2026, 12, 1, tzinfo=UTC)

    approve(request, cfo)

    refused = authorize(api)
    assert (refused["decision"], state_of(action)) == ("block", "executed")
    assert refused["reasons"][0]["message"] == "Stopped by finance."
    assert len(lease(api, amount="1")["rules"]) == 1
    events = TrailEntry.objects.filter(subject=request.uid)
    assert events.filter(event="effect.rule_action").count() == 1
    clock.move_to(datetime(2026, 12, 1, tzinfo=UTC))
    assert decision(api) == "allow"
    assert RuleAction.objects.count() == 2  # people are asked anew in each period


def test_it_is_taken_back_and_stands_by_again(
    api: Api, acme: Organization, team: Budget, cfo: User
) -> None:
    action, request = triggered(api)
    for early in (reverse, reset):
        with pytest.raises((NotInEffect, NotOver)):
            early(action, by=by(cfo), now=NOW)
    approve(request, cfo)
    with pytest.raises(NotOver):
        reset(action, by=by(cfo), now=NOW)

    reverse(action, by=by(cfo), now=NOW)
    assert (decision(api), state_of(action)) == ("allow", "reversed")
    with pytest.raises(NotInEffect):
        reverse(action, by=by(cfo), now=NOW)
    assert (ask_due(NOW), RuleAction.objects.count()) == (0, 1)
    reset(action, by=by(cfo), now=NOW)

    assert state_of(action) == "reset"
    again, _ = triggered(api)
    assert again.pk != action.pk
    events = TrailEntry.objects.filter(event__startswith="action.").order_by("number")
    assert [one.event for one in events] == ["action.reversed", "action.reset"]
    assert list(trail.differences(acme)) == []


def test_what_nobody_approves_does_nothing(
    api: Api, team: Budget, cfo: User, clock: Any
) -> None:
    action, request = triggered(api)
    reject(request, cfo)
    assert (decision(api), state_of(action)) == ("allow", "rejected")

    reset(action, by=by(cfo), now=NOW)
    late, asked = triggered(api)
    clock.move_to(datetime(2026, 12, 1, tzinfo=UTC))
    assert expire_due(datetime(2026, 12, 1, tzinfo=UTC)) == 1

    asked.refresh_from_db()
    assert (asked.state, state_of(late)) == (RequestState.EXPIRED, "expired")


def test_where_nobody_can_be_asked_the_action_failed_and_says_why(
    api: Api, acme: Organization
) -> None:
    configure(make_budget(acme, "Team"), [APPROVED_BLOCK])

    assert decision(api) == "allow"
    assert ask_due(NOW) == 1

    action = RuleAction.objects.get()
    assert (action.state, action.request) == ("failed", None)
    assert action.failure == "Nobody owns the budget or looks after the money."
    assert decision(api) == "allow"
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    person_in(acme, "other", Role.FINANCE_ADMIN)
    reset(action, by=by(cfo), now=NOW)
    triggered(api)


def test_a_block_that_people_approve_is_no_hard_limit(
    api: Api, team: Budget, cfo: User
) -> None:
    rule = {**APPROVED_BLOCK, "trigger": "budget_percentage >= 1.0"}
    configure(team, [rule])
    hard = api.get(f"budgets/{team.uid}/controls").body

    assert (hard["enforcement"], hard["notes"]) == ("soft", [])
    ControlRule.objects.all().delete()
    team.organization.touch()
    assert decision(api) == "allow"


def test_actions_over_the_api(
    api: Api, acme: Organization, team: Budget, cfo: User
) -> None:
    path = f"budgets/{team.uid}/rule-actions"
    viewer = person_in(acme, "viewer", Role.VIEWER)
    reader = Api(make_key(organization=acme, user=viewer))
    rules = {"rules": [{**APPROVED_BLOCK, "trigger": "hour >= 0"}]}
    told = api.send("PUT", f"budgets/{team.uid}/controls", rules)
    assert told.body["rules"][0]["config"]["needs_approval"] is True
    useless = {**APPROVED_BLOCK, "action": "notify", "config": {"needs_approval": True}}
    refused = api.send("PUT", f"budgets/{team.uid}/controls", {"rules": [useless]})
    assert refused.body["errors"][0]["attr"] == "rules.0.config.needs_approval"
    _, request = triggered(api)
    (pending,) = reader.get(path).body["results"]
    one = f"{path}/{pending['id']}"
    assert api.post(f"{one}/reverse", {}).body["code"] == "action_not_in_effect"
    approve(request, cfo)

    assert reader.get(path).body["results"][0]["state"] == "executed"
    assert reader.post(f"{one}/reverse", {}).status == 403
    assert api.post(f"{one}/reset", {}).body["code"] == "action_not_over"
    reversed_ = api.post(f"{one}/reverse", {}).body
    done = api.post(f"{one}/reset", {}).body
    missing = api.post(f"{path}/{request.uid}/reset", {})

    assert (pending["state"], pending["request"]) == ("pending", str(request.uid))
    (rule,) = told.body["rules"]
    assert (
        rule["summary"] == "While hour >= 0, once people approve it: block all calls."
    )
    assert pending["rule"] == rule["id"]
    assert pending["summary"] == "While hour >= 0: block all calls."
    assert (reversed_["state"], done["state"]) == ("reversed", "reset")
    assert missing.status == 404
    elsewhere = make_hard(acme, "Else", "5")
    other = f"budgets/{elsewhere.uid}/rule-actions"
    assert api.get(other).body["results"] == []
    assert api.post(f"{other}/{pending['id']}/reset", {}).status == 404
