"""The pictures of a forecast, and the tables behind them."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from console.drawings import Picture
from console.forecasts.figures import CONFIDENCE, Foreseen
from forecasts.history import midnight_of
from forecasts.outlooks import LEAST_DAYS
from reports.charts import course_chart, days_chart
from reports.figures import CostPoint, Limit, Words

COURSE_HEIGHT = 330  # pixels, with axis and legend
_DAYS_HEIGHT = 220
_MOST_PAST = 62  # points of what was spent
_DAYS_BACK, _DAYS_AHEAD = 28, 31  # that are drawn one by one
_DAY = timedelta(days=1)


def course_picture(found: Foreseen, url: str) -> Picture:
    """Draw what the period comes to."""
    points = [*_past(found), *_coming(found)]
    words = Words("spent", "expected", "now", found.budget.currency)
    money = found.writer.money
    return Picture(
        name="co-course",
        title="The period",
        words=_course_words(found),
        spec=course_chart(
            points,
            limit=Limit(found.ahead.limit, f"limit {money(found.ahead.limit)}"),
            now=found.now.astimezone(found.zone),
            words=words,
        ),
        height=COURSE_HEIGHT,
        columns=("By", *_columns(found)),
        rows=[_row(found, point) for point in points],
        url=url,
    )


def days_picture(found: Foreseen) -> Picture:
    """Draw what the days of late cost, and those to come are expected to."""
    points = list(_days(found))
    return Picture(
        name="co-days",
        title="Day by day",
        words=(
            "What each day of the last four weeks cost, and what those to come are "
            "expected to; of today, what is left of it."
        ),
        spec=days_chart(
            points,
            now=_start(found, found.ahead.today),
            words=Words("spent", "expected", "today", found.budget.currency),
        ),
        height=_DAYS_HEIGHT,
        columns=("Day", *_columns(found)),
        rows=[_row(found, point) for point in points],
    )


def _columns(found: Foreseen) -> Sequence[str]:
    if not found.course:
        return ("Spent",)
    sure = found.writer.share(CONFIDENCE)
    return ("Spent", "Expected", f"At least ({sure})", f"At most ({sure})")


def _row(found: Foreseen, point: CostPoint) -> Sequence[str]:
    name = point.words.partition(":")[0]
    amounts = [point.spent]
    if found.course:
        amounts += [point.expected, point.lower, point.upper]
    return name, *(found.writer.money(amount) for amount in amounts)


def _past(found: Foreseen) -> Iterator[CostPoint]:
    """Yield what was spent by the ends of days, from nothing on, and by now."""
    window, writer = found.window, found.writer
    yield _spent(found, window.start, Decimal(0), "the beginning")
    days = found.of_period[:-1]
    sums = list(accumulate(days))
    every = -(-len(days) // _MOST_PAST) or 1
    for place in range(len(days) - 1, -1, -every)[::-1]:
        day = found.ahead.today - (len(days) - place) * _DAY
        end = _start(found, day + _DAY)
        yield _spent(found, end, sums[place], f"the end of {writer.day(day)}")
    spent = found.ahead.position.spent
    if found.course:
        words = f"now: {writer.money(spent)}"
        now = found.now.astimezone(found.zone)
        yield CostPoint(now, spent, spent, spent, spent, words)
    else:
        yield _spent(found, found.now, spent, "now")


def _spent(found: Foreseen, at: datetime, spent: Decimal, name: str) -> CostPoint:
    words = f"{name}: {found.writer.money(spent)}"
    return CostPoint(at.astimezone(found.zone), spent, None, None, None, words)


def _coming(found: Foreseen) -> Iterator[CostPoint]:
    money = found.writer.money
    for day, cost in found.ends:
        end = min(_start(found, day + _DAY), found.window.end.astimezone(found.zone))
        words = (
            f"the end of {found.writer.day(day)}: {money(cost.middle)}, "
            f"{money(cost.lower)} to {money(cost.upper)}"
        )
        yield CostPoint(end, None, cost.middle, cost.lower, cost.upper, words)


def _days(found: Foreseen) -> Iterator[CostPoint]:
    today, money = found.ahead.today, found.writer.money
    past = found.days[-_DAYS_BACK - 1 : -1]
    for ago, cost in zip(range(len(past), 0, -1), past, strict=True):
        day = today - ago * _DAY
        yield _spent(found, _start(found, day), cost, found.writer.day(day))
    coming = found.course.days[:_DAYS_AHEAD] if found.course else ()
    for day, cost_of_day in coming:
        middle, lower, upper = (
            cost_of_day.middle,
            cost_of_day.lower,
            cost_of_day.upper,
        )
        words = (
            f"{found.writer.day(day)}: {money(middle)}, "
            f"{money(lower)} to {money(upper)}"
        )
        yield CostPoint(_start(found, day), None, middle, lower, upper, words)


def _start(found: Foreseen, day: date) -> datetime:
    return midnight_of(day, found.zone).astimezone(found.zone)


def _course_words(found: Foreseen) -> str:
    money = found.writer.money
    spent = f"{money(found.ahead.position.spent)} of {money(found.ahead.limit)} spent"
    if not found.course:
        known = len(found.ahead.days)
        return f"{spent}. {LEAST_DAYS} days with spend are needed, not {known}."
    total = found.course.total
    return (
        f"{spent}; {money(total.middle)} expected by the end, the band is where it "
        f"comes to lie with {found.writer.share(CONFIDENCE)} certainty."
    )
