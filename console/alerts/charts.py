"""The spend of a period as a chart: pure.

Lines are in thousandths of the plot, which stretches to the width there is; words
stand beside it in percent, so that they keep their size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from console.drawings import Chart, Label, Stroke
from lib.humanize import clock
from lib.money import format_money
from lib.periods import DAY, HOUR, Window, day_of, start_of

SIZE = 1000
MOST_POINTS = 400
_HEADROOM = Decimal("1.12")
_FARTHEST = Decimal("1.6")  # of the limit: beyond it a projection leaves the drawing
_DATES = 5  # words below the plot, about
_NUDGE = {"start": 5, "end": -5}  # pixels between a line and its words
_MOMENT = timedelta(microseconds=1)
ZERO = Decimal(0)
Point = tuple[datetime, Decimal]


@dataclass(frozen=True, slots=True)
class SpendCurve:
    """What is drawn: money in one currency, moments of one period."""

    window: Window
    zone: ZoneInfo
    hours: Sequence[Point]  # the start of each and what it cost, in order
    until: datetime  # known until then
    limit: Decimal
    threshold: Decimal | None  # an amount; None: the limit alone
    fired_at: datetime
    fired_spent: Decimal
    crossed: Decimal | None  # the amount that it fired at; None: it is about no amount
    projected: Decimal | None  # at the end; None: the period is over
    currency: str
    locale: str = "en_US"

    def money(self, amount: Decimal) -> str:
        return format_money(amount, self.currency, self.locale)


@dataclass(slots=True)
class _Plot:
    """Where moments and amounts lie in the drawing."""

    course: SpendCurve
    points: list[Point] = field(init=False)
    mark: Point = field(init=False)  # of the alert, on the curve
    top: Decimal = field(init=False)  # the amount at the upper edge

    def __post_init__(self) -> None:
        course = self.course
        self.points = points_of(course)
        self.mark = mark_of(course, self.points)
        known = max(course.limit, self.points[-1][1])
        ahead = min(course.projected or ZERO, known * _FARTHEST)
        self.top = max(known, ahead) * _HEADROOM or Decimal(1)

    def across(self, moment: datetime) -> int:
        window = self.course.window
        passed = (moment - window.start) / (window.end - window.start)
        return round(min(max(passed, 0), 1) * SIZE)

    def down(self, amount: Decimal) -> int:
        return SIZE - int(min(max(amount, ZERO), self.top) / self.top * SIZE)

    def at(self, point: Point) -> str:
        return f"{self.across(point[0])} {self.down(point[1])}"


def chart_of(course: SpendCurve) -> Chart:
    """Return the chart, and the days below it."""
    plot = _Plot(course)
    across = plot.across(plot.mark[0])
    return Chart(
        words=words_of(course, plot.points[-1], plot.mark),
        lines=tuple(_lines(plot)),
        dot=(across / 10, plot.down(plot.mark[1]) / 10),
        labels=tuple(_labels(plot, across)),
        dates=tuple(
            (plot.across(moment) / 10, text)
            for moment, text in _dates(course.window, course.zone)
        ),
    )


def points_of(course: SpendCurve) -> list[Point]:
    """Return what was spent up to each moment, from nothing on; MOST_POINTS or so.

    Within an hour it rises evenly, but for the amount that was seen at the alert.
    """
    until = max(min(course.until, course.window.end), course.window.start)
    points, total = [(course.window.start, ZERO)], ZERO
    for start, cost in course.hours:
        if start > points[-1][0]:
            points.append((start, total))
        if start <= course.fired_at < min(start + HOUR, until) and (
            total <= course.fired_spent <= total + cost
        ):
            points.append((course.fired_at, course.fired_spent))
        total += cost
        points.append((min(start + HOUR, until), total))
    if until > points[-1][0]:
        points.append((until, total))
    every = len(points) // MOST_POINTS + 1
    return [*points[:-1:every], points[-1]]


def mark_of(course: SpendCurve, points: Sequence[Point]) -> Point:
    """Return where the curve passes what the alert is about, else where it fired.

    Usage that arrives late is drawn when it happened: the alert may come days after.
    """
    for before, after in pairwise(points):
        if course.crossed is None and course.fired_at <= after[0]:
            part = (course.fired_at - before[0]) / (after[0] - before[0] or _MOMENT)
            part = min(max(part, 0), 1)
        elif course.crossed is not None and ZERO < course.crossed <= after[1]:
            part = float((course.crossed - before[1]) / (after[1] - before[1]))
        else:
            continue
        amount = before[1] + (after[1] - before[1]) * Decimal(str(part))
        return before[0] + part * (after[0] - before[0]), amount
    return points[-1]


def is_late(course: SpendCurve, mark: Point) -> bool:
    """Tell whether what the alert is about was passed long before it fired."""
    return course.crossed is not None and course.fired_at - mark[0] > HOUR


def _lines(plot: _Plot) -> Iterator[Stroke]:
    """Yield each line, the ground first."""
    course, points = plot.course, plot.points
    line = "L".join(plot.at(point) for point in points)
    last, spent = points[-1]
    yield Stroke("co-area", f"M{line}V{SIZE}H{plot.across(points[0][0])}Z")
    yield Stroke("co-limit", f"M0 {plot.down(course.limit)}H{SIZE}")
    if course.threshold is not None:
        yield Stroke("co-tick", f"M0 {plot.down(course.threshold)}H{SIZE}")
    if course.projected is not None:
        end = plot.at((course.window.end, course.projected))
        yield Stroke("co-ahead", f"M{plot.at((last, spent))}L{end}")
    yield Stroke("co-course", f"M{line}")
    yield Stroke("co-when", f"M{plot.across(plot.mark[0])} 0V{SIZE}")


def _labels(plot: _Plot, across: int) -> Iterator[Label]:
    course = plot.course
    limit = f"limit {course.money(course.limit)}"
    yield _label("co-of-limit", 0, plot.down(course.limit), limit, "start")
    if course.threshold is not None:
        money = course.money(course.threshold)
        yield _label("co-of-tick", 0, plot.down(course.threshold), money, "start")
    side = "end" if across > SIZE / 2 else "start"
    text = "the alert"
    if is_late(course, plot.mark):
        day = day_of(plot.mark[0], course.zone)
        text = f"passed {day.day} {day:%b}"
    yield _label("co-of-when", across, SIZE, text, side)


def _label(kind: str, x: int, y: int, text: str, anchor: str) -> Label:
    return Label(kind, x / 10, y / 10, _NUDGE[anchor], anchor, text)


def _dates(window: Window, zone: ZoneInfo) -> list[tuple[datetime, str]]:
    """Return the words below the plot, and where each begins."""
    length = window.end - window.start
    if length <= 2 * DAY:
        moments = [window.start + number * length / _DATES for number in range(_DATES)]
        return [(one, f"{one.astimezone(zone):%H:%M}") for one in moments]
    first, last = day_of(window.start, zone), day_of(window.end - _MOMENT, zone)
    apart = (last - first).days // _DATES + 1
    days = [first + n * DAY for n in range(0, (last - first).days + 1, apart)]
    return [(start_of(day, zone), f"{day.day} {day:%b}") for day in days]


def words_of(course: SpendCurve, last: Point, mark: Point) -> str:
    """Say what the chart shows."""
    moment, spent = last
    text = (
        f"{course.money(spent)} of {course.money(course.limit)} spent by "
        f"{clock(moment, course.zone)}; when the alert fired, "
        f"{clock(course.fired_at, course.zone)}, it was "
        f"{course.money(course.fired_spent)}"
    )
    if is_late(course, mark):
        passed = clock(mark[0], course.zone)
        text += f"; usage that arrived late passed {course.money(mark[1])} on {passed}"
    if course.projected is not None:
        text += f"; it is expected to end at {course.money(course.projected)}"
    return f"{text}."
