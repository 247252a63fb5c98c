"""The rules of an organization as a process remembers them."""

from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase

from accounts.models import Organization
from budgets.models import Budget
from budgets.services import change_budget, plan_of
from controls.configuration import configure, switch_off
from controls.models import ControlRule
from controls.ruleset import Ruleset, open_ruleset
from tests.budgets.worlds import jan, january_budget
from tests.controls.factories import authorize, lease, make_hard
from tests.controls.guarding import given, guard
from tests.factories import Api

pytestmark = pytest.mark.django_db


def block(budget: Budget, *triggers: str, **config: Any) -> None:
    configure(
        budget,
        [
            {"trigger": one, "action": "block", "config": config, "notify": False}
            for one in triggers
        ],
    )


def opened(organization: Organization) -> Ruleset:
    organization.refresh_from_db()
    with TestCase.captureOnCommitCallbacks(execute=True):
        return open_ruleset(organization.pk, organization.revision)


def test_rules_come_nearest_budget_first(acme: Organization) -> None:
    above = january_budget(acme, "Above")
    below = january_budget(acme, "Below", parent=above)
    block(above, "hour == 1")
    block(below, "hour == 2", "hour == 3")

    ruleset = opened(acme)

    def triggers(*budgets: Budget) -> list[str]:
        rules = ruleset.for_budgets(one.pk for one in budgets)
        return [rule.trigger.text for rule in rules]

    assert triggers(below, above) == ["hour == 2", "hour == 3", "hour == 1"]
    assert triggers(above) == ["hour == 1"]
    assert triggers() == []


@pytest.mark.parametrize("broken", [r'model == "\ud800"', "-" * 490 + "hour > 1"])
def test_a_rule_that_can_not_be_read_never_holds_and_keeps_no_other_from_it(
    api: Api, acme: Organization, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    budget = make_hard(acme, "Team", "100")
    first, _ = guard(budget, given("block"), given("block", 'user == "ada"'))
    ControlRule.objects.filter(pk=first.pk).update(trigger=broken)

    allowed, blocked = authorize(api), authorize(api, user_id="ada")
    leased = lease(api, amount="1")
    body = api.get(f"budgets/{budget.uid}/controls").body
    refused = api.send(
        "PUT", f"budgets/{budget.uid}/controls", {"rules": body["rules"]}
    )

    assert (allowed["decision"], blocked["decision"]) == ("allow", "block")
    assert leased["mode"] == "lease"
    assert body["rules"][0]["summary"] == (
        "Never (its trigger can't be read): block all calls."
    )
    assert f"The rule {first.uid} never holds. The trigger" in caplog.text
    assert refused.body["errors"][0]["attr"] == "rules.0.trigger"


def test_whoever_is_exempt_is_so_from_all_rules_of_the_budget(
    acme: Organization,
) -> None:
    above, below = january_budget(acme), january_budget(acme)
    block(above, "hour == 1", exempt_users=["ann"])
    rules = [
        {"trigger": "always", "action": "notify", "config": {}, "notify": True},
        {
            "trigger": "always",
            "action": "block",
            "config": {"exempt_users": ["bo"]},
            "notify": True,
        },
    ]
    configure(below, rules)

    ruleset = opened(acme)

    exempt = [rule.exempt_users for rule in ruleset.for_budgets([below.pk, above.pk])]
    assert exempt == [{"bo"}, {"bo"}, {"ann"}]


def test_rules_are_read_once_for_each_revision(
    acme: Organization, django_assert_num_queries: Any
) -> None:
    budget = january_budget(acme)
    block(budget, "always")
    first = opened(acme)

    with django_assert_num_queries(0):
        again = open_ruleset(acme.pk, acme.revision)
    block(budget)
    changed = opened(acme)

    assert again is first
    assert changed.rules == ()


def test_every_change_is_seen(acme: Organization) -> None:
    budget = january_budget(acme, "Before")
    block(budget, "always")
    seen = [opened(acme)]

    switch_off(budget, "Stop.", now=jan(15))
    seen.append(opened(acme))
    plan = plan_of(budget)
    plan.name = "After"
    change_budget(budget, plan, now=jan(15))
    seen.append(opened(acme))

    assert [bool(one.switches) for one in seen] == [False, True, True]
    assert [one.rules[0].budget_name for one in seen] == ["Before", "Before", "After"]


def test_what_is_rolled_back_is_not_remembered(acme: Organization) -> None:
    budget = january_budget(acme)
    with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        block(budget, "always")
        acme.refresh_from_db()
        inside = open_ruleset(acme.pk, acme.revision)
        transaction.set_rollback(True)

    block(budget)  # has the revision that the other would have had
    after = opened(acme)

    assert (len(inside.rules), len(after.rules)) == (1, 0)


def test_an_organization_without_rules_has_none(acme: Organization) -> None:
    ruleset = opened(acme)

    assert ruleset.for_budgets([1, 2]) == ()
    assert ruleset.switches == {}
