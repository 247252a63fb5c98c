from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.detectors import HOURS, SEASON, WARM_UP, Band, usual_of
from tests.forecasts.weeks import weekly


def band_of(history: Sequence[float]) -> Band:
    usual = usual_of(history)
    assert usual is not None
    return usual.band()


@given(
    st.lists(st.integers(-(10**4), 10**6), min_size=WARM_UP, max_size=70),
    st.integers(1, 50),
)
def test_a_band_scales_with_the_money(costs: list[int], factor: int) -> None:
    one = band_of(costs)
    other = band_of([cost * factor for cost in costs])

    assert one.lower <= one.expected <= one.upper
    assert other.upper == pytest.approx(one.upper * factor, rel=1e-6, abs=1e-3)


def test_a_jump_is_told_once_and_then_is_the_new_level() -> None:
    costs = [*weekly(6), *weekly(5, level=180)]
    scores = []
    for place in range(42, len(costs)):
        scores.append(band_of(costs[:place]).score(costs[place]))

    assert scores[0] > 1
    assert max(scores[14:]) < 1


def test_too_short_a_history_says_nothing() -> None:
    assert usual_of([100.0] * (WARM_UP - 1)) is None
    assert usual_of([100.0] * WARM_UP) is not None


def test_each_weekday_has_its_share() -> None:
    usual = usual_of(weekly(8))

    assert usual is not None
    monday, saturday = usual.band(), usual.band(ahead=5)
    assert saturday.expected < monday.expected / 2
    assert usual.band(ahead=SEASON) == monday


def test_hours_go_by_the_last_day() -> None:
    hours = [20.0] * 24 + [3.0, 4.0, 5.0] * 8
    usual = usual_of(hours, pace=HOURS)

    assert usual is not None
    band = usual.band()
    assert band.expected == pytest.approx(4)
    assert band.score(20) < 1 < band.score(40)


def test_within_the_least_nothing_is_unusual() -> None:
    usual = usual_of([0.01] * WARM_UP)

    assert usual is not None
    band = usual.band(least=1.0)
    assert (band.lower, band.upper) == pytest.approx((-0.99, 1.01))


def test_a_wider_band_scores_lower() -> None:
    usual = usual_of(weekly(8))

    assert usual is not None
    assert usual.band(width=2.0).score(300) < usual.band().score(300)


@pytest.mark.parametrize(("cost", "score"), [(10, 0), (20, 1), (5, 1), (30, 2), (0, 2)])
def test_a_score_is_one_at_an_edge(cost: float, score: float) -> None:
    assert Band(expected=10, lower=5, upper=20).score(cost) == score


def test_where_the_band_has_no_width_nothing_is_far() -> None:
    assert Band(expected=0, lower=0, upper=0).score(7) == 0
