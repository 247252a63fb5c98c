from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from console.alerts.charts import MOST_POINTS, SpendCurve, chart_of, mark_of, points_of
from console.templatetags.console import chart
from lib.periods import HOUR, Window

START = datetime(2026, 11, 1, tzinfo=UTC)
COURSE = SpendCurve(
    window=Window(START, datetime(2026, 12, 1, tzinfo=UTC)),
    zone=ZoneInfo("UTC"),
    hours=[(START + 5 * HOUR, Decimal(40)), (START + 9 * HOUR, Decimal(60))],
    until=START + timedelta(hours=9, minutes=30),
    limit=Decimal(100),
    threshold=Decimal(80),
    fired_at=START + timedelta(hours=9, minutes=10),
    fired_spent=Decimal(81),
    crossed=Decimal(80),
    projected=Decimal(240),
    currency="USD",
)


def test_spend_rises_in_its_hours_and_by_the_alert() -> None:
    points = [((at - START) / HOUR, int(spent)) for at, spent in points_of(COURSE)]

    assert points == [
        (0, 0),
        (5, 0),
        (6, 40),
        (9, 40),
        (pytest.approx(9 + 1 / 6), 81),
        (9.5, 100),
    ]


def test_a_long_period_has_few_points_and_its_whole_spend() -> None:
    hours = [(START + n * HOUR, Decimal(1)) for n in range(8_000)]
    course = replace(
        COURSE,
        window=Window(START, START + 9_000 * HOUR),
        hours=hours,
        until=START + 9_000 * HOUR,
    )

    points = points_of(course)

    assert len(points) <= MOST_POINTS + 2
    assert points[-1] == (course.until, Decimal(8_000))


@pytest.mark.parametrize(
    "course",
    [
        replace(COURSE, limit=Decimal(0), hours=[], fired_spent=Decimal(0)),
        replace(COURSE, until=START - HOUR, hours=[], fired_at=START - HOUR),
        replace(COURSE, limit=Decimal(-5), projected=None, threshold=None),
        replace(COURSE, projected=Decimal(10) ** 15),
        replace(COURSE, window=Window(START, START + 24 * HOUR)),
    ],
    ids=["nothing", "not begun", "overspent before", "far beyond", "a day"],
)
def test_every_course_can_be_drawn_inside_its_frame(course: SpendCurve) -> None:
    drawing = chart(chart_of(course))

    numbers = drawing.partition('viewBox="0 0 1000 1000"')[2].partition("</svg>")[0]
    assert "NaN" not in numbers
    assert 'd="M-' not in numbers
    assert "limit" in drawing


@pytest.mark.parametrize(
    ("course", "hour", "spent"),
    [
        (COURSE, 9 + 80 / 81 / 6, 80),
        (replace(COURSE, crossed=Decimal(20), fired_at=START + 200 * HOUR), 5.5, 20),
        (replace(COURSE, crossed=None, fired_spent=Decimal(7)), 9 + 1 / 6, 57),
        (replace(COURSE, crossed=Decimal(500)), 9.5, 100),
    ],
    ids=["as it is passed", "told late", "of no amount", "of usage gone since"],
)
def test_the_dot_is_on_the_curve(course: SpendCurve, hour: float, spent: int) -> None:
    drawn = points_of(course)

    at, amount = mark_of(course, drawn)

    assert abs((at - START) / HOUR - hour) < 0.03
    assert abs(amount - spent) < 5
    words = chart(chart_of(course))
    assert ("usage that arrived late passed $20.00" in words) is (spent == 20)


def test_a_chart_says_what_it_shows() -> None:
    assert (
        "<title>$100.00 of $100.00 spent by 1 Nov 2026, 09:30; when the alert fired, "
        "1 Nov 2026, 09:10, it was $81.00; it is expected to end at $240.00.</title>"
    ) in chart(chart_of(COURSE))
