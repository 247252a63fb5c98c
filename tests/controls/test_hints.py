"""Rules that can never have an effect, and those that a change has dropped."""

from typing import Any

import pytest

from accounts.models import Organization
from budgets.models import Budget
from controls.configuration import own_rules
from controls.hints import hints_on
from tests.budgets.worlds import january_budget
from tests.controls.guarding import downgrade, given, guard
from tests.factories import Api

pytestmark = pytest.mark.django_db
DEVELOPMENT = 'environment == "development"'


def hints(budget: Budget, *rules: Any) -> list[str]:
    guard(budget, *rules)
    return hints_on(Budget.objects.get(pk=budget.pk), own_rules(budget))


def prod(acme: Organization, **scope: Any) -> Budget:
    return january_budget(acme, "Production", scope={"environments": ["prod"], **scope})


@pytest.mark.parametrize(
    ("trigger", "is_blind"),
    [
        (DEVELOPMENT, True),
        ('"development" == environment', True),
        (f"{DEVELOPMENT} and budget_percentage >= 0.5", True),
        ('environment in ["development", "staging"]', True),
        (f'{DEVELOPMENT} or environment == "staging"', True),
        (f"{DEVELOPMENT} or budget_percentage >= 0.5", False),
        ('environment in ["development", "prod"]', False),
        ('environment == "prod"', False),
        ('environment != "development"', False),
        (f"not {DEVELOPMENT}", False),
        ('team == "search"', False),
        ('tags["env"] == "development"', False),
    ],
)
def test_a_trigger_that_its_budget_can_not_see_is_told(
    acme: Organization, trigger: str, *, is_blind: bool
) -> None:
    found = hints(prod(acme), given("block", trigger))

    assert found == is_blind * [
        f"“{trigger}” never holds here: Production counts environment prod only."
    ]


@pytest.mark.parametrize(
    ("scope", "trigger", "is_blind"),
    [
        ({"models": ["gpt-4o"]}, 'model == "claude-3-opus"', True),
        ({"models": ["gpt-4o"]}, 'model == "openai/gpt-4o-2024-08-06"', False),
        ({"models": ["gpt-4*"]}, 'model == "gpt-4-turbo"', False),
        ({"providers": ["openai"]}, 'provider == "anthropic"', True),
        ({"providers": ["openai"]}, 'provider == "openai.responses"', False),
        ({"users": ["ada@x.example"]}, 'user == "Ada@X.example"', False),
        ({}, DEVELOPMENT, False),
    ],
)
def test_names_are_meant_as_everywhere(
    acme: Organization, scope: Any, trigger: str, *, is_blind: bool
) -> None:
    budget = january_budget(acme, scope=scope)

    assert bool(hints(budget, given("block", trigger))) is is_blind


def test_models_outside_the_scope_are_told(acme: Organization) -> None:
    budget = january_budget(acme, "GPT", scope={"models": ["gpt-4o"]})
    blocked = given("model_blocklist", blocked_models=["claude-3-opus"])

    found = hints(budget, downgrade("gpt-4"), downgrade("gpt-4o"), blocked)

    assert found == [
        "gpt-4 can't be asked for here: GPT counts model gpt-4o only.",
        "claude-3-opus can't be asked for here: GPT counts model gpt-4o only.",
    ]


def test_what_is_counted_below_is_seen(acme: Organization) -> None:
    budget = prod(acme)
    january_budget(acme, "Dev", parent=budget, scope={"environments": ["development"]})

    assert hints(budget, given("block", DEVELOPMENT)) == []


def test_the_answer_has_warnings_and_what_was_dropped(
    acme: Organization, api: Api
) -> None:
    budget = prod(acme)
    where = f"budgets/{budget.uid}/controls"
    old = {"trigger": "budget_percentage >= 0.9", "action": "notify"}
    new = {"trigger": DEVELOPMENT, "action": "block"}
    api.send("PUT", where, {"rules": [old]})

    answer = api.send("PUT", where, {"rules": [new]})
    again = api.send("PUT", where, answer.body)

    assert answer.status == again.status == 200, again.body
    (warning,) = answer.body["warnings"]
    assert warning.startswith("“environment")
    assert answer.body["dropped"] == [
        "From 90\N{NO-BREAK SPACE}% of the amount: tell people."
    ]
    assert again.body["dropped"] == []
    assert "dropped" not in api.get(where).body
