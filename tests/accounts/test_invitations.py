"""People join by invitation: before they accept, nothing is seen or changed of them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.invitations import MOST_AN_HOUR
from accounts.models import Invitation, Membership, Organization, User
from accounts.scopes import Role
from notifications.tasks import deliver
from tests.factories import (
    browser_for,
    browser_of,
    make_key,
    make_organization,
    make_person,
)

pytestmark = pytest.mark.django_db

ADD = "/admin/accounts/invitation/add/"


def invite(
    organization: Organization, email: str, role: Role | None = None, **form: Any
) -> Any:
    person = User.objects.filter(email="finance_admin@acme.example").first()
    browser = browser_of(person) if person else browser_for(organization)
    chosen = (role or Role.VIEWER).value
    return browser.post(
        ADD, {"organization": organization.pk, "email": email, "role": chosen, **form}
    )


def mailed_to(email: str) -> str:
    """Send what is due, and return the path of the newest link mailed to *email*."""
    deliver()
    bodies = [str(sent.body) for sent in mail.outbox if sent.to == [email]]
    found = re.findall(r"http://testserver(/join/[\w-]+)", bodies[-1])
    return str(found[0])


GOOD = {"answer": "join", "password": "correct-horse-9", "again": "correct-horse-9"}


def test_whoever_is_new_sets_a_password_and_is_in(acme: Organization) -> None:
    invite(acme, "New@Acme.example", Role.BUDGET_OWNER)
    place = mailed_to("new@acme.example")
    before = User.objects.filter(email="new@acme.example").exists()

    page = Client().get(place)
    done = Client().post(place, GOOD, follow=True)

    assert not before
    assert "Join Acme" in page.content.decode()
    assert "Choose a password" in page.content.decode()
    assert "You have joined Acme" in done.content.decode()
    made = Membership.objects.get(user__email="new@acme.example")
    assert (made.organization, made.role) == (acme, Role.BUDGET_OWNER)
    assert made.user.check_password("correct-horse-9")


def test_the_role_offered_is_viewer(acme: Organization) -> None:
    page = browser_for(acme).get(ADD).content.decode()

    assert re.search(r'<option value="viewer"[^>]* selected', page)


def test_looking_changes_nothing(acme: Organization) -> None:
    invite(acme, "new@acme.example")
    place = mailed_to("new@acme.example")

    Client().get(place)
    Client().head(place)

    assert Invitation.objects.get().accepted_at is None
    assert not User.objects.filter(email="new@acme.example").exists()


def test_somebody_elses_person_is_neither_seen_nor_touched(acme: Organization) -> None:
    globex = make_organization("globex")
    gus = make_person(
        "gus@globex.example",
        {globex: Role.FINANCE_ADMIN},
        first_name="Gus",
        last_name="Gold",
    )
    key = make_key("budgets:write", user=gus)
    program = Client(headers={"authorization": f"Bearer {key}"})

    invite(acme, gus.email)

    ann = User.objects.get(email="finance_admin@acme.example")
    seen = [
        browser_of(ann).get(reverse(f"admin:accounts_{name}_changelist"))
        for name in ("user", "membership", "invitation")
    ]
    assert not any("Gold" in page.content.decode() for page in seen)
    assert not Membership.objects.filter(user=gus, organization=acme).exists()
    made = program.post(
        "/api/v1/budgets",
        {"name": "X", "amount": "1", "period": "monthly", "organization_id": "globex"},
        content_type="application/json",
    )
    assert made.status_code == 201


def test_the_answer_does_not_say_who_has_an_account(acme: Organization) -> None:
    make_person("gus@globex.example", {make_organization("globex"): Role.VIEWER})

    known = invite(acme, "gus@globex.example")
    unknown = invite(acme, "new@globex.example")

    assert known.status_code == unknown.status_code == 302
    assert known.headers["Location"] == unknown.headers["Location"]


def test_who_has_a_password_keeps_it(acme: Organization) -> None:
    globex = make_organization("globex")
    gus = make_person("gus@globex.example", {globex: Role.VIEWER})
    invite(acme, gus.email)
    place = mailed_to(gus.email)

    page = Client().get(place).content.decode()
    Client().post(place, GOOD)

    gus.refresh_from_db()
    assert "password" not in page
    assert gus.check_password("secret")
    assert Membership.objects.filter(user=gus, organization=acme).exists()


def test_an_approver_needs_no_password(acme: Organization) -> None:
    invite(acme, "cfo@acme.example", Role.APPROVER)

    Client().post(mailed_to("cfo@acme.example"), {"answer": "join"})

    made = Membership.objects.get(user__email="cfo@acme.example")
    assert made.role == Role.APPROVER
    assert not made.user.has_usable_password()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Choose a password."),
        ({"password": "password", "again": "password"}, "too common"),
        ({"password": "correct-horse-9", "again": "other"}, "The two passwords differ"),
    ],
    ids=["none", "weak", "different"],
)
def test_a_bad_password_leaves_the_link_good(
    form: dict[str, str], words: str, acme: Organization
) -> None:
    invite(acme, "new@acme.example")
    place = mailed_to("new@acme.example")

    refused = Client().post(place, {"answer": "join", **form})
    done = Client().post(place, GOOD)

    assert refused.status_code == 400
    assert words in refused.content.decode()
    assert done.status_code == 303


def test_a_link_is_good_once(acme: Organization) -> None:
    invite(acme, "new@acme.example")
    place = mailed_to("new@acme.example")
    Client().post(place, GOOD)
    Membership.objects.filter(user__email="new@acme.example").delete()

    again = Client().post(place, GOOD)

    assert again.status_code == 409
    assert not Membership.objects.filter(user__email="new@acme.example").exists()


def test_what_is_withdrawn_leads_nowhere(acme: Organization) -> None:
    invite(acme, "new@acme.example")
    place = mailed_to("new@acme.example")
    row = Invitation.objects.get()
    ann = browser_of(User.objects.get(email="finance_admin@acme.example"))

    looked = ann.get(f"/admin/accounts/invitation/{row.pk}/withdraw/")
    row.refresh_from_db()
    untouched = row.withdrawn_at is None
    ann.post(f"/admin/accounts/invitation/{row.pk}/withdraw/")

    assert (looked.status_code, untouched) == (302, True)
    assert Client().get(place).status_code == 404
    assert Client().post(place, GOOD).status_code == 404


def test_one_that_is_mailed_again_replaces_the_first(acme: Organization) -> None:
    invite(acme, "new@acme.example")
    first = mailed_to("new@acme.example")
    invite(acme, "new@acme.example", Role.APPROVER)

    assert Client().get(first).status_code == 404
    assert Invitation.objects.filter(withdrawn_at=None).get().role == Role.APPROVER


def test_an_old_one_is_over(acme: Organization) -> None:
    invite(acme, "new@acme.example")
    place = mailed_to("new@acme.example")
    past = timezone.now() - timedelta(seconds=1)
    Invitation.objects.update(expires_at=past)

    assert Client().post(place, GOOD).status_code == 409


def test_invitations_are_no_way_to_mail_the_world(acme: Organization) -> None:
    for number in range(MOST_AN_HOUR):
        invite(acme, f"p{number}@elsewhere.example")

    refused = invite(acme, "one-more@elsewhere.example")

    assert "go on later" in refused.content.decode()
    assert Invitation.objects.count() == MOST_AN_HOUR


def test_nobody_invites_to_another_organization(acme: Organization) -> None:
    globex = make_organization("globex")
    browser = browser_for(acme)

    browser.post(
        ADD, {"organization": globex.pk, "email": "x@x.example", "role": "viewer"}
    )

    assert not Invitation.objects.exists()


def test_a_finance_admin_does_not_make_members_directly(acme: Organization) -> None:
    answer = browser_for(acme).post(
        reverse("admin:accounts_membership_add"),
        {"organization": acme.pk, "email": "x@x.example", "role": "viewer"},
    )

    assert answer.status_code == 403
    assert not User.objects.filter(email="x@x.example").exists()
