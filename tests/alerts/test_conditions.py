from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.conditions import EXAMPLES, NAMES, check
from lib.errors import Invalid
from tests.controls.triggers import (
    asked,
    compared_by_size,
    divides,
    joined,
    read_rightly,
    reckoned,
)

VELOCITY = {
    "spending_rate": Decimal("10.00"),
    "projected_rate": Decimal("8"),
    "spent": Decimal(100),
    "limit": Decimal(0),
    "utilization": Decimal("0.5"),
    "elapsed": Decimal("0.25"),
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_examples_are_sound(kind: str) -> None:
    condition = check(EXAMPLES[kind], kind)

    assert condition.names <= set(NAMES[kind])


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("spending_rate > projected_rate * 1.2", True),
        ("spending_rate > projected_rate * 1.25", False),
        ("spending_rate >= projected_rate * 1.25", True),
        ("spending_rate == 10", True),
        ("projected_rate < spending_rate < 11", True),
        ("not spending_rate > 9 or elapsed > 0.2 and utilization != 1", True),
        ("abs(-spending_rate) > max(projected_rate, 9, 1)", True),
        ("(spent - 1) / 3 == 33", True),
        ("spent / limit > 1", False),  # can't be computed
        (" spending_rate\t>\t1 ", True),
    ],
)
def test_a_condition_is_reckoned_exactly(text: str, holds: bool) -> None:
    assert check(text, "velocity").holds(VELOCITY) is holds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "can't be read"),
        ("spending_rate >", "can't be read"),
        ("spending_rate > 1; limit > 2", "can't be read"),
        ("(" * 300, "can't be read"),
        ("x = 1", "can't be read"),
        ("spending_rate", "compares nothing"),
        ("1", "compares nothing"),
        ("1 > 2", "same for every budget"),
        ("speed > 1", "“speed”"),
        ("cost > 1", "“cost”"),  # an anomaly rule's
        ("spending_rate ** 9 > 1", "operator"),
        ("spending_rate % 9 > 1", "operator"),
        ("spending_rate in [1]", "operator"),
        ("~spending_rate > 1", "operator"),
        ("spending_rate > '9'", "not a number"),
        ("spending_rate > True", "not a number"),
        ("(spending_rate > 1) + 1 > 1", "not a number"),
        ("spending_rate.real > 1", "not a number"),
        ("spending_rate[0] > 1", "not a number"),
        ("[x for x in (1,)] > spending_rate", "not a number"),
        ("spending_rate > 1e999", "too large"),
        ("__import__('os').system('id') > spending_rate", "calls something else"),
        ("exec('1') > spending_rate", "calls something else"),
        ("(lambda: 1)() > spending_rate", "calls something else"),
        ("max(*[1]) > spending_rate", "not a number"),
        ("max(1, key=2) > spending_rate", "calls something else"),
        ("abs(1, 2) > spending_rate", "one number in abs()"),
        ("max(1) > spending_rate", "two or more"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_is_allowed(
    text: str, told: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check(text, "velocity")

    said = str(refused.value)
    assert told in said
    assert text.strip() in said
    assert "spending_rate, projected_rate" in said
    assert refused.value.errors[0].attr == "condition"


def test_a_condition_of_more_than_500_characters_is_refused() -> None:
    with pytest.raises(Invalid, match="500"):
        check("spending_rate > " + "1" * 500, "velocity")


@pytest.mark.parametrize("kind", ["threshold", "spike"])
def test_rules_with_a_threshold_have_no_condition(kind: str) -> None:
    with pytest.raises(Invalid, match=f"A {kind} rule has a threshold"):
        check("spent > 1", kind)


def test_what_a_single_comparison_compares_is_told() -> None:
    simple = check("spending_rate > projected_rate * 1.2", "velocity")
    several = check("spending_rate > 1 and spent > 2", "velocity")

    assert simple.sides(VELOCITY) == (Decimal(10), Decimal("9.6"))
    assert several.sides(VELOCITY) is None
    assert check("spent > 1 / limit", "velocity").sides(VELOCITY) is None


# -- Any condition at all, against a slow reading of its wire form

numbers = st.recursive(
    reckoned(list(NAMES["velocity"])),
    lambda inner: st.one_of(
        st.tuples(st.just("abs"), inner).map(list),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(list),
    ),
    max_leaves=4,
)
amounts = st.decimals(0, 50, places=3)


@given(
    joined(compared_by_size(numbers)),
    st.fixed_dictionaries(dict.fromkeys(NAMES["velocity"], amounts)),
)
def test_a_condition_is_what_its_wire_form_says(tree: Any, values: Any) -> None:
    condition = read_rightly(lambda text: check(text, "velocity"), tree)
    if condition is None:
        return

    assert condition.holds(values) is (asked(condition.wire, values) is True)
    if not divides(tree):  # decimals round a third, fractions don't
        assert condition.holds(values) is (asked(tree, values) is True)
    assert condition.names <= values.keys()
