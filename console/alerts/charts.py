"""The spend of a period as a drawing: pure. Its classes carry the colours.

Lengths are in thousandths of the plot, which stretches to the width there is; words
stand beside it in percent, so that they keep their size.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

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
class Course:
    """What is drawn: money in one currency, moments of one period."""

    window: Window
    zone: ZoneInfo
    hours: Sequence[Point]  # the start of each and what it cost, in order
    until: datetime  # known until then
    limit: Decimal
    threshold: Decimal | None  # an amount; None: the limit alone
    fired_at: datetime
    fired_spent: Decimal
    projected: Decimal | None  # at the end; None: the period is over
    currency: str
    locale: str = "en_US"

    def money(self, amount: Decimal) -> str:
        return format_money(amount, self.currency, self.locale)


@dataclass(slots=True)
class _Plot:
    """Where moments and amounts lie in the drawing."""

    course: Course
    points: list[Point] = field(init=False)
    top: Decimal = field(init=False)  # the amount at the upper edge

    def __post_init__(self) -> None:
        course = self.course
        self.points = points_of(course)
        known = max(course.limit, self.points[-1][1], course.fired_spent)
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


def drawing_of(course: Course) -> SafeString:
    """Return the chart: SVG, and below it the days."""
    plot = _Plot(course)
    fired = plot.across(course.fired_at)
    return format_html(
        '<svg class="co-chart" role="img" width="100%" height="200"><title>{}</title>'
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none">{}</svg>'
        '<svg x="{}%" y="{}%"><circle class="co-crossing" r="5"/></svg>{}</svg>{}',
        words_of(course, plot.points[-1]),
        SIZE,
        SIZE,
        _joined(_path(name, d) for name, d in _lines(plot)),
        f"{fired / 10:.1f}",
        f"{plot.down(course.fired_spent) / 10:.1f}",
        _joined(_labels(plot, fired)),
        _dates(plot),
    )


def _joined(parts: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def _path(name: str, d: str) -> SafeString:
    return format_html(
        '<path class="{}" d="{}" vector-effect="non-scaling-stroke"/>', name, d
    )


def points_of(course: Course) -> list[Point]:
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


def _lines(plot: _Plot) -> Iterator[tuple[str, str]]:
    """Yield the class and the path of each line, the ground first."""
    course, points = plot.course, plot.points
    line = "L".join(plot.at(point) for point in points)
    last, spent = points[-1]
    yield "co-area", f"M{line}V{SIZE}H{plot.across(points[0][0])}Z"
    yield "co-limit", f"M0 {plot.down(course.limit)}H{SIZE}"
    if course.threshold is not None:
        yield "co-tick", f"M0 {plot.down(course.threshold)}H{SIZE}"
    if course.projected is not None:
        end = plot.at((course.window.end, course.projected))
        yield "co-ahead", f"M{plot.at((last, spent))}L{end}"
    yield "co-course", f"M{line}"
    yield "co-when", f"M{plot.across(course.fired_at)} 0V{SIZE}"


def _labels(plot: _Plot, fired: int) -> Iterator[SafeString]:
    course = plot.course
    limit = f"limit {course.money(course.limit)}"
    yield _label("co-of-limit", 0, plot.down(course.limit), limit, "start")
    if course.threshold is not None:
        money = course.money(course.threshold)
        yield _label("co-of-tick", 0, plot.down(course.threshold), money, "start")
    side = "end" if fired > SIZE / 2 else "start"
    yield _label("co-of-when", fired, SIZE, "the alert", side)


def _label(name: str, x: int, y: int, text: str, anchor: str) -> SafeString:
    return format_html(
        '<text class="{}" x="{}%" y="{}%" dx="{}" dy="-5" text-anchor="{}">{}</text>',
        name,
        f"{x / 10:.1f}",
        f"{y / 10:.1f}",
        _NUDGE[anchor],
        anchor,
        text,
    )


def _dates(plot: _Plot) -> SafeString:
    """Return words below the plot, each under the moment where it begins."""
    marks = (
        (f"{plot.across(moment) / 10:.1f}", text)
        for moment, text in _marks(plot.course.window, plot.course.zone)
    )
    inner = format_html_join("", '<span style="left:{}%">{}</span>', marks)
    return format_html('<div class="co-dates" aria-hidden="true">{}</div>', inner)


def _marks(window: Window, zone: ZoneInfo) -> list[tuple[datetime, str]]:
    length = window.end - window.start
    if length <= 2 * DAY:
        moments = [window.start + number * length / _DATES for number in range(_DATES)]
        return [(one, f"{one.astimezone(zone):%H:%M}") for one in moments]
    first, last = day_of(window.start, zone), day_of(window.end - _MOMENT, zone)
    apart = (last - first).days // _DATES + 1
    days = [first + n * DAY for n in range(0, (last - first).days + 1, apart)]
    return [(start_of(day, zone), f"{day.day} {day:%b}") for day in days]


def words_of(course: Course, last: Point) -> str:
    """Say what the chart shows."""
    moment, spent = last
    text = (
        f"{course.money(spent)} of {course.money(course.limit)} spent by "
        f"{clock(moment, course.zone)}; when the alert fired, "
        f"{clock(course.fired_at, course.zone)}, it was "
        f"{course.money(course.fired_spent)}"
    )
    if course.projected is not None:
        text += f"; at this pace it ends at {course.money(course.projected)}"
    return f"{text}."
