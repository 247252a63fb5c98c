"""The API of alerts: shapes, answers, isolation."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from accounts.scopes import Role
from alerts import escalation
from alerts.models import Alert
from budgets.models import Budget
from tests.alerts.factories import fire
from tests.factories import (
    Api,
    make_api,
    make_budget,
    make_key,
    make_organization,
    make_person,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _one_moment() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ml(acme: Organization) -> Budget:
    return make_budget(acme, "ML Team", "15000", now=NOW)


def ids(answer: Any) -> set[str]:
    return {one["id"] for one in answer.body["results"]}


def test_an_alert_has_its_fields_and_its_timeline(api: Api, ml: Budget) -> None:
    alert = fire(ml, now=NOW, recipients=("lead@acme.example",))
    escalation.run_due(NOW)

    body = api.get(f"alerts/{alert.uid}").body

    assert (
        body.items()
        >= {
            "id": str(alert.uid),
            "type": "threshold",
            "severity": "warning",
            "state": "firing",
            "budget": str(ml.uid),
            "period_start": "2026-11-01T00:00:00Z",
            "threshold": 0.8,
            "value": 0.8,
            "message": "ML Team has spent $12,000.00 of $15,000.00.",
            "fired_at": "2026-11-10T12:00:00Z",
            "acknowledged_by": None,
            "acknowledged_until": None,
            "resolved_at": None,
            "spent": "12000.0000000000",
            "limit": "15000.0000000000",
        }.items()
    )
    assert [one["kind"] for one in body["timeline"]] == ["fired", "told"]
    assert body["timeline"][1]["recipients"] == ["lead@acme.example"]


def test_amounts_are_text(api: Api, ml: Budget) -> None:
    alert = fire(ml, now=NOW, type="spike", key="spike:x", value=Decimal("120.5"))

    body = api.get(f"alerts/{alert.uid}").body

    assert body["value"] == "120.5000000000"


UNTIL: dict[str, tuple[Any, str]] = {
    "4 hours unless said": ({}, "2026-11-10T16:00:00Z"),
    "minutes": ({"minutes": 30}, "2026-11-10T12:30:00Z"),
    "hours": ({"hours": 24}, "2026-11-11T12:00:00Z"),
    "a moment": ({"until": "2026-11-12T08:00:00+01:00"}, "2026-11-12T07:00:00Z"),
}


@pytest.mark.parametrize(("body", "until"), UNTIL.values(), ids=UNTIL)
def test_an_alert_is_acknowledged(api: Api, ml: Budget, body: Any, until: str) -> None:
    alert = fire(ml, now=NOW)

    answer = api.post(f"alerts/{alert.uid}/acknowledge", body)

    assert answer.status == 200, answer.body
    assert answer.body["state"] == "acknowledged"
    assert answer.body["acknowledged_by"] == "key tests"
    assert answer.body["acknowledged_until"] == until
    assert answer.body["timeline"][-1]["kind"] == "acknowledged"


def test_an_alert_is_snoozed(api: Api, ml: Budget) -> None:
    alert = fire(ml, now=NOW)

    answer = api.post(f"alerts/{alert.uid}/snooze", {"hours": 2})

    assert answer.body["state"] == "snoozed"
    assert answer.body["snoozed_until"] == "2026-11-10T14:00:00Z"


def test_an_alert_is_resolved_once(api: Api, ml: Budget) -> None:
    alert = fire(ml, now=NOW)

    first = api.post(f"alerts/{alert.uid}/resolve", {})
    second = api.post(f"alerts/{alert.uid}/resolve", {})

    assert (first.status, first.body["state"]) == (200, "resolved")
    assert first.body["resolved_at"] == "2026-11-10T12:00:00Z"
    assert first.body["resolved_by"] == "key tests"
    assert (second.status, second.body["code"]) == (409, "alert_resolved")


def test_a_day_is_called_usual(api: Api, ml: Budget) -> None:
    odd = fire(ml, now=NOW, type="anomaly", key="anomaly:x")
    other = fire(ml, now=NOW)

    called = api.post(f"alerts/{odd.uid}/not-an-anomaly", {})
    refused = api.post(f"alerts/{other.uid}/not-an-anomaly", {})

    assert called.body["state"] == "resolved"
    assert refused.status == 409


BAD: list[tuple[str, Any, str]] = [
    ("snooze", {}, "until"),
    ("snooze", {"minutes": 0}, "minutes"),
    ("snooze", {"minutes": "soon"}, "minutes"),
    ("snooze", {"hours": 10**9}, "hours"),
    ("snooze", {"until": "2026-11-10T12:00:00Z"}, "until"),
    ("snooze", {"until": "2028-11-10"}, "until"),
    ("snooze", {"until": 5}, "until"),
    ("snooze", {"until": "9999-12-31T23:59:59-14:00"}, "until"),
    ("acknowledge", {"minutes": 5, "hours": 5}, "minutes"),
    ("acknowledge", {"minuts": 5}, "minuts"),
    ("acknowledge", [], ""),
]


@pytest.mark.parametrize(("move", "body", "attr"), BAD, ids=str)
def test_a_bad_answer_is_named(
    api: Api, ml: Budget, move: str, body: Any, attr: str
) -> None:
    alert = fire(ml, now=NOW)

    answer = api.post(f"alerts/{alert.uid}/{move}", body)

    alert.refresh_from_db()
    assert answer.status == 400, answer.body
    assert attr in [error["attr"] for error in answer.body["errors"]] or not attr
    assert alert.state == "firing"


@pytest.fixture
def several(ml: Budget, acme: Organization) -> dict[str, Alert]:
    below = make_budget(acme, "Search", "100", now=NOW, parent=ml)
    beside = make_budget(acme, "Sales", "100", now=NOW)
    found = {
        "ml": fire(ml, now=NOW),
        "below": fire(below, now=NOW, severity="critical"),
        "beside": fire(beside, now=NOW, type="spike", key="spike:x"),
    }
    Alert.objects.filter(pk=found["beside"].pk).update(
        state="acknowledged",
        acknowledged_by="ann@acme.example",
        acknowledged_until=NOW + timedelta(hours=1),
    )
    return found


FILTERS = {
    "": {"ml", "below", "beside"},
    "state=firing": {"ml", "below"},
    "state=acknowledged,resolved": {"beside"},
    "severity=critical": {"below"},
    "type=spike": {"beside"},
    "organization_id=acme": {"ml", "below", "beside"},
}


@pytest.mark.parametrize(("query", "names"), FILTERS.items(), ids=FILTERS)
def test_a_list_is_narrowed(
    api: Api, several: dict[str, Alert], query: str, names: set[str]
) -> None:
    answer = api.get(f"alerts?{query}")

    assert ids(answer) == {str(several[name].uid) for name in names}


def test_a_budgets_alerts_are_those_below_it_too(
    api: Api, several: dict[str, Alert], ml: Budget
) -> None:
    answer = api.get(f"alerts?budget={ml.uid}")

    assert ids(answer) == {str(several["ml"].uid), str(several["below"].uid)}


def test_mine_are_my_budgets_what_i_was_told_and_what_i_took(
    several: dict[str, Alert], ml: Budget, acme: Organization
) -> None:
    ann = make_person("ann@acme.example", {acme: Role.BUDGET_OWNER})
    owned = make_budget(acme, "Ann's", "5", now=NOW, owner=ann)
    other = make_budget(acme, "Ours", "5", now=NOW)
    mine = fire(owned, now=NOW)
    told = fire(other, now=NOW, recipients=("ann@acme.example",))
    escalation.run_due(NOW)
    api = Api(make_key(user=ann))

    answer = api.get("alerts?mine=true")

    assert ids(answer) == {str(one.uid) for one in (mine, told, several["beside"])}


@pytest.mark.parametrize(
    "query",
    [
        "state=burning",
        "severity=x",
        "type=x",
        "mine=perhaps",
        "mine=true",
        "stat=firing",
    ],
)
def test_a_bad_filter_is_refused(api: Api, query: str) -> None:
    assert api.get(f"alerts?{query}").status == 400


def test_a_list_comes_as_csv(api: Api, several: dict[str, Alert]) -> None:
    answer = api.get("alerts?format=csv")

    assert answer.status == 200
    lines = answer.body.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("id,type,severity,state,budget")


def test_a_list_takes_few_queries(
    api: Api, several: dict[str, Alert], django_assert_num_queries: Any
) -> None:
    api.get("alerts")  # the key is known from now on

    with django_assert_num_queries(2):
        api.get("alerts")


def test_other_organizations_alerts_are_not_there(ml: Budget) -> None:
    alert = fire(ml, now=NOW)
    other = make_api(organization=make_organization("globex"))

    assert other.get(f"alerts/{alert.uid}").status == 404
    assert other.post(f"alerts/{alert.uid}/resolve", {}).status == 404
    assert ids(other.get("alerts")) == set()
    assert other.get(f"alerts?budget={ml.uid}").status == 404
    assert other.get("alerts?organization_id=acme").status == 403


def test_answering_takes_its_own_scope(ml: Budget, acme: Organization) -> None:
    alert = fire(ml, now=NOW)
    reader = make_api("budgets:read", organization=acme)

    assert reader.get(f"alerts/{alert.uid}").status == 200
    assert reader.post(f"alerts/{alert.uid}/resolve", {}).status == 403
    assert make_api("alerts:write", organization=acme).get("alerts").status == 403


@pytest.mark.parametrize("uid", ["x", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_alert_is_not_there(api: Api, uid: str) -> None:
    assert api.get(f"alerts/{uid}").status == 404
