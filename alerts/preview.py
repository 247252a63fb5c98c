"""When a rule would have fired: evaluating the hours that are over once more."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerts.facts import Between, Fine, Moment, Needs, assemble, fine_of
from alerts.rules import SLIDING, evaluate
from alerts.types import EffectiveRule, Facts, Match, step_of
from budgets.amounts import PastLimits
from budgets.models import Budget
from budgets.rollup import hours_of
from budgets.status import calendar_of, position_of
from forecasts.outlooks import Method, look_ahead
from lib.periods import DAY, Calendar, Window

_MICROSECOND = timedelta(microseconds=1)


class WouldFire(NamedTuple):
    """A moment at which an alert would have begun."""

    at: datetime
    value: Decimal  # as Finding.value
    sentence: str


def preview(
    budget: Budget,
    rule: EffectiveRule,
    days: int = 30,
    *,
    now: datetime,
    method: Method = look_ahead,
) -> list[WouldFire]:
    """Return when *rule* would have fired in the last *days*, oldest first.

    By the end of every clock hour, from spend and limits as they are known now. Three
    queries.
    """
    calendar = calendar_of(budget, budget.organization)
    begin = max(now - days * DAY, budget.starts_at)
    replay = _Replay(rule, method)
    for facts in _hourly(budget, calendar, Needs.by([rule]), begin, now):
        replay.evaluate(facts)
    return replay.fired


@dataclass(slots=True)
class _Replay:
    """A rule's alerts as the hours go by."""

    rule: EffectiveRule
    method: Method
    fired: list[WouldFire] = field(default_factory=list)
    _period: datetime | None = None  # of the alert that is open
    _quiet_until: datetime | None = None
    _told: set[object] = field(default_factory=set)  # days, or hours

    def evaluate(self, facts: Facts) -> None:
        held = self._period == facts.window.start
        match = evaluate(self.rule, facts, held=held, method=self.method)
        if match is None:
            self._period = None
        elif not held and self._is_free(facts, match):
            self._period = facts.window.start
            self._quiet_until = facts.now + timedelta(seconds=self.rule.cooldown_s)
            self._told.add(step_of(match.details))
            at = facts.now + _MICROSECOND
            self.fired.append(WouldFire(at, match.value, match.sentence))

    def _is_free(self, facts: Facts, match: Match) -> bool:
        step = step_of(match.details)
        if step is not None and step in self._told:
            return False
        return self._quiet_until is None or facts.now >= self._quiet_until


def _hourly(
    budget: Budget, calendar: Calendar, needs: Needs, begin: datetime, now: datetime
) -> Iterator[Facts]:
    windows = list(calendar.windows(begin, now))
    if not windows:
        return
    back = max(needs.days * DAY, *SLIDING.values()) + 2 * DAY
    between = _summing(budget, min(begin - back, windows[0].start), now)
    limits = PastLimits(budget, since=begin)
    fine = fine_of(budget.organization, [budget.pk], now).get(budget.pk, Fine())
    zone = ZoneInfo(budget.timezone)
    holidays = budget.organization.holiday_calendar
    for window in windows:
        limit = limits.of(window)
        for at in _ends(calendar, window, begin, now):
            spent = between(window.start, at)
            position = position_of(budget, window, limit, limit, spent)
            moment = Moment.of(at, zone, needs, holidays)
            days = [between(*day) for day in pairwise(moment.midnights)]
            yield assemble(budget, moment, position, days, between, fine)


def _ends(
    calendar: Calendar, window: Window, begin: datetime, now: datetime
) -> Iterator[datetime]:
    """Yield the last instant of each clock hour of *window*, the latest is *now*."""
    at = max(begin, window.start)
    until = min(window.end, now)
    while at < until:
        at = min(calendar.hour_at(at).end, until)
        yield at - _MICROSECOND


def _summing(budget: Budget, start: datetime, end: datetime) -> Between:
    hours = sorted(hours_of([budget], start, end))
    begins = [hour.starts_at for hour in hours]
    sums = [Decimal(0), *accumulate(hour.spent for hour in hours)]

    def between(since: datetime, until: datetime) -> Decimal:
        return sums[bisect_left(begins, until)] - sums[bisect_left(begins, since)]

    return between
