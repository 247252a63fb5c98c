"""How grants are used up over periods: pure, on amounts alone.

What a budget has of its own in a period is used first, then its grants, the one that
ends first before the others. What a period leaves of a grant goes on to the next.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lib.periods import Window

ZERO = Decimal(0)


class Granted(NamedTuple):
    """An amount that may be spent once in [start, end)."""

    id: int
    amount: Decimal
    start: datetime
    end: datetime


class GrantUse(NamedTuple):
    """What a grant had in one period, and what of it was used there."""

    grant: Granted
    window: Window  # of the period, for as long as the grant runs
    had: Decimal
    used: Decimal

    @property
    def left(self) -> Decimal:
        return self.had - self.used


# What was spent in a period until a moment beyond what it had of its own then;
# negative: there was some left.
Beyond = Callable[[datetime], Decimal]


@dataclass(slots=True)
class GrantChain:
    """The grants of one budget, followed from period to period, oldest first.

    So that what they are used for and what expires is each grant, to the last place.
    """

    grants: Sequence[Granted]
    left: dict[int, Decimal] = field(default_factory=dict)  # by grant

    def use(self, period: Window, beyond: Beyond, now: datetime) -> list[GrantUse]:
        """Return what grants have in *period*, and use up what was spent there.

        What has ended by *now* is used for what was spent until then.
        """
        uses, covered = [], ZERO
        for grant in self._in(period):
            window = Window(max(grant.start, period.start), min(grant.end, period.end))
            had = self.left.get(grant.id, grant.amount)
            until = window.end if window.end <= now else period.end
            used = max(min(had, beyond(until) - covered), ZERO)
            covered += used
            self.left[grant.id] = had - used
            uses.append(GrantUse(grant, window, had, used))
        return uses

    def _in(self, period: Window) -> Iterator[Granted]:
        for grant in sorted(self.grants, key=lambda one: (one.end, one.id)):
            if grant.start < period.end and period.start < grant.end:
                yield grant
