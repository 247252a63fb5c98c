"""A budget period as a bar: pure, lengths in percent of the drawing's width.

The frame, which is the limit, takes FRAME of it, so that what is beyond has room.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from budgets.figures import Position, Status
from lib.money import format_percent

FRAME = 80.0
WHOLE = 100.0
_LEAST = 0.8  # what is not nothing can be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """Where the parts of a bar begin and how long they are."""

    spent: float  # within the frame
    over: float  # beyond it
    reserved_from: float
    reserved: float
    ghost: float  # where the projection ends; 0: there is none
    carried: float  # at the frame's end: carried over from the last period
    warning: float
    critical: float
    time: float | None  # where the period's time stands; None: not now
    is_cut: bool  # it goes on beyond the drawing


def bar_of(position: Position, status: Status, now: datetime) -> Bar:
    """Return the bar of a budget period at *now*."""
    limit = status.limit
    spent = _length(status.total_spend, limit)
    reserved = _length(status.total_spend + status.reserved, limit)
    ghost = _length(status.projected_spend or Decimal(0), limit)
    running = position.window.start <= now < position.window.end
    time = float(status.time_utilization_percent) * FRAME / 100
    return Bar(
        spent=min(spent, FRAME),
        over=max(min(spent, WHOLE) - FRAME, 0),
        reserved_from=min(spent, WHOLE),
        reserved=max(min(reserved, WHOLE) - min(spent, WHOLE), 0),
        ghost=min(ghost, WHOLE) if running and ghost > spent else 0,
        carried=min(_length(position.carried_over, limit), FRAME),
        warning=_tick(position.warning_threshold),
        critical=_tick(position.critical_threshold),
        time=time if running else None,
        is_cut=max(spent, reserved) > WHOLE,
    )


def drawing_of(bar: Bar, kind: str, words: str) -> SafeString:
    """Return the bar as SVG. Its classes carry the colours; *words* say the same."""
    parts = [_box("co-frame", 0, FRAME)]
    if bar.carried:
        parts.append(_box("co-carried", FRAME - bar.carried, bar.carried))
    if bar.ghost:
        parts.append(_box("co-ghost", 0, bar.ghost, top=7, height=6))
    if bar.spent:
        parts.append(_box("co-spent", 0, bar.spent))
    if bar.over:
        parts.append(_box("co-over", FRAME, bar.over))
    if bar.reserved:
        box = _box("co-reserved", bar.reserved_from, bar.reserved)
        parts.append(box.replace("/>", ' fill="url(#co-hatch)"/>'))
    parts += [
        f'<line class="co-tick" x1="{at:.2f}%" x2="{at:.2f}%" y1="3" y2="17"/>'
        for at in (bar.warning, bar.critical)
    ]
    parts.append(f'<line class="co-limit" x1="{FRAME}%" x2="{FRAME}%" y1="1" y2="19"/>')
    if bar.is_cut:
        parts.append('<svg x="100%" y="4"><path class="co-cut" d="M-5 14 1-2"/></svg>')
    if bar.time is not None:
        caret = '<path class="co-caret" d="M0 0 4 5H-4z"/>'
        parts.append(f'<svg x="{bar.time:.2f}%" y="17">{caret}</svg>')
    return mark_safe(  # noqa: S308 - numbers, names of ours, and words escaped here
        f'<svg class="co-bar co-is-{kind}" role="img" width="100%" height="22">'
        f"<title>{escape(words)}</title>{''.join(parts)}</svg>"
    )


def _box(name: str, start: float, length: float, top: int = 4, height: int = 12) -> str:
    return (
        f'<rect class="{name}" x="{start:.2f}%" y="{top}" '
        f'width="{length:.2f}%" height="{height}"/>'
    )


def _length(amount: Decimal, limit: Decimal) -> float:
    if amount <= 0:
        return 0.0
    if limit <= 0:
        return WHOLE + 1
    return max(float(amount / limit) * FRAME, _LEAST)


def _tick(threshold: Decimal) -> float:
    return min(float(threshold) * FRAME, WHOLE)


def words_of(status: Status, used: str, locale: str, *, running: bool) -> str:
    """Say what the bar shows; *used* is the utilization, written out."""
    text = f"{used} spent" if status.utilization is not None else "spent without limit"
    if status.reserved and status.limit > 0:
        text += f", {_percent(status.reserved / status.limit, locale)} reserved"
    if running:
        passed = _percent(status.time_utilization_percent / 100, locale)
        text += f"; {passed} of the time has passed"
        if status.projected_spend is not None and status.limit > 0:
            ends = _percent(status.projected_spend / status.limit, locale)
            text += f"; at this pace it ends at {ends}"
    return text


_percent = lru_cache(maxsize=2_048)(format_percent)  # most rows share the time's
