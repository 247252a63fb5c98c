"""Role by action by relation: what the table says is what the API and the pages do."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.template.backends.django import Template
from django.test import Client

from accounts.audit import acting_as
from accounts.meanwhile import data_of
from accounts.models import Organization, User
from accounts.permissions import TABLE, Action, Relation
from accounts.scopes import Role
from budgets.models import Budget, Reservation
from budgets.scopes import covers
from console.budgets.forms import BudgetForm
from lib.memories import forget_everything
from tests.alerts.factories import fire
from tests.controls.factories import authorize
from tests.controls.guarding import given, guard
from tests.factories import (
    Api,
    browser_of,
    make_api,
    make_budget,
    make_key,
    make_organization,
    make_person,
    make_tree,
)
from tests.notifications.factories import make_channel
from tests.sizes import every_day_on_sqlite

pytestmark = pytest.mark.django_db


@dataclass
class World:
    """Acme > Engineering > ML, Data; Sales beside Engineering, which is Pat's."""

    pat: User
    budget: Budget  # what it is done to
    elsewhere: Budget  # where it may be moved
    api: Api
    browser: Client
    made_by: str  # of channels


TARGETS = {  # to what it is done, and where that may be moved
    Relation.OWN: ("engineering", "sales"),
    Relation.BELOW: ("ml", "data"),
    Relation.ELSEWHERE: ("sales", "engineering"),
}


def tree_of(acme: Organization) -> dict[str, Budget]:
    tree = make_tree(acme)
    scope = {"departments": ["engineering"], "teams": ["data"]}
    data = make_budget(acme, "Data", "50", parent=tree["engineering"], scope=scope)
    return {**tree, "data": data}


def give(tree: dict[str, Budget], pat: User) -> None:
    """Make Engineering Pat's."""
    tree["engineering"].owner = pat
    tree["engineering"].save()


def world_in(tree: dict[str, Budget], pat: User, relation: Relation) -> World:
    target, away = TARGETS[relation]
    return World(
        pat=pat,
        budget=Budget.objects.get(pk=tree[target].pk),
        elsewhere=tree[away],
        api=Api(make_key(user=pat)),
        browser=browser_of(pat),
        made_by="lea@acme.example" if relation is Relation.ELSEWHERE else pat.email,
    )


def world_of(acme: Organization, role: Role, relation: Relation) -> World:
    tree, pat = tree_of(acme), make_person("pat@acme.example", {acme: role})
    give(tree, pat)
    return world_in(tree, pat, relation)


def channel_of(world: World) -> Any:
    with acting_as(world.made_by):
        return make_channel(
            world.budget.organization, "email", config={"to": ["ops@acme.example"]}
        )


def reservation_of(world: World) -> Reservation:
    Budget.objects.filter(pk=world.budget.pk).update(enforcement="hard")
    world.budget.organization.touch()
    place = {"department_id": "engineering", "team_id": "ml"}
    if world.budget.name == "Sales":
        place = {"department_id": "sales"}
    made = authorize(make_api(organization=world.budget.organization), **place)
    return Reservation.objects.get(uid=made["id"])


def below(world: World) -> dict[str, Any]:
    """Return a new budget below, that counts no more than the one above it does."""
    scope = {"departments": ["engineering"], "teams": ["new"]}
    return {"name": "New", "amount": "1", "period": "monthly", "scope": scope}


def _path(world: World) -> str:
    return f"budgets/{world.budget.uid}"


# What an action is at the API: it answers 403 to whom it refuses.
API: dict[Action, Callable[[World], int]] = {
    Action.READ: lambda w: w.api.get(_path(w)).status,
    Action.CHANGE: lambda w: w.api.patch(_path(w), {"amount": "7"}).status,
    Action.RAISE: lambda w: w.api.patch(_path(w), {"amount": "7777"}).status,
    Action.MAKE: lambda w: (
        w.api.post("budgets", {**below(w), "parent": str(w.budget.uid)}).status
    ),
    Action.MOVE: lambda w: (
        w.api.patch(_path(w), {"parent": str(w.elsewhere.uid)}).status
    ),
    Action.ARCHIVE: lambda w: w.api.delete(_path(w)).status,
    Action.GUARD: lambda w: (
        w.api.send("PUT", f"{_path(w)}/controls", {"rules": []}).status
    ),
    Action.SWITCH: lambda w: (
        w.api.send("PUT", f"{_path(w)}/kill-switch", {"active": True}).status
    ),
    Action.WATCH: lambda w: (
        w.api.send("PUT", f"{_path(w)}/alerts", {"alerts": []}).status
    ),
    Action.ANSWER: lambda w: (
        w.api.post(f"alerts/{fire(w.budget).uid}/acknowledge", {}).status
    ),
    Action.REWIRE: lambda w: (
        w.api.patch(
            f"notification-channels/{channel_of(w).uid}", {"name": "Other"}
        ).status
    ),
}


def _posted(world: World, place: str, **data: Any) -> int:
    return int(world.browser.post(f"/admin/{place}", data).status_code)


def _answered(world: World) -> int:
    return _posted(
        world,
        f"alerts/alert/{fire(world.budget).pk}/answer/",
        what="acknowledge",
    )


def _made(world: World) -> int:
    """Fill in the form; what is not offered there is an error at its field."""
    world.browser.post(
        f"/admin/budgets/budget/add/?organization={world.budget.organization.slug}",
        {
            "name": "New",
            "amount": "1",
            "period": "monthly",
            "currency": "USD",
            "timezone": "UTC",
            "warning_threshold": "80",
            "enforcement": "soft",
            "critical_threshold": "95",
            "priority": "normal",
            "rollover_mode": "none",
            "parent": world.budget.pk,
            "scope.departments": "engineering",
            "scope.teams": "new",
        },
    )
    return 201 if Budget.objects.filter(name="New").exists() else 403


def _raised(world: World) -> int:
    """Fill in the form, as `_made`, and confirm what it asks."""
    budget, more = world.budget, str(world.budget.amount + 1)
    place = f"/admin/budgets/budget/{budget.pk}/change/"
    shown = data_of(BudgetForm(organization=budget.organization, budget=budget)).dict()
    asked = world.browser.post(place, {**shown, "amount": more, "reason": "More to do"})
    confirm = getattr(asked, "context_data", {}).get("confirm", "")
    world.browser.post(
        place, {**shown, "amount": more, "reason": "More to do", "confirm": confirm}
    )
    is_raised = Budget.objects.filter(pk=budget.pk, amount=more).exists()
    return 302 if is_raised else 403


# What an action is on the pages.
PAGES: dict[Action, Callable[[World], int]] = {
    Action.READ: lambda w: (
        w.browser.get(f"/admin/budgets/budget/{w.budget.pk}/change/").status_code
    ),
    Action.CHANGE: lambda w: _posted(w, f"budgets/budget/{w.budget.pk}/change/"),
    Action.RAISE: _raised,
    Action.MAKE: _made,
    Action.MOVE: lambda w: _posted(w, f"budgets/budget/{w.budget.pk}/move/"),
    Action.ARCHIVE: lambda w: _posted(w, f"budgets/budget/{w.budget.pk}/archive/"),
    Action.GUARD: lambda w: _posted(
        w, f"controls/controlrule/budget/{w.budget.pk}/rules/", what="presets"
    ),
    Action.SWITCH: lambda w: _posted(
        w, f"controls/controlrule/budget/{w.budget.pk}/switch/", what="off"
    ),
    Action.WATCH: lambda w: _posted(
        w, f"alerts/alertrule/add/?budget={w.budget.pk}&type=velocity"
    ),
    Action.ANSWER: _answered,
    Action.RELEASE: lambda w: _posted(
        w, f"budgets/reservation/{reservation_of(w).pk}/release/"
    ),
    Action.REWIRE: lambda w: _posted(
        w, f"notifications/channel/{channel_of(w).pk}/change/"
    ),
}
DOORS = [("api", API), ("pages", PAGES)]


def test_every_action_has_a_door_at_each_side() -> None:
    assert set(PAGES) == set(Action)
    assert set(API) == set(Action) - {Action.RELEASE}  # there its scope says who asks


@every_day_on_sqlite
def test_the_doors_do_what_the_table_says(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Template, "render", lambda *_, **__: "")  # statuses tell
    tree = tree_of(acme)
    found = []
    for role in Role:
        pat = make_person(f"{role}@acme.example", {acme: role})
        give(tree, pat)
        for relation in Relation:
            world = world_in(tree, pat, relation)
            for side, doors in DOORS:
                for action, door in doors.items():
                    status = done(door, world)
                    may = relation in TABLE[role].get(action, ())
                    is_told = status not in {404, 405} and status < 500
                    if (status != 403) is not may or not is_told:
                        found.append(f"{side} {role} {action} {relation}: {status}")

    assert found == []


def done(door: Callable[[World], int], world: World) -> int:
    """Return what a door answers; what it did is taken back."""
    with transaction.atomic():
        status = door(world)
        transaction.set_rollback(True)
    world.budget.refresh_from_db()
    forget_everything()
    return status


@pytest.mark.parametrize("role", Role)
def test_the_docs_have_the_table(role: Role) -> None:
    text = Path(settings.BASE_DIR, "docs/roles.md").read_text()
    heads = [
        one.strip() for one in re.findall(r"^\| Action.*$", text, re.M)[0].split("|")
    ]
    place = heads.index(role.label)
    words = {
        frozenset(Relation): "everywhere",
        frozenset({Relation.OWN, Relation.BELOW}): "own and below",
        frozenset({Relation.BELOW}): "below own",
        frozenset(): "no",
    }

    told = {
        cells[1].strip("` "): cells[place].strip()
        for line in re.findall(r"^\| `[a-z]+` .*$", text, re.M)
        if (cells := line.split("|"))
    }

    assert told == {
        action.value: words[TABLE[role].get(action, frozenset())] for action in Action
    }


# -- What the table alone does not say


@pytest.fixture
def own(acme: Organization) -> World:
    return world_of(acme, Role.BUDGET_OWNER, Relation.OWN)


def test_an_owner_changes_their_own_and_not_the_companys(own: World) -> None:
    company = Budget.objects.get(name="Acme")

    mine = own.api.patch(_path(own), {"amount": "400"})
    theirs = own.api.patch(f"budgets/{company.uid}", {"amount": "70000"})

    company.refresh_from_db()
    assert (mine.status, theirs.status) == (200, 403)
    assert theirs.body["code"] == "not_yours"
    assert "Ask a finance admin." in theirs.body["detail"]
    assert company.amount == 1000


@pytest.mark.parametrize(
    "more", [{"amount": "601"}, {"period": "weekly"}, {"currency": "EUR"}]
)
def test_an_owner_shares_out_what_they_have_and_asks_for_more(
    own: World, more: dict[str, str]
) -> None:
    """What is at the top of their own is part of somebody else's sums."""
    ml = Budget.objects.get(name="ML")

    mine = own.api.patch(_path(own), more)
    below = own.api.patch(f"budgets/{ml.uid}", {"amount": str(ml.amount + 1)})

    own.budget.refresh_from_db()
    assert (mine.status, below.status) == (403, 200)
    assert mine.body["code"] == "not_yours"
    assert "is not yours to raise by changing it: ask for more" in mine.body["detail"]
    assert (own.budget.amount, own.budget.currency) == (600, "USD")


def test_a_key_without_a_person_does_what_its_scopes_say(acme: Organization) -> None:
    budget = make_tree(acme)["sales"]
    writes = make_api("budgets:write", "budgets:read", organization=acme)
    reads = make_api("budgets:read", organization=acme)

    statuses = [
        one.patch(f"budgets/{budget.uid}", {"amount": "77"}).status
        for one in (writes, reads)
    ]

    assert statuses == [200, 403]


def test_a_role_elsewhere_opens_nothing_here(acme: Organization) -> None:
    globex = make_organization("globex")
    budget = make_budget(acme)
    gus = make_person("gus@x.example", {globex: Role.FINANCE_ADMIN, acme: Role.VIEWER})

    page = browser_of(gus).post(f"/admin/budgets/budget/{budget.pk}/archive/")

    assert page.status_code == 403


def test_an_owner_puts_nothing_at_the_top(own: World) -> None:
    made = own.api.post("budgets", below(own))
    ml = Budget.objects.get(name="ML")
    moved = own.api.patch(f"budgets/{ml.uid}", {"parent": None})

    assert (made.status, moved.status) == (403, 403)
    assert "at the top" in made.body["detail"]


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"departments": ["sales"]},
        {"teams": ["x"]},
        {"departments": ["engineering", "sales"]},
    ],
    ids=str,
)
def test_an_owner_counts_no_more_than_their_own_does(
    own: World, scope: dict[str, Any]
) -> None:
    """With a hard limit on it one would stop other teams' calls."""
    widened = own.api.patch(_path(own), {"scope": scope})
    made = own.api.post(
        "budgets", {**below(own), "parent": str(own.budget.uid), "scope": scope}
    )

    assert (widened.status, made.status) == (403, 403)
    assert "no more than your “Engineering” does" in made.body["detail"]


def test_the_pages_offer_what_one_may_do(own: World) -> None:
    sales = Budget.objects.get(name="Sales")
    ml = Budget.objects.get(name="ML")

    def page(budget: Budget) -> str:
        return own.browser.get(
            f"/admin/budgets/budget/{budget.pk}/change/"
        ).content.decode()

    assert ("Archive…" in page(ml), "Move to…" in page(ml)) == (True, True)
    assert ("Archive…" in page(own.budget), "Move to…" in page(own.budget)) == (
        True,
        False,
    )
    assert ("Archive…" in page(sales), "Move to…" in page(sales)) == (False, False)
    assert "ask a finance admin" in page(sales)
    assert 'class="co-all" disabled' in page(sales)
    switch = own.browser.get(f"/admin/controls/controlrule/budget/{sales.pk}/")
    assert "Switch off…" not in switch.content.decode()


def test_whoever_may_not_is_told_whom_to_ask(acme: Organization) -> None:
    sales = make_tree(acme)["sales"]
    sales.owner = make_person("sam@acme.example", {acme: Role.BUDGET_OWNER})
    sales.save()
    viewer = make_person("vic@acme.example", {acme: Role.VIEWER})

    page = browser_of(viewer).get(f"/admin/budgets/budget/{sales.pk}/change/")

    assert "ask sam@acme.example or a finance admin" in page.content.decode()


def test_a_form_moves_within_what_is_ones_own(own: World) -> None:
    ml = Budget.objects.get(name="ML")

    page = own.browser.get(f"/admin/budgets/budget/{ml.pk}/move/").content.decode()

    assert "Acme / Engineering / Data" in page
    assert "Acme / Sales</option>" not in page
    assert "a tree of its own" not in page


@pytest.mark.parametrize("relation", [Relation.BELOW, Relation.ELSEWHERE])
def test_rules_are_removed_by_whom_they_belong_to(
    relation: Relation, acme: Organization
) -> None:
    world = world_of(acme, Role.BUDGET_OWNER, relation)
    (rule,) = guard(world.budget, given())
    place = f"/admin/controls/controlrule/{rule.pk}/change/"

    status = world.browser.post(place, {}).status_code

    assert (status != 403) is (relation is Relation.BELOW)


@pytest.mark.parametrize(
    ("outer", "inner", "is_covered"),
    [
        ({}, {}, True),
        ({}, {"teams": ["a"]}, True),
        ({"teams": ["a"]}, {}, False),
        ({"teams": ["a", "b"]}, {"teams": ["b"]}, True),
        ({"teams": ["a"]}, {"teams": ["a", "b"]}, False),
        ({"teams": ["a"]}, {"teams": ["a"], "projects": ["x"]}, True),
        ({"models": ["gpt-4o*"]}, {"models": ["gpt-4o-mini"]}, True),
        ({"models": ["gpt-4o*"]}, {"models": ["gpt-*"]}, False),
        ({"models": ["gpt-4o"]}, {}, False),
        ({"tags": {"env": ""}}, {"tags": {"env": "prod"}}, True),
        ({"tags": {"env": "prod"}}, {"tags": {"env": ""}}, False),
        ({"providers": ["openai"]}, {"providers": ["openai.responses"]}, True),
    ],
    ids=str,
)
def test_a_scope_covers_what_is_inside_it(
    outer: dict[str, Any], inner: dict[str, Any], *, is_covered: bool
) -> None:
    assert covers(outer, inner) is is_covered
