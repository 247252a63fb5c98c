"""Conditions that people write: `spending_rate > projected_rate * 1.2`.

Pure. A condition compares numbers: names its type of rule knows, decimals, + - * /,
abs, min and max, comparisons, and, or, not. Nothing else is read, so nothing else can
be done.
"""

import ast
import operator
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn

from simpleeval import SimpleEval

from lib.errors import Invalid

LONGEST = 500  # characters

# What each type's conditions may name. Rates are money an hour; `probability`,
# `utilization` and `elapsed` are shares; all else is money.
NAMES: Mapping[str, tuple[str, ...]] = {
    "velocity": (
        "spending_rate",
        "projected_rate",
        "spent",
        "limit",
        "utilization",
        "elapsed",
    ),
    "forecast": ("projected", "probability", "lower", "upper", "spent", "limit"),
    "anomaly": ("cost", "mean", "stddev", "median", "expected", "lower", "upper"),
}

EXAMPLES: Mapping[str, str] = {
    "velocity": "spending_rate > projected_rate * 1.2",
    "forecast": "projected > limit * 1.1",
    "anomaly": "cost > mean + 2*stddev",
}

_FUNCTIONS: dict[str, Callable[..., Decimal]] = {"abs": abs, "min": min, "max": max}
_ARITHMETIC: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_SIGNS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_OPERATORS = {**_ARITHMETIC, **_COMPARISONS, **_SIGNS, ast.Not: operator.not_}


class _OfThread(threading.local):
    """Each thread's own evaluator: making one takes longer than a condition does."""

    def __init__(self) -> None:
        self.evaluator = SimpleEval(_OPERATORS, _FUNCTIONS, {})


_threads = _OfThread()


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read and is sound; `text` is as it was written."""

    text: str
    names: frozenset[str]
    _tree: ast.expr

    def holds(self, values: Mapping[str, Decimal]) -> bool:
        """Tell whether it is true of *values*; what can't be computed is not.

        A division by zero, say, by the mean of days on which nothing was spent.
        """
        return bool(self._value(self._tree, values))

    def sides(self, values: Mapping[str, Decimal]) -> tuple[Decimal, Decimal] | None:
        """Return what a single comparison compares; None where there are several."""
        tree = self._tree
        if not isinstance(tree, ast.Compare) or len(tree.ops) > 1:
            return None
        left = self._value(tree.left, values)
        right = self._value(tree.comparators[0], values)
        return None if left is None or right is None else (left, right)

    def _value(self, node: ast.expr, values: Mapping[str, Decimal]) -> Any:
        evaluator = _threads.evaluator
        evaluator.names = values
        try:
            return evaluator.eval(self.text, node)
        except ArithmeticError:
            return None


def check(text: str, rule_type: str) -> Condition:
    """Read the condition of a rule of *rule_type*.

    Raises:
        Invalid: it can't be read, or names what such rules don't know. The message
            quotes the condition and says what is allowed.
    """
    return _read(rule_type, text)


@lru_cache(maxsize=4_096)
def _read(rule_type: str, text: str) -> Condition:
    if rule_type not in NAMES:
        raise Invalid.field(
            "condition",
            f"A {rule_type} rule has a threshold, not a condition; conditions are for "
            f"{', '.join(NAMES)} rules.",
        )
    if len(text) > LONGEST:
        raise Invalid.field("condition", f"At most {LONGEST} characters.")
    reader = _Reader(rule_type, text)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        reader.refuse("can't be read")
    sound = reader.truth(tree)
    if not reader.names:
        reader.refuse("is the same for every budget")
    return Condition(text, frozenset(reader.names), sound)


class _Reader:
    """Checks a tree node by node, and makes its numbers exact decimals."""

    def __init__(self, rule_type: str, text: str) -> None:
        self.rule_type, self.text = rule_type, text
        self.names: set[str] = set()

    def refuse(self, problem: str) -> NoReturn:
        known = ", ".join(NAMES[self.rule_type])
        raise Invalid.field(
            "condition",
            f"The condition “{self.text.strip()}” {problem}. A condition of a "
            f"{self.rule_type} rule compares {known} and numbers, with + - * / "
            f"abs() min() max() and or not; for example: {EXAMPLES[self.rule_type]}.",
        )

    def truth(self, node: ast.expr) -> ast.expr:
        """Return *node*, which is to be true or false."""
        match node:
            case ast.Compare():
                for op in node.ops:
                    self._known(op, _COMPARISONS)
                left, *others = map(self.number, [node.left, *node.comparators])
                return ast.Compare(left, node.ops, others)
            case ast.BoolOp():
                return ast.BoolOp(node.op, [self.truth(value) for value in node.values])
            case ast.UnaryOp(op=ast.Not()):
                return ast.UnaryOp(node.op, self.truth(node.operand))
        return self.refuse("compares nothing")

    def number(self, node: ast.expr) -> ast.expr:
        """Return *node*, which is to be a number."""
        match node:
            case ast.Name():
                return self._name(node)
            case ast.Constant():
                return self._constant(node)
            case ast.BinOp():
                self._known(node.op, _ARITHMETIC)
                left, right = self.number(node.left), self.number(node.right)
                return ast.BinOp(left, node.op, right)
            case ast.UnaryOp():
                self._known(node.op, _SIGNS)
                return ast.UnaryOp(node.op, self.number(node.operand))
            case ast.Call():
                return self._call(node)
        return self.refuse("has a part that is not a number")

    def _name(self, node: ast.Name) -> ast.expr:
        if node.id not in NAMES[self.rule_type]:
            self.refuse(f"names “{node.id}”, which such rules don't know")
        self.names.add(node.id)
        return node

    def _constant(self, node: ast.Constant) -> ast.expr:
        if type(node.value) not in (int, float):
            self.refuse(f"has {node.value!r}, which is not a number")
        number = Decimal(str(node.value))  # through text: 1.2, not 1.1999
        if not number.is_finite() or abs(number) >= Decimal(10) ** 15:
            self.refuse("has a number that is too large")
        return ast.Constant(number)  # type: ignore[arg-type]  # ast allows any value

    def _call(self, node: ast.Call) -> ast.expr:
        known = isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        if not known or not node.args or node.keywords:
            self.refuse("calls something else than abs(), min() or max() of numbers")
        args = [self.number(arg) for arg in node.args]
        single = isinstance(node.func, ast.Name) and node.func.id == "abs"
        if single is not (len(args) == 1):
            self.refuse("needs one number in abs(), two or more in min() and max()")
        return ast.Call(node.func, args, [])

    def _known(self, op: ast.AST, known: Mapping[type[ast.AST], object]) -> None:
        if type(op) not in known:
            self.refuse("uses an operator that conditions don't have")
