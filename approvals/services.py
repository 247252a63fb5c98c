"""What may happen to a request but its decision: each a transaction, with the moment
as *now*.

The first thing any of them does is a conditional UPDATE of the request's row: it is the
mutex of all that happens to a request. The trail comes last. Call none of them while an
organization is held for charging: they take the request first, and that then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self

import msgspec
from django.db import transaction

from accounts.locks import hold_asking
from accounts.models import Organization
from approvals import asks, chains
from approvals.errors import AlreadyDecided, TooMany
from approvals.impact import impact_of
from approvals.models import (
    OPEN_STATES,
    BudgetRequest,
    RequestState,
    Step,
    TrailEntry,
)
from approvals.moves import as_it_is, finish, hold
from approvals.notices import Moved
from approvals.permissions import require_asker, require_own
from approvals.policies import chain_for, with_named
from approvals.trail import Note
from approvals.types import SYSTEM, Ask, By, Chain
from lib.errors import Conflict, Invalid
from lib.money import wire

EXPIRES_AFTER = timedelta(days=30)  # of what is not needed by a date
GRACE = timedelta(days=7)  # after the date it is needed by
_TO_SUBMIT = (RequestState.DRAFT, RequestState.CHANGES_REQUESTED)
# Open ones, of asks that can be joined; whoever writes them down may do so for others.
MOST_OF_REQUESTER, MOST_OF_BUDGET, MOST_OF_WRITER = 5, 20, 20
MOST_REVISIONS = 5  # of one that is joined with ever more
_AT_ONCE = 500  # requests that expire in one go


@dataclass(frozen=True, slots=True)
class Edited:
    """A request after an edit."""

    request: BudgetRequest
    voided: bool  # the approvals given count no longer, and everybody is asked anew


@transaction.atomic
def draft(
    organization: Organization, ask: Ask, *, by: By, now: datetime
) -> BudgetRequest:
    """Write down what is asked for; nobody is asked yet.

    With the `ask_key` of an open request: join that, as `ask_for` does.

    Raises:
        Invalid: a field is wrong; it is named.
        Forbidden: *by* may not ask in this organization.
        TooMany: with a key, too many are open.
    """
    if ask.ask_key and (joined := _join(organization, ask, by, now)) is not None:
        return joined
    request = _drafted(organization, ask, by, now)
    moved = Moved("request.drafted", request, by, now)
    finish(moved, _note(moved))
    return request


@transaction.atomic
def submit(
    request: BudgetRequest, *, by: By, now: datetime, revision: int | None = None
) -> BudgetRequest:
    """Ask those who decide: a draft, or anew what changes were requested of.

    The policy, who decides by it and the impact are frozen into the request.

    Raises:
        NobodyDecides: a level would have too few to decide it.
        AlreadyDecided: it is not a draft, nor were changes requested.
        ChangedSince: it is not of *revision*.
        NotYourRequest: *by* is none of those whose request it is.
    """
    held = hold(request, *_TO_SUBMIT, now=now, revision=revision)
    require_own(by, held)
    _submit(held, by, now)
    return held


@transaction.atomic
def ask_for(
    organization: Organization, ask: Ask, *, by: By, now: datetime
) -> BudgetRequest:
    """`draft` and `submit` in one; with the `ask_key` of an open request: join that.

    Of two amounts the larger stands; they don't add up. One that is decided at this
    moment is returned as it was decided.

    Raises: as both.
    """
    if ask.ask_key and (joined := _join(organization, ask, by, now)) is not None:
        return joined
    request = _drafted(organization, ask, by, now)
    _submit(request, by, now)
    return request


@transaction.atomic
def edit(
    request: BudgetRequest, ask: Ask, *, by: By, now: datetime, revision: int
) -> Edited:
    """Make what is asked for as *ask* says.

    While it is pending: approvals given are void when the amount rises, or falls out of
    its band (other levels would be asked), or anything of its scope changes; a fall
    inside the band, or other words, keep them. Links of earlier revisions are void.

    Raises: as `submit`; Invalid.
    """
    held = hold(request, *OPEN_STATES, now=now, revision=revision)
    require_own(by, held)
    return _edit(held, ask, by, now)


def would_void(request: BudgetRequest, ask: Ask, *, now: datetime) -> bool:
    """Tell whether `edit` would void the approvals given and ask everybody anew.
    Changes nothing.

    Raises:
        Invalid: a field is wrong; it is named.
    """
    there = as_it_is(request)
    before = _Before.of(there)
    asks.apply(there, ask, now=now)
    return before.is_void(there, now)


@transaction.atomic
def withdraw(
    request: BudgetRequest, *, by: By, now: datetime, reason: str = ""
) -> BudgetRequest:
    """Take a request back.

    Raises: AlreadyDecided, NotYourRequest.
    """
    held = hold(request, *OPEN_STATES, now=now)
    require_own(by, held)
    _end(held, RequestState.WITHDRAWN, by, now, reason)
    return held


def expire_due(now: datetime) -> int:
    """End what nobody decided in time; return how many. Safe to repeat."""
    ended = 0
    for request in BudgetRequest.objects.overdue(now).order_by("pk")[:_AT_ONCE]:
        with transaction.atomic():
            try:
                held = hold(
                    request,
                    *(RequestState.PENDING, RequestState.CHANGES_REQUESTED),
                    now=now,
                    revision=request.revision,
                )
            except Conflict:  # somebody decides it at this moment
                continue
            _end(held, RequestState.EXPIRED, SYSTEM, now, "")
            ended += 1
    return ended


def _join(
    organization: Organization, ask: Ask, by: By, now: datetime
) -> BudgetRequest | None:
    """Return the open request with the same key, raised to *ask*'s amount.

    None: there is none. Then nobody else opens one until commit, and the requester and
    the budget have room for it.

    Raises:
        TooMany: they have not, or more was asked for too often.
    """
    open_ones = BudgetRequest.objects.open().filter(organization=organization)
    rows = open_ones.filter(ask_key=ask.ask_key)
    there = rows.first()
    if there is None:
        hold_asking(organization.pk)
        there = rows.first()
    if there is None:
        _refuse_many(organization, ask, by)
        return None
    is_more = ask.amount > there.amount
    if not is_more and _is_noted(there, by):
        return as_it_is(there)
    try:
        return _joined(hold(there, *OPEN_STATES, now=now), ask, by, now)
    except AlreadyDecided:
        return as_it_is(there)


def _joined(held: BudgetRequest, ask: Ask, by: By, now: datetime) -> BudgetRequest:
    if ask.amount > held.amount:
        if held.revision >= MOST_REVISIONS:
            raise TooMany("More was asked for several times. Wait for the decision.")
        more = replace(asks.as_ask(held), amount=ask.amount, until=ask.until)
        return _edit(held, more, by, now).request
    moved = Moved("request.joined", held, by, now)
    finish(moved, _note(moved, asked=wire(ask.amount)))
    return held


def _is_noted(request: BudgetRequest, by: By) -> bool:
    """Tell whether the trail has it that *by* asks: once is enough."""
    rows = TrailEntry.objects.filter(
        organization=request.organization_id, subject=request.uid
    )
    return rows.filter(actor=by.name).exists()


def _refuse_many(organization: Organization, ask: Ask, by: By) -> None:
    open_ones = BudgetRequest.objects.open().filter(organization=organization)
    if open_ones.filter(requester=ask.requester).count() >= MOST_OF_REQUESTER:
        raise TooMany(f"{ask.requester} has {MOST_OF_REQUESTER} requests open already.")
    if open_ones.filter(filed_by_name=by.name).count() >= MOST_OF_WRITER:
        raise TooMany(f"{by.name} has written down {MOST_OF_WRITER} that are open.")
    if ask.budget and open_ones.filter(budget=ask.budget).count() >= MOST_OF_BUDGET:
        raise TooMany(f"“{ask.budget}” has {MOST_OF_BUDGET} requests open already.")


@dataclass(frozen=True, slots=True)
class _Before:
    """What a request asked for before an edit."""

    scope: Mapping[str, Any]
    amount: Decimal

    @classmethod
    def of(cls, request: BudgetRequest) -> Self:
        scope = {name: getattr(request, name) for name in asks.SCOPE_FIELDS}
        return cls(scope, request.amount)

    def is_void(self, request: BudgetRequest, now: datetime) -> bool:
        """Tell whether approvals given before say nothing about *request* as it is."""
        if request.state != RequestState.PENDING:
            return False
        scope = any(getattr(request, name) != was for name, was in self.scope.items())
        more = request.amount > self.amount
        return scope or more or chains.needs_fewer(request, now)


def _edit(held: BudgetRequest, ask: Ask, by: By, now: datetime) -> Edited:
    _refuse_others(held, ask)
    before, amount, lowered = (
        _Before.of(held),
        held.present_amount,
        held.approved_amount,
    )
    asks.apply(held, ask, now=now)
    held.revision += 1
    pending, voided = held.state == RequestState.PENDING, before.is_void(held, now)
    # What an approver lowered stays lowered, until more is asked for than before.
    keeps = pending and not voided and lowered is not None
    held.approved_amount = min(lowered, held.amount) if keeps else None
    opened: list[Step] = []
    if voided:
        chains.void(held, approved_too=True)
        opened = _ask_anew(held, now)
    if pending:
        held.expires_at = _expiry(held, now)
    held.save()
    moved = Moved("request.edited", held, by, now, opened)
    finish(moved, _note(moved, voided=voided, before=wire(amount)))
    return Edited(held, voided)


def _refuse_others(request: BudgetRequest, ask: Ask) -> None:
    """Refuse to make it somebody else's: whose it was could then decide it."""
    said = asks.as_ask(request)
    for attr in ("kind", "requester", "on_behalf_of", "ask_key"):
        if getattr(ask, attr) != getattr(said, attr):
            raise Invalid.field(attr, "Stays as it is; withdraw it and ask anew.")


def _drafted(
    organization: Organization, ask: Ask, by: By, now: datetime
) -> BudgetRequest:
    require_asker(by, organization)
    request = BudgetRequest(
        organization=organization,
        filed_by=by.person,
        filed_by_name=by.name,
        created_at=now,
        changed_at=now,
    )
    asks.apply(request, ask, now=now)
    request.save()
    return request


def _submit(request: BudgetRequest, by: By, now: datetime) -> None:
    was_sent_back = request.state == RequestState.CHANGES_REQUESTED
    if was_sent_back:
        request.revision += 1
    request.state = RequestState.PENDING
    request.submitted_at = now
    request.approved_amount = None
    request.expires_at = _expiry(request, now)
    opened = _ask_anew(request, now)
    request.save()
    event = "request.resubmitted" if was_sent_back else "request.submitted"
    moved = Moved(event, request, by, now, opened)
    finish(moved, _note(moved))


def _ask_anew(request: BudgetRequest, now: datetime) -> list[Step]:
    """Freeze who decides, and the impact, as of *now*; open the first stage."""
    chain = _chain(request, now)
    request.policy_id = chain.policy_id
    request.policy_name = chain.policy_name
    request.policy_currency = chain.currency
    request.self_approval = chain.self_approval
    request.impact = msgspec.to_builtins(impact_of(request, now))
    chains.freeze(request, chain, now=now)
    request.save()
    return list(chains.open_next(request, now=now))


def _chain(request: BudgetRequest, now: datetime) -> Chain:
    chain = chain_for(
        request.organization,
        request.place,
        request.amount,
        request.currency,
        now=now,
        own_ids=request.own_ids,
        finance_decides=not request.named_approvers,
    )
    if not request.named_approvers:
        return chain
    return with_named(
        chain,
        request.organization,
        request.named_approvers,
        in_turn=request.in_turn,
        own_ids=request.own_ids,
    )


def _expiry(request: BudgetRequest, now: datetime) -> datetime:
    """Return when it ends undecided: at the latest with what it asks for."""
    ends = now + EXPIRES_AFTER
    if request.needed_by is not None:
        ends = max(request.needed_by, now) + GRACE
    return ends if request.until is None else min(ends, request.until)


def _end(
    request: BudgetRequest, state: RequestState, by: By, now: datetime, reason: str
) -> None:
    chains.void(request)
    request.state, request.decided_at = state, now
    request.outcome_reason = reason
    request.save()
    moved = Moved(f"request.{state.value}", request, by, now)
    finish(moved, _note(moved, reason=reason))


def _note(moved: Moved, **more: object) -> Note:
    request = moved.request
    details = {
        "revision": request.revision,
        "kind": str(request.kind),
        "amount": wire(request.amount),
        "currency": request.currency,
        "requester": request.requester.email,
        "on_behalf_of": request.on_behalf_of.email if request.on_behalf_of else None,
        "policy": request.policy_name,
        **more,
    }
    return Note(moved.event, request.uid, details)
