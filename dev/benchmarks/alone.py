"""The door of authorizations, where each call is decided by a statement of its own."""

import psycopg
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts import keys
from accounts.access import require
from accounts.scopes import Scope
from controls.api import authorization_schemas
from controls.api.authorization_schemas import AuthorizationIn
from controls.decisions.types import CallRequest
from controls.policy import Where, open_guard
from dev.benchmarks.deciders import ONE_STATEMENT
from lib.bodies import JSON_TYPES, body_of

_paths: dict[tuple[int, Where, str], list[int]] = {}  # ids of periods, the root last


@csrf_exempt
def decide_alone(request: HttpRequest) -> HttpResponse:
    """Do all that the product's door does, and decide by the best single statement."""
    caller = keys.check(request.META.get("HTTP_AUTHORIZATION", ""))
    require(caller, Scope.CONTROLS_AUTHORIZE)
    given = authorization_schemas.read(body_of(request, JSON_TYPES), AuthorizationIn)
    ask = authorization_schemas.call_of(given)
    organization_id = authorization_schemas.organization_id_of(
        caller, given.organization_id
    )
    wanted = {
        "path": _path_of(organization_id, ask),
        "cost": f"{ask.estimate}e-10",
        "organization": organization_id,
    }
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        found = cursor.execute(ONE_STATEMENT, wanted, prepare=True).fetchone()
    assert found is not None
    assert found[0], "nothing was left"
    return JsonResponse({"id": found[1], "decision": "allow", "model": ask.model})


def _path_of(organization_id: int, ask: CallRequest) -> list[int]:
    key = organization_id, ask.where, ask.model
    if key not in _paths:
        with transaction.atomic():
            guard = open_guard(organization_id)
            hard = guard.plan(ask.where, ask.model, timezone.now()).hard
            ids = guard.charging.ids_of(sorted(hard, key=lambda one: one.place))
            _paths[key] = [
                ids[one.key] for one in sorted(hard, key=lambda one: one.place)
            ]
    return _paths[key]
