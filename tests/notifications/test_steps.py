"""Levels laid out in absolute times: delays, opening hours, holidays, repeats."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.steps import (
    Hours,
    LadderStep,
    at_of,
    begun_anew,
    due,
    next_at,
    next_open,
    steps_of,
)

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)
WEEKDAYS = [0, 1, 2, 3, 4]


def level(delay: int, *people: str, **more: Any) -> dict[str, Any]:
    return {"delay": delay, "recipients": list(people), "channels": ["email"], **more}


def office(zone: str = "Europe/Berlin", **more: Any) -> Hours:
    usual = {"from": "09:00", "until": "18:00", "days": WEEKDAYS, "holidays": []}
    return cast("Hours", {**usual, "timezone": zone, **more})


def offsets(steps: list[LadderStep], start: datetime = MONDAY) -> list[tuple[int, int]]:
    return [
        (step["level"], (at_of(step) - start) // timedelta(seconds=1)) for step in steps
    ]


def at_once(**more: Any) -> LadderStep:
    (step,) = steps_of(MONDAY, [level(0, "finance@acme.example")], timezone="UTC")
    return cast("LadderStep", {**step, "level": 0, **more})


def test_delays_are_measured_from_the_start() -> None:
    steps = steps_of(
        MONDAY,
        [level(0, "a"), level(1800, "b"), level(3600, "c")],
        first=[at_once()],
        timezone="UTC",
    )

    assert offsets(steps) == [(0, 0), (1, 0), (2, 1800), (3, 3600)]


def test_levels_that_repeat_wait_after_the_last() -> None:
    steps = steps_of(
        MONDAY,
        [level(0, "a"), level(600, "b")],
        first=[at_once()],
        timezone="UTC",
        repeat=2,
        repeat_after_s=300,
    )

    assert offsets(steps) == [
        *((0, 0), (1, 0), (2, 600)),
        *((1, 900), (2, 1500)),
        *((1, 1800), (2, 2400)),
    ]


def test_what_begins_anew_keeps_what_was_done() -> None:
    steps = steps_of(MONDAY, [level(0, "a"), level(600, "b")], timezone="UTC")
    later = MONDAY + timedelta(hours=2)

    anew = begun_anew(steps, 1, later)
    twice = begun_anew(anew, 2, later + timedelta(hours=1))

    assert offsets(anew) == [(1, 0), (1, 7200), (2, 7800)]
    assert [step["run"] for step in twice] == [0, 1, 2, 2]
    assert offsets(twice)[2:] == [(1, 10800), (2, 11400)]


def test_what_else_a_step_carries_goes_along() -> None:
    first = at_once(usual=True, recipients=["role:lead"])

    steps = steps_of(MONDAY, [], first=[first], timezone="UTC")
    anew = begun_anew(steps, 1, MONDAY + timedelta(hours=1))

    kept = [(step.get("usual"), step["recipients"]) for step in map(dict, anew)]
    assert kept == [(True, ["role:lead"])] * 2


def test_steps_are_due_from_their_very_moment_on() -> None:
    steps = steps_of(MONDAY, [level(0, "a"), level(60, "b")], timezone="UTC")
    just_before = MONDAY + timedelta(seconds=60, microseconds=-1)

    assert due(steps, 0, MONDAY) == 1
    assert due(steps, 1, just_before) == 1
    assert due(steps, 1, MONDAY + timedelta(seconds=60)) == 2
    assert next_at(steps, 1) == MONDAY + timedelta(seconds=60)
    assert next_at(steps, 2) is None


OPENINGS = {
    "within": (office(), "2026-11-02T09:30", "2026-11-02T09:30"),
    "at the opening": (office(), "2026-11-02T08:00", "2026-11-02T08:00"),
    "the last second": (office(), "2026-11-02T16:59:59", "2026-11-02T16:59:59"),
    "at the closing": (office(), "2026-11-02T17:00", "2026-11-03T08:00"),
    "on Friday evening": (office(), "2026-11-06T20:00", "2026-11-09T08:00"),
    "in summer time": (office(), "2026-07-06T03:00", "2026-07-06T07:00"),
    "over the change of clocks": (office(), "2026-10-23T20:00", "2026-10-26T08:00"),
    "far away": (office("Asia/Kolkata"), "2026-11-02T13:00", "2026-11-03T03:30"),
    "on a holiday": (
        office(holidays=["2026-11-03", "2026-11-04"]),
        "2026-11-02T18:00",
        "2026-11-05T08:00",
    ),
    "in a night that began yesterday": (
        office(**{"from": "22:00", "until": "06:00"}),
        "2026-11-03T04:30",
        "2026-11-03T04:30",
    ),
    "after the night of Friday": (
        office(**{"from": "22:00", "until": "06:00"}),
        "2026-11-07T05:30",
        "2026-11-09T21:00",
    ),
    "a whole Saturday": (
        office(days=[5], **{"from": "00:00", "until": "24:00"}),
        "2026-11-02T12:00",
        "2026-11-06T23:00",
    ),
}


@pytest.mark.parametrize(("hours", "at", "opens"), OPENINGS.values(), ids=OPENINGS)
def test_a_level_waits_for_its_hours(hours: Hours, at: str, opens: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)

    found = next_open(moment, hours)

    assert found == datetime.fromisoformat(opens).replace(tzinfo=UTC)


@given(
    minutes=st.integers(0, 60 * 24 * 400),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata"]),
    opens=st.sampled_from(["00:00", "02:30", "09:00", "22:00"]),
    closes=st.sampled_from(["24:00", "03:00", "18:00", "06:00"]),
    days=st.sets(st.integers(0, 6), min_size=1),
)
def test_what_is_found_is_open_and_not_before(
    minutes: int, zone: str, opens: str, closes: str, days: set[int]
) -> None:
    moment = MONDAY + timedelta(minutes=minutes)
    between: dict[str, Any] = {"from": opens, "until": closes}
    hours = office(zone, days=sorted(days), **between)

    found = next_open(moment, hours)

    local = found.astimezone(ZoneInfo(zone))
    assert found >= moment
    assert next_open(found, hours) == found
    # Open on that day, or still since the evening before.
    assert {local.weekday(), (local.weekday() - 1) % 7} & days


def test_levels_have_hours_in_a_zone_of_their_own() -> None:
    hours = {"from": "09:00", "until": "18:00", "days": WEEKDAYS}
    levels = [
        level(0, "a", hours=hours),
        level(0, "b", hours={**hours, "timezone": "America/New_York"}),
        level(0, "c"),
    ]

    steps = steps_of(MONDAY, levels, timezone="Europe/Berlin")

    assert offsets(steps) == [(1, 0), (3, 0), (2, 7200)]
