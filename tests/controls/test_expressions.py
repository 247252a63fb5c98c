"""Triggers: what is read, what it says, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from controls.expressions import read
from lib.errors import Invalid
from lib.rules.closures import tag_of
from lib.rules.expressions import LONGEST
from tests.controls.triggers import (
    FALSE,
    TRUE,
    VALUES,
    asked,
    divides,
    read_rightly,
    truths,
    values_of,
)


@pytest.mark.parametrize("text", TRUE)
def test_a_trigger_holds(text: str) -> None:
    assert read(text).holds(VALUES)


@pytest.mark.parametrize("text", FALSE)
def test_a_trigger_does_not_hold(text: str) -> None:
    assert not read(text).holds(VALUES)


def test_a_trigger_knows_what_it_asks_for() -> None:
    trigger = read('hour > 5 and tags["team"] == model')

    assert trigger.names == {"hour", "tags", "model"}


def test_a_share_is_exact() -> None:
    trigger = read("budget_percentage >= 0.9")
    just_below = Decimal("0.9") - Decimal("1e-25")

    assert not trigger.holds({"budget_percentage": just_below})
    assert trigger.holds({"budget_percentage": Decimal("0.9")})


TAGS: list[tuple[Any, str]] = [
    ({"team": "ml"}, "ml"),
    ({"teams": "ml"}, ""),
    (["team:ml"], "ml"),
    (["team=ml:2"], "ml:2"),
    (["team", "teams:ml"], ""),
    ([], ""),
]


@pytest.mark.parametrize(("tags", "value"), TAGS, ids=str)
def test_a_tag_has_a_value_in_a_list_and_in_an_object(tags: Any, value: str) -> None:
    assert tag_of(tags, "team") == value
    assert read('tags["team"] == "ml"').holds({"tags": tags}) == (value == "ml")


REFUSED: dict[str, str] = {
    "": "can't be read",
    "budget_percentage =": "can't be read",
    "hour > 18 && weekday > 5": "can't be read",
    "hour > 1\x00": "can't be read",
    "hour >\n5": "can't be read",
    "(" * 300: "can't be read",
    "-" * 450 + "1 > hour": "",
    "-" * 50 + "1 > hour": "too much within each other",
    "budget_percentage >= 90": "write 0.9 for 90 %",
    "forecast_probability > 80": "write 0.9 for 90 %",
    "utilization > 1": "names “utilization”",
    'hour > "18"': "compares a number with text",
    "model == 4": "compares text with a number",
    'model < "gpt-4"': "by size",
    'time > "9:00"': "write it as 09:00",
    'time in ("9:00", "10:00")': "write it as 09:00",
    'tags == "x"': "compares tags with text",
    "tags == tags": 'write "x" in tags',
    "tags[1] == 5": "without a name in quotes",
    "5 in tags": "something else than text",
    "hour in ()": "no list",
    "hour in (minute, 5)": "no list",
    'hour in ("a", 5)': "compares a number with text",
    "hour": "compares nothing",
    "hour + 5": "compares nothing",
    "1 == 1": "the same for every call",
    "not always": "the same for every call",
    "hour is 5": "write ==",
    "spent ** 9 > 1": "operator",
    "spent % 9 > 1": "operator",
    "model + user == 'x'": "not a number",
    "hour > 1e15": "too large",
    "hour > 1e400": "too large",
    "hour > True": "neither a number nor text",
    "hour > None": "neither a number nor text",
    "hour > b'x'": "neither a number nor text",
    "abs(hour) > 1": "neither a number nor text",
    "model.upper() == 'X'": "neither a number nor text",
    "__import__('os').system('x')": "compares nothing",
    "hour if hour else day": "compares nothing",
    "lambda: hour > 5": "compares nothing",
    "hour > 5 or " * 50 + "day > 5": f"At most {LONGEST}",
}


@pytest.mark.parametrize(("text", "why"), REFUSED.items(), ids=lambda text: text[:40])
def test_what_is_no_trigger_is_refused(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=r".") as refused:
        read(text)

    (error,) = refused.value.errors
    assert error.attr == "trigger"
    assert why in error.detail


def test_a_refusal_quotes_the_trigger_and_says_what_there_is() -> None:
    with pytest.raises(Invalid) as refused:
        read("budget_percent >= 0.9")

    assert "“budget_percent >= 0.9”" in str(refused.value)
    assert "budget_percentage" in str(refused.value)


# -- Any trigger at all, against a slow reading of its wire form


@given(truths, values_of)
def test_a_trigger_is_what_its_wire_form_says(tree: Any, values: Any) -> None:
    trigger = read_rightly(read, tree)
    if trigger is None:
        return

    assert trigger.holds(values) is (asked(trigger.wire, values) is True)
    if not divides(tree):  # decimals round a third, fractions don't
        assert trigger.holds(values) is (asked(tree, values) is True)
    assert trigger.names <= values.keys()
