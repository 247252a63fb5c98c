"""What a forecast says, in words."""

from datetime import date

from console.drawings import Fact
from console.forecasts.figures import CONFIDENCE, SURER, Foreseen
from forecasts.courses import RECOMMENDED, Course, holiday_of, total_of, weekdays_of
from forecasts.outlooks import LEAST_DAYS
from forecasts.quiet import holidays_ahead
from lib.public_holidays import words_of

_WEEKS = 14  # days from which on there is a rhythm of weekdays
_SURE, _HARDLY = 0.99, 0.01


def lead_of(found: Foreseen) -> str:
    """Say where the period ends, how sure that is, and whether the limit holds."""
    name, money = found.budget.name, found.writer.money
    course = found.course
    if course is None:
        days = len(found.ahead.days)
        return (
            f"There is not enough data to say where {name} ends: {LEAST_DAYS} days "
            f"with spend are needed, not {days}."
        )
    sure = found.writer.share(CONFIDENCE)
    total = course.total
    lower, upper = money(total.lower), money(total.upper)
    range_ = f"spends {lower}" if lower == upper else f"spends {lower} to {upper}"
    return (
        f"With {sure} certainty {name} {range_} by {_day(found.last_day)}, of "
        f"{money(found.ahead.limit)}; {_verdict(found, course)}."
    )


def _verdict(found: Foreseen, course: Course) -> str:
    if found.ahead.position.spent > found.ahead.limit:
        return "the limit is passed already"
    expected, earliest = course.passing.expected, course.passing.earliest
    text = f"it is {_likely(found, course)} likely to pass the limit"
    if expected:
        return f"{text}, around {_day(expected)}"
    return f"{text}, not before {_day(earliest)}" if earliest else text


def _likely(found: Foreseen, course: Course) -> str:
    """Say how likely it is that the limit is passed."""
    likely, share = float(course.probability or 0), found.writer.share
    if likely > _SURE:
        return f"more than {share(_SURE)}"
    if likely < _HARDLY:
        return f"less than {share(_HARDLY)}"
    return share(round(likely, 2))


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"


def figures_of(found: Foreseen, course: Course) -> list[Fact]:
    """Return the answers one by one."""
    money, passing = found.writer.money, course.passing
    return [
        Fact("Expected", money(course.total.middle)),
        Fact("Limit", money(found.ahead.limit)),
        Fact("Likely to pass it", _likely(found, course)),
        Fact("Passes it", _passed(found, passing.expected, earliest=passing.earliest)),
        Fact(_enough(), money(course.recommended)),
    ]


def _enough() -> str:
    return f"Enough {RECOMMENDED * 10:.0f} times of 10"


def _passed(found: Foreseen, expected: date | None, *, earliest: date | None) -> str:
    if expected:
        return _in_days(found, expected)
    return f"at the earliest {_in_days(found, earliest)}" if earliest else "not in it"


def _in_days(found: Foreseen, day: date) -> str:
    days = (day - found.ahead.today).days
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")


def notes_of(found: Foreseen, course: Course) -> list[Fact]:
    """Return how it was made, and of what."""
    writer, known = found.writer, found.ahead.known
    surer = total_of(known, found.ahead.steps, confidence=SURER)
    idle = sum(1 for day in known.days if not day)
    first = found.ahead.today.toordinal() - len(known.days)
    data = (
        f"{len(known.days)} whole days from {writer.day(date.fromordinal(first))} on"
        + (f", {idle} of them without spend" if idle else "")
        + "; of today, what is over counts as spent"
    )
    notes = [
        Fact("Data", data),
        Fact("Weekdays", _weekdays(found)),
        Fact("Public holidays", _holidays(found)),
        Fact(
            f"With {writer.share(SURER)}",
            f"{writer.money(surer.lower)} to {writer.money(surer.upper)}",
        ),
        Fact("Passes it", _between(found, course)),
        Fact(
            "Method",
            "Moving averages of six lengths and two damped trends, weighed by how well "
            "each did before; a burst counts for a few usual errors, no more. What is "
            "expected is as likely passed as not.",
        ),
    ]
    return [note for note in notes if note.value]


def _between(found: Foreseen, course: Course) -> str:
    earliest, latest = course.passing.earliest, course.passing.latest
    if not earliest:
        return ""
    day, sure = found.writer.day, f" ({found.writer.share(CONFIDENCE)})"
    if latest == earliest:
        return f"on {day(latest)}{sure}"
    if latest is None:
        return f"from {day(earliest)} on, or not in this period{sure}"
    return f"between {day(earliest)} and {day(latest)}{sure}"


def _holidays(found: Foreseen) -> str:
    """Say which are to come, and what one of them costs; nothing where none count."""
    known, place = found.ahead.known, found.budget.organization.holiday_calendar
    if not place:
        return ""
    name = words_of(place)
    days = holidays_ahead(known.quiet, known.today, found.ahead.steps)
    if not days:
        return f"of {name}: none is to come in this period"
    share = found.writer.share(round(holiday_of(known), 2))
    return (
        f"of {name}: {', '.join(map(_day, days))}, each as quiet as {share} of an even "
        "day, as weekends are and holidays were"
    )


def _weekdays(found: Foreseen) -> str:
    """Say what each weekday costs, Monday first."""
    if len(found.ahead.days) < _WEEKS:
        return "too few weeks are known for a rhythm: all days count alike"
    today = found.ahead.today
    by_day = {
        date.fromordinal(today.toordinal() + place): share
        for place, share in enumerate(weekdays_of(found.ahead.known))
    }
    ordered = sorted(by_day, key=date.weekday)
    return " · ".join(
        f"{day:%a} {found.writer.share(round(by_day[day], 2))}" for day in ordered
    )
