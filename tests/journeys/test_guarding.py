"""Programs that ask before they spend, against a server that was really started.

They are processes of their own, which share one tree of budgets; one is killed while
it holds money.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import requests

from tests.databases import ROOT
from tests.journeys.server import Server, running_server

LIMIT = Decimal(2)
UNIT = Decimal("0.0000000001")
PATIENCE_S = 60
CALL = {"provider": "openai", "model": "gpt-4o", "project_id": "search"}
Told = list[dict[str, Any]]


class Api:
    """The server, as whoever looks after the money asks it."""

    def __init__(self, server: Server) -> None:
        self.url, self.server = server.url, server
        self.key = server.manage("create_api_key", "guard", "--organization", "acme")

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = requests.request(
            method,
            f"{self.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=30,
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def plant(self) -> str:
        """Make four levels of hard limits; return the id of the root."""
        ids: list[str] = []
        for name in ("Company", "Engineering", "Search", "Ranking"):
            budget = {
                "name": name,
                "amount": str(LIMIT if not ids else LIMIT * 10),
                "parent": ids[-1] if ids else None,
                "enforcement": "hard",
            }
            ids.append(self.ask("POST", "budgets", budget)["id"])
        return ids[0]

    def money_of(self, budget: str) -> tuple[Decimal, Decimal]:
        """Return what a budget has spent and what is set aside of it."""
        status = self.ask("GET", f"budgets/{budget}/status")
        return Decimal(status["total_spend"]), Decimal(status["reserved"])

    def authorize(self, cost: Decimal) -> dict[str, Any]:
        body = {**CALL, "estimated_cost": str(cost)}
        return self.ask("POST", "authorizations", body)


@contextmanager
def program(api: Api, way: str, name: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.spending", way, name, api.url, api.key],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", what: str) -> Told:
    """Return what a program says, up to the first line that says *what*."""
    assert process.stdout is not None
    told: Told = []
    while not told or told[-1]["what"] != what:
        told.append(json.loads(process.stdout.readline()))
    return told


def read_all(process: "subprocess.Popen[str]") -> Told:
    said, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, complaint
    return [json.loads(line) for line in said.splitlines()]


def race(api: Api) -> Told:
    """Have four programs spend all there is, one killed; return what they were told."""
    with (
        program(api, "hang", "killed") as killed,
        program(api, "calls", "one") as one,
        program(api, "calls", "two") as two,
        program(api, "lease", "three") as three,
    ):
        told = read_until(killed, "held")
        killed.kill()  # SIGKILL: nobody gives its money back
        for process in (one, two, three):
            told += read_all(process)
    return told


def sum_of(told: Told, what: str) -> Decimal:
    return sum(
        (Decimal(one["amount"]) for one in told if one["what"] == what), UNIT * 0
    )


def false_refusals(told: Told, left: Decimal) -> Sequence[dict[str, Any]]:
    """Return the refusals of what there was room for, then or in the end.

    Nothing came back meanwhile: what is left in the end was left all the time.
    """
    return [
        one
        for one in told
        if one["what"] == "refused"
        and (
            Decimal(one["amount"]) <= left
            or not one["left"]
            or any(Decimal(of) >= Decimal(one["amount"]) for of in one["left"])
        )
    ]


def test_programs_spend_a_budget_to_its_end_though_one_of_them_is_killed(
    own_database: str,
) -> None:
    with running_server(own_database) as server:
        api = Api(server)
        root = api.plant()

        told = race(api)

        spent, reserved = api.money_of(root)
        left = LIMIT - spent - reserved
        assert left >= 0
        assert spent + reserved == sum_of(told, "taken")
        assert reserved == sum_of(told, "held") > 0
        assert false_refusals(told, left) == []

        later = datetime.now(UTC) + timedelta(hours=1)
        server.manage("sweep", "--at", later.isoformat())

        assert api.money_of(root) == (spent, 0)
        assert api.authorize(LIMIT - spent)["decision"] == "allow"
        assert api.authorize(UNIT)["reasons"][0]["left"] == "0.0000000000"
        assert "every promise holds" in server.manage("verify")
