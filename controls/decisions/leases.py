"""Deciding one lease in a batch: how much is set aside, and for how long.

A lease takes at most a part of what is left, so leases shrink as a limit comes near,
and little is out of reach when it is there; but never less than the call at hand needs
while that is left. It ends with the periods it holds money of.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from budgets.models import Reservation
from budgets.reservations.expire import GRACE
from budgets.reservations.lines import lines_of
from budgets.reservations.types import HeldLine, NewReservation
from controls.decisions.batch import DecisionBatch, switched_off
from controls.decisions.calls import call_of, judged
from controls.decisions.types import LeaseAnswer, LeaseRequest
from controls.policy import Plan
from controls.rules import judge
from controls.types import Rule
from controls.wording import why_no_lease, why_no_room
from lib.measures import is_mark
from lib.money import from_units, to_units

PART = 8  # a lease takes at most so many-th of what is left
_SECOND = timedelta(seconds=1)


def decide_lease(
    batch: DecisionBatch, request: LeaseRequest, plans: dict[str, Plan]
) -> LeaseAnswer:
    """Return what a lease holds by now, and what its holder has to know."""
    plan = plans[request.model]
    answer = LeaseAnswer(
        batch.guard, "allow", request.model, [], plan=plan, plans=plans
    )
    answer.figures = {
        target.budget.id: batch.figures(one, target.budget.id)
        for one in plans.values()
        for target in one.looked_at
    }
    lease = batch.leases.get(request.lease) if request.lease else None
    answer.over = request.lease is not None and not _goes_on(lease, plan)
    if answer.over:
        return answer
    # Whoever holds the lease applies the rules alone; people are told from here.
    judged(batch, request, plan)
    answer.held = to_units(lease.held) if lease else 0
    answer.ask_each = _must_ask(batch, request, plans)
    if (off := switched_off(batch, plan)) is not None:
        answer.decision, answer.reasons = "block", [off]
    elif not answer.ask_each:
        _grant(batch, request, lease, answer)
    return answer


def _goes_on(lease: Reservation | None, plan: Plan) -> bool:
    if lease is None or lease.state != Reservation.State.OPEN:
        return False
    held = {(line.budget_id, line.starts_at) for line in lines_of(lease)}
    now = {(one.budget.id, one.window.start.isoformat()) for one in plan.hard}
    return held == now or not held  # one that holds nothing has no lines left


def _must_ask(
    batch: DecisionBatch, request: LeaseRequest, plans: dict[str, Plan]
) -> bool:
    """Tell whether no lease would be exact: calls are counted, or converted, or what
    a budget has is no money."""
    if any(target.currency for target in plans[request.model].hard):
        return True
    looked_at = [target for plan in plans.values() for target in plan.looked_at]
    if any(is_mark(target.currency) for target in looked_at):
        return True
    return any(
        _is_in_force(batch, rule, plan, request)
        for plan in plans.values()
        for rule in plan.limits
    )


def _is_in_force(
    batch: DecisionBatch, rule: Rule, plan: Plan, request: LeaseRequest
) -> bool:
    ruling = judge(
        [rule],
        call_of(plan, request, None),
        lambda budget_id: batch.figures(plan, budget_id),
        lambda _: None,
        batch.now,
    )
    return bool(ruling.rates) or ruling.decision == "rate_limit"


def _grant(
    batch: DecisionBatch,
    request: LeaseRequest,
    lease: Reservation | None,
    answer: LeaseAnswer,
) -> None:
    plan = answer.plans[request.model]
    # A model that is free needs nothing, and may be used when nothing is left; nor
    # does whoever asks for none.
    if request.least or (request.wanted != 0 and not plan.is_free):
        room = batch.room(plan)
        # A lease that only needs time gets it, though nothing is left to be added.
        needs = request.least if lease else max(request.least, 1)
        if room is not None and room < needs:
            answer.decision, answer.no_room = "block", True
            why = why_no_room if request.least else why_no_lease
            answer.reasons = batch.lacking(plan, max(request.least, 1), why)
            return
        answer.units = _size(batch, request, plan, room)
    answer.held += answer.units
    answer.expires_at = _until(batch, request, plan)
    lines = batch.take(plan, answer.units)
    if lease is None:
        _keep(batch, request, lines, answer, answer.expires_at)
    else:
        _renew(lease, lines, answer, answer.expires_at)
        batch.keep_renewed(lease)


def _size(
    batch: DecisionBatch, request: LeaseRequest, plan: Plan, room: int | None
) -> int:
    wanted = _burn(batch, request, plan) if request.wanted is None else request.wanted
    if room is None:
        return max(wanted, request.least)
    return min(room, max(request.least, min(wanted, room // PART)))


def _burn(batch: DecisionBatch, request: LeaseRequest, plan: Plan) -> int:
    """Return what the nearest hard budget spends in the time of the lease."""
    if not plan.hard:
        return request.least
    target = plan.hard[0]
    elapsed = max(batch.now - target.window.start, _SECOND)
    return int(batch.balances.of[target.key].spent * (request.ttl / elapsed))


def _until(batch: DecisionBatch, request: LeaseRequest, plan: Plan) -> datetime:
    """Return when the holder has to stop deciding."""
    return min([batch.now + request.ttl, *(target.window.end for target in plan.hard)])


def _keep(
    batch: DecisionBatch,
    request: LeaseRequest,
    lines: Sequence[HeldLine],
    answer: LeaseAnswer,
    until: datetime,
) -> None:
    answer.uid = uuid4()
    batch.keep(
        NewReservation(
            uid=answer.uid,
            kind=Reservation.Kind.LEASE.value,
            path=answer.plans[request.model].path,
            units=answer.units,
            lines=lines,
            details={"asked": request.model},
            at=batch.now,
            expires_at=until + GRACE,
        )
    )


def _renew(
    lease: Reservation, lines: Sequence[HeldLine], answer: LeaseAnswer, until: datetime
) -> None:
    answer.uid = lease.uid
    added = {line.period_id: line.units for line in lines}
    kept = lines_of(lease) or [line._replace(units=0) for line in lines]
    lease.lines = [
        line._replace(units=line.units + added.get(line.period_id, 0)) for line in kept
    ]
    lease.granted += from_units(answer.units)
    lease.held += from_units(answer.units)
    lease.expires_at = max(lease.expires_at, until + GRACE)
