"""The editor of approval policies: what it draws, saves and refuses."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals.models import Policy, TrailEntry
from approvals.plans import plan_of
from approvals.policies import save_policy
from approvals.types import SYSTEM
from budgets.models import Budget
from tests.approvals.factories import NOW, level, make_policy, person_in
from tests.factories import browser_for, browser_of, make_organization, make_tree
from tests.pages import forms_in, page_at, read

pytestmark = pytest.mark.django_db
PLACE = "/admin/approvals/policy/"


@pytest.fixture
def cfo(acme: Organization) -> User:
    return person_in(acme, "cfo", Role.FINANCE_ADMIN)


@pytest.fixture
def tree(acme: Organization) -> Mapping[str, Budget]:
    lead = person_in(acme, "lead", Role.BUDGET_OWNER)
    found = make_tree(acme)
    found["engineering"].owner = lead
    found["engineering"].save()
    return found


def sent(**more: object) -> dict[str, object]:
    """Return what the editor sends for an owner, and a director from $5,000 on."""
    return {
        "name": "Engineering",
        "currency": "usd",
        "self_approval_below": "",
        "level0-name": "Owner",
        "level0-groups": ["budget_owner"],
        "level0-required": "1",
        "level0-min_amount": "0",
        "level1-name": "Finance",
        "level1-groups": ["role:finance_admin"],
        "level1-people": "director@acme.example",
        "level1-required": "all",
        "level1-min_amount": "5,000",
        **more,
    }


def filled_in(answer: Any) -> dict[str, str]:
    """Return what the editor on a page sends."""
    (form,) = (one for one in forms_in(answer) if "level0-name" in one)
    return {name: one for name, one in form.items() if name not in {"more", "preview"}}


def saved(policy: Policy) -> list[tuple[object, ...]]:
    return [
        (
            *(one.name, one.required, one.min_amount, one.parallel),
            [who.words for who in one.approvers.order_by("number")],
        )
        for one in policy.levels.order_by("number")
    ]


def test_a_policy_is_drawn_tried_and_saved(
    acme: Organization,
    cfo: User,
    tree: Mapping[str, Budget],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    browser = browser_of(cfo)
    where = page_at(browser, f"{PLACE}add/", q="engine").links
    address = f"{PLACE}add/{where['Acme / Engineering']}"
    tried = {"try-amount": "7000", "try-budget": str(tree["ml"].pk)}

    with django_assert_max_num_queries(50):
        whole = read(browser.post(address, sent(preview="1", **tried)).content.decode())

    page = whole.by_id("ap-live")
    assert Policy.objects.count() == 0
    assert not User.objects.filter(email="director@acme.example").exists()
    assert "director @acme .example becomes an approver when this is saved" in page.text
    assert page.facts() == {
        "Less than $5,000.00": "Owner",
        "From $5,000.00 on": "Owner, then Finance",
    }
    answer = whole.by_id("ap-answer").part("Who would have to approve $7,000.00 for ML")
    assert "lead @acme .example owns Engineering" in answer.text
    assert "all 2 have to approve" in answer.text
    self = {"try-requester": "lead@acme.example", **tried}
    own = browser.post(address, sent(preview="1", **self)).content.decode()
    assert "a finance admin: no budget there has an owner" in read(own).text

    assert browser.post(address, sent()).status_code == 302

    policy = Policy.objects.get()
    assert (policy.budget, policy.currency) == (tree["engineering"], "USD")
    assert saved(policy) == [
        ("Owner", 1, 0, False, ["budget_owner"]),
        (
            *("Finance", None, 5000, False),
            ["role:finance_admin", "director@acme.example"],
        ),
    ]
    assert browser.get(address).headers["Location"] == f"{PLACE}{policy.pk}/change/"
    asked = {"amount": "7000", "budget": tree["ml"].pk}
    told = page_at(browser_for(acme, Role.VIEWER), PLACE, **asked)
    assert "By the policy “Engineering”." in told.paragraphs
    assert told.table().column("For") == ["Acme / Engineering"]
    assert "New policy…" not in told.links


def test_levels_are_added_moved_and_removed_without_saving(
    acme: Organization, cfo: User
) -> None:
    policy = make_policy(
        acme,
        level(cfo, name="First"),
        level("role:finance_admin", "ancestor_owner:5", name="Second", parallel=True),
    )
    browser, address = browser_of(cfo), f"{PLACE}{policy.pk}/change/"
    form = filled_in(browser.get(address))

    more = read(browser.post(address, {**form, "more": "1"}).content.decode())
    moved = browser.post(address, {**form, "preview": "uplevel1"})

    assert "Level 3" in more.headings
    names = [name for name in filled_in(moved) if name.endswith("-name")]
    assert names == ["level1-name", "level0-name"]
    assert [one[0] for one in saved(policy)] == ["First", "Second"]
    gone = {**form, "level0-removed": "on", "level1-groups": "ancestor_owner:5"}
    assert browser.post(address, gone).status_code == 302
    assert saved(policy)[0][0::4] == ("Second", ["ancestor_owner:5"])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"level1-groups": [], "level1-people": ""}, "Tick somebody, or write"),
        ({"level1-required": "3"}, "“Finance” needs 3 and would have 2"),
        ({"level1-people": "gus@globex.example"}, "Invite gus@globex.example first"),
        ({"level1-people": "nobody"}, "“nobody” is no mail address."),
        ({"level0-min_amount": "10"}, "One level has to begin at 0"),
        ({"level0-name": ""}, "This field is required."),
        ({"currency": "XQX"}, "currency"),
        ({"self_approval_below": "0"}, "Must be more than 0"),
    ],
)
def test_a_fault_stands_at_its_field_when_it_is_saved(
    acme: Organization, cfo: User, more: dict[str, object], words: str
) -> None:
    person_in(make_organization("globex"), "gus", Role.VIEWER)
    address = f"{PLACE}add/?organization=acme"

    page = read(browser_of(cfo).post(address, sent(**more)).content.decode())

    assert words in page.text
    assert [one for one in page.all("div") if one.attributes.get("role") == "alert"]
    assert Policy.objects.count() == 0


def test_of_two_who_had_it_open_the_second_is_told(
    acme: Organization, cfo: User
) -> None:
    policy = make_policy(acme, level(cfo))
    browser, address = browser_of(cfo), f"{PLACE}{policy.pk}/change/"
    form = filled_in(browser.get(address))
    filled = sent(version=form["version"])
    save_policy(acme, plan_of(policy), by=SYSTEM, now=NOW, policy=policy)

    page = read(browser.post(address, filled).content.decode())

    assert "Changed by system" in page.text
    assert saved(policy)[0][0] == "Level"
    again = filled_in(browser.post(address, filled))
    assert browser.post(address, sent(version=again["version"])).status_code == 302


def test_only_finance_admins_change_delete_and_see_how(
    acme: Organization, cfo: User
) -> None:
    policy = make_policy(acme, level(cfo))
    owner = browser_for(acme, Role.BUDGET_OWNER)
    elsewhere = browser_for(make_organization("globex"))
    address = f"{PLACE}{policy.pk}/"

    assert owner.post(f"{address}change/", sent()).status_code == 403
    assert "Save" not in page_at(owner, f"{address}change/").buttons
    assert owner.get(f"{PLACE}add/").status_code == 403
    assert owner.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert elsewhere.get(f"{address}change/").status_code == 404
    assert elsewhere.get(f"{PLACE}add/?organization=acme").status_code == 404
    assert _delete(browser_of(cfo), address) == f"{PLACE}"
    assert TrailEntry.objects.filter(event="policy.deleted", actor=cfo.email).exists()
    assert "No policy yet" in page_at(owner, PLACE).headings


def _delete(browser: Client, address: str) -> str:
    return str(browser.post(f"{address}delete/", {"post": "yes"}).headers["Location"])


def test_a_policy_is_given_another_place_that_has_none(
    acme: Organization, tree: Mapping[str, Budget], cfo: User
) -> None:
    browser = browser_of(cfo)
    browser.post(f"{PLACE}add/?budget={tree['engineering'].pk}", sent())
    policy = Policy.objects.get()
    address = f"{PLACE}{policy.pk}/change/"
    form = filled_in(browser.get(address))

    assert form["budget"] == str(tree["engineering"].pk)
    browser.post(address, {**form, "budget": str(tree["ml"].pk)})
    policy.refresh_from_db()
    assert policy.budget == tree["ml"]
    browser.post(f"{PLACE}add/?organization=acme", sent(name="All"))
    taken = browser.post(address, {**filled_in(browser.get(address)), "budget": ""})
    assert taken.status_code == 200
    assert "There is a policy for these budgets already" in taken.content.decode()
    policy.refresh_from_db()
    assert policy.budget == tree["ml"]
