"""Triggers: what is read, what it says, and what is refused."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.expressions import read
from lib.errors import Invalid
from lib.rules.closures import tag_of
from lib.rules.expressions import LONGEST

NUMBERS = ("budget_percentage", "spent", "hour", "weekday", "estimated_cost")
TEXTS = ("model", "environment", "user")
VALUES: dict[str, Any] = {
    "budget_percentage": Decimal("0.95"),
    "spent": Decimal("19.5"),
    "limit": Decimal(20),
    "remaining": Decimal("0.5"),
    "forecast_probability": None,
    "estimated_cost": Decimal("0.02"),
    "input_tokens": 1000,
    "environment": "development",
    "project": "search",
    "team": "",
    "department": "engineering",
    "user": "ann@acme.example",
    "model": "gpt-4",
    "provider": "openai",
    "tags": ["batch", "team:ml"],
    "hour": 18,
    "minute": 5,
    "weekday": 5,
    "day": 31,
    "month": 1,
    "time": "18:05",
}

TRUE = [
    "budget_percentage >= 0.9",
    "budget_percentage >= 0.95",
    'environment == "development"',
    "environment == 'development'",
    "hour >= 18 or weekday >= 5",
    "9 <= hour < 19",
    'time >= "18:00" and time < "18:06"',
    'model in ("gpt-4", "gpt-4o")',
    'model in ["gpt-4"]',
    'model in ("gpt-4")',
    "weekday in (5, 6)",
    'model not in ("gpt-4o", "o1")',
    '"batch" in tags',
    '"slow" not in tags',
    'not "slow" in tags',
    'tags["team"] == "ml"',
    'tags["project"] != "search"',
    'team == ""',
    "remaining + 19.5 == limit",
    "limit - spent < estimated_cost * 100",
    "-spent < -19.4",
    "spent / 2 == 9.75",
    "spent > 1_9",
    "always",
    "always and hour == 18",
    "  hour == 18  ",
    # What can't be told matters only where it decides.
    "forecast_probability > 0.5 or hour == 18",
    "hour == 18 or forecast_probability > 0.5",
    "not (forecast_probability > 0.5 and hour == 17)",
]
FALSE = [
    "budget_percentage > 0.95",
    'environment == "Development"',
    'time < "18:05"',
    '"team" in tags',
    'tags["team"] == "sales"',
    "forecast_probability > 0.5",
    "not forecast_probability > 0.5",
    "not (forecast_probability > 0.5 and hour == 18)",
    "not (forecast_probability > 0.5 or hour == 17)",
    "forecast_probability > 0.5 and hour == 18",
    "forecast_probability in (1, 0)",
    "forecast_probability - 1 != 5",
    "spent / (hour - 18) > 1",
    "not spent / (hour - 18) > 1",
    "not always or hour == 17",
]


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


numbers = st.one_of(
    st.sampled_from(NUMBERS).map(lambda name: {"name": name}),
    st.decimals(0, 50, places=2).map(lambda number: {"number": f"{number:f}"}),
)
reckoned = st.recursive(
    numbers, lambda inner: st.tuples(st.sampled_from("+-*/"), inner, inner).map(list)
)
words = st.sampled_from(["gpt-4", "dev", "", "a b"])
texts = st.one_of(
    st.sampled_from(TEXTS).map(lambda name: {"name": name}),
    st.just(["tag", "team"]),
    words,
)
word_lists = st.lists(words, min_size=1, max_size=3).map(lambda found: ["list", *found])
comparisons = st.one_of(
    st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), reckoned, reckoned),
    st.tuples(st.sampled_from(["==", "!="]), texts, texts),
    st.tuples(st.sampled_from(["in", "not in"]), texts, word_lists),
    st.tuples(st.sampled_from(["in", "not in"]), words, st.just({"name": "tags"})),
).map(list)
truths: st.SearchStrategy[Any] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner).map(list),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner).map(list),
    ),
    max_leaves=6,
)
amounts = st.none() | st.integers(0, 50) | st.decimals(0, 50, places=3)
values_of = st.fixed_dictionaries(
    {
        **dict.fromkeys(NUMBERS, amounts),
        **dict.fromkeys(TEXTS, st.none() | words),
        "tags": st.lists(words) | st.dictionaries(st.just("team"), words),
    }
)


def written(tree: Any) -> str:
    """Write a wire form as a person would, with all brackets."""
    match tree:
        case str():
            return repr(tree)
        case {"number": number}:
            return str(number)
        case {"name": name}:
            return str(name)
        case ["tag", name]:
            return f"tags[{name!r}]"
        case ["not", inner]:
            return f"(not {written(inner)})"
        case ["list", *parts]:
            return f"[{', '.join(map(written, parts))}]"
        case [sign, left, right]:
            return f"({written(left)} {sign} {written(right)})"
    raise AssertionError(tree)


def asked(tree: Any, values: Any) -> Any:  # noqa: C901 - a line a form
    """Return what a wire form is: None when it can't be told."""
    match tree:
        case str():
            return tree
        case {"number": number}:
            return Fraction(number)
        case {"name": name}:
            known = values[name]
            return Fraction(known) if isinstance(known, int | Decimal) else known
        case ["tag", name]:
            return tag_of(values["tags"], name)
        case ["list", *parts]:
            return parts
        case ["not", inner]:
            found = asked(inner, values)
            return None if found is None else not found
        case ["and", left, right]:
            both = {asked(left, values), asked(right, values)}
            return False if False in both else None if None in both else True
        case ["or", left, right]:
            return asked(["not", ["and", ["not", left], ["not", right]]], values)
        case [sign, left, right]:
            return compared(sign, asked(left, values), asked(right, values))
    raise AssertionError(tree)


def compared(sign: str, left: Any, right: Any) -> Any:
    if left is None or right is None or (sign == "/" and right == 0):
        return None
    reckon: dict[str, Callable[[], Any]] = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
        "==": lambda: left == right,
        "!=": lambda: left != right,
        "in": lambda: left in right,
        "not in": lambda: left not in right,
    }
    return reckon[sign]()


def divides(tree: Any) -> bool:
    return isinstance(tree, list) and (tree[0] == "/" or any(map(divides, tree)))


@given(truths, values_of)
def test_a_trigger_is_what_its_wire_form_says(tree: Any, values: Any) -> None:
    text = written(tree)
    try:
        trigger = read(text)
    except Invalid as refusal:
        assert refused_rightly(str(refusal))  # noqa: PT017 - only some are refused
        return

    assert trigger.holds(values) is (asked(trigger.wire, values) is True)
    if not divides(tree):  # decimals round a third, fractions don't
        assert trigger.holds(values) is (asked(tree, values) is True)
    assert trigger.names <= values.keys()


def refused_rightly(why: str) -> bool:
    known = ("the same for every call", "for a share", "At most", "within")
    return any(each in why for each in known)
