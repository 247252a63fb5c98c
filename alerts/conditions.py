"""Conditions that people write: `spending_rate > projected_rate * 1.2`.

Pure. A condition compares the numbers that its type of rule knows, in the language that
`lib.rules` reads, with abs(), min() and max().
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any, NoReturn

from lib.errors import Invalid
from lib.money import quantize
from lib.rules import expressions
from lib.rules.closures import FUNCTIONS, Asks
from lib.rules.expressions import Expression
from lib.rules.vocabularies import Name, Vocabulary

_MOST = Decimal(10) ** 15  # a condition may reckon with more, nobody wants to read it
_SPENT = Name("what is spent in the period")
_LIMIT = Name("what may be spent in the period")

# What each type's conditions may name.
NAMES: Mapping[str, Mapping[str, Name]] = {
    "velocity": {
        "spending_rate": Name("money an hour, over the last 24 hours"),
        "projected_rate": Name("money an hour, as the limit allows"),
        "spent": _SPENT,
        "limit": _LIMIT,
        "utilization": Name("the share of the limit that is spent, 0.9 for 90 %"),
        "elapsed": Name("the share of the period that is over, 0.5 for half"),
    },
    "forecast": {
        "projected": Name("what will be spent by the period's end"),
        "probability": Name("how likely the limit is passed, 0.5 for 50 %"),
        "lower": Name("the least that is likely to be spent"),
        "upper": Name("the most that is likely to be spent"),
        "spent": _SPENT,
        "limit": _LIMIT,
    },
    "anomaly": {
        "cost": Name("what the day, or hour, costs"),
        "mean": Name("the mean of those before"),
        "stddev": Name("the standard deviation of those before"),
        "median": Name("the median of those before"),
        "expected": Name("what such a one usually costs"),
        "lower": Name("the least that is usual"),
        "upper": Name("the most that is usual"),
    },
}

EXAMPLES: Mapping[str, str] = {
    "velocity": "spending_rate > projected_rate * 1.2",
    "forecast": "projected > limit * 1.1",
    "anomaly": "cost > mean + 2*stddev",
}


def _no_text(asked: Any) -> NoReturn:
    raise ValueError(f"{asked!r}: conditions compare numbers alone.")


def _vocabulary_of(kind: str) -> Vocabulary:
    names = NAMES[kind]
    asks: dict[str, Callable[[Any], Any]] = {name: itemgetter(name) for name in names}
    return Vocabulary(
        noun="condition",
        subject="budget",
        names=names,
        guide=f"A condition of a {kind} rule compares {', '.join(names)} and numbers, "
        f"with + - * / abs() min() max() and or not; for example: {EXAMPLES[kind]}.",
        asks=Asks(asks, _no_text, _no_text),
        functions=frozenset(FUNCTIONS),
    )


_VOCABULARIES = {kind: _vocabulary_of(kind) for kind in NAMES}


def check(text: str, rule_type: str) -> Expression:
    """Read the condition of a rule of *rule_type*; it is asked of numbers by name.

    Raises:
        Invalid: it can't be read, or names what such rules don't know. The message
            quotes the condition and says what is allowed.
    """
    if rule_type not in NAMES:
        raise Invalid.field(
            "condition",
            f"A {rule_type} rule has a threshold, not a condition; conditions are for "
            f"{', '.join(NAMES)} rules.",
        )
    return _read(rule_type, text)


@lru_cache(maxsize=4_096)
def _read(rule_type: str, text: str) -> Expression:
    return expressions.read(text, _VOCABULARIES[rule_type])


@lru_cache(maxsize=4_096)
def read_saved(text: str, rule_type: str) -> Expression:
    """Read the condition of a rule that was saved: what can't be read never holds."""
    return expressions.read_saved(text, _VOCABULARIES[rule_type])


Compared = tuple[Decimal, Decimal | None]


def compared(
    condition: Expression, numbers: Mapping[str, Decimal], name: str
) -> Compared | None:
    """Return the number called *name* and what it is compared with, if it holds."""
    if not condition.holds(numbers):
        return None
    value, sides = numbers[name], condition.sides(numbers)
    if sides is None or value not in sides:
        return value, None
    left, right = sides
    other = right if left == value else left
    return value, quantize(other) if abs(other) < _MOST else None


def problem_of(text: str, rule_type: str) -> str:
    """Say why the condition of a saved rule can't be read; "": it can, or has none."""
    return read_saved(text, rule_type).problem if text and rule_type in NAMES else ""
