"""What the pages of rules say of hard stops, and of the models that names reach."""

from collections.abc import Mapping

import pytest
from django.test import Client

from accounts.models import Organization
from budgets.models import Budget
from tests.controls.guarding import RULES, given, guard, page_of, surely
from tests.factories import browser_for, make_budget, report, usage_record
from tests.pages import words_of

pytestmark = pytest.mark.django_db
STOP = "1.0 <= budget_percentage"


@pytest.fixture
def browser(acme: Organization) -> Client:
    return browser_for(acme)


@pytest.fixture
def team(acme: Organization) -> Budget:
    return make_budget(acme, "Team")


def posted(browser: Client, url: str, data: Mapping[str, object]) -> str:
    answer = surely(browser, url, data)
    assert answer.status_code == 200
    return words_of(answer.content.decode())


def test_a_rule_says_what_its_names_reach_in_what_was_used(
    acme: Organization, team: Budget, browser: Client
) -> None:
    for number, model in enumerate(["GPT-4-0613", "gpt-4", "gpt-4-turbo", "gpt-4o"]):
        report(acme, usage_record(id=f"u{number}", model=model))
    url = f"{RULES}add/?budget={team.pk}&action=model_blocklist"
    listed = {"blocked_models.others": "gpt-4\ngpt-4*\ngpt-4-0314\nopenai/GPT-4o"}

    text = posted(browser, url, {"trigger": "always", "preview": "1", **listed})

    assert "“gpt-4” reaches gpt-4, gpt-4-0613." in text
    assert "“gpt-4*” reaches gpt-4, gpt-4-0613, gpt-4-turbo; not gpt-4o." in text
    assert "“gpt-4-0314” reaches nothing that was used so far." in text
    assert "“openai/GPT-4o” reaches gpt-4o." in text


def test_the_models_a_trigger_names_are_told_too(
    acme: Organization, team: Budget, browser: Client
) -> None:
    report(acme, usage_record(model="gpt-4o-2024-08-06"))
    url = f"{RULES}add/?budget={team.pk}&action=block"

    text = posted(browser, url, {"trigger": 'model == "GPT-4o"', "preview": "1"})

    assert "“GPT-4o” reaches gpt-4o-2024-08-06." in text


def test_a_rule_that_stops_at_the_amount_says_so_before_and_when_it_is_saved(
    acme: Organization, team: Budget, browser: Client
) -> None:
    url = f"{RULES}add/?budget={team.pk}&action=block"
    rule = {"trigger": STOP, "exempt_users": "Ada@acme.example"}

    before = posted(browser, url, {**rule, "preview": "1"})
    soft = Budget.objects.get(pk=team.pk).enforcement
    saved = posted(browser, url, rule)

    for text in (before, saved):
        assert "The amount of Team is a hard limit, since a rule blocks calls" in text
        assert "Exempt from it, as from the rules: ada@acme.example." in text
    assert soft == "soft"
    assert Budget.objects.get(pk=team.pk).enforcement == "hard"


def test_removing_the_rule_says_that_the_limit_stays_hard(
    acme: Organization, team: Budget, browser: Client
) -> None:
    (row,) = guard(team, given("block", STOP))
    url = page_of(team, "rules/")

    text = posted(browser, url, {"what": "remove", "rule": str(row.uid)})

    assert "The rule is removed. Its amount stays a hard limit" in text
    assert Budget.objects.get(pk=team.pk).enforcement == "hard"


def test_presets_say_that_they_make_the_limit_hard(
    acme: Organization, team: Budget, browser: Client
) -> None:
    text = posted(browser, page_of(team, "rules/"), {"what": "presets"})

    assert "The amount of Team is a hard limit, since a rule blocks calls" in text
