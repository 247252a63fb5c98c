"""Allowing calls that nothing speaks against, in one round trip to the database.

Most calls are such. What rules have an effect on, what has no price, what is not known
yet and what there may be no room for is left to the desk.
"""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from budgets.index import Target
from budgets.reservations.fast_path import reserve_outright
from budgets.reservations.hold import Line, NewReservation, in_currency
from controls.decisions.calls import authorization, estimate_of, has_effect
from controls.decisions.types import Answer, Ask, LeaseAsk
from controls.policy import Guard, Plan, known_guard
from controls.types import Figures


class _NotKnownError(Exception):
    """A rule looks at figures that only the desk has."""


def allow_outright(organization_id: int, asks: Sequence[Ask]) -> dict[int, Answer]:
    """Return the answers to those of *asks* that are allowed, by their place.

    What is set aside for them is durable. All of them are, or none.
    """
    guard = known_guard(organization_id)
    if guard is None:
        return {}
    sheet = _Sheet(guard, timezone.now())
    answers = {}
    for place, ask in enumerate(asks):
        answer = sheet.allow(ask)
        if answer is not None:
            answers[place] = answer
    return answers if answers and sheet.write() else {}


class _Sheet:
    """What is to be taken of which periods, and for what."""

    def __init__(self, guard: Guard, now: datetime) -> None:
        self._guard, self._now = guard, now
        self._targets: dict[int, Target] = {}  # by period id
        self._taken: dict[int, int] = {}  # likewise
        self._new: list[NewReservation] = []

    def allow(self, ask: Ask) -> Answer | None:
        """Put a call down as allowed; None: it is for the desk."""
        if isinstance(ask, LeaseAsk):
            return None
        plan = self._guard.plan(ask.where, ask.model, self._now)
        units = estimate_of(ask, plan)
        if units is None or plan.switch is not None or self._is_ruled(ask, plan, units):
            return None
        lines = self._lines(plan, units)
        if lines is None:
            return None
        answer = Answer(self._guard, "allow", ask.model, [], units, plan=plan)
        self._new.append(authorization(ask, plan, answer, lines, self._now))
        return answer

    def write(self) -> bool:
        """Keep all of it; False: nothing, for something has to be looked at."""
        guard, targets = self._guard, self._targets
        in_order = sorted(self._taken, key=lambda pk: targets[pk].place)
        return reserve_outright(
            guard.organization_id,
            guard.book.revision,
            [(period_id, self._taken[period_id]) for period_id in in_order],
            self._new,
        )

    def _is_ruled(self, ask: Ask, plan: Plan, units: int) -> bool:
        try:
            return has_effect(plan, ask, units, _not_known, self._now)
        except _NotKnownError:
            return True

    def _lines(self, plan: Plan, units: int) -> list[Line] | None:
        """Return what the call takes of each period; None: one is not open yet."""
        if not units:  # it is free: nothing is asked of any limit
            return []
        ids = self._guard.period_ids(plan)
        if ids is None:
            return None
        lines, taken = [], self._taken
        for target, period_id in zip(plan.hard, ids, strict=True):
            added = in_currency(plan.stretch, target, units)
            if period_id in taken:
                taken[period_id] += added
            else:
                taken[period_id], self._targets[period_id] = added, target
            lines.append(Line(target.node.id, target.starts_at, period_id, added))
        return lines


def _not_known(_: int) -> Figures:
    raise _NotKnownError
