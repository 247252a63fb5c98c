"""Every operation refuses as docs/openapi.yaml says."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.scopes import Scope
from tests.api.contract import METHODS, Described, check, document, operations
from tests.api.examples import EXAMPLES
from tests.api.world import World
from tests.factories import usage_record
from tests.intake.otlp_exports import JSON

pytestmark = pytest.mark.django_db

UNKNOWN = {
    "uid": str(uuid4()),
    "id": "987654321",
    "slug": "nobody",
    "recipient": "nobody@acme.example",
    "action_uid": str(uuid4()),
    "run_uid": str(uuid4()),
    "run_id": "nobody",
}
# What is answered of anybody, and of any id: there is nothing that could be unknown.
OF_ANYBODY = {
    "notification_preferences_retrieve",
    "notification_preferences_update",
    "notification_preferences_destroy",
    "usage_correction_create",
}


def guarded() -> list[Described]:
    return [each for each in operations().values() if not each.is_open]


def test_a_stranger_is_told_so_everywhere() -> None:
    for operation in guarded():
        asking = Client()
        path, method = operation.at(**UNKNOWN), operation.method.upper()

        response = asking.generic(method, path, b"{}", content_type=JSON)

        assert response.status_code == 401, operation.id
        check(operation, response)


def test_a_key_without_the_scope_is_told_so_everywhere(world: World) -> None:
    for scope, asked in ((Scope.USAGE_WRITE, "usage"), (Scope.COSTS_READ, "")):
        asking = world.client_of(world.acme, scope)
        for operation in guarded():
            parts = ("/usage", "/outcomes", "/otlp")
            is_usage = any(part in operation.path for part in parts)
            if is_usage is (asked == "usage") or _may(operation):
                continue
            path, method = operation.at(**UNKNOWN), operation.method.upper()

            response = asking.generic(method, path, b"{}", content_type=JSON)

            assert response.status_code == 403, operation.id
            check(operation, response)


def _may(operation: Described) -> bool:
    """Tell whether a key that reads costs may do it."""
    parts = ("/costs", "/analytics", "/pricing", "/exchange-rates", "/repricings")
    reads = operation.method == "get"
    return reads and any(part in operation.path for part in (*parts, "/organizations"))


def test_what_is_not_there_is_not_found_anywhere(world: World) -> None:
    for operation in guarded():
        if not operation.ids or operation.id in OF_ANYBODY:
            continue
        path = operation.at(**UNKNOWN)

        response = world.ask(operation.method.upper(), path, {})

        assert response.status_code == 404, (operation.id, response.content)
        check(operation, response)


def test_what_is_no_json_is_refused_everywhere(world: World) -> None:
    for operation in guarded():
        if not operation.takes_a_body:
            continue
        path, method = operation.at(**_known_ids(world, operation)), operation.method

        for body, kind, status in ((b'{"a', JSON, 400), (b"a: b", "text/yaml", 415)):
            response = world.client.generic(
                method.upper(), path, body, content_type=kind
            )

            assert response.status_code == status, (operation.id, response.content)
            check(operation, response)


def _known_ids(world: World, operation: Described) -> dict[str, str]:
    """Return the ids that an operation's first example has."""
    if not operation.ids:
        return {}
    first: dict[str, Any] = next(iter(EXAMPLES[operation.id](world)))
    ids: dict[str, str] = first["ids"]
    return ids


def test_what_no_path_does_is_a_problem(world: World) -> None:
    for path, methods in document()["paths"].items():
        operation = next(each for each in operations().values() if each.path == path)
        for method in {*METHODS, "trace", "options"} - methods.keys():
            place = operation.at(**UNKNOWN)

            response = world.client.generic(method.upper(), place)

            assert response.status_code == 405, (method, path)
            assert response.headers["Allow"]
            check(operation, response)


def test_a_filter_that_is_unknown_is_a_problem(world: World) -> None:
    asked = 0
    for operation in guarded():
        if operation.method != "get" or operation.ids or "budgets" in operation.path:
            continue

        response = world.ask("GET", f"{operation.path}?colour=red")

        assert response.status_code == 400, operation.id
        check(operation, response)
        asked += 1
    assert asked > 10


CONFLICTS: dict[str, Callable[[World], Any]] = {
    "organizations_create": lambda world: _twice(world, "organizations_create"),
    "organizations_partial_update": lambda world: _changed(
        world, "organizations_partial_update", {"slug": "other"}, slug="acme"
    ),
    "authorizations_release": lambda world: _settled(world),
    "leases_renew": lambda world: _over(world),
    "budgets_partial_update": lambda world: _archived(world, "budgets_partial_update"),
    "budgets_alerts_update": lambda world: _archived(world, "budgets_alerts_update"),
    "budgets_controls_update": lambda world: _archived(
        world, "budgets_controls_update"
    ),
    "usage_create": lambda world: _key_reused(world, "usage_create"),
    "budgets_create": lambda world: _key_reused(world, "budgets_create"),
}


@pytest.mark.parametrize("name", sorted(CONFLICTS))
def test_a_conflict_is_a_problem(world: World, name: str) -> None:
    response = CONFLICTS[name](world)

    assert response.status_code == 409, response.content
    check(operations()[name], response)


def _twice(world: World, name: str) -> Any:
    example: dict[str, Any] = next(iter(EXAMPLES[name](world)))
    operation = operations()[name]
    for _ in range(2):
        response = world.ask(
            operation.method.upper(),
            operation.path,
            example["body"],
            example.get("client"),
        )
    return response


def _changed(world: World, name: str, body: Any, **ids: str) -> Any:
    operation = operations()[name]
    return world.ask(operation.method.upper(), operation.at(**ids), body)


def _settled(world: World) -> Any:
    world.made("usage", usage_record(cost="0.5", authorization_id=world.authorization))
    return _changed(world, "authorizations_release", {}, id=world.authorization)


def _over(world: World) -> Any:
    assert _changed(world, "leases_return", {}, id=world.lease).status_code == 200
    return _changed(world, "leases_renew", {}, id=world.lease)


def _archived(world: World, name: str) -> Any:
    uid = str(world.team.uid)
    assert _changed(world, "budgets_destroy", None, uid=uid).status_code == 204
    example: dict[str, Any] = next(iter(EXAMPLES[name](world)))
    return _changed(world, name, example["body"], uid=uid)


def _key_reused(world: World, name: str) -> Any:
    operation = operations()[name]
    first: dict[str, Any] = next(iter(EXAMPLES[name](world)))
    changed = "name" if "name" in first["body"] else "id"
    for more in ("a", "b"):
        response = world.client.generic(
            "POST",
            operation.path,
            json.dumps({**first["body"], changed: more}),
            content_type=JSON,
            headers={"Idempotency-Key": "k"},
        )
    return response


def test_what_lies_within_is_sent_whole_in_a_patch_too(world: World) -> None:
    asking = world.client_of(world.acme)
    for path, body, attr in (
        (f"budgets/{world.team.uid}", {"alerts": [{}]}, "alerts.0.threshold"),
        (f"budgets/{world.team.uid}", {"rollover": {}}, "rollover.mode"),
        (f"approval-policies/{world.policy}", {"levels": [{}]}, "levels.0.name"),
        (f"feeds/{world.feed}", {"schedule": {}}, "schedule.every"),
    ):
        response = asking.patch(f"/api/v1/{path}", json.dumps(body), content_type=JSON)

        assert response.status_code == 400, path
        assert attr in {error["attr"] for error in response.json()["errors"]}
