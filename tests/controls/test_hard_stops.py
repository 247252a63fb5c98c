"""A block at the whole amount makes it a hard limit, at every door."""

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from controls.configuration import configure
from controls.expressions import read
from controls.models import ControlRule
from controls.stops import stops_at_the_amount
from tests.controls.factories import authorize, book, lease, make_hard, money_of
from tests.controls.guarding import given, guard
from tests.factories import Api

pytestmark = pytest.mark.django_db

STOPS = [
    "budget_percentage >= 1.0",
    "budget_percentage >= 1",
    "1.0 <= budget_percentage",
    "1 <= budget_percentage <= 10",
    "budget_percentage > 0.9999",
    "budget_percentage > 1",
    "budget_percentage * 100 >= 100",
    "not budget_percentage < 1",
    "not (budget_percentage < 1.0)",
    "spent >= limit",
    "limit <= spent",
    "spent / limit >= 1",
    "remaining <= 0",
    "not remaining > 0",
    'budget_percentage >= 1.0 or environment == "dev"',
    "hour >= 22 or (weekday >= 5 or budget_percentage >= 1)",
    "budget_percentage >= 0.5 or budget_percentage >= 1",
    "budget_percentage >= 1 and spent > 0",
]
NO_STOPS = [
    "always",
    "budget_percentage >= 0.9",
    "budget_percentage >= 1.1",
    "budget_percentage < 1",
    "budget_percentage == 1",
    'budget_percentage >= 1 and environment == "dev"',
    "budget_percentage >= 1 and hour >= 18",
    'not (budget_percentage < 1 or user == "ada")',
    'environment == "dev"',
    "forecast_probability >= 1",
    "spent >= 100",
    "limit > 0",
]


@pytest.mark.parametrize("text", STOPS)
def test_what_stops_at_the_amount_however_it_is_written(text: str) -> None:
    assert stops_at_the_amount(read(text))


@pytest.mark.parametrize("text", NO_STOPS)
def test_what_does_not(text: str) -> None:
    assert not stops_at_the_amount(read(text))


@pytest.fixture
def soft(acme: Organization) -> Budget:
    return make_hard(acme, "Team", "3.90", enforcement="soft")


def stop(trigger: str = "budget_percentage >= 1.0", **config: Any) -> Any:
    return given("block", trigger, **config)


def put(api: Api, budget: Budget, *rules: Any) -> Any:
    answer = api.send("PUT", f"budgets/{budget.uid}/controls", {"rules": list(rules)})
    assert answer.status == 200, answer.body
    return answer.body


@pytest.mark.parametrize("trigger", [STOPS[0], STOPS[2], STOPS[14]])
def test_such_a_rule_makes_the_limit_hard_and_says_so(
    api: Api, soft: Budget, trigger: str
) -> None:
    answer = put(api, soft, stop(trigger))

    assert answer["enforcement"] == "hard"
    assert answer["notes"][0].startswith("The amount of Team is a hard limit, since")
    assert api.get(f"budgets/{soft.uid}").body["enforcement"] == "hard"
    kept = api.get(f"budgets/{soft.uid}/controls").body
    assert {**kept, "dropped": []} == answer
    assert put(api, soft, *answer["rules"]) == answer  # what was answered, sent back


def test_the_front_ends_own_words_do_too(api: Api, soft: Budget) -> None:
    rule = {
        "trigger": "budget_percentage >= 1.0",
        "action": "block",
        "config": {"message": "No.", "exemptUsers": ["admin@company.com"]},
    }

    answer = put(api, soft, rule)

    assert answer["enforcement"] == "hard"
    assert answer["notes"][1:] == [
        "Exempt from it, as from the rules: admin@company.com."
    ]


@pytest.mark.parametrize(
    "rule",
    [
        stop("budget_percentage >= 0.9"),
        stop('budget_percentage >= 1 and environment == "dev"'),
        given("notify", "budget_percentage >= 1"),
        given("rate_limit", "budget_percentage >= 1", max_requests_per_minute=1),
    ],
)
def test_other_rules_leave_it_soft(api: Api, soft: Budget, rule: Any) -> None:
    answer = put(api, soft, rule)

    assert (answer["enforcement"], answer["notes"]) == ("soft", [])


@pytest.mark.usefixtures("_remembers")
def test_what_is_asked_for_at_once_is_held_to_the_amount(
    api: Api, soft: Budget
) -> None:
    guard(soft, stop())

    answers = [authorize(api) for _ in range(6)]

    assert [one["decision"] for one in answers] == ["allow"] * 3 + ["block"] * 3
    assert lease(api, amount="1", minimum="1")["mode"] == "block"
    call_command("verify")


def test_what_is_asked_for_already_is_held_too(api: Api, soft: Budget) -> None:
    authorize(api, estimated_cost="3")

    guard(soft, stop())

    assert money_of(soft) == (0, 3)
    assert authorize(api)["decision"] == "block"


def test_it_stays_hard_without_the_rule_until_somebody_says_otherwise(
    api: Api, soft: Budget
) -> None:
    guard(soft, stop())
    budget = f"budgets/{soft.uid}"

    refused = api.patch(budget, {"enforcement": "soft"})
    renamed = api.patch(budget, {"name": "Other", "enforcement": "hard"})
    answer = put(api, soft)
    allowed = api.patch(budget, {"enforcement": "soft"})

    assert (refused.status, refused.body["errors"][0]["code"]) == (400, "hard_stop")
    assert "budget_percentage >= 1.0" in refused.body["errors"][0]["detail"]
    assert renamed.status == 200
    assert (answer["enforcement"], answer["notes"]) == ("hard", [])
    assert (allowed.status, allowed.body["enforcement"]) == (200, "soft")


def test_who_is_exempt_passes_a_limit_that_was_soft_before(
    api: Api, soft: Budget
) -> None:
    guard(soft, stop(exempt_users=["Admin@Company.com"]))
    for _ in range(3):
        authorize(api)

    hers = authorize(api, user_id="admin@company.com", estimated_cost="50")
    others = authorize(api, user_id="ada@company.com")

    assert (hers["decision"], others["decision"]) == ("allow", "block")
    book(api, "50", authorization_id=hers["id"], user_id="admin@company.com")
    assert money_of(soft) == (50, 3)
    free = lease(api, user_id="admin@company.com", amount="1")
    assert (free["mode"], free["budgets"][0]["enforcement"]) == ("lease", "soft")


def test_nobody_is_exempt_from_a_limit_that_was_hard_before(
    api: Api, acme: Organization
) -> None:
    hard = make_hard(acme, "Team", "3")

    answer = put(api, hard, stop(exempt_users=["admin@company.com"]))

    assert answer["notes"][1] == (
        "It was hard before and has no exemptions: it holds for admin@company.com, too."
    )
    asked = authorize(api, user_id="admin@company.com", estimated_cost="4")
    assert asked["decision"] == "block"


def test_a_rule_that_is_changed_or_replaced_exempts_as_before(
    api: Api, soft: Budget
) -> None:
    (rule,) = put(api, soft, stop(exempt_users=["ada"]))["rules"]

    changed = put(api, soft, {**rule, "trigger": "spent >= limit"})
    replaced = put(api, soft, stop("1 <= budget_percentage", exempt_users=["ada"]))
    put(api, soft)
    again = put(api, soft, stop(exempt_users=["ada"]))

    exempt = "Exempt from it, as from the rules: ada."
    assert changed["notes"][1:] == replaced["notes"][1:] == [exempt]
    assert again["notes"][1] != exempt  # it was hard when the rule came


def test_the_change_is_in_the_budgets_history(api: Api, soft: Budget) -> None:
    put(api, soft, stop())

    newest = Budget.history.filter(id=soft.pk).latest()

    assert (newest.enforcement, newest.history_type) == ("hard", "~")
    assert newest.history_change_reason == (
        "a rule stops calls: budget_percentage >= 1.0"
    )


def test_a_rule_that_is_saved_again_changes_nothing(
    api: Api, soft: Budget, django_assert_max_num_queries: Any
) -> None:
    put(api, soft, stop())
    before = Budget.history.count()

    put(api, soft, stop())

    assert Budget.history.count() == before


def test_a_dry_run_treats_it_as_hard(api: Api, soft: Budget) -> None:
    for number in range(3):
        book(api, "2", id=f"u{number}")
    today = timezone.now().date().isoformat()
    body = {"rules": [stop()], "start_date": today, "end_date": today}

    answer = api.post(f"budgets/{soft.uid}/controls/replay", body).body

    assert Decimal(answer["would_spend"]) == 2  # not 4, which passes 3.90
    assert {one["rule"] for one in answer["effects"]} >= {"hard_limit"}
    assert Budget.objects.get(pk=soft.pk).enforcement == "soft"


def test_a_dry_run_lets_those_pass_whom_the_rule_exempts(
    api: Api, soft: Budget
) -> None:
    for number in range(3):
        book(api, "2", id=f"u{number}", user_id="Ada@acme.example")
    today = timezone.now().date().isoformat()
    rule = stop(exempt_users=["ada@acme.example"])
    body = {"rules": [rule], "start_date": today, "end_date": today}

    answer = api.post(f"budgets/{soft.uid}/controls/replay", body).body

    assert Decimal(answer["would_spend"]) == 6


def test_no_rule_of_another_budget_makes_it_hard(
    acme: Organization, soft: Budget
) -> None:
    below = make_hard(acme, "Below", "1", parent=soft, enforcement="soft")

    configure(below, [stop()])

    assert Budget.objects.get(pk=soft.pk).enforcement == "soft"
    assert ControlRule.objects.get().hardens


# -- Rules that were there before

harden = import_module("controls.migrations.0003_existing_hard_stops")


def test_the_migration_hardens_what_has_such_a_rule_and_nothing_else(
    acme: Organization, soft: Budget
) -> None:
    hard = make_hard(acme, "Hard", "1")
    other = make_hard(acme, "Other", "1", enforcement="soft")
    for budget, trigger in (
        (soft, "budget_percentage >= 1.0"),
        (soft, "spent >= limit"),
        (hard, "budget_percentage >= 1.0"),
        (other, "budget_percentage >= 0.9"),
    ):
        ControlRule.objects.create(
            organization=acme, budget=budget, trigger=trigger, action="block"
        )

    harden.harden(apps, None)

    assert standing() == {
        "Hard": ("hard", "budget_percentage >= 1.0", [False]),
        "Other": ("soft", "", [False]),
        "Team": ("hard", "budget_percentage >= 1.0", [True, True]),
    }
    changes = Budget.history.filter(history_type="~")
    assert [one.enforcement for one in changes] == ["hard"]


def test_the_migration_can_be_taken_back(acme: Organization, soft: Budget) -> None:
    hard = make_hard(acme, "Hard", "1")
    for budget in (soft, hard):
        ControlRule.objects.create(
            organization=acme, budget=budget, trigger="spent >= limit", action="block"
        )
    harden.harden(apps, None)

    harden.soften(apps, None)

    assert {name: found[:2] for name, found in standing().items()} == {
        "Hard": ("hard", ""),
        "Team": ("soft", ""),
    }


def standing() -> dict[str, tuple[str, str, list[bool]]]:
    return {
        one.name: (
            one.enforcement,
            one.hard_stop,
            list(one.control_rules.values_list("hardens", flat=True)),
        )
        for one in Budget.objects.order_by("name")
    }
