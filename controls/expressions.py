"""Triggers that people write: `budget_percentage >= 0.9 and environment != "prod"`.

Pure. A trigger compares what is known of a call, of the budget and of the clock with
numbers and text, in the language that `lib.rules` reads. It is compiled once, for it is
asked at every call, and has a form in JSON (`wire`) by which clients ask it themselves.

A model, provider or person that is compared with text in quotes is meant under all its
names, as `ledger.identity` has them: `model == "gpt-4o"` holds for every version of it,
one with a date for that version, one with * at its end for those the pattern reaches.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from ledger.identity import model_named, person_named, provider_named
from ledger.patterns import ModelSet
from lib.rules import expressions
from lib.rules.closures import MODEL, Asking, Asks, tag_of
from lib.rules.expressions import Expression
from lib.rules.vocabularies import TAGS, TEXT, Name, Vocabulary

ALWAYS = "always"  # the trigger that holds at every call
EXAMPLES = (
    "budget_percentage >= 0.9",
    'environment == "development"',
    "hour >= 18 or weekday >= 5",
    ALWAYS,
)
# Where the budget stands.
OF_BUDGET = {
    "budget_percentage": Name(
        "the share of the amount that is spent, 0.9 for 90 %", most=Decimal(10)
    ),
    "spent": Name("what is spent, in the budget's currency"),
    "limit": Name("what may be spent, in the budget's currency"),
    "remaining": Name("what is neither spent nor reserved, in the budget's currency"),
    "forecast_probability": Name(
        "how likely the amount is passed, 0.5 for 50 %", most=Decimal(1)
    ),
}
OF_CALL = {
    "environment": Name("the environment it is made in", TEXT),
    "project": Name("the project it is for", TEXT),
    "team": Name("the team it is for", TEXT),
    "department": Name("the department it is for", TEXT),
    "user": Name("who makes it", TEXT, filed=person_named),
    "model": Name("the model that is asked for", TEXT),
    "provider": Name("whose model that is", TEXT, filed=provider_named),
    "tags": Name("its tags", TAGS),
    "estimated_cost": Name("what it may cost, in the organization's currency"),
    "input_tokens": Name("how many tokens it sends"),
}
# By the clocks of the budget's zone.
OF_CLOCK = {
    "hour": Name("the hour, 0 to 23"),
    "minute": Name("the minute, 0 to 59"),
    "weekday": Name("the day of the week, 0 for Monday"),
    "day": Name("the day of the month"),
    "month": Name("the month, 1 to 12"),
    "time": Name("the time of day, such as 09:00", TEXT, is_clock=True),
}
NAMES = {**OF_BUDGET, **OF_CALL, **OF_CLOCK}


class Values(Protocol):
    """What triggers ask for, such as a dict; None is what can't be told.

    Provider and user by the names all file by; the model as it was asked for.
    """

    def get(self, name: str, /) -> Any: ...


def _asking(name: str) -> Asking:
    return lambda values: values.get(name)


def _tag(name: str) -> Asking:
    def ask(values: Values) -> str | None:
        tags = values.get("tags")
        return None if tags is None else tag_of(tags, name)

    return ask


def _is_model(texts: Sequence[str]) -> Asking:
    known = ModelSet.of(texts)

    def is_meant(values: Values) -> bool | None:
        model = values.get(MODEL)
        return None if model is None else known.reaches(model_named(model))

    return is_meant


TRIGGERS = Vocabulary(
    noun="trigger",
    subject="call",
    names=NAMES,
    guide="A trigger compares names with numbers or text in quotes, joined by and, or, "
    f"not; for example: {'; '.join(EXAMPLES)}. Names are {', '.join(sorted(NAMES))}.",
    asks=Asks({name: _asking(name) for name in NAMES}, _tag, _is_model),
    has_texts=True,
    always=ALWAYS,
)


@lru_cache(maxsize=4_096)
def read(text: str) -> Expression:
    """Read a trigger that somebody wrote.

    Raises:
        Invalid: it can't be read, or asks for what there is not. The message quotes
            it and says what is allowed.
    """
    return expressions.read(text, TRIGGERS)


@lru_cache(maxsize=4_096)
def read_saved(text: str) -> Expression:
    """Read a trigger of a rule that was saved: what can't be read never holds."""
    return expressions.read_saved(text, TRIGGERS)
