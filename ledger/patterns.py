"""What several names of models in one scope, list or filter mean together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ledger.identity import ModelName, ModelPattern, is_fine_tuned, pattern_of


@dataclass(frozen=True, slots=True)
class ModelSet:
    """The models that some names reach; by sets, for there may be a thousand names."""

    models: frozenset[str]  # all versions of them
    versions: frozenset[str]
    patterns: tuple[ModelPattern, ...]  # with * at the end

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Read what somebody wrote."""
        read = [pattern_of(text) for text in texts]
        named = [one for one in read if one.stem is None]
        return cls(
            frozenset(one.model for one in named if not one.version),
            frozenset(one.version for one in named if one.version),
            tuple(one for one in read if one.stem is not None),
        )

    def reaches(self, name: ModelName) -> bool:
        """Tell whether *name* is meant."""
        return (
            name.model in self.models
            or name.version in self.versions
            or any(pattern.reaches(name) for pattern in self.patterns)
        )


def may_meet(one: str, other: str) -> bool:
    """Tell whether one name could be meant by both texts."""
    first, second = pattern_of(one), pattern_of(other)
    if first.stem is None and second.stem is None:
        said = {pattern.version for pattern in (first, second)} - {""}
        return first.model == second.model and len(said) <= 1
    if first.stem is not None and second.stem is not None:
        return _goes_on(first, second) or _goes_on(second, first)
    pattern, named = (second, first) if first.stem is None else (first, second)
    if pattern.reaches(ModelName(named.model, named.version)):
        return True
    # "gpt-4o-2024*" and a model that has such versions.
    begun = (pattern.stem or "").removeprefix(f"{named.model}-")
    return (
        not named.version and begun != pattern.stem and not begun.strip("0123456789-")
    )


def _goes_on(pattern: ModelPattern, other: ModelPattern) -> bool:
    return pattern.reaches(ModelName(other.stem or "", ""))


def is_priced_as(text: str, sent: str, name: ModelName) -> bool:
    """Tell whether a price for *text* is for a model that was *sent* by that name.

    A fine-tuned model has prices of its own: only `ft:gpt-4o`, and a * alone, are for
    that of gpt-4o.
    """
    pattern = pattern_of(text)
    if not pattern.reaches(name):
        return False
    return pattern.stem == "" or is_fine_tuned(text) == is_fine_tuned(sent)
