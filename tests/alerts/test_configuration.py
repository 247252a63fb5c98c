"""Rules and escalation set up over the API, in the shape that front ends send."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from alerts import escalation
from alerts.configuration import watch_thresholds
from alerts.models import Alert, AlertRule, EscalationPolicy
from budgets.models import Budget
from notifications.models import Channel, Delivery
from tests.alerts.factories import NOVEMBER, cross, fire
from tests.factories import Api, make_api, make_budget, make_organization

pytestmark = pytest.mark.django_db
NOW = NOVEMBER
MINUTE = timedelta(minutes=1)


def scene_3(budget: Budget) -> dict[str, Any]:
    """Return the configuration as the tracker sends it."""
    return {
        "budgetId": str(budget.uid),
        "alerts": [
            {
                "type": "threshold",
                "threshold": 0.8,
                "channels": ["slack", "email"],
                "message": "⚠️ 80% of monthly budget consumed",
                "recipients": ["finance@company.com", "engineering-leads@company.com"],
            },
            {
                "type": "velocity",
                "condition": "spending_rate > projected_rate * 1.2",
                "channels": ["slack"],
                "message": "🚨 Spending 20% faster than projected!",
                "cooldown": 3600,
            },
            {
                "type": "anomaly",
                "sensitivity": "medium",
                "condition": "cost > mean + 2*stddev",
                "channels": ["slack", "pagerduty"],
                "message": "📊 Unusual spending pattern detected",
            },
            {
                "type": "spike",
                "threshold": 100,
                "window": "hourly",
                "channels": ["slack"],
                "message": "💥 Cost spike detected: $100+ in 1 hour",
            },
        ],
        "escalation": {
            "enabled": True,
            "levels": [
                {
                    "delay": 0,
                    "recipients": ["team-lead@company.com"],
                    "channels": ["email"],
                },
                {
                    "delay": 1800,
                    "recipients": ["engineering-manager@company.com"],
                    "channels": ["email", "sms"],
                },
                {
                    "delay": 3600,
                    "recipients": ["cto@company.com"],
                    "channels": ["email", "sms", "phone"],
                },
            ],
        },
    }


@pytest.fixture
def budget(acme: Organization) -> Budget:
    return make_budget(acme, "ML Team", "15000", now=NOW)


def put(api: Api, budget: Budget, body: Any) -> Any:
    return api.send("PUT", f"budgets/{budget.uid}/alerts", body)


def rule(**values: Any) -> dict[str, Any]:
    return {"type": "threshold", "threshold": 0.8, **values}


def test_a_whole_configuration_is_taken_as_it_is(api: Api, budget: Budget) -> None:
    answer = put(api, budget, scene_3(budget))

    assert answer.status == 200, answer.body
    assert [one["type"] for one in answer.body["alerts"]] == [
        "threshold",
        "velocity",
        "anomaly",
        "spike",
    ]
    # Nobody owns the budget, and there is no finance admin: mail needs names.
    missing = ["email", "pagerduty", "phone", "slack", "sms"]
    assert answer.body["not_set_up"] == missing
    assert answer.body["alerts"][2]["not_set_up"] == ["slack", "pagerduty"]
    assert [one["delay"] for one in answer.body["escalation"]["levels"]] == [
        0,
        1800,
        3600,
    ]
    budget.refresh_from_db()
    assert budget.alerts == [{"threshold": "0.8", "channels": ["slack", "email"]}]
    velocity = AlertRule.objects.get(type="velocity")
    assert velocity.cooldown_s == 3600
    assert AlertRule.objects.get(type="spike").threshold == Decimal(100)


def test_a_whole_configuration_behaves_as_written(
    api: Api, budget: Budget, acme: Organization
) -> None:
    Channel.objects.create(organization=acme, name="Engineering Alerts", type="slack")
    put(api, budget, scene_3(budget))
    budget.refresh_from_db()

    cross(budget, "12600", "0.8")
    told = []
    for minutes in (0, 29, 30, 60):
        escalation.run_due(NOW + minutes * MINUTE)
        told.append(sorted(f"{one.type} {one.recipient}".strip() for one in new()))

    assert told == [
        [
            "email engineering-leads@company.com",
            "email finance@company.com",
            "email team-lead@company.com",
            "slack",
        ],
        [],
        ["email engineering-manager@company.com"],
        ["email cto@company.com"],
    ]
    alert = Alert.objects.get()
    assert alert.message == "⚠️ 80% of monthly budget consumed"
    assert "Not set up: sms, phone." in alert.events.values_list("text", flat=True)


def new() -> list[Delivery]:
    """Return the deliveries that were not asked for before."""
    rows = list(Delivery.objects.filter(tries=0).select_related("channel"))
    Delivery.objects.update(tries=1)
    return rows


def test_what_is_answered_can_be_sent_back(api: Api, budget: Budget) -> None:
    put(api, budget, scene_3(budget))
    first = api.get(f"budgets/{budget.uid}/alerts").body

    again = put(api, budget, first)

    assert again.status == 200, again.body
    assert again.body == {**first, "dropped": []}
    assert put(api, budget, again.body).status == 200


def test_a_rule_that_stays_keeps_its_identity_and_its_alert(
    api: Api, budget: Budget
) -> None:
    put(api, budget, scene_3(budget))
    spike = AlertRule.objects.get(type="spike")
    alert = fire(budget, key=f"spike:{spike.uid}", type="spike", rule_id=spike.pk)
    changed = scene_3(budget)
    changed["alerts"] = [{**changed["alerts"][3], "threshold": 250}]

    put(api, budget, changed)

    kept = AlertRule.objects.get()
    alert.refresh_from_db()
    assert (kept.pk, kept.threshold, alert.rule_id) == (spike.pk, 250, spike.pk)
    budget.refresh_from_db()
    assert budget.alerts == []


def test_what_is_left_out_stays(api: Api, budget: Budget) -> None:
    put(api, budget, scene_3(budget))

    without_escalation = put(api, budget, {"alerts": []})
    without_anything = put(api, budget, {})
    taken_away = put(api, budget, {"escalation": None})

    assert len(without_escalation.body["escalation"]["levels"]) == 3
    assert len(without_escalation.body["dropped"]) == 4
    assert without_anything.body == {**without_escalation.body, "dropped": []}
    assert taken_away.body["escalation"] is None
    assert not EscalationPolicy.objects.exists()


def test_names_may_be_written_as_in_python(api: Api, budget: Budget) -> None:
    body = {
        "budget_id": str(budget.uid),
        "escalation": {
            "levels": [{"delay": 0, "recipients": ["a@b.example"]}],
            "repeat": 2,
            "repeatAfter": 600,
            "holidays": ["2026-12-25"],
            "timezone": "Europe/Berlin",
        },
    }

    answer = put(api, budget, body)

    assert answer.status == 200, answer.body
    policy = EscalationPolicy.objects.get()
    assert (policy.repeat, policy.repeat_after_s) == (2, 600)
    assert policy.levels[0]["channels"] == ["email"]
    assert (policy.timezone, policy.holidays) == ("Europe/Berlin", ["2026-12-25"])


def test_channels_may_be_named(api: Api, budget: Budget, acme: Organization) -> None:
    Channel.objects.create(organization=acme, name="Ops room", type="slack")

    answer = put(api, budget, {"alerts": [rule(channels=["Ops room", "slack"])]})

    assert answer.status == 200
    assert answer.body["alerts"][0]["not_set_up"] == []


def levels(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"escalation": {"levels": list(entries), **more}}


LEVEL = {"delay": 0, "recipients": ["a@b.example"]}
BAD: list[tuple[Any, str]] = [
    (
        {"alerts": [rule(), rule(threshold=1, channels=["slack", "fax"])]},
        ".1.channels.1",
    ),
    ({"alerts": [rule(type="guess")]}, "alerts.0.type"),
    ({"alerts": [{"threshold": 1}]}, "alerts.0.type"),
    ({"alerts": [{"type": "threshold"}]}, "alerts.0.threshold"),
    ({"alerts": [rule(threshold=0)]}, "alerts.0.threshold"),
    ({"alerts": [rule(threshold="NaN")]}, "alerts.0.threshold"),
    ({"alerts": [rule(threshold=1e30)]}, "alerts.0.threshold"),
    ({"alerts": [rule(threshold="0.80001")]}, "alerts.0.threshold"),
    ({"alerts": [rule(), rule(threshold="0.80")]}, "alerts"),
    ({"alerts": [{"type": "spike"}]}, "alerts.0.threshold"),
    ({"alerts": [{"type": "forecast", "threshold": 2}]}, "alerts.0.threshold"),
    ({"alerts": [{"type": "velocity", "threshold": 2}]}, "alerts.0.threshold"),
    ({"alerts": [rule(condition="spent > 1")]}, "alerts.0.condition"),
    ({"alerts": [{"type": "anomaly", "condition": "cost >"}]}, "alerts.0.condition"),
    (
        {"alerts": [{"type": "velocity", "condition": "__import__('os')"}]},
        "alerts.0.condition",
    ),
    ({"alerts": [{"type": "anomaly", "sensitivity": "huge"}]}, "alerts.0.sensitivity"),
    ({"alerts": [rule(window="yearly")]}, "alerts.0.window"),
    ({"alerts": [rule(severity="fatal")]}, "alerts.0.severity"),
    ({"alerts": [rule(cooldown=-1)]}, "alerts.0.cooldown"),
    ({"alerts": [rule(cooldown=1.5)]}, "alerts.0.cooldown"),
    ({"alerts": [rule(cooldown=10**12)]}, "alerts.0.cooldown"),
    ({"alerts": [rule(recipients=["nobody"])]}, "alerts.0.recipients.0"),
    ({"alerts": [rule(recipients="a@b.example")]}, "alerts.0.recipients"),
    ({"alerts": [rule(mesage="x")]}, "alerts.0.mesage"),
    ({"alerts": [rule(message="x" * 501)]}, "alerts.0.message"),
    ({"alerts": {}}, "alerts"),
    ({"alerts": [3]}, "alerts.0"),
    ({"alerts": [rule()] * 60}, "alerts"),
    ({"escalation": 3}, "escalation"),
    (levels(), "escalation.levels"),
    (levels({"delay": -1, "recipients": ["a@b.example"]}), ".levels.0.delay"),
    (levels({"recipients": ["a@b.example"]}), ".levels.0.delay"),
    (levels({"delay": 10**9, "recipients": ["a@b.example"]}), ".levels.0.delay"),
    (levels({"delay": 0}), ".levels.0.recipients"),
    (levels({**LEVEL, "channels": ["pigeon"]}), ".levels.0.channels.0"),
    (levels(LEVEL, repeat=10), "escalation.repeat"),
    (levels(LEVEL, timezone="Mars/Olympus"), "escalation.timezone"),
    (levels(LEVEL, holidays=["soon"]), "escalation.holidays"),
    (
        levels({**LEVEL, "hours": {"from": "25:00", "until": "09:00"}}),
        ".levels.0.hours.from",
    ),
    (
        levels({**LEVEL, "hours": {"from": "09:00", "until": "09:00"}}),
        ".levels.0.hours.until",
    ),
    (
        levels({**LEVEL, "hours": {"from": "09:00", "until": "10:00", "days": [7]}}),
        ".levels.0.hours.days.0",
    ),
    ({"budgetId": "another"}, "budget_id"),
    ({"colour": "red"}, "colour"),
    ([], ""),
    (3, ""),
]


@pytest.mark.parametrize(("body", "attr"), BAD, ids=[str(one)[:60] for one, _ in BAD])
def test_what_is_wrong_is_named(api: Api, budget: Budget, body: Any, attr: str) -> None:
    answer = put(api, budget, body)

    assert answer.status == 400, answer.body
    attrs = [error["attr"] for error in answer.body["errors"]]
    assert any(one.endswith(attr) for one in attrs), attrs
    assert not AlertRule.objects.exists()
    assert not EscalationPolicy.objects.exists()


def test_thresholds_of_the_budget_itself_are_shown(api: Api, budget: Budget) -> None:
    api.patch(
        f"budgets/{budget.uid}", {"alerts": [{"threshold": 0.5, "channels": ["email"]}]}
    )

    shown = api.get(f"budgets/{budget.uid}/alerts").body

    assert [(one["id"], one["threshold"]) for one in shown["alerts"]] == [(None, 0.5)]
    assert [(one["threshold"], one["origin"]) for one in shown["inherited"]] == [
        (0.8, "warning"),
        (0.95, "critical"),
        (1, "exceeded"),
    ]


def test_a_share_is_the_same_number_wherever_it_is_told(
    api: Api, budget: Budget
) -> None:
    put(api, budget, {"alerts": [{"type": "threshold", "threshold": 0.5}]})

    (rule,) = api.get(f"budgets/{budget.uid}/alerts").body["alerts"]
    (own,) = api.get(f"budgets/{budget.uid}").body["alerts"]
    again = put(api, budget, {"alerts": [rule]}).body["alerts"]
    alert = api.get(f"alerts/{fire(budget, threshold=Decimal('0.5')).uid}").body

    told = (rule["threshold"], own["threshold"], again[0]["threshold"])
    assert (*told, alert["threshold"]) == (0.5, 0.5, 0.5, 0.5)


def test_inherited_rules_say_where_they_come_from(
    api: Api, budget: Budget, acme: Organization
) -> None:
    below = make_budget(acme, "Search", "100", now=NOW, parent=budget)
    put(api, budget, scene_3(budget))

    shown = api.get(f"budgets/{below.uid}/alerts").body

    written = [one for one in shown["inherited"] if one["origin"] == "rule"]
    assert {one["type"] for one in written} == {
        "threshold",
        "velocity",
        "anomaly",
        "spike",
    }
    assert {one["from"]["name"] for one in written} == {"ML Team"}
    assert shown["alerts"] == []
    assert shown["escalation"] is None
    assert shown["inherited_escalation"]["from"]["name"] == "ML Team"


def test_other_organizations_budgets_are_not_there(budget: Budget) -> None:
    other = make_api(organization=make_organization("globex"))

    assert other.get(f"budgets/{budget.uid}/alerts").status == 404
    assert put(other, budget, scene_3(budget)).status == 404


def test_setting_up_takes_its_own_scope(budget: Budget, acme: Organization) -> None:
    reader = make_api("budgets:read", "budgets:write", organization=acme)

    assert reader.get(f"budgets/{budget.uid}/alerts").status == 200
    assert put(reader, budget, {}).status == 403


def test_an_archived_budget_stays_as_it_was(api: Api, budget: Budget) -> None:
    Budget.objects.filter(pk=budget.pk).update(archived_at=timezone.now())

    assert put(api, budget, scene_3(budget)).status == 409


def test_a_rule_written_on_its_own_is_watched_too(
    budget: Budget, acme: Organization
) -> None:
    kept = [{"threshold": "0.5", "channels": ["email"]}]
    Budget.objects.filter(pk=budget.pk).update(alerts=kept)
    budget.refresh_from_db()
    AlertRule.objects.create(
        organization=acme, budget=budget, type="threshold", threshold=Decimal("0.7")
    )

    watched = watch_thresholds(budget, now=NOW)

    assert [one["threshold"] for one in watched.alerts] == ["0.5", "0.7"]


def test_a_rule_that_reaches_nobody_says_so_when_it_is_saved(
    api: Api, acme: Organization
) -> None:
    budget = make_budget(acme)
    rule = {"type": "threshold", "threshold": 0.5, "channels": ["email"]}
    place = f"budgets/{budget.uid}/alerts"

    nobody = api.send("PUT", place, {"alerts": [rule]}).body
    named = {**rule, "recipients": ["ann@acme.example"]}
    somebody = api.send("PUT", place, {"alerts": [named]}).body

    assert nobody["alerts"][0]["not_set_up"] == nobody["not_set_up"] == ["email"]
    assert somebody["alerts"][0]["not_set_up"] == []
