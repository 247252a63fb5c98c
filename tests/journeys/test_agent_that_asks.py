"""An agent that its budget refuses, the people it asks, and the call that goes through:
real processes, a real mailbox, and everything killed once in between."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from tests.databases import ROOT
from tests.journeys.agent import WHY
from tests.journeys.server import Server, free_port, running_server
from tests.notifications.receivers import receiving_mail, until
from tests.sdk.provider import fake_provider
from tests.sizes import every_day_on_sqlite

AGENT = "controls:authorize,usage:write,approvals:write"
LEAD, OWNER = "lead@acme.example", "owner@acme.example"
PATIENCE_S = 60
# Of a machine that is busy; else it is under two.
GOES_ON_S = 6


class Api:
    """The server, as whoever looks after the money asks it; it may be killed."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.key = server.manage("create_api_key", "all", "--organization", "acme")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method,
            f"{self.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=PATIENCE_S,
        )
        assert answer.ok, answer.text
        return answer.json()

    def plant(self) -> str:
        """Make a hard limit too small for any call, and say who may raise it."""
        level = {"name": "Lead", "approvers": [LEAD]}
        policy = {"name": "Leads decide", "levels": [level]}
        self.ask("POST", "approval-policies", policy)
        budget = {"name": "Search", "amount": "0.0001", "enforcement": "hard"}
        made: str = self.ask("POST", "budgets", {**budget, "owner": OWNER})["id"]
        return made

    def requests(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.ask("GET", "budget-requests")["results"]
        return listed


@contextmanager
def agent(*words: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.agent", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "sdk")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]", what: str) -> float:
    """Return when *process* said *what*, once it does: nothing else comes before."""
    assert process.stdout is not None
    told = json.loads(process.stdout.readline() or "{}")
    assert told.get("what") == what
    return float(told["at"])


@every_day_on_sqlite
def test_an_agent_that_is_refused_asks_waits_and_goes_on_once(
    own_database: str, tmp_path: Path
) -> None:
    port = free_port()
    with receiving_mail() as mails, fake_provider() as provider:
        smtp = f"smtp://127.0.0.1:{mails.port}"
        with running_server(own_database, port=port, EMAIL_URL=smtp) as server:
            for email in (LEAD, OWNER):
                server.manage(
                    *("create_api_key", "p", "--organization", "acme"),
                    *("--user", email),
                )
            api = Api(server)
            budget = api.plant()
            scopes = "--organization", "acme", "--scopes", AGENT
            key = server.manage("create_api_key", "night agent", *scopes)
            words = server.url, key, provider.url, str(tmp_path)
            with agent(*words) as killed:
                said(killed, "waits")
            (asked,) = api.requests()
            assert provider.asked == []
            # Killed while it waited; it is started again, and the server killed too.
            with agent(*words) as started_again:
                said(started_again, "waits")
                server.kill()
                with running_server(own_database, port=port, EMAIL_URL=smtp) as server:
                    server.manage("deliver")
                    (mail,) = mails.to(LEAD)
                    (link,) = re.findall(rf"{server.url}/approvals/\S+", mail.text)
                    assert requests.get(link, timeout=PATIENCE_S).status_code == 200
                    assert provider.asked == []
                    pressed = requests.post(
                        link,
                        {"answer": "approve"},
                        headers={"Origin": "null"},
                        timeout=PATIENCE_S,
                        allow_redirects=False,
                    )
                    assert pressed.status_code == 303, pressed.text
                    made_at = said(started_again, "made")
                    assert started_again.wait(PATIENCE_S) == 0
                    (approved,) = api.requests()
                    detail = api.ask("GET", f"budget-requests/{asked['id']}")
                    lines = api.ask("GET", f"budgets/{budget}/status")
                    costs = until(lambda: api.ask("GET", "costs"))
                    honest = server.manage("verify")

    assert WHY in mail.text
    assert (approved["id"], approved["state"]) == (asked["id"], "approved")
    (decision,) = detail["decisions"]
    assert (decision["approver"], detail["requester"]) == (LEAD, OWNER)
    events = [one["event"] for one in detail["trail"]]
    assert events.count("request.submitted") == events.count("effect.raise") == 1
    assert lines["limit"] == "5.0001000000"
    assert len(provider.asked) == len(costs) == 1
    assert "every promise holds" in honest
    decided_at = detail["decided_at"]
    waited = made_at - datetime.fromisoformat(decided_at).timestamp()
    sys.stdout.write(f"The call was answered {waited:.2f} s after the decision.\n")
    assert waited < GOES_ON_S
