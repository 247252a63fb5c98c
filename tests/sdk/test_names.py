"""The SDK's rules mean by names what the server's do: these tell them in the lease."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from llm_cost_ops.answers.controls import BudgetFigures, CallNames, RuleTerms
from llm_cost_ops.calls import Attribution, Call
from llm_cost_ops.reading import read
from llm_cost_ops.rules import Rules
from llm_cost_ops.triggers import Names, Standing

from controls.api.lease_answers import names_out, rule_out
from controls.types import Rule
from lib.answers import plain
from tests.controls.calls import a_call, a_rule
from tests.controls.namings import Naming, namings, rules_about
from tests.controls.spelled import Spelled, means, models, people, providers

FIGURES = BudgetFigures(
    "budget-7", "ML Team", "USD", spent=Decimal(0), limit=Decimal(100)
)


def became(rule: Rule, provider: str, model: str, user: str = "") -> str:
    """Return what a lease's holder makes of a call by what it was told."""
    subjects = [a_call(model, provider=provider, user=user).subject]
    told = {
        "names": names_out(subjects, [rule]),
        "rule": rule_out(rule, subjects),
    }
    sent: dict[str, Any] = json.loads(json.dumps(plain(told)))
    names = Names(read(CallNames, sent["names"]), model)
    rules = Rules(
        [read(RuleTerms, sent["rule"])], names, {"budget-7": Standing(FIGURES)}
    )
    call = Call(provider, model, Attribution(user_id=user), 0, 0)
    verdict = rules.judge(call, 0, 0)
    if verdict is None:
        return "allow"
    return verdict.model or "block"


@pytest.mark.parametrize("naming", namings(), ids=lambda one: one.model)
def test_a_rule_reaches_every_name_of_what_it_names(naming: Naming) -> None:
    rule, provider, model, user, becomes = naming

    assert became(rule, provider, model, user) == becomes


@given(models(), models())
def test_any_spelling_of_a_model_counts_as_another(
    written: Spelled, used: Spelled
) -> None:
    expected = "block" if means(written, used) else "allow"

    for rule in rules_about(written):
        assert became(rule, "openai", used.text) == expected
    lesser = a_rule("model_downgrade", downgrades={written.text: "target"})
    assert (became(lesser, "openai", used.text) == "target") is means(written, used)


@given(providers(), providers(), people(), people())
def test_any_spelling_of_a_provider_or_person_counts_as_another(
    written: tuple[str, str],
    used: tuple[str, str],
    named: tuple[str, str],
    who: tuple[str, str],
) -> None:
    rule = a_rule("block", f'provider == "{written[0]}" and user == "{named[0]}"')
    is_both = written[1] == used[1] and named[1] == who[1]

    assert (became(rule, used[0], "gpt-4o", who[0]) == "block") is is_both
