from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.quiet_hours import MailWish, earliest, is_together

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = (time(22), time(7))
SIESTA = (time(13), time(15))


def utc(hour: int, minute: int = 0, *, day: int = 15) -> datetime:
    return datetime(2025, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(utc(21, 59), utc(21, 59), id="before the night"),
        pytest.param(utc(22), utc(7, day=16), id="its first instant"),
        pytest.param(utc(0), utc(7), id="midnight"),
        pytest.param(utc(6, 59), utc(7), id="its last minute"),
        pytest.param(utc(7), utc(7), id="the first instant after"),
    ],
)
def test_the_night_is_kept_quiet(at: datetime, expected: datetime) -> None:
    assert earliest(MailWish(ZoneInfo("UTC"), quiet=NIGHT), "warning", at) == expected


def test_quiet_hours_are_those_of_the_persons_zone() -> None:
    wish = MailWish(NEW_YORK, quiet=SIESTA)

    assert earliest(wish, "warning", utc(18, 30)) == utc(20)  # 13:30 there
    assert earliest(wish, "warning", utc(13, 30)) == utc(13, 30)


def test_quiet_hours_that_end_in_the_hour_that_is_skipped_do_end() -> None:
    wish = MailWish(NEW_YORK, quiet=(time(22), time(2, 30)))
    at = datetime(2025, 3, 9, 6, tzinfo=UTC)  # 01:00; at 02:00 clocks go to 03:00

    assert earliest(wish, "warning", at) == datetime(2025, 3, 9, 7, 30, tzinfo=UTC)


def test_critical_is_told_at_once_unless_that_is_off() -> None:
    wish = MailWish(ZoneInfo("UTC"), digest="daily", quiet=NIGHT)
    off = MailWish(ZoneInfo("UTC"), digest="daily", quiet=NIGHT, critical_at_once=False)

    assert earliest(wish, "critical", utc(23)) == utc(23)
    assert earliest(off, "critical", utc(23)) == utc(8, day=16)
    assert not is_together(wish, "critical")
    assert is_together(off, "critical")


@pytest.mark.parametrize(
    ("digest", "at", "expected"),
    [
        ("none", utc(9, 20), utc(9, 20)),
        ("hourly", utc(9, 20), utc(10)),
        ("hourly", utc(9), utc(9)),
        ("daily", utc(7, 59), utc(8)),
        ("daily", utc(8, 1), utc(8, day=16)),
    ],
)
def test_a_digest_waits_for_its_time(
    digest: str, at: datetime, expected: datetime
) -> None:
    wish = MailWish(ZoneInfo("UTC"), digest=digest)

    assert earliest(wish, "warning", at) == expected
    assert is_together(wish, "warning") == (digest != "none")


def test_a_digest_waits_for_the_end_of_quiet_hours() -> None:
    wish = MailWish(ZoneInfo("UTC"), digest="hourly", quiet=NIGHT)

    assert earliest(wish, "info", utc(23, 20)) == utc(7, day=16)


@given(
    at=st.datetimes(
        datetime.fromisoformat("2024-01-01"),
        datetime.fromisoformat("2026-01-01"),
        timezones=st.just(UTC),
    ),
    zone=st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]),
    begins=st.times(),
    ends=st.times(),
    digest=st.sampled_from(["none", "hourly", "daily"]),
)
def test_waiting_has_an_end_and_is_done_once(
    at: datetime, zone: str, begins: time, ends: time, digest: str
) -> None:
    wish = MailWish(ZoneInfo(zone), digest=digest, quiet=(begins, ends))

    told = earliest(wish, "warning", at)

    assert 0 <= (told - at).total_seconds() <= 2 * 25 * 3600
    assert earliest(MailWish(ZoneInfo(zone), quiet=(begins, ends)), "x", told) == told
