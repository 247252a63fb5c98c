"""From a call that costs too much to the person who takes it on, all parts real."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from tests.journeys.server import Server, running_server, running_worker
from tests.notifications.receivers import (
    MailServer,
    Receiver,
    Request,
    receiving,
    receiving_mail,
    until,
)

LEAD, MANAGER = "team-lead@company.example", "manager@company.example"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
TOLD_WITHIN = timedelta(seconds=5)
LADDER_S = 6  # until the manager is told


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with receiving_mail() as running:
        yield running


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def server(mails: MailServer, own_database: str) -> Iterator[Server]:
    with (
        running_server(
            own_database,
            EMAIL_URL=f"smtp://127.0.0.1:{mails.port}",
            COSTOPS_OUTGOING_ALLOW="127.0.0.0/8",
            COSTOPS_MAIL_DOMAINS="company.example",
        ) as started,
        running_worker(started),
    ):
        yield started


class Api:
    """Calls the server as its client and raises for every error."""

    def __init__(self, server: Server) -> None:
        self.url = f"{server.url}/api/v1"
        self.session = requests.Session()
        key = server.manage("create_api_key", "journey", "--organization", "acme")
        self.session.headers["Authorization"] = f"Bearer {key}"

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.session.request(
            method, f"{self.url}{path}", json=body, timeout=30
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def spend(self, usage_id: str, cost: str) -> datetime:
        """Report one call; return when it was answered."""
        now = datetime.now(UTC)
        record = {
            "id": usage_id,
            "timestamp": now.isoformat(),
            "provider": "openai",
            "model": "gpt-4o",
            "cost": cost,
            "currency": "USD",
        }
        self("POST", "/usage", record)
        return datetime.now(UTC)


def worded(alert: dict[str, Any]) -> str:
    """Word an alert as a simple receiver does: it formats the numbers as they come."""
    return (
        f"{alert['severity'].upper()}: {alert['budget_name']}, "
        f"${alert['current_spend']:,.2f} of ${alert['limit']:,.2f}, "
        f"{alert['utilization']:.1f}%"
    )


def told_of(hooks: Receiver) -> list[Request]:
    """Return what was sent there; a test beside may knock at a port nobody had."""
    return [one for one in hooks.requests if "webhook-id" in one.headers]


def test_usage_that_passes_a_threshold_finds_somebody_who_takes_it_on(
    server: Server, mails: MailServer, hooks: Receiver
) -> None:
    api = Api(server)
    budget = api(
        "POST",
        "/budgets",
        {"name": "ML Team", "amount": "100", "currency": "USD", "period": "monthly"},
    )
    api(
        "POST",
        "/notification-channels",
        {
            "type": "webhook",
            "name": "Ops",
            "config": {"url": hooks.url(), "secret": SECRET},
        },
    )
    api(
        "PUT",
        f"/budgets/{budget['id']}/alerts",
        {
            "alerts": [
                {"type": "threshold", "threshold": 0.5, "channels": ["webhook"]}
            ],
            "escalation": {
                "enabled": True,
                "levels": [
                    {"delay": 0, "recipients": [LEAD], "channels": ["email"]},
                    {
                        "delay": LADDER_S,
                        "recipients": [MANAGER],
                        "channels": ["email"],
                    },
                    {
                        "delay": 3_600,
                        "recipients": ["cto@company.example"],
                        "channels": ["email"],
                    },
                ],
            },
        },
    )
    api.spend("quiet", "49.99")
    posted = api.spend("loud", "5")

    (mail,) = until(lambda: mails.to(LEAD))
    (call,) = until(lambda: told_of(hooks))
    assert mail.at - posted < TOLD_WITHIN
    assert call.at - posted < TOLD_WITHIN
    assert "ML Team" in mail["Subject"]
    assert "$54.99" in mail.text
    assert Webhook(SECRET).verify(call.body, dict(call.headers))
    assert call.json["budget_name"] == "ML Team"
    assert worded(call.json) == "WARNING: ML Team, $54.99 of $100.00, 55.0%"
    assert call.json["current_spend_exact"] == "54.9900000000"

    (escalated,) = until(lambda: mails.to(MANAGER))
    (alert,) = api("GET", "/alerts")["results"]
    fired = datetime.fromisoformat(alert["fired_at"])
    late = escalated.at - fired - timedelta(seconds=LADDER_S)
    assert timedelta(0) <= late < TOLD_WITHIN

    link = next(
        url for url in re.findall(r"http://\S+", escalated.text) if "/alerts/" in url
    )
    page = requests.get(link, timeout=30)
    assert page.ok
    assert api("GET", f"/alerts/{alert['id']}")["state"] == "firing"

    answered = acknowledge(link, page.text)
    assert answered.ok, answered.text
    alert = api("GET", f"/alerts/{alert['id']}")
    assert alert["state"] == "acknowledged"
    assert alert["acknowledged_by"] == MANAGER

    api("PATCH", f"/budgets/{budget['id']}", {"amount": "1000"})
    resolved = until(
        lambda: api("GET", f"/alerts/{alert['id']}")["state"] == "resolved"
    )
    assert resolved
    assert len(mails.to(LEAD)) <= 2  # the alert, and perhaps that it is over
    assert not mails.to("cto@company.example")


def acknowledge(link: str, page: str) -> requests.Response:
    """Press the page's first button."""
    form = re.search(r"<form[^>]*>(.*?)</form>", page, re.S)
    assert form is not None
    fields = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1])
    )
    button = re.search(r'<button[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form[1])
    if button is not None:
        fields[button[1]] = button[2]
    return requests.post(link, fields, timeout=30)
