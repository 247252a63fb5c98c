"""The course that spend is forecast to take."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.courses import Known, course_of, ends_of
from tests.forecasts.weeks import weekly
from tests.sizes import examples

TODAY = date(2026, 11, 16)
DAYS = tuple(Decimal(str(round(day, 2))) for day in weekly(8))


KNOWN = Known(DAYS, TODAY, part=0.5, spent=Decimal(900), limit=Decimal(1600))

costs = st.decimals(0, 10_000, places=2)


@settings(max_examples=examples(40, 1_000), deadline=None)
@given(
    days=st.lists(costs, min_size=3, max_size=60),
    limit=st.decimals(0, 200_000, places=2),
    steps=st.integers(1, 40),
)
def test_the_limit_is_passed_no_sooner_than_earliest_and_no_later_than_latest(
    days: list[Decimal], limit: Decimal, steps: int
) -> None:
    passing = course_of(
        replace(KNOWN, days=days, limit=limit), steps, confidence=0.8
    ).passing

    never = TODAY + timedelta(days=steps)
    order = [passing.earliest, passing.expected, passing.latest]
    assert [day or never for day in order] == sorted(day or never for day in order)


def test_surer_is_wider() -> None:
    sure = course_of(KNOWN, 15, confidence=0.95).passing
    less = course_of(KNOWN, 15, confidence=0.5).passing

    assert (sure.earliest, less.earliest) == (date(2026, 11, 23), date(2026, 11, 24))
    assert (sure.latest, less.latest) == (date(2026, 11, 26), date(2026, 11, 25))
    assert sure.expected == less.expected == date(2026, 11, 24)


def test_what_is_passed_already_is_passed_today() -> None:
    passing = course_of(replace(KNOWN, limit=Decimal(800)), 5, confidence=0.8).passing

    assert {passing.earliest, passing.expected, passing.latest} == {TODAY}


@settings(max_examples=examples(25, 500), deadline=None)
@given(
    days=st.lists(costs, min_size=3, max_size=60),
    steps=st.integers(1, 400),
    most=st.integers(1, 40),
)
def test_the_ends_of_days_rise_to_the_total(
    days: list[Decimal], steps: int, most: int
) -> None:
    past = replace(KNOWN, days=days)

    ends = ends_of(past, steps, confidence=0.8, most=most)

    assert len(ends) <= most
    assert ends[-1] == (
        TODAY + timedelta(days=steps - 1),
        course_of(past, steps, confidence=0.8).total,
    )
    for (before, low), (after, high) in pairwise(ends):
        assert before < after
        assert low.lower <= high.lower
        assert low.middle <= high.middle
        assert low.upper <= high.upper
