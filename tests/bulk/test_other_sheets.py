"""Sheets of prices, channels and rules."""

from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Organization
from alerts.configuration import configuration
from budgets.models import Budget
from bulk.models import BulkKind, BulkState
from bulk.registry import kind_of
from bulk.writing import sheet_of
from controls.models import ControlRule
from ledger.models import Price
from ledger.prices import add_price
from notifications.models import Channel
from tests.alerts.factories import make_rule
from tests.bulk.sheets import applied, as_csv, faults_of, looked_at, steps_of
from tests.controls.guarding import given, guard
from tests.factories import NOON, make_tree
from tests.notifications.factories import make_webhook

pytestmark = pytest.mark.django_db


def fill(acme: Organization) -> dict[str, Budget]:
    tree = make_tree(acme)
    add_price(
        organization=acme,
        provider="openai",
        model="gpt-4o",
        effective_from=NOON,
        input_per_million=Decimal("2.5"),
        quantities={"images": "0.04"},
        note="=negotiated",
    )
    add_price(
        organization=acme,
        provider="anthropic",
        model="claude-*",
        service_tier="batch",
        effective_from=NOON,
        percent_of_list=Decimal("87.5"),
    )
    make_webhook(acme, "https://acme.example/hook")
    make_rule(tree["sales"], message="so; so")
    guard(
        tree["engineering"],
        given(
            "model_downgrade",
            "budget_percentage >= 0.9",
            downgrades={"gpt-4o": "gpt-4o-mini"},
        ),
        given(),
    )
    return tree


@pytest.mark.parametrize("kind", [one for one in BulkKind if one != BulkKind.BUDGETS])
def test_what_is_fetched_changes_nothing_when_it_is_sent(
    acme: Organization, kind: BulkKind
) -> None:
    fill(acme)

    change = looked_at(acme, sheet_of(kind_of(kind), acme, "csv"), kind)

    assert change.state == BulkState.READY, change.failure
    assert steps_of(change)
    assert {action for _, action in steps_of(change)} == {"same"}


def test_prices_are_made_and_changed_as_shown(acme: Organization) -> None:
    fill(acme)
    table = [
        {
            "provider": "openai",
            "model": "GPT-4o",
            "effective_from": NOON.isoformat(),
            "input_per_million": "3",
            "currency": "",
        },
        {
            "provider": "mistral",
            "model": "large",
            "effective_from": "2027-01-01",
            "input_per_million": "2",
            "currency": "EUR",
        },
        {
            "provider": "mistral",
            "model": "small",
            "effective_from": "2027-01-01",
            "input_per_million": "-2",
            "currency": "EURO",
        },
    ]

    change = looked_at(acme, as_csv(table), BulkKind.PRICES)

    assert [action for _, action in steps_of(change)] == ["change", "make", "faulty"]
    assert {(line, column) for line, column, _ in faults_of(change)} == {
        (4, "input_per_million"),
        (4, "currency"),
    }
    assert Price.objects.filter(provider="mistral").count() == 0
    applied(change, skips_faulty=True)
    assert Price.objects.get(provider="openai").input_per_million == 3
    made = Price.objects.get(provider="mistral")
    assert (made.currency, made.history.latest().history_change_reason) == (
        "EUR",
        "the plan of the year",
    )


def test_secrets_of_channels_are_kept_and_never_shown(acme: Organization) -> None:
    url = "https://hooks.slack.com/services/T0/B0/secret"
    table = [{"name": "Team", "type": "slack", "webhook_url": url}]

    change = looked_at(acme, as_csv(table), BulkKind.CHANNELS)

    (step,) = change.steps.all()
    assert ["webhook_url", "", "as given (secret)"] in step.differences
    assert change.content is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM bulk_bulkstep")
        assert url not in str(cursor.fetchall())
    applied(change)
    assert Channel.objects.get(name="Team").secrets == {"webhook_url": url}
    assert url.encode() not in sheet_of(kind_of(BulkKind.CHANNELS), acme, "csv")


def test_the_lines_of_a_budget_are_all_its_rules(acme: Organization) -> None:
    fill(acme)
    table = [
        {
            "budget": "Acme / Engineering",
            "trigger": "budget_percentage >= 0.95",
            "action": "rate_limit",
            "max_requests_per_minute": "60",
        },
        {
            "budget": "Acme / Sales",
            "trigger": "budget_percentage >",
            "action": "block",
            "max_requests_per_minute": "",
        },
        {
            "budget": "Nobody's",
            "trigger": "budget_percentage > 1",
            "action": "block",
            "max_requests_per_minute": "",
        },
    ]

    change = looked_at(acme, as_csv(table), BulkKind.RULES)

    assert {(line, column) for line, column, _ in faults_of(change)} == {
        (3, "trigger"),
        (4, "budget"),
    }
    step = change.steps.get(action="change")
    assert [bool(before) for _, before, _ in step.differences] == [True, True, False]
    assert ControlRule.objects.count() == 2
    applied(change, skips_faulty=True)
    assert ControlRule.objects.get().config == {"max_requests_per_minute": 60}


def test_alert_rules_come_from_sheets_too(acme: Organization) -> None:
    tree = make_tree(acme)
    table = [
        {
            "budget": "Acme",
            "type": "threshold",
            "threshold": "0.75",
            "recipients": "cfo@acme.example; ann@acme.example",
        },
        {"budget": "Acme", "type": "spike", "threshold": "500", "recipients": ""},
    ]

    assert (
        applied(looked_at(acme, as_csv(table), BulkKind.ALERT_RULES)).state == "applied"
    )

    bodies = configuration(Budget.objects.get(pk=tree["acme"].pk))["alerts"]
    assert [(one["type"], one["threshold"]) for one in bodies] == [
        ("threshold", 0.75),
        ("spike", "500"),
    ]
