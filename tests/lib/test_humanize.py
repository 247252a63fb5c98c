from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lib.humanize import ahead, clock, lasting

NOON = datetime(2026, 11, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=40), "40 s"),
        (timedelta(minutes=12, seconds=59), "12 min"),
        (timedelta(hours=4), "4 h"),
        (timedelta(hours=3, minutes=40), "3 h 40 min"),
        (timedelta(days=1, hours=23, minutes=59), "47 h 59 min"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_lengths_of_time_are_said_shortly(length: timedelta, words: str) -> None:
    assert lasting(length) == words


def test_what_is_to_come_is_said_from_now_on() -> None:
    assert ahead(NOON + timedelta(minutes=12), NOON) == "in 12 min"
    assert ahead(NOON, NOON) == "now"


def test_minutes_are_of_the_zone() -> None:
    assert clock(NOON, ZoneInfo("Asia/Kolkata")) == "9 Nov 2026, 17:30"
