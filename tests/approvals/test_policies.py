"""Policies are saved without faults, and say who would have to approve."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from accounts.scopes import Role
from approvals.errors import NobodyDecides
from approvals.policies import delete_policy, save_policy, who_would_approve
from approvals.types import SYSTEM, PolicyPlan
from lib.errors import Conflict, Forbidden, Invalid
from tests.approvals.factories import NOW, by, level, make_policy, person_in
from tests.factories import make_organization, make_tree

pytestmark = pytest.mark.django_db


def test_who_would_have_to_approve_7000_for_ml(acme: Organization) -> None:
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    lead = person_in(acme, "lead", Role.BUDGET_OWNER)
    tree = make_tree(acme)
    tree["engineering"].owner = lead
    tree["engineering"].save()
    everywhere = make_policy(acme, level("role:finance_admin"), name="All")
    here = make_policy(
        acme,
        level("budget_owner", name="Owner"),
        level("cfo@acme.example", "ceo@acme.example", name="CFO", required=None),
        level(cfo, name="Board", min_amount=Decimal("7000.01")),
        name="Engineering",
        budget=tree["engineering"],
    )

    def told(name: str, amount: str = "7000", currency: str = "") -> list[Any]:
        money = Decimal(amount), currency
        chain = who_would_approve(acme, tree[name], *money, now=NOW)
        return [(one.stage, one.name, one.needed) for one in chain.steps]

    assert told("ml") == [(1, "Owner", 1), (2, "CFO", 2)]
    assert told("ml", "7000.01")[2:] == [(3, "Board", 1)]
    assert told("ml", "7000", "EUR")[2:] == [(3, "Board", 1)]
    assert told("sales") == [(1, "Level", 1)]
    chain = who_would_approve(acme, tree["ml"], Decimal(1), now=NOW, requester=lead)
    assert [one.person for one in chain.steps[0].approvers] == [cfo]
    # Whose request it is has no voice, and takes none away by that.
    cto = person_in(acme, "cto", Role.FINANCE_ADMIN)
    chain = who_would_approve(acme, tree["ml"], Decimal(1), now=NOW, requester=cfo)
    assert {one.person.email for one in chain.steps[1].approvers} == {
        *("ceo@acme.example", cto.email),
    }
    for policy in (here, everywhere):
        delete_policy(policy, by=by(cfo), now=NOW)
    assert told("ml") == [(1, "Finance admins", 1)]


@pytest.mark.parametrize(
    "levels",
    [
        (),
        (level(),),
        (level("role:viewer"),),
        (level("role:finance_admin", required=2),),
        (level("role:emperor"),),
        (level("ancestor_owner:0"),),
        (level("nobody"),),
        (level("role:finance_admin", min_amount=Decimal(50)),),
        (level("role:finance_admin", required=0),),
    ],
    ids=["none", "empty", "no such", "few", "role", "above", "address", "gap", "zero"],
)
def test_a_level_that_nobody_could_decide_is_found_when_it_is_saved(
    acme: Organization, levels: Any
) -> None:
    person_in(acme, "cfo", Role.FINANCE_ADMIN)

    with pytest.raises(Invalid) as refused:
        make_policy(acme, *levels)

    assert refused.value.errors
    assert acme.approval_policies.count() == 0


def test_only_finance_admins_save_one_policy_for_a_place(acme: Organization) -> None:
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    other = person_in(make_organization("other"), "cfo", Role.FINANCE_ADMIN)
    plan = PolicyPlan(name="All", levels=[level("role:finance_admin")])
    made = save_policy(acme, plan, by=by(cfo), now=NOW)

    with pytest.raises(Forbidden):
        save_policy(acme, plan, by=by(other), now=NOW)
    with pytest.raises(Conflict):
        save_policy(acme, plan, by=SYSTEM, now=NOW)
    plan.levels = []
    with pytest.raises(NobodyDecides):
        save_policy(acme, plan, by=by(cfo), now=NOW, policy=made)
    assert made.levels.count() == 1


def test_nobody_of_another_organization_is_taken_in_by_being_named(
    acme: Organization,
) -> None:
    elsewhere = person_in(make_organization("globex"), "elsewhere", Role.VIEWER)

    with pytest.raises(Invalid, match="Invite elsewhere@"):
        make_policy(acme, level(elsewhere.email, name="Theirs"), name="Other")

    assert elsewhere.memberships.count() == 1
    make_policy(acme, level("new@acme.example", name="New"), name="All")
