"""What people read."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from alerts import escalation, services
from alerts.messages import for_reader, message_of
from alerts.models import Alert, AlertRule
from budgets.models import Budget
from forecasts.ahead import ahead_of
from lib.money import format_money
from notifications.models import Channel, Delivery
from notifications.templating import worded
from tests.alerts.factories import fire
from tests.factories import make_budget, spend

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NBSP = "\N{NO-BREAK SPACE}"


@pytest.fixture
def ml(acme: Organization) -> Budget:
    return make_budget(acme, "ML Team", "15000", now=NOW)


def whole(alert: Alert) -> Alert:
    return Alert.objects.select_related("budget", "organization").get(pk=alert.pk)


def spent(budget: Budget, acme: Organization) -> Alert:
    """Pass the budget's 80 % by usage; tell it a minute later."""
    AlertRule.objects.create(
        organization=acme,
        budget=budget,
        type="threshold",
        threshold=Decimal("0.8"),
        message="80% of monthly budget consumed",
    )
    with time_machine.travel(NOW, tick=False):
        spend(acme, "9000", project_id="search", user_id="ann")
    with time_machine.travel(NOW + MINUTE, tick=False):
        spend(acme, "3600", project_id="mail", user_id="bob")
    escalation.run_due(NOW + 2 * MINUTE)
    return whole(Alert.objects.get())


def test_a_message_says_how_much_how_fast_and_why(
    ml: Budget, acme: Organization
) -> None:
    alert = spent(ml, acme)

    told = for_reader(
        message_of(alert, "fired", now=NOW + 2 * MINUTE), "http://testserver/alerts/x"
    )

    assert told.title == f"Warning: ML Team is at 84{NBSP}% of $15,000.00 (November)"
    assert told.text == (
        "80% of monthly budget consumed. ML Team has spent $12,600.00 of $15,000.00 in "
        f"November 2026, 84{NBSP}%. Project search cost most: $9,000.00, 71{NBSP}%."
    )
    assert told.bar == pytest.approx(0.84)
    facts = dict(told.facts)
    assert facts["Spent"] == f"$12,600.00 of $15,000.00, 84{NBSP}%"
    assert "It is expected to end at" not in facts  # a day tells nothing of a month
    assert facts["Period"] == "1 to 30 November 2026"
    assert facts["Since"] == "10 Nov 2026, 12:01 UTC"
    assert ("project search", "$9,000.00", f"71{NBSP}%") in told.drivers
    assert len(told.drivers) == 3
    assert [link.label for link in told.links] == ["Acknowledge", "Open budget"]
    assert told.links[1].url == (
        f"http://testserver/admin/budgets/budget/{ml.pk}/page/"
    )


def test_programs_get_the_keys_they_know(ml: Budget, acme: Organization) -> None:
    alert = spent(ml, acme)

    payload = message_of(alert, "fired", now=NOW + 2 * MINUTE).payload

    assert (
        payload.items()
        >= {
            "type": "threshold",
            "severity": "warning",
            "budget_name": "ML Team",
            "limit": 15000.0,
            "limit_exact": "15000.0000000000",
            "current_spend": 12600.0,
            "current_spend_exact": "12600.0000000000",
            "utilization": 84.0,
            "timestamp": "2026-11-10T12:02:00Z",
            "event": "fired",
            "id": str(alert.uid),
        }.items()
    )
    assert "ML Team has spent" in payload["message"]


def test_programs_get_numbers_where_there_is_no_limit(
    ml: Budget, acme: Organization
) -> None:
    alert = whole(fire(ml, now=NOW, limit=Decimal(0), spent=Decimal("0.0000000001")))
    later = NOW + timedelta(days=60)

    told = message_of(alert, "fired", now=later).payload

    assert (told["limit"], told["current_spend"]) == (0.0, 1e-10)
    assert told["current_spend_exact"] == "0.0000000001"
    assert (told["utilization"], told["utilization_exact"]) == (100.0, None)


def test_the_templates_variables_are_the_seeds(ml: Budget, acme: Organization) -> None:
    alert = spent(ml, acme)
    channel = Channel.objects.create(
        organization=acme,
        name="Engineering Alerts",
        type="slack",
        template={
            "text": "{{alert.message}}",
            "attachments": [
                {
                    "color": "{{alert.severity_color}}",
                    "fields": [
                        {"value": "{{budget.current}}"},
                        {"value": "{{budget.limit}}"},
                        {"value": "{{budget.percentage}}%"},
                        {"value": "{{budget.forecast}}"},
                    ],
                }
            ],
        },
    )

    said = worded(message_of(alert, "fired", now=NOW + 2 * MINUTE), channel.template)

    assert said.problem == ""
    assert said.text == "80% of monthly budget consumed"
    (attachment,) = said.attachments or []
    assert attachment["color"] == "#b45309"
    current, limit, percentage, forecast = (
        one["value"] for one in attachment["fields"]
    )
    assert (current, limit, percentage) == ("$12,600.00", "$15,000.00", "84%")
    assert forecast.startswith("$")


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "forecast": (
        {"type": "forecast", "value": Decimal("0.9")},
        "Warning: ML Team is heading for $12,000.00 of $15,000.00 (November)",
    ),
    "the forecast it fired by": (
        {"type": "forecast", "details": {"numbers": {"projected": "15900"}}},
        "Warning: ML Team is heading for $15,900.00 of $15,000.00 (November)",
    ),
    "velocity": (
        {"type": "velocity", "value": Decimal(30), "spent": Decimal(600)},
        f"Warning: ML Team spends faster than planned, 4.0{NBSP}% of $15,000.00 "
        "(November)",
    ),
    "anomaly": (
        {"type": "anomaly", "value": Decimal(310), "severity": "critical"},
        "Critical: ML Team has an unusual day, $310.00 (November)",
    ),
    "spike": (
        {"type": "spike", "value": Decimal(120), "severity": "info"},
        "Information: ML Team spent $120.00 in little time (November)",
    ),
    "no limit": (
        {"limit": Decimal(0), "spent": Decimal(5)},
        "Warning: ML Team spent $5.00 of $0.00 (November)",
    ),
}


@pytest.mark.parametrize(("values", "title"), CLAIMS.values(), ids=CLAIMS)
def test_a_title_says_what_is_wrong(
    ml: Budget, values: dict[str, Any], title: str
) -> None:
    alert = whole(fire(ml, now=NOW, **values))

    assert message_of(alert, "fired", now=NOW).title == title


def test_a_message_says_where_the_forecast_ends(ml: Budget, acme: Organization) -> None:
    for day in range(1, 10):
        spend(acme, "10", NOW - day * timedelta(days=1))

    facts = dict(message_of(spent(ml, acme), "fired", now=NOW + MINUTE).facts)

    course = ahead_of(ml, now=NOW + MINUTE, days=None, confidence=0.8).course
    assert course
    expected = format_money(course.total.middle, "USD")
    assert facts["It is expected to end at"].startswith(f"{expected}, ")


PERIODS = {
    "daily": "10 November 2026",
    "weekly": "9 to 15 November 2026",
    "quarterly": "1 October to 31 December 2026",
}


@pytest.mark.parametrize(("period", "words"), PERIODS.items(), ids=PERIODS)
def test_a_period_is_named_by_its_days(
    acme: Organization, period: Any, words: str
) -> None:
    budget = make_budget(acme, now=NOW, period=period)

    alert = whole(fire(budget, now=NOW))

    assert message_of(alert, "fired", now=NOW).title.endswith(f"({words})")


def test_what_follows_tells_the_present_figures(ml: Budget, acme: Organization) -> None:
    alert = spent(ml, acme)
    with time_machine.travel(NOW + 3 * MINUTE, tick=False):
        spend(acme, "900")

    told = message_of(alert, "escalated", now=NOW + 4 * MINUTE)

    assert told.title == (
        f"Warning, nobody has acknowledged: ML Team is at 90{NBSP}% of $15,000.00 "
        "(November)"
    )


def test_whoever_answered_is_named(ml: Budget, acme: Organization) -> None:
    alert = spent(ml, acme)
    services.acknowledge(alert, by="ann@acme.example", now=NOW + 5 * MINUTE)

    taken = message_of(alert, "acknowledged", now=NOW + 5 * MINUTE)
    services.resolve(alert, by="ann@acme.example", now=NOW + 6 * MINUTE)
    done = message_of(whole(alert), "resolved", now=NOW + 6 * MINUTE)

    assert taken.title.startswith("Acknowledged: ML Team")
    assert dict(taken.facts)["Acknowledged by"] == (
        "ann@acme.example, until 10 Nov 2026, 16:05 UTC"
    )
    assert dict(done.facts)["Resolved by"] == "ann@acme.example"
    assert done.variables["alert"]["severity_color"] == "#15803d"


def test_each_reader_has_a_link_of_their_own(ml: Budget, acme: Organization) -> None:
    fire(ml, now=NOW, recipients=("a@acme.example", "b@acme.example"))
    escalation.run_due(NOW)

    first, second = Delivery.objects.all()
    urls = {one.message["links"][0]["url"] for one in (first, second)}

    assert len(urls) == 2
    assert all(url.startswith("http://testserver/alerts/") for url in urls)


def test_why_one_gets_it_is_said(ml: Budget) -> None:
    fire(ml, now=NOW, recipients=("a@acme.example",))
    escalation.run_due(NOW)

    reason = Delivery.objects.get().message["reason"]

    assert reason == (
        "You get this because an alert rule of ML Team names you. The rules on the "
        "budget's page say who is told."
    )
