"""Allowing calls that nothing speaks against, in one round trip to the database.

Most calls are such. What rules have an effect on, what has no price, what is not known
yet and what there may be no room for is looked at closely.
"""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from budgets.errors import NotOpened
from budgets.index import PeriodRef
from budgets.reservations.fast_path import hold_outright
from budgets.reservations.hold import needed
from budgets.reservations.types import HeldLine, NewReservation, Taking
from controls.decisions.calls import (
    authorization,
    call_of,
    estimate_of,
    tokens_of,
)
from controls.decisions.types import CallAnswer, CallRequest, LeaseRequest
from controls.policy import Guard, Plan, known_guard
from controls.rules import judge
from controls.types import BudgetFigures


class _NotKnownError(Exception):
    """A rule looks at figures that only locked periods tell."""


def allow_outright(
    organization_id: int, requests: Sequence[CallRequest]
) -> dict[int, CallAnswer]:
    """Return the answers to those of *requests* that are allowed, by their place.

    What is set aside for them is durable. All of them are, or none.
    """
    guard = known_guard(organization_id)
    if guard is None:
        return {}
    outright = _Outright(guard, timezone.now())
    answers = {}
    for place, request in enumerate(requests):
        answer = outright.allow(request)
        if answer is not None:
            answers[place] = answer
    return answers if answers and outright.write() else {}


class _Outright:
    """What is to be taken of which periods, and for what."""

    def __init__(self, guard: Guard, now: datetime) -> None:
        self._guard, self._now = guard, now
        self._targets: dict[int, PeriodRef] = {}  # by period id
        self._taken: dict[int, int] = {}  # likewise
        self._new: list[NewReservation] = []

    def allow(self, request: CallRequest) -> CallAnswer | None:
        """Put a call down as allowed; None: look at it closely."""
        if isinstance(request, LeaseRequest) or request.run_id:
            return None
        try:
            plan = self._guard.plan(request.where, request.model, self._now)
        except NotOpened:
            return None
        units = estimate_of(request, plan)
        if units is None or plan.switch is not None or plan.barred:
            return None
        if plan.needs_tokens and request.tokens is None:
            return None
        if self._is_ruled(request, plan, units):
            return None
        lines = self._lines(plan, units, tokens_of(request) if plan.counts else 0)
        if lines is None:
            return None
        answer = CallAnswer(self._guard, "allow", request.model, [], units, plan=plan)
        self._new.append(authorization(request, plan, answer, lines, self._now))
        return answer

    def write(self) -> bool:
        """Keep all of it; False: nothing, for something has to be looked at."""
        guard, targets = self._guard, self._targets
        in_order = sorted(self._taken, key=lambda pk: targets[pk].place)
        return hold_outright(
            guard.organization_id,
            guard.snapshot.revision,
            [Taking(period_id, self._taken[period_id]) for period_id in in_order],
            self._new,
        )

    def _is_ruled(self, request: CallRequest, plan: Plan, units: int) -> bool:
        """Tell whether any rule may have to say anything, limits of rates included."""
        if not plan.rules:
            return False
        call = call_of(plan, request, units)
        try:
            ruling = judge(plan.rules, call, _not_known, lambda _: None, self._now)
        except _NotKnownError:
            return True
        return ruling.decision != "allow" or bool(
            ruling.acted or ruling.rates or ruling.waiting
        )

    def _lines(self, plan: Plan, units: int, tokens: int) -> list[HeldLine] | None:
        """Return what the call takes of each period; None: one is not open yet."""
        if not units and not plan.counts:  # it is free: no limit is asked
            return []
        ids = self._guard.period_ids(plan)
        if ids is None:
            return None
        lines, taken = [], self._taken
        for target, period_id in zip(plan.hard, ids, strict=True):
            added = needed(plan.span, target, units, tokens)
            if not added:
                continue
            if period_id in taken:
                taken[period_id] += added
            else:
                taken[period_id], self._targets[period_id] = added, target
            lines.append(HeldLine(target.budget.id, target.starts_at, period_id, added))
        return lines


def _not_known(_: int) -> BudgetFigures:
    raise _NotKnownError
