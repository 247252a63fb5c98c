"""Every operation of the API, with every scope, and by keys that may not ask for it.

Operations come from the schema, which has all that the resolver leads to; which scope
is wanted stands in docs/roles.md.
"""

import json
import re
from copy import copy
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from accounts.scopes import SCOPES_OF_ROLE, Role, Scope
from lib.memories import forget_everything
from tests.api.contract import Described, operations
from tests.api.examples import APART, EXAMPLES
from tests.api.world import World as Examples
from tests.factories import make_key, make_organization, make_person
from tests.sizes import every_day_on_sqlite
from tests.walking.routes import routes
from tests.walking.writes import Writes

pytestmark = [pytest.mark.django_db, every_day_on_sqlite]

_UNKNOWN = {
    "uid": str(uuid4()),
    "id": "987654321",
    "slug": "nobody",
    "recipient": "nobody@acme.example",
    "action_uid": str(uuid4()),
    "run_uid": str(uuid4()),
    "run_id": "nobody",
}
_NOTED = {"accounts_apikey"}  # when a key was used last
# What is the person's own to say, or the platform's, takes more than a scope.
_OWN_ONLY = {"notification_preferences_update", "notification_preferences_destroy"}
_TAKES_MORE = {"organizations_create", *_OWN_ONLY}
# Of any name there is an answer, in the asker's own organization.
# And what says back whom it was told of.
_OF_ANYBODY = {
    *("notification_preferences_retrieve", "approval_policies_create"),
    *_OWN_ONLY,
}


def scopes_of(operation: Described) -> set[str]:
    """Return the scopes, one of which docs/roles.md says *operation* takes.

    The first line whose words begin its address, after api/v1, counts.
    """
    text = (settings.BASE_DIR / "docs" / "roles.md").read_text()
    place = operation.path.removeprefix("/api/v1")
    for methods, form, scopes in re.findall(
        r"^\| `([A-Z, ]+) (/\S+)` \| (`[a-z:]+`(?: or `[a-z:]+`)?) \|$", text, re.M
    ):
        known = re.escape(form).replace(r"\{id\}", r"\{\w+\}").replace("…", ".*")
        if operation.method.upper() in methods.split(", ") and re.fullmatch(
            known, place
        ):
            return set(re.findall(r"[a-z]+:?[a-z]+(?=`)", scopes))
    raise LookupError(f"docs/roles.md has no scope for {operation.method} {place}.")


def guarded() -> list[Described]:
    return [one for one in operations().values() if not one.is_open]


def client_of(secret: str) -> Client:
    client = Client(headers={"authorization": f"Bearer {secret}"})
    client.raise_request_exception = False
    return client


def asked(
    client: Client, operation: Described, ask: dict[str, Any] | None = None
) -> tuple[Any, set[str]]:
    """Return the answer, and the tables written; all is taken back."""
    ask = ask or {"ids": _UNKNOWN, "body": {}}
    path = operation.at(**ask.get("ids", {})) + ask.get("query", "")
    body = json.dumps(ask["body"]) if "body" in ask else ""
    with transaction.atomic(), Writes() as writes:
        answer = client.generic(
            operation.method.upper(), path, body, content_type="application/json"
        )
        wrote = writes.tables - _NOTED
        transaction.set_rollback(bool(wrote))
    if wrote:
        forget_everything()
    return answer, wrote


def test_the_schema_has_every_route_of_the_api() -> None:
    known = {re.sub(r"\{\w+\}", "*", one.path) for one in operations().values()}
    unlisted = {
        path
        for route in routes()
        if route.form.startswith(("api/", "otlp/"))
        and route.name not in {"schema", "docs"}
        and (path := "/" + re.sub(r"%\(\w+\)s", "*", route.form)) not in known
    }

    assert unlisted == set()


def test_exactly_the_documented_scope_lets_one_in(examples: Examples) -> None:
    found = []
    for scope in Scope:
        client = client_of(make_key(scope, organization=examples.acme))
        for operation in guarded():
            answer, _ = asked(client, operation)
            is_let_in = answer.status_code != 403
            may = scope in scopes_of(operation)
            if is_let_in is not may and not (may and operation.id in _TAKES_MORE):
                found.append(f"{scope} {operation.id}: {answer.status_code}")

    assert found == []


def test_no_key_does_more_than_its_person_and_organization(examples: Examples) -> None:
    """As the examples of the schema ask, by those who have less than they need."""
    acme = examples.acme
    people = {role: make_person(f"{role}@acme.example", {acme: role}) for role in Role}
    keys = {role: client_of(make_key(user=person)) for role, person in people.items()}
    foreign = client_of(make_key(organization=make_organization("globex")))
    found = []
    for operation in guarded():
        if operation.id in APART:
            continue
        with transaction.atomic():
            ask = next(iter(EXAMPLES[operation.id](copy(examples))))
            for role, client in keys.items():
                found += faults_of(role, operation, asked(client, operation, ask))
            found += faults_abroad(operation, asked(foreign, operation, ask))
            transaction.set_rollback(True)
        forget_everything()

    assert found == []


def faults_of(role: Role, operation: Described, got: tuple[Any, set[str]]) -> list[str]:
    """Tell whether somebody of *role* was let do what they may not, or a GET wrote."""
    answer, wrote = got
    may = not SCOPES_OF_ROLE[role].isdisjoint(scopes_of(operation))
    is_wrong = (
        answer.status_code >= 500
        or (wrote and (operation.method == "get" or not may))
        or (answer.status_code != 403 and not may)
    )
    return [f"{role} {operation.id}: {answer.status_code} {wrote}"] if is_wrong else []


def faults_abroad(operation: Described, got: tuple[Any, set[str]]) -> list[str]:
    """Tell whether a key of another organization saw or wrote what is acme's."""
    answer, wrote = got
    is_of_a_row = operation.ids and operation.id not in _OF_ANYBODY
    is_seen = operation.id not in _OF_ANYBODY and b"acme" in answer.getvalue().lower()
    is_wrong = is_seen or (is_of_a_row and wrote) or answer.status_code >= 500
    return [f"foreign {operation.id}: {answer.status_code} {wrote}"] if is_wrong else []
