"""Deciding calls and leases before money is spent: `decide` and its two doors."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import overload

from django.db import DatabaseError, transaction
from django.utils import timezone

from budgets.committed import note_committed
from budgets.errors import NotOpened
from budgets.reservations.expire import expire, overdue
from controls.decisions.batch import DecisionBatch
from controls.decisions.calls import decide_call
from controls.decisions.fast_path import allow_outright
from controls.decisions.leases import decide_lease
from controls.decisions.types import (
    CallAnswer,
    CallRequest,
    LeaseAnswer,
    LeaseRequest,
)
from controls.policy import known_guard, open_guard
from lib.grouping import Together

MOST_TOGETHER = 500  # decisions in one transaction


def decide(
    organization_id: int, requests: Sequence[CallRequest]
) -> Sequence[CallAnswer]:
    """Decide *requests*, and set aside what they are allowed; durable when it returns.

    No hard limit is passed, however many decide at once, and what has expired does not
    stand in the way of a call there is room for.
    """
    return _all_of(_decide_each(organization_id, requests))


@overload
def decide_together(organization_id: int, request: LeaseRequest) -> LeaseAnswer: ...
@overload
def decide_together(organization_id: int, request: CallRequest) -> CallAnswer: ...
def decide_together(organization_id: int, request: CallRequest) -> CallAnswer:
    """Decide one call or lease as `decide` does, in one go with all that are asked for
    at the same time; in a transaction that is open already, without them."""
    if transaction.get_connection().in_atomic_block:
        return decide(organization_id, [request])[0]
    return _all_of(_together.do(organization_id, [request]))[0]


@transaction.atomic
def try_call(organization_id: int, request: CallRequest) -> CallAnswer:
    """Return what would be decided; changes nothing and tells nobody."""
    guard = open_guard(organization_id, opens=True)
    batch = DecisionBatch(guard, [request], timezone.now())
    answer = decide_call(batch, request, batch.plans[0])
    transaction.set_rollback(True)
    return answer


def _decide_each(
    organization_id: int, requests: Sequence[CallRequest]
) -> list[CallAnswer | DatabaseError]:
    """Return an answer for each, or what kept the database from giving one.

    There are two ways to an answer, and this is where they part:

    1. *Outright*: calls that nothing speaks against, by all that this process knows of
       rules and prices, are set aside in one statement. It sees for itself that all of
       it fits every limit and that nothing has changed, or else does nothing.
    2. *Closely*: for the rest all that concerns them is locked, in one transaction.
       Rules are asked, downgrades followed, leases sized, and limits have the last
       word. What found no room is looked at once more when reservations whose time
       was over have made some.

    Where some have been allowed already, another's fault must not have them repeated.
    """
    allowed = allow_outright(organization_id, requests)
    answers: dict[int, CallAnswer | DatabaseError] = {**allowed}
    rest = [place for place in range(len(requests)) if place not in allowed]
    if rest:
        closely = _decide_closely if not allowed else _decide_or_fail_each
        found = closely(organization_id, [requests[place] for place in rest])
        answers |= zip(rest, found, strict=True)
    _note_reserved(organization_id)
    return [answers[place] for place in range(len(requests))]


def _note_reserved(organization_id: int) -> None:
    """Have what is set aside looked at, if anybody is to be told of it."""
    guard = known_guard(organization_id)
    if guard is not None and guard.charging.index.watches_committed:
        note_committed(organization_id)


_together: Together[int, CallRequest, CallAnswer | DatabaseError] = Together(
    _decide_each, most=MOST_TOGETHER
)


def _decide_or_fail_each(
    organization_id: int, requests: Sequence[CallRequest]
) -> Sequence[CallAnswer | DatabaseError]:
    """Decide closely; where that fails, each by itself, with what made it fail."""
    try:
        return _decide_closely(organization_id, requests)
    except DatabaseError:
        return [_decide_alone(organization_id, request) for request in requests]


def _decide_alone(
    organization_id: int, request: CallRequest
) -> CallAnswer | DatabaseError:
    try:
        return _decide_closely(organization_id, [request])[0]
    except DatabaseError as error:
        return error


def _decide_closely(
    organization_id: int, requests: Sequence[CallRequest]
) -> Sequence[CallAnswer]:
    answers = _decide_in_batch(organization_id, requests)
    refused = [place for place, answer in enumerate(answers) if answer.no_room]
    if refused and _made_room(organization_id):
        again = _decide_in_batch(
            organization_id, [requests[place] for place in refused]
        )
        for place, answer in zip(refused, again, strict=True):
            answers[place] = answer
    return answers


def _decide_in_batch(
    organization_id: int, requests: Sequence[CallRequest]
) -> list[CallAnswer]:
    guard = known_guard(organization_id)
    calls = ((request.where, request.model) for request in requests)
    if guard is None or not guard.lacks_budgets(calls, timezone.now()):
        with suppress(NotOpened):  # known elsewhere, or by nobody yet
            return _decided(organization_id, requests)
    return _decided(organization_id, requests, opens=True)


@transaction.atomic
def _decided(
    organization_id: int, requests: Sequence[CallRequest], *, opens: bool = False
) -> list[CallAnswer]:
    guard = open_guard(organization_id, opens=opens)
    batch = DecisionBatch(guard, requests, timezone.now())
    answers = [
        decide_lease(batch, request, plans)
        if isinstance(request, LeaseRequest)
        else decide_call(batch, request, plans)
        for request, plans in zip(requests, batch.plans, strict=True)
    ]
    batch.write()
    return answers


def _made_room(organization_id: int) -> bool:
    now = timezone.now()
    if not overdue(now).filter(organization=organization_id).exists():
        return False
    return expire(organization_id, now=now) > 0


def _all_of(answers: Iterable[CallAnswer | DatabaseError]) -> Sequence[CallAnswer]:
    found = []
    for answer in answers:
        if isinstance(answer, DatabaseError):
            raise answer
        found.append(answer)
    return found
