"""Triggers that people write: `budget_percentage >= 0.9 and environment != "prod"`.

Pure. A trigger compares what is known of a call, of the budget and of the clock with
numbers and text: < <= > >= == !=, in and not in, + - * /, and, or, not. Nothing else
is read, so nothing else can be done. It is compiled once, for it is asked at every
call, and has a form in JSON (`wire`) by which clients ask it themselves.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn, Protocol

from costops.lib.errors import Invalid

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


class Values(Protocol):
    """What triggers ask for, such as a dict; None is what can't be told."""

    def get(self, name: str, /) -> Any: ...


Asking = Callable[[Values], Any]  # None: it can't be told

_NUMBER, _TEXT, _TAGS, _TRUTH = "a number", "text", "tags", "true or false"
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


@dataclass(frozen=True, slots=True)
class Expression:
    """A trigger that was read and is sound; `text` is as it was written.

    `wire` is the same in prefix form: text is itself, a number {"number": "0.9"}, a
    name {"name": "model"}, a tag's value ["tag", "team"], all else [operator, ...],
    with ["list", ...] on the right of "in" and "not in".
    """

    text: str
    names: frozenset[str]
    wire: Any = field(compare=False, repr=False)
    _truth: Asking = field(compare=False, repr=False)

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
    return Expression(text, frozenset(reader.names), found.wire, found.ask)


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


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a trigger: what it is, how it is asked, and its wire form."""

    kind: str
    wire: Any
    ask: Asking
    name: str = ""  # of a bare name
    constant: Any = None  # None: it is none


class _Reader:
    """Turns a tree into parts, node by node."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()

    def refuse(self, problem: str) -> NoReturn:
        examples = "; ".join(EXAMPLES)
        raise Invalid.field(
            "trigger",
            f"The trigger “{self.text}” {problem}. A trigger compares names with "
            "numbers or text in quotes, joined by and, or, not; for example: "
            f"{examples}. Names are {', '.join(sorted(NAMES))}.",
        )

    def truth(self, node: ast.expr) -> _Part:
        """Read *node*, which is to be true or false."""
        match node:
            case ast.Compare():
                return self._chain(node)
            case ast.BoolOp():
                parts = [self.truth(value) for value in node.values]
                word = "and" if isinstance(node.op, ast.And) else "or"
                return _joined(word, parts)
            case ast.UnaryOp(op=ast.Not()):
                return _denied(self.truth(node.operand))
            case ast.Name(id="always"):
                one = _number(Decimal(1))
                return _compared("==", operator.eq, one, one)
        return self.refuse("compares nothing")

    def _chain(self, node: ast.Compare) -> _Part:
        """Read a comparison; `9 <= hour < 17` is two."""
        sides = [node.left, *node.comparators]
        parts = [
            self._comparison(left, op, right)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else _joined("and", parts)

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Part:
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(self.value(left), op, right)
        if type(op) not in _COMPARISONS:
            self.refuse("uses “is”; write ==")
        one, other = self.value(left), self.value(right)
        self._check_kinds(one, op, other)
        self._check_constant(one, other)
        self._check_constant(other, one)
        return _compared(*_COMPARISONS[type(op)], one, other)

    def _membership(self, one: _Part, op: ast.In | ast.NotIn, right: ast.expr) -> _Part:
        if isinstance(right, ast.Name) and right.id == "tags":
            if one.kind != _TEXT:
                self.refuse("looks in tags for something else than text")
            found = self._listed_in(one, self.value(right))
        else:
            found = self._one_of(one, right)
        return _denied(found, "not in") if isinstance(op, ast.NotIn) else found

    def _listed_in(self, one: _Part, tags: _Part) -> _Part:
        ask, every = one.ask, tags.ask

        def is_in(values: Values) -> Any:
            wanted, known = ask(values), every(values)
            return None if wanted is None or known is None else wanted in known

        return _Part(_TRUTH, ["in", one.wire, tags.wire], is_in)

    def _one_of(self, one: _Part, right: ast.expr) -> _Part:
        several = isinstance(right, ast.Tuple | ast.List | ast.Set)
        nodes: Iterable[ast.expr] = getattr(right, "elts", ()) if several else (right,)
        parts = [self.value(each) for each in nodes]
        if not parts or any(part.constant is None for part in parts):
            self.refuse("has no list of texts or numbers in brackets after “in”")
        for part in parts:
            self._check_kinds(one, ast.Eq(), part)
            self._check_constant(one, part)
        known, ask = frozenset(part.constant for part in parts), one.ask

        def is_one(values: Values) -> bool | None:
            value = ask(values)
            return None if value is None else value in known

        wire = ["in", one.wire, ["list", *(part.wire for part in parts)]]
        return _Part(_TRUTH, wire, is_one)

    def value(self, node: ast.expr) -> _Part:
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

    def _name(self, name: str) -> _Part:
        if name not in NAMES:
            self.refuse(f"names “{name}”, which there is not")
        self.names.add(name)
        kind = _TAGS if name == "tags" else _TEXT if name in _TEXTS else _NUMBER
        return _Part(kind, {"name": name}, lambda values: values.get(name), name)

    def _constant(self, node: ast.Constant) -> _Part:
        value = node.value
        if isinstance(value, str):
            return _Part(_TEXT, value, lambda values: value, constant=value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(f"has {value!r}, which is neither a number nor text in quotes")
        # Through text: the float 0.9 is a little more than 0.9.
        exact = Decimal(str(value))
        if abs(exact) >= Decimal(10) ** 15:
            self.refuse("has a number that is too large")
        return _number(exact)

    def _tag(self, name: object) -> _Part:
        if not isinstance(name, str):
            self.refuse('has tags[...] without a name in quotes, as in tags["team"]')
        self.names.add("tags")

        def ask(values: Values) -> str | None:
            tags = values.get("tags")
            return None if tags is None else tag_of(tags, name)

        return _Part(_TEXT, ["tag", name], ask)

    def _arithmetic(self, left: ast.expr, op: ast.operator, right: ast.expr) -> _Part:
        if type(op) not in _ARITHMETIC:
            self.refuse("uses an operator that triggers don't have")
        one, other = self.value(left), self.value(right)
        if one.kind != _NUMBER or other.kind != _NUMBER:
            self.refuse("reckons with something that is not a number")
        return _reckoned(*_ARITHMETIC[type(op)], one, other)

    def _check_kinds(self, one: _Part, op: ast.cmpop, other: _Part) -> None:
        if one.kind != other.kind:
            self.refuse(f"compares {one.kind} with {other.kind}")
        if one.kind == _TAGS:
            self.refuse('compares tags; write "x" in tags, or tags["team"] == "x"')
        by_size = isinstance(op, _BY_SIZE)
        if by_size and one.kind == _TEXT and "time" not in (one.name, other.name):
            self.refuse("compares text by size; only numbers and time have one")

    def _check_constant(self, named: _Part, given: _Part) -> None:
        """Refuse what a name never is, lest the trigger silently never holds."""
        value = given.constant
        if value is None:
            return
        if named.name == "time" and not _CLOCK.fullmatch(value):
            self.refuse(f"compares time with “{value}”; write it as 09:00")
        if named.name in _SHARES and value > _SHARES[named.name]:
            self.refuse(f"has {value} for a share; write 0.9 for 90 %")


def _number(exact: Decimal) -> _Part:
    wire = {"number": f"{exact:f}"}
    return _Part(_NUMBER, wire, lambda values: exact, constant=exact)


def _compared(sign: str, op: Callable[..., Any], one: _Part, other: _Part) -> _Part:
    wire, left, right = [sign, one.wire, other.wire], one.ask, other.ask
    if (constant := other.constant) is not None:  # nearly always

        def compare_with_constant(values: Values) -> Any:
            value = left(values)
            return None if value is None else op(value, constant)

        return _Part(_TRUTH, wire, compare_with_constant)

    def compare(values: Values) -> Any:
        first, second = left(values), right(values)
        return None if first is None or second is None else op(first, second)

    return _Part(_TRUTH, wire, compare)


def _reckoned(sign: str, op: Callable[..., Any], one: _Part, other: _Part) -> _Part:
    left, right = one.ask, other.ask

    def reckon(values: Values) -> Decimal | None:
        first, second = left(values), right(values)
        if first is None or second is None:
            return None
        try:
            result: Decimal = op(Decimal(first), Decimal(second))
        except ArithmeticError:
            return None
        return result

    if one.constant is not None and other.constant is not None:
        folded = reckon({})
        if folded is not None:
            return _number(folded)
    return _Part(_NUMBER, [sign, one.wire, other.wire], reckon)


def _joined(word: str, parts: Sequence[_Part]) -> _Part:
    """Join *parts* so that what can't be told only matters where it decides."""
    asks, decides = tuple(part.ask for part in parts), word == "or"

    def join(values: Values) -> bool | None:
        found: bool | None = not decides
        for ask in asks:
            value: bool | None = ask(values)
            if value is decides:
                return value
            if value is None:
                found = None
        return found

    return _Part(_TRUTH, [word, *(part.wire for part in parts)], join)


def _denied(part: _Part, sign: str = "not") -> _Part:
    ask = part.ask

    def deny(values: Values) -> bool | None:
        value = ask(values)
        return None if value is None else not value

    wire = ["not in", *part.wire[1:]] if sign == "not in" else ["not", part.wire]
    return _Part(_TRUTH, wire, deny)
