from collections.abc import Sequence
from math import inf, isfinite, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.methods import forecast, forecast_total, probability_exceeded
from tests.forecasts.weeks import weekly
from tests.sizes import examples

MONTH = 30  # days ahead

costs = st.one_of(
    st.just(0.0),
    st.floats(0.01, 1_000),
    st.floats(-1e300, 1e300),
    st.floats(0, 1e-300),
)
histories = st.lists(costs, min_size=1, max_size=40)
usual = st.lists(st.floats(20, 200), min_size=14, max_size=60)
horizons = st.integers(1, 40)
seasons = st.sampled_from([1, 7, 24])


@settings(max_examples=examples(60, 1_000))
@given(histories, horizons, st.sampled_from([0.5, 0.8, 0.95, 0.999]), seasons)
def test_every_history_has_a_finite_forecast_in_order(
    history: list[float], horizon: int, level: float, season: int
) -> None:
    steps = forecast(history, horizon, level, season)
    total = forecast_total(history, horizon, level, season)

    assert [len(one) for one in steps] == [horizon] * 3
    for middle, lower, upper in [*zip(*steps, strict=True), total]:
        assert isfinite(upper)
        assert 0 <= lower <= middle <= upper
    assert 0 <= probability_exceeded(history, horizon, total[0], season) <= 1


@settings(max_examples=examples(30, 300))
@given(usual, horizons)
def test_a_higher_level_is_wider(history: list[float], horizon: int) -> None:
    _, lower, upper = forecast_total(history, horizon, 0.8)
    _, lowest, uppermost = forecast_total(history, horizon, 0.95)

    assert lowest <= lower
    assert upper <= uppermost


@settings(max_examples=examples(30, 300))
@given(usual, horizons, st.floats(1e-6, 1e6))
def test_a_forecast_scales_with_the_money(
    history: list[float], horizon: int, factor: float
) -> None:
    scaled = [cost * factor for cost in history]

    found = forecast_total(scaled, horizon, 0.8)

    expected = [one * factor for one in forecast_total(history, horizon, 0.8)]
    assert found == pytest.approx(expected, rel=1e-6)
    assert probability_exceeded(scaled, horizon, expected[2]) == pytest.approx(
        0.1, abs=1e-4
    )


@settings(max_examples=examples(30, 300))
@given(usual, horizons, st.floats(0, 10), st.floats(0, 10))
def test_more_is_less_likely(
    history: list[float], horizon: int, one: float, other: float
) -> None:
    middle, *_ = forecast_total(history, horizon, 0.8)
    less, more = sorted([one * middle, other * middle])

    assert probability_exceeded(history, horizon, less) >= probability_exceeded(
        history, horizon, more
    )


@settings(max_examples=examples(30, 300))
@given(usual, horizons, st.sampled_from([0.5, 0.8, 0.95]))
def test_probabilities_are_those_of_the_intervals(
    history: list[float], horizon: int, level: float
) -> None:
    middle, lower, upper = forecast_total(history, horizon, level)

    def above(limit: float) -> float:
        return probability_exceeded(history, horizon, limit)

    assert above(middle) == pytest.approx(0.5)
    assert above(upper) == pytest.approx((1 - level) / 2)
    assert lower == 0 or above(lower) == pytest.approx((1 + level) / 2)


@settings(max_examples=examples(30, 300))
@given(usual, horizons)
def test_the_days_add_up_to_the_total(history: list[float], horizon: int) -> None:
    days, lower, upper = forecast(history, horizon, 0.8)
    total, least, most = forecast_total(history, horizon, 0.8)

    assert sum(days) == pytest.approx(total)
    near = 0.03 * total  # of days that are all alike both are as narrow as they get
    assert sum(lower) <= least + near or horizon < 7
    assert most <= sum(upper) + near or horizon < 7


def test_where_nothing_was_spent_nothing_is_expected() -> None:
    assert forecast([0] * 30, 2, 0.8) == ([0, 0], [0, 0], [0, 0])
    assert forecast_total([0] * 30, 2, 0.8) == (0, 0, 0)
    assert probability_exceeded([0] * 30, 2, 0) == 0
    assert probability_exceeded([0] * 30, 2, -1) == 1


def test_what_is_spent_evenly_goes_on() -> None:
    middle, lower, upper = forecast_total([100] * 60, MONTH, 0.8)

    assert middle == pytest.approx(3_000)
    assert 2_800 < lower < upper < 3_200


def test_weekdays_keep_their_shares() -> None:
    days, *_ = forecast(weekly(8), 14, 0.8)

    assert days == pytest.approx(weekly(2), abs=10)


def test_a_burst_is_no_level() -> None:
    calm, burst = weekly(8), weekly(8)
    burst[-10] *= 20

    assert month_of(burst) == pytest.approx(month_of(calm), rel=0.2)


def test_a_new_level_is_taken_up() -> None:
    shifted = [*weekly(8), *weekly(2, level=300)]

    assert month_of(shifted) == pytest.approx(3 * month_of(weekly(8)), rel=0.2)


def test_growth_goes_on_a_while() -> None:
    growing = [cost * 1.02**day for day, cost in enumerate(weekly(12))]

    assert month_of(growing) > sum(growing[-MONTH:]) * 1.2


def test_a_longer_history_is_surer() -> None:
    def width(weeks: int, level: float = 0.8) -> float:
        middle, lower, upper = forecast_total(weekly(weeks), MONTH, level)
        return (upper - lower) / middle

    def tails(weeks: int) -> float:
        return width(weeks, 0.95) / width(weeks)

    assert width(12) < width(4) < width(1)
    assert tails(12) < tails(4) < tails(1)


def test_a_refund_is_taken_off_the_days_before_it() -> None:
    booked = [*[10.0] * 20, 25.0, -20.0, *[10.0] * 8]
    meant = [*[10.0] * 20, 5.0, 0.0, *[10.0] * 8]

    assert month_of(booked) == pytest.approx(month_of(meant))


def test_hours_have_a_season_of_a_day() -> None:
    day = [1.0] * 8 + [9.0] * 10 + [2.0] * 6

    hours, *_ = forecast(day * 7, 24, 0.8, season=24)

    assert hours == pytest.approx(day, rel=0.15)


@pytest.mark.parametrize(
    ("history", "horizon", "level", "season", "named"),
    [
        ([], 1, 0.8, 7, "history"),
        ([1.0, nan, 1.0], 1, 0.8, 7, r"history\[-2\]"),
        ([1.0, inf], 1, 0.8, 7, r"history\[-1\]"),
        ([1.0], 0, 0.8, 7, "horizon"),
        ([1.0], 1, 1.0, 7, "level"),
        ([1.0], 1, 0.0, 7, "level"),
        ([1.0], 1, 0.8, 0, "season"),
    ],
    ids=["empty", "nan", "infinite", "horizon", "certain", "never", "season"],
)
def test_what_cannot_be_is_named(
    history: Sequence[float], horizon: int, level: float, season: int, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        forecast(history, horizon, level, season)


def test_a_limit_is_a_number() -> None:
    with pytest.raises(ValueError, match="limit"):
        probability_exceeded([1.0], 1, nan)


def month_of(history: Sequence[float]) -> float:
    return forecast_total(history, MONTH, 0.8)[0]
