"""The list of actions of rules that need approval, and the page of each."""

import pytest
from django.test import Client

from accounts.models import Organization
from accounts.scopes import Role
from controls.actions import ask_due
from controls.configuration import configure
from controls.models import RuleAction
from tests.approvals.factories import approve, person_in
from tests.controls.factories import authorize
from tests.factories import browser_for, make_api, make_budget
from tests.pages import page_at, shown

pytestmark = pytest.mark.django_db
LIST = "/admin/controls/ruleaction/"
RULE = {"trigger": "always", "action": "block", "config": {"needs_approval": True}}


@pytest.fixture
def browser(acme: Organization) -> Client:
    return browser_for(acme)


def test_an_action_is_looked_at_taken_back_and_reset(
    acme: Organization, browser: Client
) -> None:
    assert "No rule had to be approved yet." in shown(browser, LIST)
    owner = person_in(acme, "owner", Role.BUDGET_OWNER)
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    budget = make_budget(acme, "Team", owner=owner)
    configure(budget, [{**RULE, "notify": False}])
    authorize(make_api(organization=acme))
    action = RuleAction.objects.get()
    ask_due(action.triggered_at)
    action.refresh_from_db()
    path = f"{LIST}{action.pk}/change/"

    pending = page_at(browser, path)
    assert "People are asked whether this rule may act" in pending.text
    assert pending.buttons == []
    assert action.request is not None
    approve(action.request, cfo, now=action.triggered_at)
    executed = page_at(browser, path)
    assert "People approved it: this rule acts on every call of “Team”" in executed.text
    assert executed.buttons == ["Take it back"]
    viewer = browser_for(acme, Role.VIEWER)
    assert page_at(viewer, path).buttons == []
    assert viewer.post(f"{LIST}{action.pk}/answer/").status_code == 403
    browser.post(f"{LIST}{action.pk}/answer/", {"answer": "reverse"})
    assert page_at(browser, path).buttons == ["Reset it"]
    late = browser.post(
        f"{LIST}{action.pk}/answer/", {"answer": "reverse"}, follow=True
    )
    assert "This action is not in effect." in late.content.decode()
    browser.post(f"{LIST}{action.pk}/answer/", {"answer": "reset"})

    text = shown(browser, path)
    assert "The rule stands by" in text
    assert "last by finance_admin@acme.example" in text
    assert "Always: block all calls." in shown(browser, LIST)
