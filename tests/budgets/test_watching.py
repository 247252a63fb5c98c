"""What a budget's own alerts may say, at each door."""

from typing import Any

import pytest

from accounts.models import Organization
from notifications.models import Channel
from tests.factories import Api, make_budget

pytestmark = pytest.mark.django_db
BUDGET = {"name": "ML", "amount": "100", "period": "monthly"}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown channel": (
        {"alerts": [{"threshold": 0.5, "channels": ["email", "carrier-pigeon"]}]},
        "alerts.0.channels.1",
        "There is no channel “carrier-pigeon”.",
    ),
    "percent for a share": (
        {"alerts": [{"threshold": 80, "channels": ["email"]}]},
        "alerts.0.threshold",
        "0.8 is 80 %",
    ),
    "percent for the warning": (
        {"warning_threshold": 80, "critical_threshold": 95},
        "warning_threshold",
        "0.8 is 80 %",
    ),
}


@pytest.mark.parametrize(
    ("more", "attr", "detail"), REFUSED.values(), ids=REFUSED.keys()
)
def test_what_can_not_be_meant_is_refused(
    api: Api, more: dict[str, Any], attr: str, detail: str
) -> None:
    answer = api.post("budgets", {**BUDGET, **more})

    assert answer.status == 400
    (error,) = answer.body["errors"]
    assert error["attr"] == attr
    assert detail in error["detail"]


def test_percent_for_the_share_of_a_rule_is_refused(
    api: Api, acme: Organization
) -> None:
    budget = make_budget(acme)
    rule = {"type": "threshold", "threshold": 80, "channels": ["email"]}

    answer = api.send("PUT", f"budgets/{budget.uid}/alerts", {"alerts": [rule]})

    assert answer.status == 400
    assert "0.8 is 80 %" in answer.body["errors"][0]["detail"]


def test_a_channel_that_is_gone_since_keeps_no_other_change_back(
    api: Api, acme: Organization
) -> None:
    channel = Channel.objects.create(
        organization=acme, name="Ours", type="email", config={"recipients": ["a@b.c"]}
    )
    alerts = [{"threshold": 0.5, "channels": ["Ours"]}]
    made = api.post("budgets", {**BUDGET, "alerts": alerts}).body
    channel.delete()

    answer = api.patch(f"budgets/{made['id']}", {"amount": "200"})

    assert answer.status == 200
