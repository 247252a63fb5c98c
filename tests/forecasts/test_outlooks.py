from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from forecasts.outlooks import LEAST_DAYS, run_rate
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


def days(*costs: float) -> tuple[Decimal, ...]:
    return tuple(Decimal(str(cost)) for cost in costs)


def test_the_run_rate_goes_on_to_the_end() -> None:
    outlook = run_rate(Known(days(*[100] * 28)))

    assert outlook is not None
    assert outlook.projected == 1900 + 1150  # eleven days and a half
    assert outlook.method == "run rate of the last 28 days"


def test_only_the_last_four_weeks_count() -> None:
    assert run_rate(Known(days(*[9_000] * 20, *[100] * 28))) == run_rate(
        Known(days(*[100] * 28))
    )


def test_of_two_days_nothing_is_said() -> None:
    assert run_rate(Known(days(*[900] * (LEAST_DAYS - 1)))) is None
    assert run_rate(Known(days(*[900] * LEAST_DAYS))) is not None


def test_what_passed_the_limit_is_certain_to() -> None:
    outlook = run_rate(Known(days(*[100] * 28), spent=Decimal(3101)))

    assert outlook is not None
    assert outlook.probability == 1


def test_refunds_do_not_go_on() -> None:
    outlook = run_rate(Known(days(*[-100] * 28)))

    assert outlook is not None
    assert outlook.projected == 1900


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=40), st.integers(0, 10**8))
def test_an_outlook_is_in_order(costs: list[int], spent: int) -> None:
    outlook = run_rate(Known(days(*costs), spent=Decimal(spent)))

    assert outlook is not None
    assert spent <= outlook.lower <= outlook.projected <= outlook.upper
    assert 0 <= outlook.probability <= 1
