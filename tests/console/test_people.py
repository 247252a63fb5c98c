"""People and access: who has a part in an organization, who is invited, its keys."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Invitation, Organization
from accounts.permissions import TABLE, Action
from accounts.scopes import SCOPES_OF_ROLE, Role, Scope
from console.accounts.invitations import invite_by_mail
from console.accounts.roles_page import abilities
from notifications.tasks import deliver
from tests.factories import (
    browser_for,
    browser_of,
    make_key,
    make_organization,
    make_person,
    make_tree,
)
from tests.pages import read

pytestmark = pytest.mark.django_db
PLACE = "/admin/accounts/organization/people/"


def main_of(answer: Any) -> str:
    """Return what stands on a page, without its side bar."""
    [main] = read(answer.content.decode()).all("main")
    return str(main.text)


def invited(organization: Organization, email: str, ago: timedelta) -> Invitation:
    """Return an invitation that was mailed *ago*."""
    then = timezone.now() - ago
    return invite_by_mail(organization, email, Role.VIEWER, by="ann", now=then)


def links_to(email: str) -> list[str]:
    """Send what is due, and return the links mailed to *email*, oldest first."""
    deliver()
    bodies = [str(sent.body) for sent in mail.outbox if sent.to == [email]]
    return [re.findall(r"http://testserver(/join/[\w-]+)", one)[0] for one in bodies]


def test_one_page_leads_to_people_invitations_and_keys(acme: Organization) -> None:
    tree = make_tree(acme)
    tree["ml"].owner = make_person("lea@acme.example", {acme: Role.BUDGET_OWNER})
    tree["ml"].save()
    invited(acme, "new@acme.example", timedelta(days=1))
    make_key("usage:write", "budgets:read", organization=acme, name="Gateway")
    make_key("usage:write", organization=make_organization("globex"), name="Other")

    page = main_of(browser_for(acme).get(PLACE))

    assert page.startswith(
        "2 people have a part in Acme, 1 is invited, and 1 API key is in use."
    )
    assert "finance_admin@acme.example (you) Finance admin No budget" in page
    assert "lea@acme.example Budget owner 1 budget" in page
    assert "new@acme.example by ann Viewer" in page
    assert "Report usage, read budgets" in page
    assert "Other" not in page


def test_others_see_the_people_and_whom_to_ask(acme: Organization) -> None:
    make_person("boss@acme.example", {acme: Role.FINANCE_ADMIN})
    invited(acme, "new@acme.example", timedelta(days=1))
    make_key("usage:write", organization=acme, name="Gateway")

    page = main_of(browser_for(acme, Role.VIEWER).get(PLACE))

    assert "is for the finance admins to say: boss@acme.example." in page
    assert "viewer@acme.example (you) Viewer" in page
    assert not any(word in page for word in ("Gateway", "new@acme", "Invite"))


def test_many_people_ask_no_more_queries(
    acme: Organization, django_assert_num_queries: Any
) -> None:
    browser = browser_for(acme)
    for number in range(5):
        make_person(f"p{number}@acme.example", {acme: Role.VIEWER})
        invited(acme, f"new{number}@acme.example", timedelta(hours=2))
        make_key("usage:write", organization=acme, name=f"key {number}")
    browser.get(PLACE)

    with django_assert_num_queries(12):
        browser.get(PLACE)


def test_roles_are_told_as_the_table_has_them() -> None:
    lines = {line.words: dict(line.cells) for line in abilities()}

    assert len(lines) >= len(Action)  # each is named, or the page would not be made
    for role in Role:
        said = lines["Set guardrails"][role.label]
        assert bool(said) == bool(TABLE[role].get(Action.GUARD))
        asks = lines["Ask for money, and decide where a policy asks them"][role.label]
        assert bool(asks) == (Scope.APPROVALS_WRITE in SCOPES_OF_ROLE[role])


def test_an_invitation_is_mailed_again_and_the_first_link_is_dead(
    acme: Organization,
) -> None:
    row = invited(acme, "new@acme.example", timedelta(days=20))  # it is over, too

    answer = browser_for(acme).post(
        f"/admin/accounts/invitation/{row.pk}/again/", follow=True
    )

    assert "new@acme.example is mailed once more" in main_of(answer)
    first, second = links_to("new@acme.example")
    assert Client().get(first).status_code == 404
    assert "Join Acme" in Client().get(second).content.decode()


def test_nobody_is_mailed_twice_in_a_moment(acme: Organization) -> None:
    row = invited(acme, "new@acme.example", timedelta(minutes=1))

    answer = browser_for(acme).post(
        f"/admin/accounts/invitation/{row.pk}/again/", follow=True
    )

    assert "was mailed less than 10 minutes ago" in main_of(answer)
    assert len(links_to("new@acme.example")) == 1


def test_only_who_runs_the_server_takes_a_link_and_that_is_kept(
    acme: Organization,
) -> None:
    row = invited(acme, "new@acme.example", timedelta(hours=1))
    place = f"/admin/accounts/invitation/{row.pk}/link/"
    root = browser_of(make_person("root@x.example", is_superuser=True))

    refused = browser_for(acme).post(place)
    shown = root.post(place)

    assert refused.status_code == 403
    link = read(shown.content.decode()).by_id("link").attributes["value"]
    assert "no-store" in shown["Cache-Control"]
    assert "Join Acme" in Client().get(link.removeprefix("http://testserver")).text
    latest = row.history.latest()
    assert (latest.actor, latest.history_change_reason) == (
        "root@x.example",
        "Its link was shown, to be handed over.",
    )


def test_a_key_tells_how_to_try_it_where_it_was_asked(acme: Organization) -> None:
    make_key("usage:write", organization=acme)
    key = acme.api_keys.get()

    page = browser_for(acme).get(
        f"/admin/accounts/apikey/{key.pk}/change/", headers={"host": "127.0.0.1:8123"}
    )

    assert "curl http://127.0.0.1:8123/api/v1/usage" in page.content.decode()
