"""Who runs the server looks at one organization at a time; nothing opens by it."""

from typing import Any

import pytest
from django.test import Client

from accounts.access import organizations_of, visible_to
from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from budgets.models import Budget
from tests.factories import (
    browser_for,
    browser_of,
    make_budget,
    make_key,
    make_organization,
    make_person,
    spend,
)
from tests.pages import read

pytestmark = pytest.mark.django_db
LOOK = "/admin/accounts/organization/look/"
LISTS = (
    *("accounts/organization/", "accounts/membership/", "accounts/user/"),
    *("accounts/apikey/", "ledger/costrecord/", "ledger/attribution/"),
    *("budgets/budgetperiod/", "alerts/alert/?whose=all", "notifications/channel/"),
    *("accounts/organization/people/", "budgets/budget/tree/", "search/?s=globex"),
)


@pytest.fixture
def globex() -> Organization:
    return filled("globex")


def filled(slug: str) -> Organization:
    organization = make_organization(slug)
    make_budget(organization, f"Budget of {slug}")
    make_person(f"somebody@{slug}.example", {organization: Role.FINANCE_ADMIN})
    make_key("usage:write", organization=organization, name=f"key of {slug}")
    spend(organization, "1", team_id=f"team of {slug}")
    return organization


@pytest.fixture
def root() -> Client:
    return browser_of(make_person("root@x.example", is_superuser=True))


def main_of(answer: Any) -> str:
    """Return what stands on a page, without its side bar and head."""
    page = read(answer.content.decode())
    return " ".join(str(one.text) for one in page.all("main")) or str(page.text)


def test_every_list_shows_that_organization_alone(
    globex: Organization, root: Client
) -> None:
    filled("acme")
    root.post(LOOK, {"organization": "acme"})

    pages = {one: main_of(root.get(f"/admin/{one}")).lower() for one in LISTS}

    # Nothing but what was searched for is called so.
    rest = {one: page.replace("“globex”", "") for one, page in pages.items()}
    assert [one for one, page in rest.items() if "globex" in page] == []
    assert "You see Acme only" in main_of(root.get("/admin/budgets/budget/tree/"))
    budget = globex.budgets.get()
    assert root.get(f"/admin/budgets/budget/{budget.pk}/page/").status_code == 404
    assert root.get("/admin/django_q/schedule/").status_code == 403


def test_one_click_goes_back_to_all(globex: Organization, root: Client) -> None:
    make_organization("acme")
    root.post(LOOK, {"organization": "acme"})

    root.post(LOOK, {"organization": ""})

    page = main_of(root.get("/admin/accounts/organization/"))
    assert "Globex" in page
    assert "You see" not in page


def test_nobody_else_may_look(acme: Organization, globex: Organization) -> None:
    browser = browser_for(acme)

    answer = browser.post(LOOK, {"organization": "globex"})

    assert answer.status_code == 403
    assert "Globex" not in browser.get("/admin/").content.decode()
    assert 'class="co-look"' not in browser.get("/admin/").content.decode()


def test_what_the_session_says_opens_nothing_to_a_member(
    acme: Organization, globex: Organization
) -> None:
    """Neither by a session that was kept, nor to somebody who ran the server once."""
    ann = make_person("ann@acme.example", {acme: Role.VIEWER}, is_superuser=True)
    browser = browser_of(ann)
    browser.post(LOOK, {"organization": "globex"})
    User.objects.filter(pk=ann.pk).update(is_superuser=False)

    page = browser.get("/admin/accounts/organization/people/")

    assert "Globex" not in page.content.decode()
    assert "a part in Acme" in main_of(page)


def test_to_look_at_one_takes_away_and_adds_nothing(
    acme: Organization, globex: Organization
) -> None:
    member = make_person("ann@acme.example", {acme: Role.VIEWER})
    root = make_person("root@x.example", is_superuser=True)
    member.looks_at = globex.pk
    root.looks_at = acme.pk

    assert list(organizations_of(member)) == [acme]
    assert list(organizations_of(root)) == [acme]
    assert not visible_to(root, Budget.objects.all()).exists()
    assert not visible_to(member, Budget.objects.all()).exists()
    assert visible_to(root, Membership.objects.all()).count() == 1


def test_a_form_does_not_reach_what_is_left_out(
    globex: Organization, root: Client
) -> None:
    make_organization("acme")
    root.post(LOOK, {"organization": "acme"})
    member = globex.memberships.get()

    answer = root.post(
        f"/admin/accounts/membership/{member.pk}/change/", {"role": "viewer"}
    )

    member.refresh_from_db()
    assert member.role == Role.FINANCE_ADMIN
    assert answer.status_code in {302, 404}
    invited = root.post(
        "/admin/accounts/invitation/add/",
        {"organization": globex.pk, "email": "x@x.example", "role": "viewer"},
    )
    assert invited.status_code == 200
    assert not globex.invitations.exists()
