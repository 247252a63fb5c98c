"""Triggers of rules, from their prefix form to closures. Pure.

Three-valued, as on the server: None is what can't be told, and only what hangs on it
is untold with it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timezone, tzinfo
from decimal import Decimal
from typing import Any, Optional
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llm_cost_ops.answers.controls import BudgetFigures, CallNames
from llm_cost_ops.calls import Call
from llm_cost_ops.errors import BadAnswerError
from llm_cost_ops.money import convert, from_units, to_units

Asking = Callable[["Facts"], Any]
Name = tuple[str, str]  # of a model: the model, and its version

_ONE, _ZERO = Decimal(1), Decimal(0)
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Standing:
    """Where a budget stood when the server told it."""

    __slots__ = ("figures", "limit", "rate", "spent", "zone")

    def __init__(self, figures: BudgetFigures) -> None:
        self.figures = figures
        self.zone = _zone(figures.timezone)
        self.spent = to_units(figures.spent)
        self.limit = Decimal(to_units(figures.limit))
        self.rate = None if figures.rate == 1 else figures.rate


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # a machine without time zones
        return timezone.utc


class Names:
    """What the names of a lease's calls mean, as the server told."""

    __slots__ = ("known", "meant_by", "model", "provider", "user")

    def __init__(self, told: CallNames, model: str) -> None:
        self.provider = told.provider
        self.user = told.user_id
        self.model = model  # as it is asked for
        self.known = {each.asked: (each.model, each.version) for each in told.models}
        self.meant_by = frozenset(
            text
            for each in told.models
            if each.asked == model
            for text in each.meant_by
        )

    def of(self, model: str) -> Name:
        """Return what *model* is; as it is written, where nobody told."""
        return self.known.get(model, (model, ""))


class Facts:
    """What triggers may ask of one call: the call, its budget, the clock."""

    __slots__ = (
        "_share",
        "_share_of",
        "call",
        "estimate",
        "names",
        "own",
        "standing",
        "was_now",
    )

    def __init__(
        self, call: Call, estimate: Optional[int], own: int, names: Names
    ) -> None:
        self.call = call
        self.names = names
        self.estimate = estimate
        self.own = own  # units decided here since the figures were told
        self.standing: Optional[Standing] = None
        self.was_now: Optional[datetime] = None
        self._share_of: Optional[Standing] = None

    def spent(self) -> Optional[Decimal]:
        standing = self.standing
        return None if standing is None else from_units(self._units_of(standing))

    def _units_of(self, standing: Standing) -> int:
        """Return what is spent, with what was decided here since."""
        if standing.rate is None:
            return standing.spent + self.own
        return standing.spent + convert(self.own, standing.rate)

    def share(self) -> Optional[Decimal]:
        """Return the share of the limit that is spent; several rules ask for it."""
        standing = self.standing
        if standing is None:
            return None
        if standing is not self._share_of:
            self._share = self._share_now(standing)
            self._share_of = standing
        return self._share

    def _share_now(self, standing: Standing) -> Decimal:
        spent, limit = Decimal(self._units_of(standing)), standing.limit
        if limit > 0:
            return spent / limit
        return _ONE if spent > limit else _ZERO

    def of_budget(self, name: str) -> Any:
        found = self.standing
        return None if found is None else getattr(found.figures, name)

    def remaining(self) -> Optional[Decimal]:
        if self.standing is None:
            return None
        figures = self.standing.figures
        return figures.limit - figures.spent - figures.reserved

    def local(self) -> datetime:
        """Return the time by the budget's clocks, the same for the whole call."""
        if self.was_now is None:
            self.was_now = datetime.now(timezone.utc)
        zone = timezone.utc if self.standing is None else self.standing.zone
        return self.was_now.astimezone(zone)


_NAMES: Mapping[str, Asking] = {
    "budget_percentage": Facts.share,
    "spent": Facts.spent,
    "limit": lambda facts: facts.of_budget("limit"),
    "remaining": Facts.remaining,
    "forecast_probability": lambda facts: facts.of_budget("forecast_probability"),
    "environment": lambda facts: facts.call.who.environment or "",
    "project": lambda facts: facts.call.who.project_id or "",
    "team": lambda facts: facts.call.who.team_id or "",
    "department": lambda facts: facts.call.who.department_id or "",
    "user": lambda facts: facts.names.user,
    "model": lambda facts: facts.call.model,
    "provider": lambda facts: facts.names.provider,
    "tags": lambda facts: facts.call.who.tags or (),
    "estimated_cost": lambda facts: (
        None if facts.estimate is None else from_units(facts.estimate)
    ),
    "input_tokens": lambda facts: facts.call.input_tokens,
    "hour": lambda facts: facts.local().hour,
    "minute": lambda facts: facts.local().minute,
    "weekday": lambda facts: facts.local().weekday(),
    "day": lambda facts: facts.local().day,
    "month": lambda facts: facts.local().month,
    "time": lambda facts: f"{facts.local():%H:%M}",
}


_MODEL = {"name": "model"}
_NAMING = frozenset({"==", "!=", "in", "not in"})


def compiled(form: Any) -> Asking:
    """Return what tells whether a trigger holds: True, False, or None for untold.

    Raises:
        BadAnswerError: it is not in the form that the contract has.
    """
    return _asking(form)


def _asking(form: Any) -> Asking:
    if isinstance(form, str):
        return lambda facts: form
    if isinstance(form, Mapping) and "number" in form:
        exact = Decimal(str(form["number"]))
        return lambda facts: exact
    if isinstance(form, Mapping) and form.get("name") in _NAMES:
        return _NAMES[form["name"]]
    if isinstance(form, list) and form and isinstance(form[0], str):
        return _operation(form[0], form[1:])
    raise BadAnswerError(f"{form!r} is no trigger.")


def _operation(word: str, parts: list[Any]) -> Asking:
    if word == "tag" and len(parts) == 1:
        return _tag(str(parts[0]))
    if word in {"and", "or"}:
        return _joined(word, tuple(_asking(part) for part in parts))
    if word == "not" and len(parts) == 1:
        return _denied(_asking(parts[0]))
    if len(parts) == 2 and parts[0] == _MODEL and word in _NAMING:
        found = _is_model(parts[1])
        return found if word in {"==", "in"} else _denied(found)
    if len(parts) == 2 and word in _COMPARISONS:
        return _compared(_COMPARISONS[word], parts[0], parts[1])
    if len(parts) == 2 and word in _ARITHMETIC:
        return _reckoned(_ARITHMETIC[word], *map(_asking, parts))
    if len(parts) == 2 and word in {"in", "not in"}:
        found = _membership(_asking(parts[0]), parts[1])
        return found if word == "in" else _denied(found)
    raise BadAnswerError(f"{word!r} is no operator of triggers.")


def _tag(name: str) -> Asking:
    begins = f"{name}:", f"{name}="

    def ask(facts: Facts) -> str:
        tags = facts.call.who.tags or ()
        if isinstance(tags, Mapping):
            return str(tags.get(name, ""))
        found = (tag[len(name) + 1 :] for tag in tags if tag.startswith(begins))
        return next(found, "")

    return ask


def _is_model(given: Any) -> Asking:
    """Return what tells whether the model is meant by a text, or by one of a list."""
    if isinstance(given, list) and given[:1] == ["list"]:
        texts = frozenset(given[1:])
        return lambda facts: not texts.isdisjoint(facts.names.meant_by)
    if isinstance(given, str):
        return lambda facts: given in facts.names.meant_by
    other = _asking(given)
    if given == {"name": "tags"}:
        return lambda facts: facts.call.model in other(facts)
    return lambda facts: facts.call.model == other(facts)


def _joined(word: str, asks: tuple[Asking, ...]) -> Asking:
    decides = word == "or"

    def join(facts: Facts) -> Optional[bool]:
        found: Optional[bool] = not decides
        for ask in asks:
            value: Optional[bool] = ask(facts)
            if value is decides:
                return decides
            if value is None:
                found = None
        return found

    return join


def _denied(ask: Asking) -> Asking:
    def deny(facts: Facts) -> Optional[bool]:
        value = ask(facts)
        return None if value is None else not value

    return deny


def _compared(compare: Callable[[Any, Any], Any], one: Any, other: Any) -> Asking:
    left, right = _asking(one), _asking(other)
    if isinstance(other, (str, Mapping)) and "name" not in other:  # nearly always
        constant = right(_NOBODY)

        def with_constant(facts: Facts) -> Any:
            value = left(facts)
            return None if value is None else compare(value, constant)

        return with_constant

    def with_other(facts: Facts) -> Any:
        first, second = left(facts), right(facts)
        return None if first is None or second is None else compare(first, second)

    return with_other


def _reckoned(reckon: Callable[[Any, Any], Any], left: Asking, right: Asking) -> Asking:
    def ask(facts: Facts) -> Optional[Decimal]:
        first, second = left(facts), right(facts)
        if first is None or second is None:
            return None
        try:
            return Decimal(reckon(Decimal(first), Decimal(second)))
        except ArithmeticError:
            return None

    return ask


def _membership(ask: Asking, among: Any) -> Asking:
    if isinstance(among, list) and among[:1] == ["list"]:
        known = frozenset(_asking(part)(_NOBODY) for part in among[1:])

        def is_one(facts: Facts) -> Optional[bool]:
            value = ask(facts)
            return None if value is None else value in known

        return is_one
    every = _asking(among)

    def is_in(facts: Facts) -> Optional[bool]:
        value, all_of_them = ask(facts), every(facts)
        if value is None or all_of_them is None:
            return None
        return bool(value in all_of_them)

    return is_in


_NOBODY: Any = None  # constants ask nothing
