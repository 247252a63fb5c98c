"""The doors of authorizations and leases: plain views, for every call waits at them."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from accounts import keys
from accounts.access import require, visible_to
from accounts.idempotency import answered_once
from accounts.scopes import Scope
from accounts.types import Caller
from budgets.models import Reservation
from budgets.reservations.lines import uid_of
from budgets.reservations.release import release as end_reservation
from controls.api import authorization_schemas
from controls.api.authorization_answers import (
    answer_body,
    lease_body,
    reservation_body,
)
from controls.api.authorization_schemas import (
    AuthorizationIn,
    LeaseIn,
    RenewalIn,
    ReturnIn,
)
from controls.decisions.release import release_call
from controls.decisions.services import decide_together
from controls.decisions.types import CallRequest, LeaseRequest
from lib.bodies import JSON_TYPES, body_of, json_response
from lib.errors import Conflict, NotFound
from lib.money import wire


class LeaseOver(Conflict):
    """The lease has ended, or its period has: take a new one."""

    code = "lease_over"


class AlreadySettled(Conflict):
    """The usage of the call is booked: there is nothing left to release."""

    code = "already_settled"


@csrf_exempt
@require_POST
def authorizations(request: HttpRequest) -> HttpResponse:
    """Decide one call, and set aside what it may cost."""
    caller = _caller_of(request)
    body = body_of(request, JSON_TYPES)
    given = authorization_schemas.read(body, AuthorizationIn)
    ask = authorization_schemas.call_of(given)
    organization_id = authorization_schemas.organization_id_of(
        caller, given.organization_id
    )
    return answered_once(
        request, caller, body, lambda: _authorize(organization_id, ask)
    )


def _authorize(organization_id: int, ask: CallRequest) -> HttpResponse:
    answer = decide_together(organization_id, ask)
    return json_response(answer_body(answer))


@require_GET
def authorization(request: HttpRequest, uid: str) -> HttpResponse:
    """Tell where an authorization or lease stands."""
    row = _found(_caller_of(request), uid)
    return json_response(reservation_body(row, row.organization.currency))


@csrf_exempt
@require_POST
def release(request: HttpRequest, uid: str) -> HttpResponse:
    """Give back what was set aside for a call that is not made; repeatable."""
    row = _found(_caller_of(request), uid, Reservation.Kind.AUTHORIZATION)
    ended = release_call(row, now=timezone.now())
    if ended.state == Reservation.State.SETTLED:
        raise AlreadySettled("The usage of this call is booked already.")
    return json_response({"id": str(ended.uid), "state": ended.state})


@csrf_exempt
@require_POST
def leases(request: HttpRequest) -> HttpResponse:
    """Set money aside for a client that then decides alone."""
    caller = _caller_of(request)
    body = body_of(request, JSON_TYPES)
    given = authorization_schemas.read(body, LeaseIn)
    ask = authorization_schemas.lease_of(given)
    organization_id = authorization_schemas.organization_id_of(
        caller, given.organization_id
    )
    return answered_once(
        request, caller, body, lambda: _lease(organization_id, ask, status=201)
    )


@csrf_exempt
@require_POST
def renew(request: HttpRequest, uid: str) -> HttpResponse:
    """Set more money aside for a lease, or prolong it."""
    row = _found(_caller_of(request), uid, Reservation.Kind.LEASE)
    given = authorization_schemas.read(body_of(request, JSON_TYPES), RenewalIn)
    ask = authorization_schemas.renewal_of(given, row)
    return _lease(row.organization_id, ask, status=200)


@csrf_exempt
@require_POST
def return_lease(request: HttpRequest, uid: str) -> HttpResponse:
    """Give back what a lease still holds, or the part of it that is not needed."""
    row = _found(_caller_of(request), uid, Reservation.Kind.LEASE)
    given = authorization_schemas.read(body_of(request, JSON_TYPES), ReturnIn)
    amount = authorization_schemas.amount_of(given)
    ended = end_reservation(
        row.organization_id, row.uid, amount=amount, now=timezone.now()
    )
    back = {"returned": wire(row.held - ended.held)} if ended else {}
    return json_response({"id": str(row.uid), "state": "returned", **back})


def _lease(organization_id: int, ask: LeaseRequest, *, status: int) -> HttpResponse:
    answer = decide_together(organization_id, ask)
    if answer.over:
        raise LeaseOver("This lease is over; take a new one.")
    return json_response(lease_body(answer, timezone.now()), status=status)


def _caller_of(request: HttpRequest) -> Caller:
    caller = keys.check(request.META.get("HTTP_AUTHORIZATION", ""))
    require(caller, Scope.CONTROLS_AUTHORIZE)
    return caller


def _found(caller: Caller, uid: str, kind: str | None = None) -> Reservation:
    rows = visible_to(caller, Reservation.objects.select_related("organization"))
    key = uid_of(uid)
    row = rows.filter(uid=key).first() if key else None
    if row is None or kind not in {None, row.kind}:
        raise NotFound("There is no such authorization or lease.")
    return row
