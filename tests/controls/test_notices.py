"""Who is told that a rule took effect, of what, and how often."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from controls.configuration import configure, own_rules
from controls.models import Intervention
from controls.notices import message_of, tell
from controls.types import Rule
from lib.memories import forget_everything
from notifications.models import Delivery
from tests.factories import make_budget, make_person, report, usage_record
from tests.notifications.factories import make_channel, make_webhook

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def ml(acme: Organization) -> Budget:
    owner = make_person("lead@acme.example", {acme: Role.BUDGET_OWNER})
    return make_budget(acme, "ML Team", "100", now=NOW, owner=owner)


def a_rule(
    budget: Budget, action: str = "block", *, notify: bool = True, **config: Any
) -> Rule:
    given = {
        "trigger": "budget_percentage >= 0.9",
        "action": action,
        "config": config,
        "notify": notify,
    }
    configure(budget, [given])
    (rule,) = own_rules(budget)
    return rule


def told() -> list[tuple[str, str]]:
    rows = Delivery.objects.order_by("pk")
    return [(row.type, row.recipient) for row in rows]


def test_the_owner_and_the_channels_are_told_of_the_first_effect(
    acme: Organization, ml: Budget
) -> None:
    make_webhook(acme, "http://receiver.example/")
    make_channel(acme, "slack")
    make_channel(acme, "pagerduty")
    rule = a_rule(ml)

    for minutes in range(3):
        tell(acme.pk, [(rule, NOVEMBER)], NOW + timedelta(minutes=minutes))

    assert sorted(told()) == [
        ("email", "lead@acme.example"),
        ("slack", ""),
        ("webhook", ""),
    ]
    (kept,) = Intervention.objects.all()
    assert (kept.rule_id, kept.period_starts_at, kept.first_at) == (
        rule.id,
        NOVEMBER,
        NOW,
    )


def test_they_are_told_again_in_the_next_period(acme: Organization, ml: Budget) -> None:
    rule = a_rule(ml)

    tell(acme.pk, [(rule, NOVEMBER)], NOW)
    tell(acme.pk, [(rule, DECEMBER)], NOW + timedelta(days=30))

    assert len(told()) == 2


def test_another_process_tells_nobody_anew(acme: Organization, ml: Budget) -> None:
    rule = a_rule(ml)
    tell(acme.pk, [(rule, NOVEMBER)], NOW)

    forget_everything()
    tell(acme.pk, [(rule, NOVEMBER)], NOW)

    assert len(told()) == 1


def test_what_is_known_to_be_told_costs_nothing(
    acme: Organization, ml: Budget, django_assert_num_queries: Any
) -> None:
    rule = a_rule(ml)
    with TestCase.captureOnCommitCallbacks(execute=True):
        tell(acme.pk, [(rule, NOVEMBER)], NOW)

    with django_assert_num_queries(0):
        tell(acme.pk, [(rule, NOVEMBER)], NOW)


def test_what_was_rolled_back_is_told_the_next_time(
    acme: Organization, ml: Budget
) -> None:
    rule = a_rule(ml)

    with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        tell(acme.pk, [(rule, NOVEMBER)], NOW)
        transaction.set_rollback(True)
    nobody = told()
    tell(acme.pk, [(rule, NOVEMBER)], NOW)

    assert nobody == []
    assert told() == [("email", "lead@acme.example")]


def test_a_rule_that_is_not_to_tell_does_not(acme: Organization, ml: Budget) -> None:
    tell(acme.pk, [(a_rule(ml, notify=False), NOVEMBER)], NOW)

    assert told() == []
    assert not Intervention.objects.exists()


def test_a_rule_that_only_tells_always_does(acme: Organization, ml: Budget) -> None:
    tell(acme.pk, [(a_rule(ml, "notify", notify=False), NOVEMBER)], NOW)

    assert told() == [("email", "lead@acme.example")]


def test_where_nobody_owns_a_budget_its_parents_owner_is_told(
    acme: Organization, ml: Budget
) -> None:
    below = make_budget(acme, "Search", "10", now=NOW, parent=ml)

    tell(acme.pk, [(a_rule(below), NOVEMBER)], NOW)

    assert told() == [("email", "lead@acme.example")]


def test_where_nobody_owns_any_the_finance_admins_are_told(
    acme: Organization,
) -> None:
    make_person("cfo@acme.example", {acme: Role.FINANCE_ADMIN})
    make_person("gone@acme.example", {acme: Role.FINANCE_ADMIN}, is_active=False)
    budget = make_budget(acme, "Sales", "10", now=NOW)

    tell(acme.pk, [(a_rule(budget), NOVEMBER)], NOW)

    assert told() == [("email", "cfo@acme.example")]


def test_a_message_says_which_rule_and_where_the_budget_stands(
    acme: Organization, ml: Budget
) -> None:
    report(acme, usage_record(timestamp=NOW.isoformat(), cost="91"))
    rule = a_rule(ml, "model_downgrade", downgrades={"gpt-4": "gpt-3.5-turbo"})

    message = message_of(rule, ml, now=NOW)

    assert message.title == ("Guardrail of ML Team: use gpt-3.5-turbo instead of gpt-4")
    assert message.text.replace("\N{NO-BREAK SPACE}", " ") == (
        "A rule of ML Team took effect. From 90 % of the amount: use gpt-3.5-turbo "
        "instead of gpt-4."
    )
    assert message.severity == "warning"
    assert message.bar == 0.91
    assert dict(message.facts)["Spent"].startswith("$91.00 of $100.00, 91")
    assert dict(message.facts)["Period"] == "1 to 30 November 2026"
    assert message.payload["type"] == "control"
    assert message.payload["current_spend"] == 91.0
    assert message.payload["current_spend_exact"] == "91.0000000000"
    assert message.payload["period_start"] == "2026-11-01T00:00:00Z"
    assert message.variables["budget"]["percentage"] == "91"


def test_a_long_title_is_cut(acme: Organization, ml: Budget) -> None:
    models = {f"model-{number}": "cheap" for number in range(50)}
    rule = a_rule(ml, "model_downgrade", downgrades=models)

    title = message_of(rule, ml, now=NOW).title

    assert len(title) == 150
    assert title.endswith("…")
