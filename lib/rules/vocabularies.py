"""What a kind of rule may name, and how such rules are explained to people. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from lib.rules.closures import Asks

NUMBER, TEXT, TAGS = "a number", "text", "tags"
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Name(NamedTuple):
    """One thing that rules of a kind may ask for."""

    meaning: str  # for people, with its unit
    kind: str = NUMBER
    most: Decimal | None = None  # that it is compared with: 90 for a share is a slip
    is_clock: bool = False  # text such as 09:00, which has an order
    filed: Callable[[str], str] = str  # a constant, as all write what it names


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The words of one kind of rule."""

    noun: str  # "trigger": of the field, and of what is written in it
    subject: str  # "call": what is asked about
    names: Mapping[str, Name]
    guide: str  # a sentence or two: what such a rule may say, with examples
    asks: Asks
    has_texts: bool = False  # and lists and tags
    functions: frozenset[str] = frozenset()
    always: str = (
        ""  # the word for a rule that holds of every subject; "": there is none
    )
