"""A budget period as a bar: pure, lengths in percent of the drawing's width.

The frame, which is the limit, takes FRAME of it, so that what is beyond has room.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from budgets.figures import Position, Status
from costops.lib.money import format_percent

FRAME = 80.0
WHOLE = 100.0
_LEAST = 0.8  # what is not nothing can be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """Where the parts of a bar begin and how long they are."""

    frame: float
    spent: float  # within the frame
    over: float  # beyond it
    reserved_from: float
    reserved: float
    ghost: float  # where the projection ends; 0: there is none
    carried_from: float
    carried: float  # of the frame: carried over from the last period
    warning: float
    critical: float
    time: float | None  # where the period's time stands; None: not now
    is_cut: bool  # it goes on beyond the drawing
    text: str  # the same in words


def bar_of(position: Position, status: Status, now: datetime, locale: str) -> Bar:
    """Return the bar of a budget period at *now*."""
    limit = status.limit
    spent = _length(status.total_spend, limit)
    reserved = _length(status.total_spend + status.reserved, limit)
    ghost = _length(status.projected_spend or Decimal(0), limit)
    carried = max(position.carried_over, Decimal(0))
    carried_length = min(_length(carried, limit), FRAME)
    running = position.window.start <= now < position.window.end
    time = float(status.time_utilization_percent) * FRAME / 100
    return Bar(
        frame=FRAME,
        spent=round(min(spent, FRAME), 2),
        over=round(max(min(spent, WHOLE) - FRAME, 0), 2),
        reserved_from=round(min(spent, WHOLE), 2),
        reserved=round(max(min(reserved, WHOLE) - min(spent, WHOLE), 0), 2),
        ghost=round(min(ghost, WHOLE), 2) if running and ghost > spent else 0,
        carried_from=round(FRAME - carried_length, 2),
        carried=round(carried_length, 2),
        warning=_tick(position.warning_threshold),
        critical=_tick(position.critical_threshold),
        time=round(time, 2) if running else None,
        is_cut=max(spent, reserved) > WHOLE,
        text=_words(status, locale, running=running),
    )


def _length(amount: Decimal, limit: Decimal) -> float:
    if amount <= 0:
        return 0.0
    if limit <= 0:
        return WHOLE + 1
    return max(float(amount / limit) * FRAME, _LEAST)


def _tick(threshold: Decimal) -> float:
    return round(min(float(threshold) * FRAME, WHOLE), 2)


def _words(status: Status, locale: str, *, running: bool) -> str:
    used = status.utilization
    text = f"{format_percent(used, locale)} spent"
    if used is None:
        text = "spent without a limit"
    if status.reserved:
        whole = status.limit or Decimal(1)
        text += f", {format_percent(status.reserved / whole, locale)} reserved"
    if running:
        passed = format_percent(status.time_utilization_percent / 100, locale)
        text += f"; {passed} of the time has passed"
        if status.projected_spend is not None and status.limit > 0:
            ends = format_percent(status.projected_spend / status.limit, locale)
            text += f"; at this pace it ends at {ends}"
    return text
