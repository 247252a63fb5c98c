from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.outlooks import LEAST_DAYS, MOST_DAYS, look_ahead
from forecasts.series import ALL_ALIKE, Quiet
from lib.periods import Window


class Known(NamedTuple):
    """What is known of a budget of 3,100 in January 2025, at noon of the 20th."""

    days: tuple[Decimal, ...]
    spent: Decimal = Decimal(1900)
    now: datetime = datetime(2025, 1, 20, 12, tzinfo=UTC)
    limit: Decimal = Decimal(3100)
    window: Window = Window(
        datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    )
    quiet: Quiet = ALL_ALIKE


def days(*costs: float) -> tuple[Decimal, ...]:
    return tuple(Decimal(str(cost)) for cost in costs)


def test_even_days_go_on_to_the_end() -> None:
    outlook = look_ahead(Known(days(*[100] * 28)))

    assert outlook is not None
    assert outlook.projected == 1900 + 1150  # eleven days and a half
    assert outlook.method == "forecast from the last 28 days"


def test_only_the_last_eight_weeks_count() -> None:
    assert look_ahead(Known(days(*[9_000] * 20, *[100] * MOST_DAYS))) == look_ahead(
        Known(days(*[100] * MOST_DAYS))
    )


def test_the_weekdays_that_are_left_count() -> None:
    """Of the eleven days and a half, two are quiet here, three and a half there."""
    here = look_ahead(Known(days(*[100, 100, 100, 100, 100, 10, 10] * 4)))
    there = look_ahead(Known(days(*[10, 10, 100, 100, 100, 100, 100] * 4)))

    assert here is not None
    assert there is not None
    assert here.projected - there.projected == pytest.approx(135, abs=30)


def test_of_two_days_nothing_is_said() -> None:
    assert look_ahead(Known(days(*[900] * (LEAST_DAYS - 1)))) is None
    assert look_ahead(Known(days(*[900] * LEAST_DAYS))) is not None


def test_what_passed_the_limit_is_certain_to() -> None:
    outlook = look_ahead(Known(days(*[100] * 28), spent=Decimal(3101)))

    assert outlook is not None
    assert outlook.probability == 1


def test_refunds_do_not_go_on() -> None:
    outlook = look_ahead(Known(days(*[-100] * 28)))

    assert outlook is not None
    assert outlook.projected == 1900


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=40), st.integers(0, 10**8))
def test_an_outlook_is_in_order(costs: list[int], spent: int) -> None:
    outlook = look_ahead(Known(days(*costs), spent=Decimal(spent)))

    assert outlook is not None
    assert spent <= outlook.lower <= outlook.projected <= outlook.upper
    assert 0 <= outlook.probability <= 1
