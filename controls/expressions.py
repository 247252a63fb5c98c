"""Triggers that people write: `budget_percentage >= 0.9 and environment != "prod"`.

Pure. A trigger compares what is known of a call, of the budget and of the clock with
numbers and text: < <= > >= == !=, in and not in, + - * /, and, or, not. Nothing else
is read, so nothing else can be done. It is compiled once, for it is asked at every
call, and has a form in JSON (`wire`) by which clients ask it themselves.

A model, provider or person that is compared with text in quotes is meant under all its
names, as `ledger.identity` has them: `model == "gpt-4o"` holds for every version of it,
one with a date for that version, one with * at its end for those the pattern reaches.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn

from controls.parts import (
    NUMBER,
    TAGS,
    TEXT,
    TRUTH,
    Asking,
    Part,
    Values,
    among,
    among_models,
    as_filed,
    compared,
    denied,
    joined,
    number,
    reckoned,
)
from lib.errors import Invalid

LONGEST = 500  # characters
_DEEPEST = 40  # brackets, signs and sums within each other

# Where the budget stands. Money in its currency, `budget_percentage` and
# `forecast_probability` shares: 0.9 for 90 %.
OF_BUDGET = frozenset(
    {"budget_percentage", "spent", "limit", "remaining", "forecast_probability"}
)
# By the clocks of the budget's zone; weekday 0 is Monday, time is "HH:MM".
OF_CLOCK = frozenset({"hour", "minute", "weekday", "day", "month", "time"})
# What is asked for; `estimated_cost` in the organization's currency.
OF_CALL = frozenset(
    {"environment", "project", "team", "department", "user", "model", "provider"}
    | {"tags", "estimated_cost", "input_tokens"}
)
NAMES = OF_BUDGET | OF_CLOCK | OF_CALL
ALWAYS = "always"  # the trigger that holds at every call

EXAMPLES = (
    "budget_percentage >= 0.9",
    'environment == "development"',
    "hour >= 18 or weekday >= 5",
    f"{ALWAYS}",
)


_TEXTS = frozenset(
    {"environment", "project", "team", "department", "user", "model", "provider"}
    | {"time"}
)
_SHARES = {"budget_percentage": Decimal(10), "forecast_probability": Decimal(1)}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_ARITHMETIC: Mapping[type[ast.AST], tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
_COMPARISONS: Mapping[type[ast.AST], tuple[str, Callable[..., Any]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
_BY_SIZE = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_MODEL = "model"


@dataclass(frozen=True, slots=True)
class Expression:
    """A trigger that was read and is sound; `text` is as it was written.

    `wire` is the same in prefix form: text is itself, a number {"number": "0.9"}, a
    name {"name": "model"}, a tag's value ["tag", "team"], all else [operator, ...],
    with ["list", ...] on the right of "in" and "not in". `models` is what the model is
    compared with: whoever asks by the wire form has to be told what each of them means.
    `arms` are those of which any is enough.
    """

    text: str
    names: frozenset[str]
    models: frozenset[str]
    wire: Any = field(compare=False, repr=False)
    _truth: Asking = field(compare=False, repr=False)
    arms: tuple[Asking, ...] = field(compare=False, repr=False)

    def holds(self, values: Values) -> bool:
        """Tell whether it is true of *values*, which has the `names` it asks for.

        What can't be told (a name without a value or None, a division by zero) makes
        only those parts untold that hang on it: `or` may still hold, `not` may not.
        """
        return self._truth(values) is True


@lru_cache(maxsize=4_096)
def read(text: str) -> Expression:
    """Read a trigger.

    Raises:
        Invalid: it can't be read, or asks for what there is not. The message quotes
            it and says what is allowed.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise Invalid.field("trigger", f"At most {LONGEST} characters.")
    reader = _Reader(text)
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        reader.refuse("can't be read")
    if _is_deep(tree):
        reader.refuse("has too much within each other")
    found = reader.truth(tree)
    if not reader.names and text != ALWAYS:
        reader.refuse(f"is the same for every call; write {ALWAYS} if it is to be")
    names, models = frozenset(reader.names), frozenset(reader.models)
    arms = found.arms or (found.ask,)
    return Expression(text, names, models, found.wire, found.ask, arms)


def _is_deep(tree: ast.expr) -> bool:
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [inner for node in level for inner in ast.iter_child_nodes(node)]
    return bool(level)


def tag_of(tags: Sequence[str] | Mapping[str, str], name: str) -> str:
    """Return the value of the tag *name*; "" where there is none.

    In a list it is what follows "name:" or "name=".
    """
    if isinstance(tags, Mapping):
        return tags.get(name, "")
    begins = f"{name}:", f"{name}="
    return next((tag[len(name) + 1 :] for tag in tags if tag.startswith(begins)), "")


class _Reader:
    """Turns a tree into parts, node by node."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self.models: set[str] = set()

    def refuse(self, problem: str) -> NoReturn:
        examples = "; ".join(EXAMPLES)
        raise Invalid.field(
            "trigger",
            f"The trigger “{self.text}” {problem}. A trigger compares names with "
            "numbers or text in quotes, joined by and, or, not; for example: "
            f"{examples}. Names are {', '.join(sorted(NAMES))}.",
        )

    def truth(self, node: ast.expr) -> Part:
        """Read *node*, which is to be true or false."""
        match node:
            case ast.Compare():
                return self._chain(node)
            case ast.BoolOp():
                parts = [self.truth(value) for value in node.values]
                word = "and" if isinstance(node.op, ast.And) else "or"
                return joined(word, parts)
            case ast.UnaryOp(op=ast.Not()):
                return denied(self.truth(node.operand))
            case ast.Name(id="always"):
                one = number(Decimal(1))
                return compared("==", operator.eq, one, one)
        return self.refuse("compares nothing")

    def _chain(self, node: ast.Compare) -> Part:
        """Read a comparison; `9 <= hour < 17` is two."""
        sides = [node.left, *node.comparators]
        parts = [
            self._comparison(left, op, right)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else joined("and", parts)

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Part:
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(self.value(left), op, right)
        if type(op) not in _COMPARISONS:
            self.refuse("uses “is”; write ==")
        one, other = self.value(left), self.value(right)
        self._check_kinds(one, op, other)
        self._check_constant(one, other)
        self._check_constant(other, one)
        if not isinstance(op, _BY_SIZE):
            one, other = self._equal(one, other)
            if one.name == _MODEL and other.constant is not None:
                return self._is_model(one, op, other)
        return compared(*_COMPARISONS[type(op)], one, other)

    def _equal(self, one: Part, other: Part) -> tuple[Part, Part]:
        """Return both sides with a constant, if there is one, on the right, and as all
        write what it names."""
        if one.constant is not None:
            one, other = other, one
        return one, as_filed(one, other)

    def _is_model(self, one: Part, op: ast.cmpop, other: Part) -> Part:
        found = among_models(one, [other.constant])
        self.models.add(other.constant)
        sign = _COMPARISONS[type(op)][0]
        ask = found.ask if sign == "==" else denied(found).ask
        return Part(TRUTH, [sign, one.wire, other.wire], ask)

    def _membership(self, one: Part, op: ast.In | ast.NotIn, right: ast.expr) -> Part:
        if isinstance(right, ast.Name) and right.id == "tags":
            if one.kind != TEXT:
                self.refuse("looks in tags for something else than text")
            found = self._listed_in(one, self.value(right))
        else:
            found = self._one_of(one, right)
        return denied(found, "not in") if isinstance(op, ast.NotIn) else found

    def _listed_in(self, one: Part, tags: Part) -> Part:
        ask, every = one.ask, tags.ask

        def is_in(values: Values) -> Any:
            wanted, known = ask(values), every(values)
            return None if wanted is None or known is None else wanted in known

        return Part(TRUTH, ["in", one.wire, tags.wire], is_in)

    def _one_of(self, one: Part, right: ast.expr) -> Part:
        several = isinstance(right, ast.Tuple | ast.List | ast.Set)
        nodes: Iterable[ast.expr] = getattr(right, "elts", ()) if several else (right,)
        parts = [self.value(each) for each in nodes]
        if not parts or any(part.constant is None for part in parts):
            self.refuse("has no list of texts or numbers in brackets after “in”")
        for part in parts:
            self._check_kinds(one, ast.Eq(), part)
            self._check_constant(one, part)
        parts = [as_filed(one, part) for part in parts]
        constants = [part.constant for part in parts]
        if one.name == _MODEL:
            self.models.update(constants)
            found = among_models(one, constants)
        else:
            found = among(one, frozenset(constants))
        wire = ["in", one.wire, ["list", *(part.wire for part in parts)]]
        return replace(found, wire=wire)

    def value(self, node: ast.expr) -> Part:
        """Read *node*, which is to be a number or text."""
        match node:
            case ast.Name():
                return self._name(node.id)
            case ast.Constant():
                return self._constant(node)
            case ast.UnaryOp(op=ast.USub()):
                return self._arithmetic(ast.Constant(0), ast.Sub(), node.operand)
            case ast.BinOp():
                return self._arithmetic(node.left, node.op, node.right)
            case ast.Subscript(value=ast.Name(id="tags"), slice=ast.Constant() as key):
                return self._tag(key.value)
        return self.refuse("has a part that is neither a number nor text nor a name")

    def _name(self, name: str) -> Part:
        if name not in NAMES:
            self.refuse(f"names “{name}”, which there is not")
        self.names.add(name)
        kind = TAGS if name == "tags" else TEXT if name in _TEXTS else NUMBER
        return Part(kind, {"name": name}, lambda values: values.get(name), name)

    def _constant(self, node: ast.Constant) -> Part:
        value = node.value
        if isinstance(value, str):
            return Part(TEXT, value, lambda values: value, constant=value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(f"has {value!r}, which is neither a number nor text in quotes")
        # Through text: the float 0.9 is a little more than 0.9.
        exact = Decimal(str(value))
        if abs(exact) >= Decimal(10) ** 15:
            self.refuse("has a number that is too large")
        return number(exact)

    def _tag(self, name: object) -> Part:
        if not isinstance(name, str):
            self.refuse('has tags[...] without a name in quotes, as in tags["team"]')
        self.names.add("tags")

        def ask(values: Values) -> str | None:
            tags = values.get("tags")
            return None if tags is None else tag_of(tags, name)

        return Part(TEXT, ["tag", name], ask)

    def _arithmetic(self, left: ast.expr, op: ast.operator, right: ast.expr) -> Part:
        if type(op) not in _ARITHMETIC:
            self.refuse("uses an operator that triggers don't have")
        one, other = self.value(left), self.value(right)
        if one.kind != NUMBER or other.kind != NUMBER:
            self.refuse("reckons with something that is not a number")
        return reckoned(*_ARITHMETIC[type(op)], one, other)

    def _check_kinds(self, one: Part, op: ast.cmpop, other: Part) -> None:
        if one.kind != other.kind:
            self.refuse(f"compares {one.kind} with {other.kind}")
        if one.kind == TAGS:
            self.refuse('compares tags; write "x" in tags, or tags["team"] == "x"')
        by_size = isinstance(op, _BY_SIZE)
        if by_size and one.kind == TEXT and "time" not in (one.name, other.name):
            self.refuse("compares text by size; only numbers and time have one")

    def _check_constant(self, named: Part, given: Part) -> None:
        """Refuse what a name never is, lest the trigger silently never holds."""
        value = given.constant
        if value is None:
            return
        if named.name == "time" and not _CLOCK.fullmatch(value):
            self.refuse(f"compares time with “{value}”; write it as 09:00")
        if named.name in _SHARES and value > _SHARES[named.name]:
            self.refuse(f"has {value} for a share; write 0.9 for 90 %")
