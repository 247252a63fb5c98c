"""Who is asked, and by whose voice somebody decides."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from approvals.delegations import delegate, end
from approvals.errors import AboveLimit, HasSpoken, NotAsked, OwnRequest
from approvals.models import Delegation, TrailEntry
from approvals.voices import asked, voice_of, waiting_for
from lib.errors import Invalid, Refusal
from tests.approvals.factories import (
    NOW,
    approve,
    by,
    level,
    make_policy,
    make_request,
    person_in,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def people(acme: Organization) -> dict[str, User]:
    named = {name: person_in(acme, name) for name in ("pm", "ann", "bob", "cy", "dee")}
    return {**named, "cfo": person_in(acme, "cfo", Role.FINANCE_ADMIN)}


def lend(from_: User, to: User, **more: Any) -> Delegation:
    when = {"starts_at": NOW, "ends_at": NOW + DAY, "by": by(from_), "now": NOW}
    organization = from_.memberships.get().organization
    return delegate(organization, from_, to, **{**when, **more})


def test_who_stands_in_is_asked_and_decides_with_both_names_in_the_trail(
    acme: Organization, people: dict[str, User]
) -> None:
    pm, ann, bob, cy = (people[name] for name in ("pm", "ann", "bob", "cy"))
    request = make_request(acme, pm, approvers=[ann.email, cy.email])
    step = request.steps.get()
    lent = lend(ann, bob, limit=Decimal(5000))

    def whom(now: Any = NOW) -> list[str]:
        return [voice.person.email.split("@")[0] for voice in asked(step, now)]

    assert whom() == ["bob", "cy"]
    assert whom(NOW - DAY / 2) == ["ann", "cy"]
    assert whom(NOW + DAY) == ["ann", "cy"]
    assert list(waiting_for(bob, NOW)) == [request]
    assert list(waiting_for(bob, NOW + DAY)) == []

    decision = approve(request, bob).decision

    assert (decision.person, decision.assignment.person) == (bob, ann)
    told = TrailEntry.objects.get(event="request.decided").details
    assert (told["person"], told["for"]) == (bob.email, ann.email)
    with pytest.raises(HasSpoken):  # one voice, whoever uses it
        approve(request, ann)
    end(lent, by=by(ann), now=NOW)
    assert whom() == ["cy"]


def test_nobody_decides_their_own_request_by_any_voice(
    acme: Organization, people: dict[str, User]
) -> None:
    pm, ann, bob = (people[name] for name in ("pm", "ann", "bob"))
    root = User.objects.create(email="root@x.example", is_superuser=True)
    lend(ann, pm)
    lend(pm, bob)  # it would come to bob through the requester

    request = make_request(acme, pm, approvers=[ann.email])
    step = request.steps.get()

    for person, refusal in ((pm, OwnRequest), (bob, NotAsked), (root, NotAsked)):
        with pytest.raises(refusal):
            voice_of(step, person, NOW)
    assert [voice.person for voice in asked(step, NOW)] == [ann]
    assert list(waiting_for(pm, NOW)) == []
    with pytest.raises(OwnRequest):
        approve(make_request(acme, root, approvers=[ann.email]), root)


def test_limits_bind_along_a_chain_and_chains_have_an_end(
    acme: Organization, people: dict[str, User]
) -> None:
    pm, ann, bob, cy, dee = (people[n] for n in ("pm", "ann", "bob", "cy", "dee"))
    request = make_request(acme, pm, "100", approvers=[ann.email])
    step = request.steps.get()
    lend(ann, bob, limit=Decimal("99.99"))
    lend(bob, cy)

    for person in (bob, cy):  # cy has no more than bob has
        with pytest.raises(AboveLimit):
            voice_of(step, person, NOW)
    lend(ann, cy, starts_at=NOW + DAY, ends_at=NOW + 2 * DAY)
    lend(cy, dee)

    for from_, to in ((cy, ann), (dee, ann), (dee, people["cfo"]), (ann, ann)):
        with pytest.raises(Invalid):
            lend(from_, to)
    with pytest.raises(Refusal):  # for oneself only, but for finance admins
        lend(dee, people["cfo"], by=by(pm), starts_at=NOW + 5 * DAY)
    Membership.objects.filter(user=ann).delete()
    assert asked(step, NOW) == ()  # who has left is not asked, nor lends a voice


def test_small_amounts_may_be_ones_own_where_the_policy_says_so(
    acme: Organization, people: dict[str, User]
) -> None:
    cfo = people["cfo"]
    make_policy(acme, level("role:finance_admin"), self_approval_below=Decimal(250))
    small = make_request(acme, cfo, "249.99")

    assert list(waiting_for(cfo, NOW)) == [small]
    assert approve(small, cfo).request.state == "approved"
    with pytest.raises(Invalid):  # nobody else could
        make_request(acme, cfo, "250")
