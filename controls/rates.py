"""How often and how dearly a rate limit was used: exact sliding windows.

Pure. A use counts for exactly a minute, or an hour, after it. Uses of one second (or
one minute, for money) are kept together and count as long as the last of them, so that
no window ever holds more than the limit, at the price of a second or a minute.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECOND_MS = 1_000
_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000


@dataclass(slots=True)
class _Sliding:
    """What was used within a length of time up to any moment."""

    length_ms: int
    step_ms: int  # uses in one step are kept together
    # [when last used, in ms since 1970, and how much], by step, ascending
    uses: list[list[int]] = field(default_factory=list)

    def total(self, at: int) -> int:
        oldest = at - self.length_ms
        return sum(amount for last, amount in self.uses if last > oldest)

    def add(self, at: int, amount: int) -> None:
        oldest = at - self.length_ms
        self.uses = [use for use in self.uses if use[0] > oldest]
        if (use := self._use_at(at)) is not None:
            use[0] = max(use[0], at)  # another machine's clock may be behind
            use[1] += amount
            return
        self.uses.append([at, amount])
        self.uses.sort()

    def adjust(self, at: int, amount: int) -> None:
        """Add to what was used at a moment, if that is still known."""
        if (use := self._use_at(at)) is not None:
            use[1] += amount

    def free_at(self, at: int, room: int) -> int:
        """Return when no more than *room* is used any longer; *at* if that is now."""
        if room < 0:
            return at + self.length_ms
        left, when = self.total(at), at
        for last, amount in self.uses:
            if left <= room:
                break
            if last > at - self.length_ms:
                left -= amount
                when = last + self.length_ms
        return when

    def _use_at(self, at: int) -> list[int] | None:
        step = at // self.step_ms
        for use in reversed(self.uses):
            if use[0] // self.step_ms == step:
                return use
        return None


@dataclass(slots=True)
class RateUse:
    """How a rate limit was used lately: requests of a minute, money of an hour."""

    _requests: _Sliding = field(
        default_factory=lambda: _Sliding(_MINUTE_MS, _SECOND_MS)
    )
    _cost: _Sliding = field(default_factory=lambda: _Sliding(_HOUR_MS, _MINUTE_MS))

    @classmethod
    def of(cls, data: Any) -> Self:
        """Return what `json` made *data* of; an empty one begins anew."""
        use = cls()
        use._requests.uses = _copied(data.get("requests", ()))
        use._cost.uses = _copied(data.get("cost", ()))
        return use

    @property
    def json(self) -> dict[str, list[list[int]]]:
        """The same for the database: a few kilobytes at most."""
        return {
            "requests": _copied(self._requests.uses),
            "cost": _copied(self._cost.uses),
        }

    def requests(self, now: datetime) -> int:
        """Return how many requests were counted in the minute up to *now*."""
        return self._requests.total(_ms(now))

    def cost(self, now: datetime) -> int:
        """Return what was counted in the hour up to *now*, in units of 10^-10."""
        return self._cost.total(_ms(now))

    def add(self, now: datetime, cost: int) -> None:
        """Count one request of *cost*."""
        self._requests.add(_ms(now), 1)
        self._cost.add(_ms(now), cost)

    def adjust(self, at: datetime, cost_delta: int) -> None:
        """Put right what a request counted at *at* cost; the request still counts.

        Changes nothing when that was more than an hour before the last one.
        """
        self._cost.adjust(_ms(at), cost_delta)

    def retry_after(
        self, now: datetime, max_requests: int | None, max_cost: int | None, cost: int
    ) -> int | None:
        """Return after how many seconds one of *cost* fits both limits; None: now.

        What is dearer than the limit itself never fits: then the whole hour.
        """
        at = when = _ms(now)
        if max_requests is not None:
            when = max(when, self._requests.free_at(at, max_requests - 1))
        if max_cost is not None:
            when = max(when, self._cost.free_at(at, max_cost - cost))
        return None if when == at else -(-(when - at) // _SECOND_MS)


def _copied(uses: Iterable[Iterable[int]]) -> list[list[int]]:
    return [list(use) for use in uses]


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
