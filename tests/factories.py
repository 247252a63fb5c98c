"""Plain makers of what tests begin with. The ledger is filled through the pipeline."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import msgspec
from django.db import connection, connections
from django.test import Client

from accounts import keys
from accounts.models import Organization, User
from intake.pipeline import take
from ledger.types import Outcome
from ledger.usage import Usage, check, decode_one

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered; `body` is JSON, or text where it is something else."""

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
        parsed = (
            json.loads(content)
            if content and "json" in response.headers.get("Content-Type", "")
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


def report(organization: Organization, *records: dict[str, Any]) -> Sequence[Outcome]:
    """Book *records* of *organization*."""
    usage: list[Usage] = []
    for record in records:
        usage.append(decode_one(msgspec.json.encode(record)))
        assert check(usage[-1]) == ()
    return take(organization.pk, usage)


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
