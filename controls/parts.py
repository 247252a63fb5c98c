"""The pieces that triggers are put together from, each ready to be asked. Pure.

Three-valued: None is what can't be told, and only what hangs on it is untold with it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from ledger.identity import model_named, person_named, provider_named
from ledger.patterns import ModelSet

NUMBER, TEXT, TAGS, TRUTH = "a number", "text", "tags", "true or false"
NAMED: Mapping[str, Callable[[str], str]] = {
    "provider": provider_named,
    "user": person_named,
}


class Values(Protocol):
    """What triggers ask for, such as a dict; None is what can't be told.

    Provider and user by the names all file by; the model as it was asked for.
    """

    def get(self, name: str, /) -> Any: ...


Asking = Callable[[Values], Any]  # None: it can't be told


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a trigger: what it is, how it is asked, and its wire form."""

    kind: str
    wire: Any
    ask: Asking
    name: str = ""  # of a bare name
    constant: Any = None  # None: it is none
    arms: tuple[Asking, ...] = ()  # of what is joined by "or": each is enough


def number(exact: Decimal) -> Part:
    wire = {"number": f"{exact:f}"}
    return Part(NUMBER, wire, lambda values: exact, constant=exact)


def as_filed(one: Part, constant: Part) -> Part:
    """Return *constant* as all write it, where *one* is a name for such."""
    named = NAMED.get(one.name)
    if named is None or constant.constant is None:
        return constant
    text = named(constant.constant)
    return Part(TEXT, text, lambda values: text, constant=text)


def among(one: Part, known: frozenset[Any]) -> Part:
    ask = one.ask

    def is_one(values: Values) -> bool | None:
        value = ask(values)
        return None if value is None else value in known

    return Part(TRUTH, None, is_one)


def among_models(one: Part, texts: Iterable[str]) -> Part:
    known, ask = ModelSet.of(texts), one.ask

    def is_meant(values: Values) -> bool | None:
        model = ask(values)
        return None if model is None else known.reaches(model_named(model))

    return Part(TRUTH, None, is_meant)


def compared(sign: str, op: Callable[..., Any], one: Part, other: Part) -> Part:
    wire, left, right = [sign, one.wire, other.wire], one.ask, other.ask
    if (constant := other.constant) is not None:  # nearly always

        def compare_with_constant(values: Values) -> Any:
            value = left(values)
            return None if value is None else op(value, constant)

        return Part(TRUTH, wire, compare_with_constant)

    def compare(values: Values) -> Any:
        first, second = left(values), right(values)
        return None if first is None or second is None else op(first, second)

    return Part(TRUTH, wire, compare)


def reckoned(sign: str, op: Callable[..., Any], one: Part, other: Part) -> Part:
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
            return number(folded)
    return Part(NUMBER, [sign, one.wire, other.wire], reckon)


def joined(word: str, parts: Sequence[Part]) -> Part:
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

    arms = tuple(arm for part in parts for arm in part.arms or (part.ask,))
    wire = [word, *(part.wire for part in parts)]
    return Part(TRUTH, wire, join, arms=arms if decides else ())


def denied(part: Part, sign: str = "not") -> Part:
    ask = part.ask

    def deny(values: Values) -> bool | None:
        value = ask(values)
        return None if value is None else not value

    wire = ["not in", *part.wire[1:]] if sign == "not in" else ["not", part.wire]
    return Part(TRUTH, wire, deny)
