"""A budget period as a bar: pure, lengths in percent of the drawing's width.

The frame, which is the limit, takes FRAME of it, so that what is beyond has room.
"""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from budgets.figures import Position, Status
from console.drawings import FRAME, Bar
from lib.money import format_percent

WHOLE = 100.0
_LEAST = 0.8  # what is not nothing can be seen
_PLACES = 2  # finer than a pixel, so that a bar is drawn anew only when it changed


def bar_of(position: Position, status: Status, now: datetime) -> Bar:
    """Return the bar of a budget period at *now*."""
    limit = status.limit
    spent = _length(status.total_spend, limit)
    reserved = _length(status.total_spend + status.reserved, limit)
    ghost = _length(status.projected_spend or Decimal(0), limit)
    running = position.window.start <= now < position.window.end
    time = round(float(status.time_utilization_percent) * FRAME / 100, _PLACES)
    return Bar(
        spent=min(spent, FRAME),
        over=round(max(min(spent, WHOLE) - FRAME, 0), _PLACES),
        reserved_from=min(spent, WHOLE),
        reserved=round(max(min(reserved, WHOLE) - min(spent, WHOLE), 0), _PLACES),
        ghost=min(ghost, WHOLE) if running and ghost > spent else 0,
        carried=min(_length(position.carried, limit), FRAME),
        warning=_tick(position.warning_threshold),
        critical=_tick(position.critical_threshold),
        time=time if running else None,
        is_cut=max(spent, reserved) > WHOLE,
    )


def _length(amount: Decimal, limit: Decimal) -> float:
    if amount <= 0:
        return 0.0
    if limit <= 0:
        return WHOLE + 1
    return max(round(float(amount / limit) * FRAME, _PLACES), _LEAST)


def _tick(threshold: Decimal) -> float:
    return round(min(float(threshold) * FRAME, WHOLE), _PLACES)


def words_of(status: Status, used: str, locale: str, *, running: bool) -> str:
    """Say what the bar shows; *used* is the utilization, written out."""
    text = f"{used} spent" if status.utilization is not None else "spent without limit"
    if status.reserved and status.limit > 0:
        text += f", {_percent(status.reserved / status.limit, locale)} reserved"
    if running:
        passed = _percent(status.time_utilization_percent / 100, locale)
        text += f"; {passed} of the time has passed"
        if status.projected_spend and status.limit > 0:
            ends = _percent(status.projected_spend / status.limit, locale)
            text += f"; it is expected to end at {ends}"
    return text


_percent = lru_cache(maxsize=2_048)(format_percent)  # most rows share the time's
