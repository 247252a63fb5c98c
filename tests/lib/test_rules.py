"""The language of rules: whatever is written, it ends as an expression or a refusal."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts import conditions
from controls import expressions
from lib.errors import Invalid
from lib.rules.closures import DEEPEST, compiled
from lib.rules.expressions import LONGEST, Expression
from lib.rules.reader import LONGEST_TEXT, MOST_PARTS
from tests.databases import ROOT

Read = Callable[[str], Expression]


def condition(text: str) -> Expression:
    return conditions.check(text, "velocity")


LANGUAGES = pytest.mark.parametrize(
    ("read", "field"), [(expressions.read, "trigger"), (condition, "condition")]
)
NUMBERS = [*conditions.NAMES["velocity"], "hour", "budget_percentage"]

# -- Anything at all

WORDS = """and or not in is if else lambda for always abs max x ( ) [ ] { } , : . < > =
+ - * / % ~ @ # \\ & | ^ " ' <= >= == != ** // := 0 1 0.9 1e308 1e999 1e-999999999 0x1F
1_0 1j ... "a" '\\ud800' "\\x00" f"{hour}" b"x" None True"""
NAMED = [*expressions.NAMES, *conditions.NAMES["velocity"]]
words = st.sampled_from([*WORDS.split(), *NAMED, "not in", "\n", "\t"])
written = st.lists(words, max_size=60).map(" ".join) | st.lists(words).map("".join)
garbage = st.text(max_size=600) | st.binary(max_size=600).map(
    lambda found: found.decode("utf-8", "surrogateescape")
)
deep = st.tuples(
    st.sampled_from(["(", "-", "not ", "[", "+", "abs(", "1+", "hour<", "(hour>1)or"]),
    st.integers(1, 600),
    st.sampled_from(["hour", "hour > 1", "spent", "spent > 1"]),
    st.sampled_from(["", ")", "]"]),
).map(lambda one: f"{one[0] * one[1]}{one[2]}{one[3] * one[1]}")
anything = written | garbage | deep


@LANGUAGES
@given(text=anything)
@example("spent>" + "-" * 489 + "spent")
@example('model == "\\ud800"')
@example("spent > 1e999999999")
@example("spent > 1e-99999999999999999999")
def test_whatever_is_written_is_read_or_refused_by_name(
    read: Read, field: str, text: str
) -> None:
    began = time.process_time()

    try:
        found = read(text)
    except Invalid as refusal:
        (error,) = refusal.errors
        assert error.attr == field
        assert error.detail.encode()  # it can be sent
    else:
        assert found.text == text.strip()
    assert time.process_time() - began < 0.5


amounts = st.none() | st.integers(-(10**12), 10**12) | st.decimals(allow_nan=False)
texts = st.none() | st.text(max_size=20)
facts_of_a_call = st.fixed_dictionaries(
    {
        name: st.none() | st.lists(st.text()) | st.dictionaries(st.text(), st.text())
        if name == "tags"
        else texts
        if known.kind == "text"
        else amounts
        for name, known in expressions.NAMES.items()
    }
)
sound = st.sampled_from(
    [
        "budget_percentage >= 0.9 and spent / limit > 1",
        "spent * spent * spent * 9e14 > -limit / (hour - minute)",
        "not (spent + limit - remaining / 3 == estimated_cost)",
        'model in ("gpt-4*", "o1") or user != "Ada" and provider == model',
        'tags["team"] == "ml" or "x" in tags or model not in tags',
        'time < "18:00" or time >= time',
    ]
)


@given(sound, facts_of_a_call)
def test_asking_raises_nothing_whatever_the_facts(
    text: str, facts: dict[str, Any]
) -> None:
    assert expressions.read(text).holds(facts) in {True, False}


@given(
    st.sampled_from(
        [
            "spent / limit > elapsed",
            "max(spent, -limit * 9e14) >= abs(utilization / 0)",
            "min(spent * spent, limit, 1) != spent - spent",
        ]
    ),
    st.fixed_dictionaries(
        dict.fromkeys(conditions.NAMES["velocity"], st.decimals(allow_nan=False))
    ),
)
def test_a_condition_raises_nothing_either(text: str, facts: dict[str, Any]) -> None:
    read = condition(text)

    assert read.holds(facts) in {True, False}
    assert read.sides(facts) is None or len(read.sides(facts) or ()) == 2


# -- How much of it


@LANGUAGES
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("spent > " + "1" * LONGEST, f"At most {LONGEST} characters"),
        ("spent > " + "-" * 400 + "1", "within each other"),
        ("spent > " + "1+" * 45 + "1", "within each other"),
        ("1<spent" + "<1" * MOST_PARTS, f"more than {MOST_PARTS} names"),
        ("spent > " + "(" * 400, "can't be read at character"),
        ("spent > 1e999999999", "too large (at “1e999999999”)"),
        ("spent > 1000000000000000", "too large"),
        ("spent > \ud800", "can't be read"),
        ("spent > 1\x00", "can't be read"),
        ("spent >> 1", "(at “spent >> 1”)"),
    ],
)
def test_what_is_too_much_is_refused(
    read: Read, field: str, text: str, told: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(text)

    (error,) = refused.value.errors
    assert (error.attr, told in error.detail) == (field, True), error.detail


@pytest.mark.parametrize(
    "text",
    [
        r'model == "\ud800"',
        r'model in ("gpt-4", "\udfff")',
        r'model == "\x00"',
        r'tags["\ud800"] == "x"',
        r'tags["x"] == "\0"',
        r'"\N{NULL}" in tags',
    ],
)
def test_text_that_no_name_can_be_is_refused_once_it_is_decoded(text: str) -> None:
    with pytest.raises(Invalid, match="half of a pair of characters") as refused:
        expressions.read(text)

    assert refused.value.errors[0].attr == "trigger"


def test_text_in_quotes_has_a_longest() -> None:
    sound = expressions.read(f'model == "{"x" * LONGEST_TEXT}"')

    with pytest.raises(Invalid, match=f"more than {LONGEST_TEXT} characters in quotes"):
        expressions.read(f'model == "{"x" * (LONGEST_TEXT + 1)}"')

    assert sound.models == {"x" * LONGEST_TEXT}


def test_a_name_that_is_nearly_right_is_told_with_what_it_means() -> None:
    with pytest.raises(Invalid, match="budget_percentage is the share of the amount"):
        expressions.read("budget_percent >= 0.9")
    with pytest.raises(Invalid, match="projected_rate is money an hour"):
        condition("projectd_rate > 1")


# -- Numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.1", "0.1"),
        ("123456789012.1234567891", "123456789012.1234567891"),
        ("1_000.5", "1000.5"),
        ("1e3", "1000.0"),
        (".5", "0.5"),
        ("0x1F", "31"),
        ("0.12345678901234567890123", "0.12345678901234567890"),
        ("1e-400", "0.0"),
        ("-5", "-5"),
        ("+5", "5"),
        ("2 * 3 - 0.5", "5.5"),
        ("1 / 4", "0.25"),
    ],
)
def test_a_number_is_exactly_what_is_written(text: str, number: str) -> None:
    assert expressions.read(f"spent > {text}").wire[2] == {"number": number}


# -- Both languages


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("spent / limit > 1 or spent > 5", True),  # what can't be told does not decide
        ("spent / limit > 1 and spent > 5", False),
        ("not spent / limit > 1", False),
        ("1 < spent <= 100 and not (spent == 7 or limit != 0)", True),
        ("(spent - 1) * 2 / 3 >= 66 and +spent > -1", True),
        ("100 == spent # as it was agreed", True),
    ],
)
def test_both_mean_the_same_by_the_same_words(text: str, *, holds: bool) -> None:
    facts = {"spent": Decimal(100), "limit": Decimal(0)}

    assert expressions.read(text).holds(facts) is holds
    assert condition(text).holds(facts) is holds


def test_what_was_saved_and_is_no_rule_any_more_never_holds() -> None:
    trigger = expressions.read_saved(r'not model == "\ud800"')
    saved = conditions.read_saved("spent > " + "-" * 400 + "spent", "velocity")

    assert "half of a pair" in trigger.problem
    assert "within each other" in saved.problem
    for broken in (trigger, saved):
        assert not broken.holds(dict.fromkeys(NUMBERS, Decimal(1)))
        assert (broken.names, broken.models) == (frozenset(), frozenset())


def test_what_is_sound_has_no_problem() -> None:
    assert expressions.read_saved("hour > 5") == expressions.read("hour > 5")
    assert not expressions.read_saved("hour > 5").problem


@pytest.mark.parametrize(
    "form",
    [
        *("x", {"number": "1"}, {"name": "spent"}, [], [[]], ["and"], ["not"], None, 7),
        *(["and", 7], ["nonsense", "x", "x"], ["==", "x"], [">", "x", {"name": "odd"}]),
        *([">", "x", {"number": "NaN"}], [">", "x", {"number": "x"}], ["in", "x", 5]),
        *(["in", "x", ["list", ["list"]]], ["==", ["tag", 5], "x"], ["==", "x", ["+"]]),
        *(["==", ["abs", "x", "x"], "x"], ["==", ["max"], "x"]),
    ],
    ids=str,
)
def test_what_is_no_form_is_not_compiled(form: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        compiled(form, expressions.TRIGGERS.asks)


def test_a_form_has_a_depth() -> None:
    form: Any = ["==", {"number": "1"}, {"number": "1"}]
    for _ in range(DEEPEST):
        form = ["not", form]
    assert compiled(form, expressions.TRIGGERS.asks)({}) is True

    with pytest.raises(ValueError, match=f"More than {DEEPEST}"):
        compiled(["not", form], expressions.TRIGGERS.asks)


def test_the_documentation_has_every_name_as_it_is() -> None:
    page = (ROOT / "docs" / "rules.md").read_text()
    tables = [expressions.NAMES, *conditions.NAMES.values()]
    rows = [
        f"| `{name}` | {one.meaning} |"
        for names in tables
        for name, one in names.items()
    ]

    assert [row for row in rows if row not in page] == []
    for limit in (LONGEST, MOST_PARTS, LONGEST_TEXT):
        assert f" {limit} " in page
