"""What people are told about a budget period: how much, how fast, and what to do.

Pure: numbers and a moment in, numbers out. Shares are 0.8 for 80 %, percents are 80;
money has ten places and is in the budget's currency. The days that people read are
whole days of the budget's zone; rates are taken over time that has passed, to the
microsecond, so that day one has a rate and the last day counts.

A period of up to a month goes on as it went: what is projected is what was spent by the
share of the time that has passed. A longer one goes on at the pace of the last 30 days,
or of those since the first use: what was spent, and that pace for the time to come.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from lib.money import format_money, quantize, share
from lib.periods import DAY, HOUR, Window, day_of

StatusName = Literal["OK", "WARNING", "CRITICAL", "EXCEEDED"]
Severity = Literal["info", "warning", "critical"]
VarianceCategory = Literal["On Track", "Slightly Over", "Over Budget", "Under Budget"]

_SEVERITIES: dict[StatusName, Severity] = {
    "OK": "info",
    "WARNING": "warning",
    "CRITICAL": "critical",
    "EXCEEDED": "critical",
}

_ZERO = Decimal(0)
_MICROSECOND = timedelta(microseconds=1)
_HUNDREDTH = Decimal("0.01")

MONTH = timedelta(days=31) + HOUR  # at most: the clocks may be put back in it
LATELY = timedelta(days=30)  # whose pace a longer period goes on at

_ON_TRACK_BELOW = 5  # percent, either way
_SLIGHTLY_OVER_TO = 15  # percent


@dataclass(frozen=True, slots=True)
class SpendPace:
    """What was spent from a moment up to the present, be it in another period."""

    spent: Decimal
    since: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """Where one budget stands in one period: the raw numbers. Thresholds are shares.

    What people are told of it is a `Status`.
    """

    amount: Decimal  # as planned
    limit: Decimal  # all that may be spent; negative: more overspend came in
    spent: Decimal
    reserved: Decimal
    window: Window
    zone: ZoneInfo
    warning_threshold: Decimal
    critical_threshold: Decimal
    pace: SpendPace | None = None  # of a long period; None: of the period itself

    @property
    def carried(self) -> Decimal:
        """What came in beside the amount; negative: overspend."""
        return self.limit - self.amount

    @property
    def status(self) -> StatusName:
        return status_name(
            self.limit, self.spent, self.warning_threshold, self.critical_threshold
        )


@dataclass(frozen=True, slots=True)
class Status:
    """A budget period at one moment."""

    status: StatusName
    severity: Severity
    limit: Decimal
    total_spend: Decimal
    reserved: Decimal
    remaining_budget: Decimal  # limit - total_spend; negative when overspent
    utilization: Decimal | None  # share; None: spent against a limit of nothing
    utilization_percent: Decimal | None
    elapsed_days: int  # days that are over; today is not
    remaining_days: int  # today included
    total_days: int
    time_utilization_percent: Decimal  # of the time, not the days; 2 decimals
    burn_rate: Decimal | None  # a day; None: not begun
    projected_spend: Decimal | None  # at the end of the period; None: not begun
    projected_overrun: Decimal | None  # never negative; None: not begun
    available_daily: Decimal | None  # never negative; None: over

    def ending_at(self, ends: Decimal | None) -> "Status":
        """Return the same with *ends* as what it comes to; None: that is not known."""
        over = None if ends is None else quantize(max(ends - self.limit, _ZERO))
        return replace(self, projected_spend=ends, projected_overrun=over)

    def recommended_action(self, currency: str, locale: str = "en_US") -> str:
        """Say in one plain sentence what should be done, if anything."""

        def money(amount: Decimal) -> str:
            return format_money(amount, currency, locale)

        left = self.remaining_budget
        if self.available_daily is None:
            return _advice_when_over(self, money(abs(left)))
        if left < 0:
            return f"Stop spending or raise the limit: it is passed by {money(-left)}."
        if left == 0:
            return "Stop spending or raise the limit: nothing is left of it."
        daily = money(self.available_daily)
        if self.projected_overrun:
            return (
                f"Spend no more than {daily} a day: as it goes now, the period ends "
                f"{money(self.projected_overrun)} over its limit."
            )
        if self.status == "OK":
            return f"No action is needed: up to {daily} a day stays within the limit."
        return f"Keep watch: {money(left)} is left, which is {daily} a day."


@dataclass(frozen=True, slots=True)
class Variance:
    """Actual spend against what an even pace would have spent by one moment."""

    expected_spend: Decimal
    actual_spend: Decimal
    absolute_variance: Decimal  # actual - expected
    variance_percent: Decimal | None  # of what is expected; None: nothing is
    variance_category: VarianceCategory
    elapsed_percent: Decimal  # of the time; 2 decimals


def status_of(position: Position, now: datetime) -> Status:
    """Return how *position* stands at *now*, which may lie outside its window.

    The first hour counts as a whole one in *burn_rate* (a day) and what is projected
    from it: a minute's spend says nothing of a month, and the first day of a *pace*
    likewise: an hour's says nothing of a year. In a period that is over, what
    was projected is what was spent. *available_daily* is what remains by the days that
    remain, to the microsecond; in the last 24 hours it is all that remains.
    """
    limit, spent = position.limit, position.spent
    name = position.status
    used = share(spent, limit)
    elapsed, total = _elapsed(position.window, now), _total(position.window)
    elapsed_days, total_days = _days(position, now)
    burn_rate = projected = overrun = available = None
    if now >= position.window.start:
        burn_rate, projected = _going_on(position, now)
        overrun = quantize(max(projected - limit, _ZERO))
    if now < position.window.end:
        days_left = Decimal(total - elapsed) / (DAY // _MICROSECOND)
        available = quantize(max(limit - spent, _ZERO) / max(days_left, Decimal(1)))
    return Status(
        status=name,
        severity=_SEVERITIES[name],
        limit=quantize(limit),
        total_spend=quantize(spent),
        reserved=quantize(position.reserved),
        remaining_budget=quantize(limit - spent),
        utilization=used,
        utilization_percent=None if used is None else used * 100,
        elapsed_days=elapsed_days,
        remaining_days=total_days - elapsed_days,
        total_days=total_days,
        time_utilization_percent=_percent(Decimal(elapsed) / total),
        burn_rate=burn_rate,
        projected_spend=projected,
        projected_overrun=overrun,
        available_daily=available,
    )


def _going_on(position: Position, now: datetime) -> tuple[Decimal, Decimal]:
    """Return what is spent a day, and what will have been at the end."""
    spent, pace = position.spent, position.pace
    elapsed, total = _elapsed(position.window, now), _total(position.window)
    day = DAY // _MICROSECOND
    if pace is None:
        time = max(elapsed, min(HOUR // _MICROSECOND, total))
        return quantize(spent * day / time), quantize(spent * total / time)
    time = max((now - pace.since) // _MICROSECOND, day)
    to_come = max(pace.spent, _ZERO) * (total - elapsed) / time
    return quantize(pace.spent * day / time), quantize(spent + to_come)


def variance_of(position: Position, now: datetime) -> Variance:
    """Return how far *position* is from an even pace at *now*.

    Categories go by the exact percentage, not by the rounded one.
    """
    elapsed, total = _elapsed(position.window, now), _total(position.window)
    expected = quantize(position.limit * elapsed / total)
    absolute = quantize(position.spent - expected)
    ratio = _ratio(absolute, expected)
    return Variance(
        expected_spend=expected,
        actual_spend=quantize(position.spent),
        absolute_variance=absolute,
        variance_percent=None if ratio is None else _percent(ratio),
        variance_category=_category(absolute, ratio),
        elapsed_percent=_percent(Decimal(elapsed) / total),
    )


def status_name(
    limit: Decimal, spent: Decimal, warning: Decimal, critical: Decimal
) -> StatusName:
    """Judge by multiplying: a division would round what is exactly at a threshold."""
    if spent > limit:
        return "EXCEEDED"
    if spent <= 0:
        return "OK"
    if spent >= critical * limit:
        return "CRITICAL"
    if spent >= warning * limit:
        return "WARNING"
    return "OK"


def _ratio(absolute: Decimal, expected: Decimal) -> Decimal | None:
    if expected:
        return absolute / abs(expected)
    return None if absolute else _ZERO


def _category(absolute: Decimal, ratio: Decimal | None) -> VarianceCategory:
    if ratio is None:  # without an expectation, any spend is far from it
        return "Over Budget" if absolute > 0 else "Under Budget"
    percent = ratio * 100
    if abs(percent) < _ON_TRACK_BELOW:
        return "On Track"
    if percent < 0:
        return "Under Budget"
    return "Over Budget" if percent > _SLIGHTLY_OVER_TO else "Slightly Over"


def _advice_when_over(status: Status, difference: str) -> str:
    if status.remaining_budget < 0:
        return f"Review the next amount: this period ended {difference} over its limit."
    return f"No action is needed: the period ended with {difference} left."


def _total(window: Window) -> int:
    """Return the length of *window* in microseconds."""
    return (window.end - window.start) // _MICROSECOND


def _elapsed(window: Window, now: datetime) -> int:
    """Return how much of *window* has passed, in microseconds: 0 to its length."""
    return min(max((now - window.start) // _MICROSECOND, 0), _total(window))


def _days(position: Position, now: datetime) -> tuple[int, int]:
    """Return how many days of the window are over, and how many it touches."""
    window, zone = position.window, position.zone
    first = day_of(window.start, zone)
    total = (day_of(window.end - _MICROSECOND, zone) - first).days + 1
    if now >= window.end:
        return total, total
    return max((day_of(now, zone) - first).days, 0), total


def _percent(ratio: Decimal) -> Decimal:
    return (ratio * 100).quantize(_HUNDREDTH, ROUND_HALF_EVEN)
