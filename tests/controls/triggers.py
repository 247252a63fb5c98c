"""Triggers for the server's reader and for the SDK: tables, and any at all.

With a slow reading of the wire form that, but for tags, shares no code with them.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from lib.errors import Invalid
from lib.rules.closures import tag_of
from lib.rules.expressions import Expression

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


def numbers_of(names: Sequence[str]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(names).map(lambda name: {"name": name}),
        st.decimals(0, 50, places=2).map(lambda number: {"number": f"{number:f}"}),
    )


def reckoned(names: Sequence[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        numbers_of(names),
        lambda inner: st.tuples(st.sampled_from("+-*/"), inner, inner).map(list),
    )


def compared_by_size(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    return st.tuples(signs, numbers, numbers).map(list)


def joined(comparisons: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        comparisons,
        lambda inner: st.one_of(
            st.tuples(st.just("not"), inner).map(list),
            st.tuples(st.sampled_from(["and", "or"]), inner, inner).map(list),
        ),
        max_leaves=6,
    )


words = st.sampled_from(["gpt-4", "dev", "", "a b"])
texts = st.one_of(
    st.sampled_from(TEXTS).map(lambda name: {"name": name}),
    st.just(["tag", "team"]),
    words,
)
word_lists = st.lists(words, min_size=1, max_size=3).map(lambda found: ["list", *found])
of_texts = st.one_of(
    st.tuples(st.sampled_from(["==", "!="]), texts, texts),
    st.tuples(st.sampled_from(["in", "not in"]), texts, word_lists),
    st.tuples(st.sampled_from(["in", "not in"]), words, st.just({"name": "tags"})),
).map(list)
truths = joined(compared_by_size(reckoned(NUMBERS)) | of_texts)
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
        case {"number": shown} | {"name": shown}:
            return str(shown)
        case ["tag", name]:
            return f"tags[{name!r}]"
        case ["not", inner]:
            return f"(not {written(inner)})"
        case ["list", *parts]:
            return f"[{', '.join(map(written, parts))}]"
        case ["abs" | "min" | "max" as name, *parts]:
            return f"{name}({', '.join(map(written, parts))})"
        case [sign, left, right]:
            return f"({written(left)} {sign} {written(right)})"
    raise AssertionError(tree)


def asked(tree: Any, values: Any) -> Any:
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
    word, *parts = tree
    return operation(word, [asked(part, values) for part in parts])


def operation(word: str, parts: list[Any]) -> Any:
    match word, parts:
        case "not", [inner]:
            return None if inner is None else not inner
        case "and", _:
            return False if False in parts else None if None in parts else True
        case "or", _:
            return True if True in parts else None if None in parts else False
        case "abs" | "min" | "max", _:
            known: dict[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max}
            return None if None in parts else known[word](*parts)
        case _, [left, right]:
            return compared(word, left, right)
    raise AssertionError(word)


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


def read_rightly(read: Callable[[str], Expression], tree: Any) -> Expression | None:
    """Return what is read; None where it is rightly refused."""
    try:
        return read(written(tree))
    except Invalid as refusal:
        known = ("the same for every", "for a share", "At most", "within", "more than")
        if not any(each in str(refusal) for each in known):
            raise
        return None
