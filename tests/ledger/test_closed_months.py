from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.closed_months import ClosedMonths, month_after, month_of

JANUARY, FEBRUARY, DECEMBER = date(2025, 1, 1), date(2025, 2, 1), date(2024, 12, 1)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("closed", "used", "booked"),
    [
        pytest.param([], at(2025, 1, 5), None, id="nothing is closed"),
        pytest.param([FEBRUARY], at(2025, 1, 31, 23, 59), None, id="another month"),
        pytest.param([JANUARY], at(2025, 2, 1), None, id="the first instant after"),
        pytest.param([JANUARY], at(2025, 1, 1), at(2025, 2, 1, 12), id="its first"),
        pytest.param(
            [JANUARY, FEBRUARY], at(2025, 1, 9), at(2025, 3, 1, 12), id="two closed"
        ),
        pytest.param(
            [DECEMBER], at(2024, 12, 31, 23), at(2025, 1, 1, 12), id="the next year"
        ),
        pytest.param(
            [DECEMBER, FEBRUARY], at(2024, 12, 9), at(2025, 1, 1, 12), id="a gap"
        ),
    ],
)
def test_what_belongs_to_a_closed_month_is_booked_in_the_first_open_one(
    closed: list[date], used: datetime, booked: datetime | None
) -> None:
    assert ClosedMonths(closed).adjustment_of(used) == booked


@given(
    st.sets(st.integers(0, 40), max_size=30),
    st.timedeltas(timedelta(0), timedelta(days=1_000)),
)
def test_an_adjustment_lies_in_the_open_and_after_no_other_open_month(
    places: set[int], since: timedelta
) -> None:
    months = [JANUARY]
    for _ in range(50):
        months.append(month_after(months[-1]))
    closed = {months[place] for place in places}
    used = at(2025, 1, 1) + since

    booked = ClosedMonths(closed).adjustment_of(used) or used

    assert month_of(booked) not in closed
    between = [one for one in months if month_of(used) <= one < month_of(booked)]
    assert set(between) <= closed
