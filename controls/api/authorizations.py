"""The doors of authorizations and leases: plain views, for every call waits at them."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from msgspec import UNSET

from accounts import keys
from accounts.access import require, visible_to
from accounts.idempotency import answered_once
from accounts.scopes import Scope
from accounts.types import Caller
from budgets.models import Reservation
from budgets.reservations.lines import uid_of
from budgets.reservations.release import release as end_reservation
from controls.api import authorization_schemas
from controls.api.answers import (
    AuthorizationOut,
    AuthorizationStateOut,
    ReleasedOut,
    ReturnedLeaseOut,
    authorization_out,
    state_out,
)
from controls.api.asking import Asking, wish_of
from controls.api.authorization_schemas import (
    AuthorizationIn,
    LeaseIn,
    RenewalIn,
    ReturnIn,
    shape_of,
)
from controls.api.lease_answers import LeaseGrantOut, lease_out
from controls.decisions.release import release_call
from controls.decisions.services import decide_together
from controls.decisions.types import CallRequest, LeaseRequest
from lib.answers import Operation, described
from lib.bodies import JSON_TYPES, body_of, json_response
from lib.errors import Conflict, Invalid, NotFound
from lib.money import wire
from lib.web import only


class LeaseOver(Conflict):
    """The lease has ended, or its period has: take a new one."""

    code = "lease_over"


class AlreadySettled(Conflict):
    """The usage of the call is booked: there is nothing left to release."""

    code = "already_settled"


@described(
    Operation(
        "authorizations_create",
        "Ask before a call is made",
        "controls",
        {200: AuthorizationOut},
        body=shape_of(AuthorizationIn),
    )
)
@csrf_exempt
@only("POST")
def authorizations(request: HttpRequest) -> HttpResponse:
    """Decide one call, and set aside what it may cost; ask for money if refused."""
    caller = _caller_of(request)
    body = body_of(request, JSON_TYPES)
    given = authorization_schemas.read(body, AuthorizationIn)
    ask = authorization_schemas.call_of(given, by=caller.key_prefix)
    wish = wish_of(given.ask) if given.ask else None
    organization_id = authorization_schemas.organization_id_of(
        caller, given.organization_id
    )
    response = answered_once(
        request, caller, body, lambda: _authorize(organization_id, ask)
    )
    if wish is None:
        return response
    asking = Asking(request, caller, organization_id, given, wish)
    return asking.instead_of(response)


def _authorize(organization_id: int, ask: CallRequest) -> HttpResponse:
    answer = decide_together(organization_id, ask)
    if answer.lacks_tokens:
        raise Invalid.field(
            "input_tokens",
            "A hard budget on the way counts tokens: send input_tokens and "
            "max_output_tokens.",
            code="required",
        )
    return json_response(authorization_out(answer))


@described(
    Operation(
        "authorizations_retrieve",
        "Tell where an authorization stands",
        "controls",
        {200: AuthorizationStateOut},
        method="get",
    )
)
@only("GET")
def authorization(request: HttpRequest, uid: str) -> HttpResponse:
    """Tell where an authorization stands."""
    return _told(request, uid)


@described(
    Operation(
        "leases_retrieve",
        "Tell where a lease stands",
        "controls",
        {200: AuthorizationStateOut},
        method="get",
    )
)
@only("GET")
def lease(request: HttpRequest, uid: str) -> HttpResponse:
    """Tell where a lease stands."""
    return _told(request, uid)


def _told(request: HttpRequest, uid: str) -> HttpResponse:
    row = _found(_caller_of(request), uid)
    return json_response(state_out(row, row.organization.currency))


@described(
    Operation(
        "authorizations_release",
        "Give back a call's money",
        "controls",
        {200: ReleasedOut},
    )
)
@csrf_exempt
@only("POST")
def release(request: HttpRequest, uid: str) -> HttpResponse:
    """Give back what was set aside for a call that is not made; repeatable."""
    row = _found(_caller_of(request), uid, Reservation.Kind.AUTHORIZATION)
    ended = release_call(row, now=timezone.now())
    if ended.state == Reservation.State.SETTLED:
        raise AlreadySettled("The usage of this call is booked already.")
    return json_response(ReleasedOut(str(ended.uid), ended.state))


@described(
    Operation(
        "leases_create",
        "Have money set aside, to decide alone",
        "controls",
        {201: LeaseGrantOut},
        body=shape_of(LeaseIn),
    )
)
@csrf_exempt
@only("POST")
def leases(request: HttpRequest) -> HttpResponse:
    """Set money aside for a client that then decides alone."""
    caller = _caller_of(request)
    body = body_of(request, JSON_TYPES)
    given = authorization_schemas.read(body, LeaseIn)
    ask = authorization_schemas.lease_of(given, by=caller.key_prefix)
    organization_id = authorization_schemas.organization_id_of(
        caller, given.organization_id
    )
    return answered_once(
        request, caller, body, lambda: _lease(organization_id, ask, status=201)
    )


@described(
    Operation(
        "leases_renew",
        "More money or time",
        "controls",
        {200: LeaseGrantOut},
        body=shape_of(RenewalIn),
    )
)
@csrf_exempt
@only("POST")
def renew(request: HttpRequest, uid: str) -> HttpResponse:
    """Set more money aside for a lease, or prolong it."""
    row = _found(_caller_of(request), uid, Reservation.Kind.LEASE)
    given = authorization_schemas.read(body_of(request, JSON_TYPES), RenewalIn)
    ask = authorization_schemas.renewal_of(given, row)
    return _lease(row.organization_id, ask, status=200)


@described(
    Operation(
        "leases_return",
        "Give money back",
        "controls",
        {200: ReturnedLeaseOut},
        body=shape_of(ReturnIn),
    )
)
@csrf_exempt
@only("POST")
def return_lease(request: HttpRequest, uid: str) -> HttpResponse:
    """Give back what a lease still holds, or the part of it that is not needed."""
    row = _found(_caller_of(request), uid, Reservation.Kind.LEASE)
    given = authorization_schemas.read(body_of(request, JSON_TYPES), ReturnIn)
    amount = authorization_schemas.amount_of(given)
    ended = end_reservation(
        row.organization_id, row.uid, amount=amount, now=timezone.now()
    )
    back = wire(row.held - ended.held) if ended else UNSET
    return json_response(ReturnedLeaseOut(str(row.uid), "returned", back))


def _lease(organization_id: int, ask: LeaseRequest, *, status: int) -> HttpResponse:
    answer = decide_together(organization_id, ask)
    if answer.over:
        raise LeaseOver("This lease is over; take a new one.")
    return json_response(lease_out(answer, timezone.now()), status=status)


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
