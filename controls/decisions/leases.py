"""Deciding one lease at the desk: how much is set aside, and for how long.

A lease takes at most a part of what is left, so leases shrink as a limit comes near,
and little is out of reach when it is there; but never less than the call at hand needs
while that is left. It ends with the periods it holds money of.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from budgets.models import Reservation
from budgets.reservations.capture import GRACE, lines_of
from budgets.reservations.hold import Line, NewReservation
from controls.decisions.batch import Desk, switched_off
from controls.decisions.calls import call_of, judged
from controls.decisions.types import LeaseAnswer, LeaseAsk
from controls.policy import Plan
from controls.rules import judge
from controls.types import Rule
from lib.money import from_units, to_units

PART = 8  # a lease takes at most so many-th of what is left
_SECOND = timedelta(seconds=1)


def decide_lease(desk: Desk, ask: LeaseAsk, plans: dict[str, Plan]) -> LeaseAnswer:
    """Return what a lease holds by now, and what its holder has to know."""
    plan = plans[ask.model]
    answer = LeaseAnswer(desk.guard, "allow", ask.model, [], plan=plan, plans=plans)
    answer.figures = {
        target.node.id: desk.figures(one, target.node.id)
        for one in plans.values()
        for target in one.looked_at
    }
    lease = desk.leases.get(ask.lease) if ask.lease else None
    answer.over = ask.lease is not None and not _goes_on(lease, plan)
    if answer.over:
        return answer
    # Whoever holds the lease applies the rules alone; people are told from here.
    judged(desk, ask, plan)
    answer.held = to_units(lease.held) if lease else 0
    answer.ask_each = _must_ask(desk, ask, plans)
    if (off := switched_off(plan)) is not None:
        answer.decision, answer.reasons = "block", [off]
    elif not answer.ask_each:
        _grant(desk, ask, lease, answer)
    return answer


def _goes_on(lease: Reservation | None, plan: Plan) -> bool:
    if lease is None or lease.state != Reservation.State.OPEN:
        return False
    held = {(line.budget_id, line.starts_at) for line in lines_of(lease)}
    now = {(one.node.id, one.window.start.isoformat()) for one in plan.hard}
    return held == now or not held  # one that holds nothing has no lines left


def _must_ask(desk: Desk, ask: LeaseAsk, plans: dict[str, Plan]) -> bool:
    """Tell whether no lease would be exact: calls are counted, or converted."""
    if any(target.currency for target in plans[ask.model].hard):
        return True
    return any(
        _is_in_force(desk, rule, plan, ask)
        for plan in plans.values()
        for rule in plan.limits
    )


def _is_in_force(desk: Desk, rule: Rule, plan: Plan, ask: LeaseAsk) -> bool:
    verdict = judge(
        [rule],
        call_of(plan, ask, None),
        lambda budget_id: desk.figures(plan, budget_id),
        lambda _: None,
        desk.now,
    )
    return bool(verdict.rates) or verdict.decision == "rate_limit"


def _grant(
    desk: Desk, ask: LeaseAsk, lease: Reservation | None, answer: LeaseAnswer
) -> None:
    plan = answer.plans[ask.model]
    # A model that is free needs nothing, and may be used when nothing is left.
    if ask.least or not plan.is_free:
        room = desk.room(plan)
        # A lease that only needs time gets it, though nothing is left to be added.
        needs = ask.least if lease else max(ask.least, 1)
        if room is not None and room < needs:
            answer.decision, answer.no_room = "block", True
            answer.reasons = desk.lacking(plan, max(ask.least, 1))
            return
        answer.units = _size(desk, ask, plan, room)
    answer.held += answer.units
    answer.expires_at = _until(desk, ask, plan)
    lines = desk.take(plan, answer.units)
    if lease is None:
        _keep(desk, ask, lines, answer, answer.expires_at)
    else:
        _renew(lease, lines, answer, answer.expires_at)
        desk.keep_renewed(lease)


def _size(desk: Desk, ask: LeaseAsk, plan: Plan, room: int | None) -> int:
    wanted = _burn(desk, ask, plan) if ask.wanted is None else ask.wanted
    if room is None:
        return max(wanted, ask.least)
    return min(room, max(ask.least, min(wanted, room // PART)))


def _burn(desk: Desk, ask: LeaseAsk, plan: Plan) -> int:
    """Return what the nearest hard budget spends in the time of the lease."""
    if not plan.hard:
        return ask.least
    target = plan.hard[0]
    elapsed = max(desk.now - target.window.start, _SECOND)
    return int(desk.standings.of[target.key].spent * (ask.ttl / elapsed))


def _until(desk: Desk, ask: LeaseAsk, plan: Plan) -> datetime:
    """Return when the holder has to stop deciding."""
    return min([desk.now + ask.ttl, *(target.window.end for target in plan.hard)])


def _keep(
    desk: Desk,
    ask: LeaseAsk,
    lines: Sequence[Line],
    answer: LeaseAnswer,
    until: datetime,
) -> None:
    answer.uid = uuid4()
    desk.keep(
        NewReservation(
            uid=answer.uid,
            kind=Reservation.Kind.LEASE.value,
            path=answer.plans[ask.model].path,
            units=answer.units,
            lines=lines,
            details={"asked": ask.model},
            at=desk.now,
            expires_at=until + GRACE,
        )
    )


def _renew(
    lease: Reservation, lines: Sequence[Line], answer: LeaseAnswer, until: datetime
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
