from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.periods import start_of
from reports.feeds.timetables import MOST_MONTHS, DaySpan, Every, Timetable
from tests.sizes import examples

UTC_ZONE = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
TOKYO = ZoneInfo("Asia/Tokyo")
ZONES = sorted(available_timezones())

zones = st.sampled_from(ZONES).map(ZoneInfo)
tables = st.builds(
    lambda every, day, hour, zone, is_local: Timetable(
        every,
        {Every.MONTH: day, Every.WEEK: (day - 1) % 7 + 1, Every.DAY: 1}[every],
        hour,
        zone,
        zone if is_local else UTC_ZONE,
    ),
    st.sampled_from(Every),
    st.integers(1, 31),
    st.integers(0, 23),
    zones,
    st.booleans(),
)
moments = st.datetimes(
    datetime.fromisoformat("2000-01-01"),
    datetime.fromisoformat("2060-01-01"),
    timezones=st.just(UTC),
)


@given(tables, moments)
@settings(max_examples=examples(40, 2_000))
def test_days_follow_one_another_without_gap_or_overlap(
    table: Timetable, moment: datetime
) -> None:
    days = [table.next_on(moment)]
    for _ in range(14):
        days.append(table.following(days[-1]))

    spans = [table.span_of(day) for day in days]

    assert all(one.end == other.first for one, other in pairwise(spans))


@given(tables, moments)
@settings(max_examples=examples(40, 2_000))
def test_it_is_due_once_what_it_tells_of_is_over(
    table: Timetable, moment: datetime
) -> None:
    day = table.next_on(moment)

    at = table.due_at(day)

    assert at > moment
    assert table.span_of(day).window(table.days_in).end <= at
    assert at < start_of(day + timedelta(days=3), table.zone)


@given(tables, moments, st.integers(0, 70))
@settings(max_examples=examples(40, 2_000))
def test_what_was_missed_is_told_once_and_whole(
    table: Timetable, moment: datetime, days_away: int
) -> None:
    since = table.next_on(moment)

    due = table.due(since, moment + timedelta(days=days_away))

    spans = table.spans_of(due)
    assert len(spans) <= (MOST_MONTHS if table.every is Every.MONTH else 1)
    if due:
        assert spans[0].first == table.span_of(due[0]).first
        assert spans[-1].end == table.span_of(due[-1]).end
        assert all(one.end == other.first for one, other in pairwise(spans))


@given(tables, st.dates(date(2000, 1, 1), date(2060, 1, 1)))
@settings(max_examples=examples(40, 2_000))
def test_the_days_around_a_day_are_as_they_would_be_told(
    table: Timetable, day: date
) -> None:
    span = table.span_around(day)

    assert span.first <= day < span.end
    due = table.next_on(start_of(span.end - timedelta(days=3), table.zone))
    while table.span_of(due).end < span.end:
        due = table.following(due)
    assert table.span_of(due) == span


@pytest.mark.parametrize(
    ("on", "at"),
    [
        pytest.param(date(2025, 3, 9), "2025-03-09T07:00", id="hour that is skipped"),
        pytest.param(date(2025, 3, 10), "2025-03-10T06:00", id="in summer"),
        pytest.param(date(2025, 11, 2), "2025-11-02T06:00", id="hour that comes twice"),
        pytest.param(date(2025, 11, 3), "2025-11-03T07:00", id="in winter"),
    ],
)
def test_the_hour_is_one_of_the_organizations_clocks(on: date, at: str) -> None:
    hour = 1 if on.month == 11 and on.day == 2 else 2
    table = Timetable(Every.DAY, 1, hour, NEW_YORK, NEW_YORK)

    assert table.due_at(on) == datetime.fromisoformat(f"{at}+00:00") - timedelta(
        hours=1 if on.day == 2 else 0
    )


@pytest.mark.parametrize(
    ("after", "on", "month"),
    [
        pytest.param("2025-01-30T12:00", date(2025, 1, 31), "2024-12", id="last day"),
        pytest.param(
            "2025-01-31T07:00", date(2025, 2, 28), "2025-01", id="short month"
        ),
        pytest.param("2024-01-31T07:00", date(2024, 2, 29), "2024-01", id="leap year"),
        pytest.param("2025-12-31T07:00", date(2026, 1, 31), "2025-12", id="new year"),
    ],
)
def test_day_31_is_the_last_of_every_month(after: str, on: date, month: str) -> None:
    table = Timetable(Every.MONTH, 31, 6, UTC_ZONE)

    day = table.next_on(datetime.fromisoformat(f"{after}+00:00"))

    assert day == on
    assert table.span_of(day).is_month
    assert f"{table.span_of(day).first:%Y-%m}" == month


def test_a_file_by_days_in_utc_waits_for_their_end() -> None:
    table = Timetable(Every.MONTH, 1, 6, TOKYO)  # 06:00 there is 21:00 the day before

    assert table.due_at(date(2025, 2, 1)) == datetime(2025, 2, 1, tzinfo=UTC)
    assert table.span_of(date(2025, 2, 1)) == DaySpan(
        date(2025, 1, 1), date(2025, 2, 1)
    )


@pytest.mark.parametrize(
    ("every", "day", "words"),
    [
        (Every.DAY, 1, "every day at 06:00"),
        (Every.WEEK, 1, "every Monday at 06:00"),
        (Every.MONTH, 3, "on day 3 of every month at 06:00"),
        (Every.MONTH, 31, "on the last day of every month at 06:00"),
    ],
)
def test_it_is_said_in_words(every: Every, day: int, words: str) -> None:
    assert Timetable(every, day, 6, UTC_ZONE).words == words
