"""Plain makers of what tests begin with. The ledger is filled through the pipeline."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from threading import Barrier
from typing import Any

import msgspec
from django.db import connection, connections
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.utils import timezone

from accounts import keys
from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from accounts.versions import ANY, VERSION
from budgets.models import Budget
from budgets.services import BudgetPlan, create_budget
from intake.pipeline import take
from ledger.types import UsageOutcome
from ledger.usage import Usage, check, decode_one

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
_numbers = count(1)  # of what `spend` books


def make_organization(slug: str = "acme", **overrides: Any) -> Organization:
    return Organization.objects.create(slug=slug, **{"name": slug.title(), **overrides})


def make_key(
    *scopes: str,
    organization: Organization | None = None,
    user: User | None = None,
    name: str = "tests",
) -> str:
    """Return the secret of a new key; without *scopes* it carries all of them."""
    made = keys.make_key(name, organization=organization, user=user, scopes=scopes)
    return made.secret


def make_person(
    email: str = "ann@acme.example",
    roles: Mapping[Organization, Role] | None = None,
    **overrides: Any,
) -> User:
    person = User.objects.create_user(email, "secret", **overrides)
    for organization, role in (roles or {}).items():
        Membership.objects.create(organization=organization, user=person, role=role)
    return person


class Browser(Client):
    """One that changes whichever version is there, where a form doesn't say another."""

    def post(  # type: ignore[override]  # in fewer words
        self,
        path: str,
        data: Any = None,
        content_type: str = MULTIPART_CONTENT,
        **options: Any,
    ) -> Any:
        data = {} if data is None else data
        if isinstance(data, dict) and VERSION not in data:
            data = data.copy()
            data[VERSION] = ANY
        return super().post(path, data, content_type, **options)


def browser_of(person: User) -> Client:
    client = Browser()
    client.force_login(person)
    return client


def browser_for(organization: Organization, role: Role = Role.FINANCE_ADMIN) -> Client:
    """Return the browser of somebody who has *role* in *organization*, and no other."""
    email = f"{role.value}@{organization.slug}.example"
    return browser_of(make_person(email, {organization: role}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered; `body` is JSON, a PDF's bytes, or text."""

    status: int
    body: Any
    headers: Any


class Api:
    """A client of the API with a key of its own."""

    def __init__(self, secret: str) -> None:
        self._client = Client(headers={"authorization": f"Bearer {secret}"})

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Answer:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send *body*, as it is where it is bytes; underscores in *headers* are dashes.

        A bug in the product is raised, not a status of 500.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self._client.generic(
            method,
            f"/api/v1/{path}",
            body
            if isinstance(body, bytes)
            else json.dumps(body)
            if body is not None
            else b"",
            content_type="application/json",
            headers=named,
        )
        content: bytes = (
            b"".join(response)  # a stream, read to its end
            if response.streaming
            else response.content
        )
        kind = response.headers.get("Content-Type", "")
        parsed = (
            json.loads(content)
            if content and "json" in kind
            else content
            if "pdf" in kind
            else content.decode()
        )
        return Answer(response.status_code, parsed, response.headers)


def make_api(*scopes: str, organization: Organization | None = None) -> Api:
    """Return a client; without *scopes* it may do everything."""
    return Api(make_key(*scopes, organization=organization))


def usage_record(**overrides: Any) -> dict[str, Any]:
    """Return a usage record as a client sends it: 0.0125 USD by the list price."""
    return {
        "id": "u1",
        "timestamp": NOON.isoformat(),
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1000,
        "output_tokens": 1000,
        **overrides,
    }


def report(
    organization: Organization, *records: dict[str, Any]
) -> Sequence[UsageOutcome]:
    """Book *records* of *organization*."""
    usage: list[Usage] = []
    for record in records:
        usage.append(decode_one(msgspec.json.encode(record)))
        assert check(usage[-1]) == ()
    return take(organization.pk, usage)


def spend(
    organization: Organization,
    cost: str | None,
    at: datetime | None = None,
    **fields: Any,
) -> UsageOutcome:
    """Book one record of *cost*, now unless said otherwise; None: by the price list."""
    values = {
        "id": f"spent-{next(_numbers)}",
        "timestamp": (at or timezone.now()).isoformat(),
        "cost": cost,
        **fields,
    }
    return report(organization, usage_record(**values))[0]


def make_budget(
    organization: Organization,
    name: str = "Company",
    amount: Decimal | str = "1000",
    *,
    now: datetime | None = None,
    **plan: Any,
) -> Budget:
    """Make a budget for everything, of *amount* a month from this month on."""
    wanted = BudgetPlan(name=name, amount=Decimal(amount), **plan)
    return create_budget(organization, wanted, now=now or timezone.now())


def make_tree(organization: Organization) -> dict[str, Budget]:
    """Make Acme 1,000 > Engineering 600 > ML 400, and Sales 300 beside Engineering."""
    acme = make_budget(organization, "Acme")
    engineering = make_budget(
        organization,
        "Engineering",
        "600",
        parent=acme,
        scope={"departments": ["engineering"]},
    )
    ml = make_budget(
        organization, "ML", "400", parent=engineering, scope={"teams": ["ml"]}
    )
    sales = make_budget(
        organization, "Sales", "300", parent=acme, scope={"departments": ["sales"]}
    )
    return {"acme": acme, "engineering": engineering, "ml": ml, "sales": sales}


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make all *calls*, each in a thread, beginning together; return their results.

    What one raises is its result.
    """
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            with connection.cursor():  # connected before the start
                barrier.wait()
            return call()
        except Exception as error:  # noqa: BLE001 - the result of this call
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))
