"""Which accounts costs go to: mappings, of which the most specific holds. Pure.

Of the mappings that match a cost the one with most conditions holds (dimensions and
tags that its scope names); of as many, the one that names the finer dimension, in the
order of `FINEST`; of those, the narrower. What is left undecided is refused when it is
saved. Only where a cost has several tags of one name may the order in which mappings
stand still decide: the first holds.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from budgets.scopes import BudgetScope, Tags, clean, covers
from lib.errors import FieldError, Invalid
from lib.tables import is_formula
from lib.texts import ODD

MOST_MAPPINGS = 500
LONGEST_NAME = 100  # characters of an account, as QuickBooks has them
FINEST = (
    *("tag", "user", "project", "team", "department"),
    *("environment", "model", "provider"),
)
_REQUIRED = ("expense_account", "liability_account")
_UNPRINTED = {"Cc", "Cs", "Zl", "Zp"}  # categories of Unicode


class Accounts(NamedTuple):
    """Where an amount goes: what is debited, what is credited, and what for."""

    expense_account: str
    liability_account: str
    cost_center: str = ""
    department: str = ""
    class_name: str = ""


# As the wire has them, in the order of `Accounts`.
FIELDS = (*_REQUIRED, "cost_center", "department", "class")


@dataclass(frozen=True, slots=True)
class AccountMapping:
    """The accounts of what is in a scope."""

    stored: Mapping[str, Any]  # the scope, as `budgets.scopes.clean` returns it
    scope: BudgetScope
    accounts: Accounts

    @classmethod
    def of(cls, stored: Mapping[str, Any], accounts: Accounts) -> "AccountMapping":
        return cls(stored, BudgetScope.of(stored), accounts)

    @property
    def rank(self) -> tuple[int, tuple[int, ...]]:
        """Return how specific it is: the least comes first."""
        named = [name for name, _ in self.scope.values]
        named += ["tag"] * len(self.scope.tags)
        return -len(named), tuple(sorted(map(FINEST.index, named)))

    def told(self) -> dict[str, Any]:
        """Return it as the wire has it."""
        return {"scope": self.stored, **dict(zip(FIELDS, self.accounts, strict=True))}


class Mappings:
    """The mappings of one organization, in the order in which they hold."""

    def __init__(self, mappings: Iterable[AccountMapping]) -> None:
        self.ordered = _in_order(list(mappings))
        self._by_value: dict[tuple[str, str], list[int]] = {}
        self._anywhere: list[int] = []
        for place, mapping in enumerate(self.ordered):
            finders = mapping.scope.finders()
            if finders is None:
                self._anywhere.append(place)
            for finder in finders or ():
                self._by_value.setdefault(finder, []).append(place)

    @property
    def dimensions(self) -> frozenset[str]:
        """Return what has to be known of a cost: its dimensions, and "tag"."""
        scopes = [mapping.scope for mapping in self.ordered]
        named = {name for scope in scopes for name, _ in scope.values}
        return frozenset(named | {"tag" for scope in scopes if scope.tags})

    def accounts_of(self, dimensions: Mapping[str, str], tags: Tags) -> Accounts | None:
        """Return where a cost goes; None: no mapping matches it.

        *dimensions* has those of `dimensions`, and `model_version` beside `model`.
        """
        places = set(self._anywhere)
        for each in dimensions.items():
            places.update(self._by_value.get(each, ()))
        for place in sorted(places):
            if self.ordered[place].scope.matches(dimensions, tags):
                return self.ordered[place].accounts
        return None


def _in_order(mappings: Sequence[AccountMapping]) -> list[AccountMapping]:
    """Return them as they hold: those of one rank that others lie in after these."""
    around = dict.fromkeys(range(len(mappings)), 0)
    for first, second in _pairs_of_a_rank(mappings):
        one, other = mappings[first], mappings[second]
        if one.scope.overlaps(other.scope):
            around[first] += covers(one.stored, other.stored)
            around[second] += covers(other.stored, one.stored)
    places = sorted(around, key=lambda n: (mappings[n].rank, around[n], n))
    return [mappings[place] for place in places]


def _pairs_of_a_rank(mappings: Sequence[AccountMapping]) -> Iterator[tuple[int, int]]:
    """Yield the places of any two of one rank, but for those that surely differ."""
    alike: dict[Any, list[int]] = {}
    for place, mapping in enumerate(mappings):
        alike.setdefault(mapping.rank, []).append(place)
    for places in alike.values():
        for first, second in combinations(places, 2):
            one, other = mappings[first].scope.values, mappings[second].scope.values
            if not any(
                name == name_2 != "model" and values.isdisjoint(values_2)
                for name, values in one
                for name_2, values_2 in other
            ):
                yield first, second


def read_mappings(given: object) -> list[AccountMapping]:
    """Return the mappings that *given* has, JSON as the wire has it.

    Raises:
        Invalid: something in it can't be taken, or two of them would hold alike; each
            fault names its place: `0.scope.teams`, `3.expense_account`.
    """
    if not isinstance(given, list):
        raise Invalid.field("mappings", "Must be a list of mappings.")
    if len(given) > MOST_MAPPINGS:
        raise Invalid.field("mappings", f"Use at most {MOST_MAPPINGS} mappings.")
    faults: list[FieldError] = []
    found = [_read_one(f"{place}.", one, faults) for place, one in enumerate(given)]
    read = [one for one in found if one is not None]
    if not faults:
        faults += _alike(read)
    if faults:
        raise Invalid(faults[0].detail, errors=tuple(faults))
    return read


def _read_one(
    place: str, given: object, faults: list[FieldError]
) -> AccountMapping | None:
    """Return one mapping; what is wrong with it is added to *faults*."""
    if not isinstance(given, Mapping):
        faults.append(_fault(place.rstrip("."), "Must be an object."))
        return None
    known = {"scope", *FIELDS}
    for name in sorted(map(str, given.keys() - known)):
        detail = f"Unknown field; known are {', '.join(sorted(known))}."
        faults.append(FieldError(f"{place}{name}"[:200], "unknown_field", detail))
    texts = []
    for name in FIELDS:
        text, fault = _name_in(given.get(name), is_required=name in _REQUIRED)
        texts.append(text)
        if fault:
            faults.append(_fault(f"{place}{name}", fault))
    scope = {}
    try:
        scope = clean(given.get("scope"))
    except ValueError as error:
        attr, detail = error.args
        faults.append(_fault(f"{place}{attr}", detail))
    return AccountMapping.of(scope, Accounts(*texts))


def _name_in(given: object, *, is_required: bool) -> tuple[str, str]:
    """Return the name of an account, and what is wrong with it, if anything."""
    if given is None or given == "":
        return "", "Must be filled in." if is_required else ""
    if not isinstance(given, str):
        return "", "Must be text."
    return given, fault_of_name(given)


def fault_of_name(text: str) -> str:
    """Say why *text* can't stand in a journal; "": it can.

    What would have to be changed in a file is refused here: changed, it would name
    another account.
    """
    if not text.strip():
        return "Must be filled in."
    if text != text.strip():
        return "Must not begin or end with a space."
    if len(text) > LONGEST_NAME:
        return f"Use at most {LONGEST_NAME} characters."
    if ODD.search(text) or any(
        unicodedata.category(sign) in _UNPRINTED for sign in text
    ):
        return "Must be one line, without control characters."
    if is_formula(text):
        return f"Must not begin with “{text[0]}”: spreadsheets take that for a formula."
    return ""


def _alike(mappings: Sequence[AccountMapping]) -> Iterator[FieldError]:
    """Yield where nothing says which of two mappings holds."""
    for first, second in _pairs_of_a_rank(mappings):
        one, other = mappings[first], mappings[second]
        if not one.scope.overlaps(other.scope):
            continue
        if covers(one.stored, other.stored) is covers(other.stored, one.stored):
            detail = (
                f"Mappings {first + 1} and {second + 1} match the same costs, and "
                "neither is more specific. Name more in the scope of one of them."
            )
            yield FieldError(f"{second}.scope", "ambiguous", detail)


def _fault(attr: str, detail: str) -> FieldError:
    return FieldError(attr, "invalid", detail)
