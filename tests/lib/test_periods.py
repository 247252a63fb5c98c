from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.periods import (
    Cadence,
    Calendar,
    Window,
    day_of,
    end_of,
    start_of,
)

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)
ENDLESS = [cadence for cadence in Cadence if cadence is not Cadence.CUSTOM]
ZONES = sorted(available_timezones())

# Local days on which clocks do odd things around midnight, or by odd amounts.
ODD_DAYS = [
    ("America/Sao_Paulo", date(2018, 11, 4)),  # no midnight
    ("America/Sao_Paulo", date(2018, 2, 18)),  # midnight, back to 23:00
    ("America/Havana", date(2019, 11, 3)),  # 01:00, back to a second midnight
    ("America/Havana", date(2020, 3, 8)),  # no midnight
    ("America/St_Johns", date(2010, 11, 7)),  # 00:01, back to 23:01 the day before
    ("Africa/Cairo", date(2024, 4, 26)),
    ("Antarctica/Casey", date(2010, 3, 5)),  # three hours back over midnight
    ("Antarctica/Troll", date(2024, 3, 31)),  # two hours
    ("Asia/Beirut", date(2023, 3, 30)),
    ("Asia/Kathmandu", date(2024, 1, 1)),
    ("Asia/Pyongyang", date(2015, 8, 15)),  # half an hour back
    ("Atlantic/Azores", date(2024, 10, 27)),
    ("Australia/Lord_Howe", date(2024, 4, 7)),
    ("Pacific/Apia", date(2011, 12, 30)),  # not a day at all
]

moments = st.datetimes(
    datetime.fromisoformat("2000-01-01"),
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
zoned_moments = st.one_of(
    st.tuples(st.sampled_from(ZONES), moments),
    st.builds(
        lambda odd, minutes: (
            odd[0],
            datetime.combine(odd[1], time(), UTC) + minutes * MINUTE,
        ),
        st.sampled_from(ODD_DAYS),
        st.integers(-36 * 60, 36 * 60),
    ),
)
calendars = st.tuples(st.sampled_from(ENDLESS), st.integers(1, 12))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(start: str, end: str) -> Window:
    return Window(utc(start), utc(end))


def first_minute_of(day: date, zone: ZoneInfo) -> datetime:
    """Walk to the minute at which the clocks of *zone* first show *day* or later."""
    midnight = datetime.combine(day, time())
    moment = midnight.replace(tzinfo=UTC) - 17 * 60 * MINUTE
    while moment.astimezone(zone).replace(tzinfo=None) < midnight:
        moment += MINUTE
    return moment


def label_of(day: date, cadence: Cadence, fiscal_month: int) -> object:
    """Name the period of *day*, so that neighbouring periods have other names."""
    fiscal_year = day.year if day.month >= fiscal_month else day.year - 1
    months_of_year = [(fiscal_month - 1 + n) % 12 + 1 for n in range(12)]
    labels: dict[Cadence, Callable[[], object]] = {
        Cadence.DAILY: lambda: day,
        Cadence.WEEKLY: lambda: tuple(day.isocalendar())[:2],
        Cadence.MONTHLY: lambda: (day.year, day.month),
        Cadence.QUARTERLY: lambda: (fiscal_year, months_of_year.index(day.month) // 3),
        Cadence.ANNUAL: lambda: fiscal_year,
    }
    return labels[cadence]()


def walked_window(
    day: date, zone: ZoneInfo, cadence: Cadence, fiscal_month: int
) -> Window:
    """Walk the days back and forth from *day* to where the period's name changes."""
    label = label_of(day, cadence, fiscal_month)
    first = after = day
    while label_of(first - DAY, cadence, fiscal_month) == label:
        first -= DAY
    while label_of(after, cadence, fiscal_month) == label:
        after += DAY
    return Window(first_minute_of(first, zone), first_minute_of(after, zone))


@settings(max_examples=150, deadline=None)
@given(zoned_moments, calendars)
def test_a_window_is_what_walking_the_days_finds(
    zoned: tuple[str, datetime], kind: tuple[Cadence, int]
) -> None:
    zone, moment = ZoneInfo(zoned[0]), zoned[1]

    found = Calendar(kind[0], zone, kind[1]).window_at(moment)

    assert found is not None
    assert moment in found
    assert found == walked_window(day_of(moment, zone), zone, *kind)


@settings(max_examples=200, deadline=None)
@given(zoned_moments, calendars)
def test_windows_tile_time(
    zoned: tuple[str, datetime], kind: tuple[Cadence, int]
) -> None:
    calendar = Calendar(kind[0], ZoneInfo(zoned[0]), kind[1])

    one = calendar.window_at(zoned[1])

    assert one is not None
    two = calendar.following(one)
    assert two is not None
    assert one.end == two.start
    assert calendar.window_at(one.start) == one
    assert calendar.window_at(one.end - INSTANT) == one
    assert calendar.window_at(one.end) == two
    assert list(calendar.windows(one.start, two.end)) == [one, two]


@settings(max_examples=150, deadline=None)
@given(zoned_moments)
def test_a_day_begins_when_clocks_first_show_it(zoned: tuple[str, datetime]) -> None:
    zone = ZoneInfo(zoned[0])
    day = zoned[1].date()

    assert start_of(day, zone) == first_minute_of(day, zone)


@pytest.mark.parametrize(("name", "day"), ODD_DAYS)
def test_odd_days_begin_when_clocks_first_show_them(name: str, day: date) -> None:
    zone = ZoneInfo(name)

    for candidate in (day - DAY, day, day + DAY):
        assert start_of(candidate, zone) == first_minute_of(candidate, zone)


@settings(max_examples=200, deadline=None)
@given(zoned_moments)
def test_a_moment_is_counted_to_the_day_that_has_begun(
    zoned: tuple[str, datetime],
) -> None:
    zone = ZoneInfo(zoned[0])

    day = day_of(zoned[1], zone)

    assert start_of(day, zone) <= zoned[1] < end_of(day, zone)
    assert day - zoned[1].astimezone(zone).date() in (timedelta(0), DAY)


@settings(max_examples=200, deadline=None)
@given(zoned_moments)
def test_an_hour_is_what_walking_the_minutes_finds(
    zoned: tuple[str, datetime],
) -> None:
    zone, moment = ZoneInfo(zoned[0]), zoned[1].replace(second=0, microsecond=0)

    def shown(minute: datetime) -> tuple[object, ...]:
        local = minute.astimezone(zone)
        return local.date(), local.hour, local.utcoffset()

    start, end = moment, moment + MINUTE
    while shown(start - MINUTE) == shown(moment):
        start -= MINUTE
    while shown(end) == shown(moment):
        end += MINUTE

    assert Calendar(Cadence.DAILY, zone).hour_at(zoned[1]) == Window(start, end)


@settings(max_examples=200, deadline=None)
@given(zoned_moments)
def test_hours_tile_time_and_days(zoned: tuple[str, datetime]) -> None:
    calendar = Calendar(Cadence.DAILY, ZoneInfo(zoned[0]))

    hour = calendar.hour_at(zoned[1])

    assert zoned[1] in hour
    assert calendar.hour_at(hour.start) == hour
    assert calendar.hour_at(hour.end).start == hour.end
    assert calendar.day_of(hour.start) == calendar.day_of(hour.end - INSTANT)


@pytest.mark.parametrize(
    ("name", "day", "start"),
    [
        ("America/New_York", date(2026, 3, 8), "2026-03-08T05:00"),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00"),
        ("America/Havana", date(2019, 11, 3), "2019-11-03T04:00"),
        ("Asia/Beirut", date(2022, 3, 27), "2022-03-26T22:00"),
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-29T10:00"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00"),
        ("America/Toronto", date(1919, 3, 31), "1919-03-31T04:30"),
    ],
    ids=[
        "midnight as usual",
        "no midnight, 01:00 instead",
        "two midnights, the first",
        "no midnight in Lebanon",
        "the day before the skipped one",
        "a skipped day is empty",
        "the day after the skipped one",
        "a gap that begins before midnight",
    ],
)
def test_a_day_begins(name: str, day: date, start: str) -> None:
    assert Calendar(Cadence.DAILY, ZoneInfo(name)).day_start(day) == utc(start)


def test_the_day_that_samoa_skipped_has_no_window() -> None:
    calendar = Calendar(Cadence.DAILY, ZoneInfo("Pacific/Apia"))

    days = [
        calendar.day_of(found.start)
        for found in calendar.windows(utc("2011-12-29T12:00"), utc("2011-12-31T12:00"))
    ]

    assert days == [date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]


def test_a_day_that_has_begun_goes_on_when_clocks_go_back_over_midnight() -> None:
    zone = ZoneInfo("America/St_Johns")
    again_the_day_before = utc("2010-11-07T03:00")

    assert again_the_day_before.astimezone(zone).date() == date(2010, 11, 6)
    assert day_of(again_the_day_before, zone) == date(2010, 11, 7)


@pytest.mark.parametrize(
    ("cadence", "fiscal_month", "expected"),
    [
        (Cadence.DAILY, 1, window("2024-02-29", "2024-03-01")),
        (Cadence.WEEKLY, 1, window("2024-02-26", "2024-03-04")),
        (Cadence.MONTHLY, 5, window("2024-02-01", "2024-03-01")),
        (Cadence.QUARTERLY, 1, window("2024-01-01", "2024-04-01")),
        (Cadence.QUARTERLY, 2, window("2024-02-01", "2024-05-01")),
        (Cadence.QUARTERLY, 3, window("2023-12-01", "2024-03-01")),
        (Cadence.ANNUAL, 1, window("2024-01-01", "2025-01-01")),
        (Cadence.ANNUAL, 2, window("2024-02-01", "2025-02-01")),
        (Cadence.ANNUAL, 3, window("2023-03-01", "2024-03-01")),
        (Cadence.ANNUAL, 12, window("2023-12-01", "2024-12-01")),
    ],
)
def test_a_leap_day_falls_into(
    cadence: Cadence, fiscal_month: int, expected: Window
) -> None:
    calendar = Calendar(cadence, ZoneInfo("UTC"), fiscal_month)

    assert calendar.window_at(utc("2024-02-29T12:00")) == expected


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        ("2026-03-01T04:59:59.999999", "2026-02-01T05:00"),
        ("2026-03-01T05:00", "2026-03-01T05:00"),
        ("2026-04-01T03:59:59.999999", "2026-03-01T05:00"),
        ("2026-04-01T04:00", "2026-04-01T04:00"),
    ],
    ids=["before", "first instant", "last instant", "first instant after"],
)
def test_a_month_in_new_york_has(moment: str, month: str) -> None:
    calendar = Calendar(Cadence.MONTHLY, ZoneInfo("America/New_York"))

    found = calendar.window_at(utc(moment))

    assert found is not None
    assert found.start == utc(month)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-10T11:59:59", None),
        ("2026-03-10T12:00", window("2026-03-10T12:00", "2026-04-01")),
        ("2026-04-30T23:59", window("2026-04-01", "2026-05-01")),
        ("2026-05-20", window("2026-05-01", "2026-05-20T18:00")),
        ("2026-05-20T18:00", None),
    ],
    ids=["before its life", "first, cut", "whole", "last, cut", "after its life"],
)
def test_the_life_of_a_budget_cuts_its_windows(
    moment: str, expected: Window | None
) -> None:
    starts_at, ends_at = utc("2026-03-10T12:00"), utc("2026-05-20T18:00")
    calendar = Calendar(Cadence.MONTHLY, ZoneInfo("UTC"), 1, starts_at, ends_at)

    assert calendar.window_at(utc(moment)) == expected


def test_windows_stay_within_the_life_of_a_budget() -> None:
    starts_at, ends_at = utc("2026-03-10"), utc("2026-05-01")
    calendar = Calendar(Cadence.MONTHLY, ZoneInfo("UTC"), 1, starts_at, ends_at)

    found = list(calendar.windows(utc("2020-01-01"), utc("2030-01-01")))

    assert found == [
        window("2026-03-10", "2026-04-01"),
        window("2026-04-01", "2026-05-01"),
    ]
    assert calendar.following(found[-1]) is None


def test_no_window_overlaps_no_time() -> None:
    calendar = Calendar(Cadence.MONTHLY, ZoneInfo("UTC"))

    assert list(calendar.windows(utc("2026-03-10"), utc("2026-03-10"))) == []


def test_a_custom_period_is_one_window() -> None:
    starts_at, ends_at = utc("2026-03-10T07:30"), utc("2026-09-01")
    calendar = Calendar(Cadence.CUSTOM, ZoneInfo("Asia/Kolkata"), 4, starts_at, ends_at)

    found = list(calendar.windows(utc("2000-01-01"), utc("2100-01-01")))

    assert found == [Window(starts_at, ends_at)]
    assert calendar.window_at(ends_at) is None


@pytest.mark.parametrize(
    ("name", "moment", "expected"),
    [
        ("UTC", "2026-03-01T10:59:59", window("2026-03-01T10:00", "2026-03-01T11:00")),
        (
            "Asia/Kathmandu",
            "2026-03-01T10:14:59",
            window("2026-03-01T09:15", "2026-03-01T10:15"),
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-04T14:59",
            window("2026-04-04T14:00", "2026-04-04T15:00"),
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-04T15:00",
            window("2026-04-04T15:00", "2026-04-04T15:30"),
        ),
        (
            "Australia/Lord_Howe",
            "2026-10-03T15:45",
            window("2026-10-03T15:30", "2026-10-03T16:00"),
        ),
        (
            "Europe/Berlin",
            "2026-10-25T01:00",
            window("2026-10-25T01:00", "2026-10-25T02:00"),
        ),
    ],
    ids=[
        "whole hours",
        "quarters of an hour",
        "the hour before half of it comes again",
        "the half that comes again",
        "the half that is left of a skipped hour",
        "the second of two hours",
    ],
)
def test_an_hour_is(name: str, moment: str, expected: Window) -> None:
    assert Calendar(Cadence.DAILY, ZoneInfo(name)).hour_at(utc(moment)) == expected


@pytest.mark.parametrize("month", [0, 13])
def test_a_fiscal_year_begins_in_a_month_that_exists(month: int) -> None:
    with pytest.raises(ValueError, match="month 1 to 12"):
        Calendar(Cadence.ANNUAL, ZoneInfo("UTC"), month)


@pytest.mark.parametrize(
    ("starts_at", "ends_at"),
    [(None, None), (utc("2026-01-01"), None), (None, utc("2026-01-01"))],
)
def test_a_custom_period_needs_both_dates(
    starts_at: datetime | None, ends_at: datetime | None
) -> None:
    with pytest.raises(ValueError, match="a start and an end"):
        Calendar(Cadence.CUSTOM, ZoneInfo("UTC"), 1, starts_at, ends_at)


def test_nothing_ends_before_it_starts() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        window("2026-01-02", "2026-01-02")
    with pytest.raises(ValueError, match="ends after it starts"):
        Calendar(
            Cadence.DAILY, ZoneInfo("UTC"), 1, utc("2026-01-02"), utc("2026-01-01")
        )


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        day_of(datetime.fromisoformat("2026-01-01"), ZoneInfo("UTC"))
