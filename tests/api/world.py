"""What the operations of the API are about."""

import json
from functools import cached_property
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from accounts.scopes import Role
from budgets.models import Budget
from notifications.services import notify
from reports.feeds.planning import run_now
from reports.models import Feed, Report, ReportState
from tests.alerts.factories import fire
from tests.controls.factories import make_hard
from tests.factories import (
    NOON,
    make_budget,
    make_key,
    make_organization,
    make_person,
    spend,
    usage_record,
)
from tests.notifications.factories import mail_to, make_message
from tests.notifications.receivers import Receiver
from tests.reports.feeds.factories import work_off
from tests.reports.monthly.factories import keep_report

CALL = {"provider": "openai", "model": "gpt-4o", "project_id": "search"}
PRICE = {
    "provider": "openai",
    "model": "gpt-4o",
    "input_per_million": "2",
    "quantities": {"searches": "0.01"},
    "tiers": [{"above_input_tokens": 1000, "input_per_million": "3"}],
}


POLICY = {
    "name": "Money",
    "self_approval_below": "10",
    "levels": [
        {"name": "Lead", "approvers": ["lead@acme.example", "budget_owner"]},
        {
            "name": "Board",
            "approvers": ["cfo@acme.example", "ceo@acme.example"],
            "required": "all",
            "min_amount": "1000",
            "parallel": True,
        },
    ],
}


SEATS = {
    "name": "ChatGPT Team",
    "kind": "seat",
    "provider": "openai",
    "amount": "310",
    "currency": "USD",
    "interval": "monthly",
    "start_date": "2025-01-01",
    "end_date": "2025-01-31",
    "department_id": "engineering",
    "team_id": "ml",
    "project_id": "search",
    "environment": "production",
    "user_id": "ann",
    "tags": {"contract": "c-1"},
    "covers": ["o1*"],
    "reason": "Contract c-1",
}
SHARES = {
    "by": "team",
    "shares": [{"name": "ml", "share": "0.6", "heads": 3}, {"name": "ops", "heads": 2}],
    "reason": "As agreed.",
}


class World:
    """What the operations are about, made when it is first asked for."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.acme = make_organization("acme")
        self.client = self.client_of(self.acme)

    def client_of(self, organization: Organization | None, *scopes: str) -> Client:
        key = make_key(*scopes, organization=organization)
        return Client(headers={"authorization": f"Bearer {key}"})

    @cached_property
    def platform(self) -> Client:
        return self.client_of(None)

    @cached_property
    def company(self) -> Budget:
        return make_budget(
            self.acme,
            alerts=[{"threshold": "0.5", "channels": ["email"]}],
            rollover_mode="both",
        )

    @cached_property
    def team(self) -> Budget:
        """A budget below another, with spend, by a known and an unknown price."""
        self.company  # noqa: B018 - is made
        made = make_budget(
            self.acme, "ML", "10", parent=self.company, scope={"teams": ["ml"]}
        )
        spend(self.acme, "9", team_id="ml", user_id="ann@acme.example", tags=["a"])
        spend(self.acme, None, team_id="ml", tags={"stage": "x"})
        spend(self.acme, None, model="nobody-knows", provider="nobody")
        return made

    @cached_property
    def report(self) -> Report:
        """The draft of a month, whose company has a comment."""
        return keep_report(self.acme, self.company)

    @cached_property
    def final(self) -> Report:
        draft = Report.objects.filter(pk=self.report.pk)
        draft.update(
            state=ReportState.FINAL,
            digest="0" * 64,
            finalised_by="ann@acme.example",
            finalised_at=timezone.now(),
        )
        return draft.get()

    @cached_property
    def shares(self) -> Any:
        response = self.ask("PUT", "/api/v1/chargeback/shares", SHARES)
        assert response.status_code == 200, response.content
        return response.json()

    @cached_property
    def hard(self) -> Budget:
        return make_hard(self.acme, "Hard", "10", scope={"projects": ["search"]})

    @cached_property
    def alert(self) -> str:
        return str(fire(self.company, recipients=("lead@acme.example",)).uid)

    def made(self, path: str, body: Any) -> Any:
        """Return what was answered to a POST that makes something."""
        response = self.ask("POST", f"/api/v1/{path}", body)
        assert response.status_code in {200, 201}, response.content
        return response.json()

    @cached_property
    def run(self) -> str:
        """A run with a cap; beside it is one without."""
        self.made("usage", usage_record(id="of-a-run", run_id="nightly"))
        self.made(
            "authorizations",
            {**CALL, "run_id": "agent/7", "run_cap": "5", "estimated_cost": "1"},
        )
        return "agent/7"

    @cached_property
    def channel(self) -> str:
        body = {
            "type": "webhook",
            "name": "Hook",
            "config": {"url": self.receiver.url()},
        }
        return str(self.made("notification-channels", body)["id"])

    @cached_property
    def feed(self) -> str:
        body = {
            "name": "Budgets",
            "kind": "budgets",
            "schedule": {"every": "day"},
            "target": {"type": "webhook", "url": self.receiver.url()},
        }
        return str(self.made("feeds", body)["id"])

    @cached_property
    def feed_run(self) -> str:
        """A run whose file is made and brought."""
        run = run_now(Feed.objects.get(uid=self.feed), by="ann", now=timezone.now())
        work_off(timezone.now())
        return str(run.uid)

    @cached_property
    def delivery(self) -> str:
        (row,) = notify(
            self.acme.pk,
            [mail_to("ann@acme.example")],
            lambda target: make_message(),
            key="x",
        )
        return str(row.uid)

    @cached_property
    def authorization(self) -> str:
        self.hard  # noqa: B018 - is made
        return str(self.made("authorizations", {**CALL, "estimated_cost": "1"})["id"])

    @cached_property
    def lease(self) -> str:
        self.hard  # noqa: B018 - is made
        return str(self.made("leases", {**CALL, "amount": "1"})["id"])

    def client_as(self, email: str, role: Role = Role.APPROVER) -> Client:
        """Return the client of somebody in acme."""
        person = User.objects.filter(email=email).first()
        person = person or make_person(email, {self.acme: role})
        key = make_key(organization=self.acme, user=person)
        return Client(headers={"authorization": f"Bearer {key}"})

    @cached_property
    def finance(self) -> Client:
        return self.client_as("fay@acme.example", Role.FINANCE_ADMIN)

    @cached_property
    def asking(self) -> dict[str, Any]:
        """What is sent to ask for a new budget, which Bob decides."""
        return {
            "requester": "ann@acme.example",
            "amount": 5000,
            "parent": str(self.company.uid),
            "justification": "A launch",
            "approvers": ["bob@acme.example"],
            "metadata": {"project": "search", "expectedROI": 3.5},
            "links": [{"title": "Case", "url": "https://acme.example/case"}],
            "needed_by": "2099-12-31",
        }

    @cached_property
    def request(self) -> str:
        return str(self.made("budget-requests", self.asking)["id"])

    @cached_property
    def policy(self) -> str:
        return str(self.made("approval-policies", POLICY)["id"])

    @cached_property
    def delegation(self) -> str:
        body = {"delegate": "ann@acme.example", "end_date": "2099-01-01"}
        bob, path = self.client_as("bob@acme.example"), "/api/v1/delegations"
        self.client_as("ann@acme.example")
        made = self.ask("POST", path, body, bob)
        return str(made.json()["id"])

    @cached_property
    def mapped(self) -> str:
        """Have a month whose spend has accounts; no text, to be put before a query."""
        spend(self.acme, "12.345", NOON, team_id="ml")
        accounts = {"expense_account": "6100", "liability_account": "2100"}
        path = "/api/v1/journal-mappings"
        assert self.ask("PUT", path, [{"scope": {}, **accounts}]).status_code == 200
        return ""

    @cached_property
    def journal(self) -> str:
        """Have that month posted; likewise."""
        self.made("journals", {"month": f"{self.mapped}2025-01"})
        return ""

    @cached_property
    def price(self) -> str:
        return str(self.made("pricing", PRICE)["id"])

    @cached_property
    def rate(self) -> str:
        body = {"base": "USD", "quote": "EUR", "rate": "0.9", "date": "2026-01-01"}
        return str(self.made("exchange-rates", body)["id"])

    @cached_property
    def charge(self) -> str:
        return str(self.made("fixed-charges", SEATS)["id"])

    @cached_property
    def repricing(self) -> str:
        self.team  # noqa: B018 - has usage
        body = {
            "provider": "nobody",
            "model": "nobody-knows",
            "input_per_million": "1",
            "output_per_million": "1",
            "effective_from": "2020-01-01",
        }
        self.made("pricing", body)
        return str(self.made("repricings", {"reason": "New price"})["id"])

    def ask(
        self, method: str, path: str, body: Any = None, client: Client | None = None
    ) -> Any:
        content = b"" if body is None else json.dumps(body)
        asking = client or self.client
        return asking.generic(method, path, content, content_type="application/json")
