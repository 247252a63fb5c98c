from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from lib.errors import Invalid
from lib.query_params import listed, moment_of, range_of, truth, whole_number

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01",
        "2025-01-01T00:00:00",
        "2025-01-01T00:00:00Z",
        "2025-01-01T01:00:00+01:00",
        "2025-01-01T01:00:00 01:00",
        "2025-01-01 00:00",
        "2024-12-31T19:00:00-0500",
    ],
)
def test_moments(text: str) -> None:
    assert moment_of(text, "at") == NEW_YEAR


@pytest.mark.parametrize(
    "text",
    ["", "now", "2025-02-29", "1899-12-31", "2200-01-01", "0001-01-01T00:00+23:00"],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        moment_of(text, "at")

    assert refused.value.errors[0].attr == "at"


def test_bare_dates_are_whole_days_of_the_zone() -> None:
    query = {"start_date": "2025-03-30", "end_date": "2025-03-30"}

    start, end = range_of(query, zone=ZoneInfo("Europe/Berlin"))

    assert start == datetime(2025, 3, 29, 23, tzinfo=UTC)
    assert end == datetime(2025, 3, 30, 22, tzinfo=UTC)


def test_an_open_range_is_open() -> None:
    assert range_of({"start_date": "", "end_date": ""}) == (None, None)


def test_lists_have_each_value_once() -> None:
    assert listed(" b,a,,b") == ["b", "a"]
    assert listed(None) == []


@pytest.mark.parametrize("text", ["0", "11", "-1", "1.0", "", "٣", "9" * 5_000])
def test_numbers_have_bounds(text: str) -> None:
    with pytest.raises(Invalid):
        whole_number(text, "limit", least=1, most=10)


def test_truth_is_yes_or_no() -> None:
    assert truth("true", "x")
    assert not truth(None, "x")
    with pytest.raises(Invalid):
        truth("maybe", "x")
