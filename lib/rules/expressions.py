"""Rules that were read, ready to be asked. Pure."""

from dataclasses import dataclass, field
from typing import Any

from lib.errors import Invalid
from lib.rules.closures import Asking, arms, compiled, sides
from lib.rules.reader import Reader
from lib.rules.vocabularies import Vocabulary

LONGEST = 500  # characters
_NEVER = ["==", {"number": "1"}, {"number": "0"}]


@dataclass(frozen=True, slots=True)
class Expression:
    """A rule that was read and is sound; `text` is as it was written.

    `wire` is the same in the form that `closures` has. `models` is what the model is
    compared with: whoever asks by the wire form has to be told what each of them means.
    One with a `problem` was saved and can't be read any more: it never holds.
    """

    text: str
    names: frozenset[str]
    models: frozenset[str]
    wire: Any = field(compare=False, repr=False)
    vocabulary: Vocabulary = field(compare=False, repr=False)
    problem: str = ""
    _truth: Asking = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        truth = compiled(self.wire, self.vocabulary.asks)
        object.__setattr__(self, "_truth", truth)

    def holds(self, facts: Any) -> bool:
        """Tell whether it is true of *facts*, which have the `names` it asks for.

        What can't be told (a name without a value or None, a division by zero) makes
        only those parts untold that hang on it: `or` may still hold, `not` may not.
        """
        return self._truth(facts) is True

    def sides(self, facts: Any) -> tuple[Any, Any] | None:
        """Return what a single comparison compares; None where there are several, or
        where one side can't be told."""
        both = sides(self.wire, self.vocabulary.asks)
        if both is None:
            return None
        left, right = (ask(facts) for ask in both)
        return None if left is None or right is None else (left, right)

    @property
    def arms(self) -> tuple[Asking, ...]:
        """Those parts of which any is enough."""
        asks = self.vocabulary.asks
        return tuple(compiled(form, asks) for form in arms(self.wire))


def read(text: str, vocabulary: Vocabulary) -> Expression:
    """Read a rule.

    Raises:
        Invalid: of the field that is called as *vocabulary* has it: it can't be read,
            is too large, or asks for what there is not. The message quotes it, says
            where, and what is allowed.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise Invalid.field(vocabulary.noun, f"At most {LONGEST} characters.")
    reader = Reader(text, vocabulary)
    form = reader.form()
    names, models = frozenset(reader.names), frozenset(reader.models)
    return Expression(text, names, models, form, vocabulary)


def read_saved(text: str, vocabulary: Vocabulary) -> Expression:
    """Read a rule that was sound when it was saved: one that can't be read any more
    never holds, and says why in `problem`."""
    try:
        return read(text, vocabulary)
    except Invalid as refusal:
        nothing: frozenset[str] = frozenset()
        return Expression(text, nothing, nothing, _NEVER, vocabulary, str(refusal))
