"""Applying many amounts: what is changed, what is asked for, and what stays."""

from decimal import Decimal

import pytest

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals.applying import Applied, Way, apply_amounts, ways_of
from approvals.decisions import decide
from approvals.models import BudgetRequest, Outcome
from budgets.models import Budget
from budgets.reallotment import NewAmount
from lib.errors import Forbidden, Refusal
from tests.approvals.factories import NOW, by, level, make_policy, person_in
from tests.factories import make_tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def tree(acme: Organization) -> dict[str, Budget]:
    """Return Acme 1,000 > Engineering 600 > ML 400, and Sales 300."""
    return make_tree(acme)


def new(budget: Budget, amount: str) -> NewAmount:
    return NewAmount(budget, Decimal(amount))


def ways(acme: Organization, person: User, *wanted: NewAmount) -> list[Way]:
    found = ways_of(acme, wanted, person=person)
    return [found[one.budget.pk] for one in wanted]


def applied(acme: Organization, person: User, *wanted: NewAmount) -> Applied:
    said = ways_of(acme, wanted, person=person)
    return apply_amounts(
        acme, wanted, said, by=by(person), reason="Recommended", now=NOW
    )


def amount_of(budget: Budget) -> Decimal:
    amount: Decimal = Budget.objects.get(pk=budget.pk).amount
    return amount


def test_without_a_policy_a_finance_admin_changes_all(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    fay = person_in(acme, "fay", Role.FINANCE_ADMIN)

    done = applied(acme, fay, new(tree["ml"], "450"), new(tree["sales"], "250"))

    assert (done.changed, list(done.requests), done.left) == (2, [], 0)
    assert (amount_of(tree["ml"]), amount_of(tree["sales"])) == (450, 250)


def test_raises_that_a_policy_asks_about_become_requests(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    fay, bob = (person_in(acme, one, Role.FINANCE_ADMIN) for one in ("fay", "bob"))
    make_policy(acme, level(bob), budget=tree["engineering"])

    done = applied(
        acme,
        fay,
        new(tree["ml"], "499"),  # the policy is for what is below, too
        new(tree["engineering"], "700"),
        new(tree["sales"], "800"),  # not of the policy
        new(tree["acme"], "900"),
    )

    of_ml, request = done.requests
    assert (done.changed, done.left) == (2, 0)
    assert (amount_of(tree["acme"]), amount_of(tree["sales"])) == (900, 800)
    assert (amount_of(tree["ml"]), of_ml.amount) == (400, 99)
    assert amount_of(tree["engineering"]) == 600
    assert (request.kind, request.amount) == ("increase", 100)
    assert request.justification == "Recommended"
    decide(request, by=by(bob), outcome=Outcome.APPROVED, now=NOW)
    assert amount_of(tree["engineering"]) == 700


def test_cuts_are_never_asked_about(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    fay, bob = (person_in(acme, one, Role.FINANCE_ADMIN) for one in ("fay", "bob"))
    make_policy(acme, level(bob))

    assert ways(acme, fay, new(tree["ml"], "1")) == [Way.CHANGE]


def test_an_owner_changes_their_own_and_asks_for_the_rest(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    pat = person_in(acme, "pat", Role.BUDGET_OWNER)
    person_in(acme, "fay", Role.FINANCE_ADMIN)
    Budget.objects.filter(pk=tree["engineering"].pk).update(owner=pat)
    wanted = (
        new(tree["ml"], "450"),
        new(tree["sales"], "350"),
        new(tree["acme"], "900"),
    )

    said = ways(acme, pat, *wanted)
    done = applied(acme, pat, *wanted)

    assert said == [Way.CHANGE, Way.REQUEST, Way.NOT_YOURS]
    assert (done.changed, len(done.requests), done.left) == (1, 1, 1)
    assert amount_of(tree["acme"]) == 1000
    assert ways(acme, pat, new(tree["sales"], "350")) == [Way.ASKED]


def test_who_may_only_read_changes_nothing(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    vic = person_in(acme, "vic", Role.VIEWER)

    assert ways(acme, vic, new(tree["ml"], "450")) == [Way.NOT_YOURS]


def test_when_a_request_can_not_be_nothing_is_changed(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    fay = person_in(acme, "fay", Role.FINANCE_ADMIN)
    make_policy(acme, level("budget_owner"), budget=tree["sales"])
    person_in(acme, "bob", Role.VIEWER)

    with pytest.raises(Refusal):  # nobody but fay could decide it
        applied(acme, fay, new(tree["ml"], "450"), new(tree["sales"], "350"))

    assert amount_of(tree["ml"]) == 400
    assert not BudgetRequest.objects.exists()


def test_what_was_shown_otherwise_is_not_done(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    fay, bob = (person_in(acme, one, Role.FINANCE_ADMIN) for one in ("fay", "bob"))
    wanted = [new(tree["ml"], "450")]
    shown = ways_of(acme, wanted, person=fay)
    make_policy(acme, level(bob))

    with pytest.raises(Forbidden):
        apply_amounts(acme, wanted, shown, by=by(fay), reason="More", now=NOW)

    assert amount_of(tree["ml"]) == 400
