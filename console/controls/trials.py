"""Dry runs that people wait for: counted first, so that nobody waits long."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from budgets.models import Budget
from budgets.rollup import hours_of
from budgets.status import calendar_of, window_near
from budgets.types import HourSpend
from controls.replay import Proposal, Replay, replay
from lib.humanize import lasting
from lib.periods import Window

AT_ONCE = 2_000  # uses that are gone through before a page is answered
MOST_USES = 200_000  # tried while somebody waits
USES_A_SECOND = 15_000  # about as many are gone through


@dataclass(frozen=True, slots=True)
class Trial:
    """What a dry run came to; None: there was too much to go through."""

    found: Replay | None
    uses: int  # to be gone through
    until: Window | None = None  # what would not be too much

    @property
    def count(self) -> str:
        calls = self.found.calls if self.found else self.uses
        return f"{calls:,} call{'' if calls == 1 else 's'}"


def lasting_words(uses: int) -> str:
    """Say how long a dry run of so many uses takes about."""
    return lasting(timedelta(seconds=max(uses // USES_A_SECOND, 1)))


def uses_in(budget: Budget, window: Window) -> int:
    """Return how many uses a dry run goes through: those of the period before
    *window*, too. One query."""
    return sum(hour.requests for hour in _hours(budget, window))


def tried(budget: Budget, proposal: Proposal, window: Window) -> Trial:
    """Make the dry run, unless there is too much to go through."""
    uses, end = 0, None
    for hour in sorted(_hours(budget, window), key=lambda hour: hour.starts_at):
        uses += hour.requests
        if uses > MOST_USES and end is None:
            end = hour.starts_at
    if end is None:
        return Trial(replay(budget, proposal, window), uses)
    fits = Window(window.start, end) if end > window.start else None
    return Trial(None, uses, fits)


def _hours(budget: Budget, window: Window) -> Iterable[HourSpend]:
    period = window_near(calendar_of(budget, budget.organization), window.start)
    return hours_of([budget], min(period.start, window.start), window.end)
