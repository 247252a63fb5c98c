"""What scenarios come to: properties of the arithmetic, and what can be assumed."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.assumptions import Assumptions, Swap, read
from forecasts.courses import Interval, Known, course_of
from forecasts.scenarios import ScenarioOutcome, outcome_of
from lib.errors import Invalid
from lib.money import quantize
from tests.sizes import examples

CONFIDENCE, STEPS = 0.95, 10

money = st.decimals(0, 10**6, places=4)
shares = st.decimals(0, 1, places=3)
knowns = st.builds(
    Known,
    days=st.lists(money, min_size=3, max_size=20),
    today=st.just(date(2025, 1, 15)),
    part=st.floats(0, 1),
    spent=money,
    limit=st.none() | money,
)
assumptions = st.builds(
    Assumptions,
    additional_requests=st.integers(0, 10**6),
    average_cost=st.decimals(0, 100, places=10),
    cost_reduction=shares,
    growth=st.decimals(-1, 5, places=3),
    limit=st.none() | money,
)


def outcome(known: Known, assumed: Assumptions, **switched: Decimal) -> ScenarioOutcome:
    return outcome_of(known, STEPS, assumed, confidence=CONFIDENCE, **switched)


@given(knowns)
@settings(max_examples=examples(30, 300))
def test_nothing_assumed_is_the_forecast(known: Known) -> None:
    course = course_of(known, STEPS, confidence=CONFIDENCE)

    found = outcome(known, Assumptions())

    assert found.projected == course.total
    assert (found.probability, found.delta) == (course.probability, 0)
    assert found.recommended == course.recommended


@given(knowns, assumptions, shares)
@settings(max_examples=examples(50, 500))
def test_an_outcome_is_the_rest_multiplied_and_moved_to_the_last_place(
    known: Known, assumed: Assumptions, switched: Decimal
) -> None:
    usual = outcome(known, Assumptions()).projected

    found = outcome(known, assumed, switched=switched)

    def moved(cost: Decimal) -> Decimal:
        left = (cost - known.spent) * (1 + assumed.growth) * switched
        left *= 1 - assumed.cost_reduction
        added = quantize(assumed.additional_requests * assumed.average_cost)
        return known.spent + quantize(left) + added

    assert found.projected == Interval(
        moved(usual.middle), moved(usual.lower), moved(usual.upper)
    )
    assert found.delta == found.projected.middle - usual.middle
    assert found.projected.lower <= found.projected.middle <= found.projected.upper


@given(knowns, assumptions, shares, shares)
@settings(max_examples=examples(50, 500))
def test_the_more_is_saved_the_less_it_comes_to(
    known: Known, assumed: Assumptions, one: Decimal, other: Decimal
) -> None:
    def saving(share: Decimal) -> ScenarioOutcome:
        return outcome(
            known,
            Assumptions(
                assumed.additional_requests,
                assumed.average_cost,
                share,
                assumed.growth,
                limit=assumed.limit,
            ),
        )

    less, more = sorted((one, other))

    assert saving(more).projected.upper <= saving(less).projected.upper
    assert saving(more).projected.middle <= saving(less).projected.middle
    assert (saving(more).probability or 0) <= (saving(less).probability or 0)


@given(knowns, money, money)
@settings(max_examples=examples(30, 300))
def test_a_higher_limit_is_no_likelier_passed(
    known: Known, one: Decimal, other: Decimal
) -> None:
    low, high = (outcome(known, Assumptions(limit=x)) for x in sorted((one, other)))

    assert low.projected == high.projected
    assert low.probability is not None
    assert high.probability is not None
    assert low.probability >= high.probability


@given(assumptions)
@settings(max_examples=examples(50, 500))
def test_what_is_told_of_assumptions_reads_as_them(assumed: Assumptions) -> None:
    told = read(assumed.told())

    assert told.told() == assumed.told()
    assert (told.added, told.factor, told.limit) == (
        assumed.added,
        assumed.factor,
        assumed.limit,
    )


@pytest.mark.parametrize(
    ("given", "swaps"),
    [
        ({"gpt-4o": "gpt-4o-mini"}, [Swap("gpt-4o", "gpt-4o-mini")]),
        (
            {"from": "gpt-4*", "to": "o3", "share": "0.5", "provider": "azure"},
            [Swap("gpt-4*", "o3", "azure", Decimal("0.5"))],
        ),
        (
            [{"from": "a", "to": "b"}, {"from": "c", "to": "b"}],
            [Swap("a", "b"), Swap("c", "b")],
        ),
    ],
)
def test_a_switch_of_models_can_be_written_in_three_ways(
    given: Any, swaps: list[Swap]
) -> None:
    assert read({"modelSwap": given}).model_swap == tuple(swaps)


BAD: list[tuple[Any, str]] = [
    ("as_ever", ""),
    (None, ""),
    ([], ""),
    ({"discount": 0.3}, "discount"),
    ({"costReduction": 30}, "cost_reduction"),
    ({"cost_reduction": True}, "cost_reduction"),
    ({"cost_reduction": "nan"}, "cost_reduction"),
    ({"growth": -1.5}, "growth"),
    ({"growth": [1]}, "growth"),
    ({"growth": "0.00000000001"}, "growth"),
    ({"additional_requests": 10}, "average_cost"),
    ({"average_cost": 10}, "additional_requests"),
    ({"additional_requests": 0.5, "average_cost": 1}, "additional_requests"),
    ({"additional_requests": 1, "average_cost": -1}, "average_cost"),
    ({"limit": "1e400"}, "limit"),
    ({"model_swap": []}, "model_swap"),
    ({"model_swap": "gpt-4o"}, "model_swap"),
    ({"model_swap": {"from": "a"}}, "model_swap"),
    ({"model_swap": {"from": "a", "to": "b", "when": 1}}, "model_swap.when"),
    ({"model_swap": {"from": "a", "to": "b*"}}, "model_swap.to"),
    ({"model_swap": {"from": "a", "to": "b", "share": 2}}, "model_swap.share"),
    ({"model_swap": {"from": 5, "to": "b"}}, "model_swap.from"),
    ({"model_swap": {"a\x00": "b"}}, "model_swap.from"),
]


@pytest.mark.parametrize(("given", "named"), BAD)
def test_what_cannot_be_assumed_is_named(given: Any, named: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(given)

    assert [error.attr for error in refused.value.errors] == [named]


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        read({"growth": "much", "discount": 1})

    assert {error.attr for error in refused.value.errors} == {"growth", "discount"}
