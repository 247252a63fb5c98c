# A copy of lib/rules/closures.py, written by dev/shared.py: change it there.
"""Rules from their wire form to closures that are asked at every call. Pure.

A wire form is text, which is itself, a number {"number": "0.9"}, a name {"name":
"model"}, or a list that begins with an operator: ["tag", "team"], [">", one, other],
with ["list", ...] on the right of "in" and "not in". Three-valued: None is what can't
be told, and only what hangs on it is untold with it.

Of the standard library alone and for Python 3.9 too: the SDK has a copy of this file.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

Asking = Callable[[Any], Any]  # of the facts; None: it can't be told

DEEPEST = 50  # operators within each other
MODEL = "model"  # the name that means a model under all its names
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max}
_MEMBERSHIPS = frozenset({"in", "not in"})
_DENYING = frozenset({"!=", "not in"})


class Asks(NamedTuple):
    """How the facts are asked for what a rule names."""

    names: Mapping[str, Asking]
    tag: Callable[[str], Asking]  # its value, "" where there is none
    is_model: Callable[[Sequence[str]], Asking]  # whether one of these texts means it


def compiled(form: Any, asks: Asks) -> Asking:
    """Return what tells whether a rule holds: True, False, or None for untold.

    It raises nothing, whatever facts of the right types it is asked of.

    Raises:
        ValueError: *form* is no wire form, or has a name that *asks* has not.
    """
    return _Compiler(asks).truth(form, 0)


def sides(form: Any, asks: Asks) -> tuple[Asking, Asking] | None:
    """Return what a single comparison compares; None where there is more to it."""
    if isinstance(form, list) and len(form) == 3 and form[0] in COMPARISONS:
        compiler = _Compiler(asks)
        return compiler.value(form[1], 1), compiler.value(form[2], 1)
    return None


def arms(form: Any) -> Iterator[Any]:
    """Yield the forms of which any is enough: those that are joined by "or"."""
    if isinstance(form, list) and form[:1] == ["or"]:
        for part in form[1:]:
            yield from arms(part)
    else:
        yield form


def reckoned(word: str, numbers: Sequence[Any]) -> Decimal | None:
    """Return what an operator or function makes of *numbers*; None: it can't be told,
    as where one of them can't, or is divided by zero."""
    if any(number is None for number in numbers):
        return None
    try:
        return Decimal(_RECKONINGS[word](*map(Decimal, numbers)))
    except ArithmeticError:
        return None


def tag_of(tags: Sequence[str] | Mapping[str, str], name: str) -> str:
    """Return the value of the tag *name*; "" where there is none.

    In a list it is what follows "name:" or "name=".
    """
    if isinstance(tags, Mapping):
        return str(tags.get(name, ""))
    begins = f"{name}:", f"{name}="
    return next((tag[len(name) + 1 :] for tag in tags if tag.startswith(begins)), "")


_RECKONINGS: Mapping[str, Callable[..., Any]] = {**ARITHMETIC, **FUNCTIONS}


class _Compiler:
    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    def truth(self, form: Any, depth: int) -> Asking:
        """Return what asks whether *form* is true."""
        word, parts = _operation(form, depth)
        if word in {"and", "or"} and parts:
            found = [self.truth(part, depth + 1) for part in parts]
            return _joined(tuple(found), decides=word == "or")
        if word == "not" and len(parts) == 1:
            return _denied(self.truth(parts[0], depth + 1))
        if len(parts) == 2:
            is_of_model = parts[0] == {"name": MODEL}
            if is_of_model and (texts := _model_texts(word, parts[1])):
                found_model = self._asks.is_model(texts)
                return _denied(found_model) if word in _DENYING else found_model
            if word in COMPARISONS:
                return self._compared(COMPARISONS[word], parts, depth + 1)
            if word in _MEMBERSHIPS:
                found_in = self._among(parts, depth + 1)
                return found_in if word == "in" else _denied(found_in)
        raise ValueError(f"{word!r} is no operator that is true or false.")

    def value(self, form: Any, depth: int) -> Asking:
        """Return what asks for the number, text or tags that *form* is."""
        constant = _constant(form)
        if constant is not None:
            return lambda facts: constant
        if isinstance(form, Mapping):
            asking = self._asks.names.get(str(form.get("name")))
            if asking is None:
                raise ValueError(f"{form!r} is no name that is known.")
            return asking
        word, parts = _operation(form, depth)
        if word == "tag" and len(parts) == 1 and isinstance(parts[0], str):
            return self._asks.tag(parts[0])
        if len(parts) == 2 and word in ARITHMETIC:
            return _reckoned(word, *(self.value(part, depth + 1) for part in parts))
        if parts and word in FUNCTIONS and (word == "abs") is (len(parts) == 1):
            values = [self.value(part, depth + 1) for part in parts]
            return lambda facts: reckoned(word, [ask(facts) for ask in values])
        raise ValueError(f"{word!r} is no operator of numbers or text.")

    def _compared(
        self, compare: Callable[[Any, Any], Any], parts: list[Any], depth: int
    ) -> Asking:
        left, right = (self.value(part, depth) for part in parts)
        constant = _constant(parts[1])
        if constant is not None:  # nearly always

            def compare_with_constant(facts: Any) -> Any:
                value = left(facts)
                return None if value is None else compare(value, constant)

            return compare_with_constant

        def compare_both(facts: Any) -> Any:
            one, other = left(facts), right(facts)
            return None if one is None or other is None else compare(one, other)

        return compare_both

    def _among(self, parts: list[Any], depth: int) -> Asking:
        ask, given = self.value(parts[0], depth), parts[1]
        if isinstance(given, list) and given[:1] == ["list"]:
            known = frozenset(map(_known_constant, given[1:]))

            def is_one(facts: Any) -> Any:
                value = ask(facts)
                return None if value is None else value in known

            return is_one
        every = self.value(given, depth)

        def is_in(facts: Any) -> Any:
            value, all_of_them = ask(facts), every(facts)
            if value is None or all_of_them is None:
                return None
            return value in all_of_them

        return is_in


def _operation(form: Any, depth: int) -> tuple[str, list[Any]]:
    if depth > DEEPEST:
        raise ValueError(f"More than {DEEPEST} operators are within each other.")
    if isinstance(form, list) and form and isinstance(form[0], str):
        return form[0], form[1:]
    raise ValueError(f"{form!r} is no part of a rule.")


def _constant(form: Any) -> Any:
    """Return the text or number that *form* is; None: it is none."""
    if isinstance(form, str):
        return form
    if not isinstance(form, Mapping) or "number" not in form:
        return None
    try:
        exact = Decimal(str(form["number"]))
    except ArithmeticError:
        exact = Decimal("NaN")
    if not exact.is_finite():
        raise ValueError(f"{form!r} is no number.")
    return exact


def _known_constant(form: Any) -> Any:
    constant = _constant(form)
    if constant is None:
        raise ValueError(f"{form!r} is neither a number nor text.")
    return constant


def _model_texts(word: str, given: Any) -> list[str]:
    """Return the texts of which one is to mean the model; none: it is not asked so."""
    if word in {"==", "!="} and isinstance(given, str):
        return [given]
    if word in _MEMBERSHIPS and isinstance(given, list) and given[:1] == ["list"]:
        return [str(_known_constant(part)) for part in given[1:]]
    return []


def _joined(asks: tuple[Asking, ...], *, decides: bool) -> Asking:
    """Join so that what can't be told only matters where it decides."""

    def join(facts: Any) -> bool | None:
        found: bool | None = not decides
        for ask in asks:
            value: bool | None = ask(facts)
            if value is decides:
                return value
            if value is None:
                found = None
        return found

    return join


def _denied(ask: Asking) -> Asking:
    def deny(facts: Any) -> bool | None:
        value = ask(facts)
        return None if value is None else not value

    return deny


def _reckoned(word: str, left: Asking, right: Asking) -> Asking:
    reckon = ARITHMETIC[word]

    def ask(facts: Any) -> Decimal | None:
        one, other = left(facts), right(facts)
        if one is None or other is None:
            return None
        try:
            result: Decimal = reckon(Decimal(one), Decimal(other))
        except ArithmeticError:
            return None
        return result

    return ask
