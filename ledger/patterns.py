"""What a name of a model in a scope, rule, override or filter reaches."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from ledger.identity import (
    REMEMBERED,
    ModelName,
    is_fine_tuned,
    maker_of,
    model_named,
    provider_named,
    uniform,
    without_place,
)


@dataclass(frozen=True, slots=True)
class ModelPattern:
    """What a scope, rule or override means by a model.

    A model means all its versions; a version that one; with * at the end, all whose
    name goes on at a - after it: `gpt-4*` reaches gpt-4-turbo and gpt-4-0613, and
    neither gpt-4o nor gpt-4.1. `gpt-*` reaches them all, `openai/*` and `anthropic.*`
    the models of that maker.
    """

    text: str  # as it was written
    model: str  # "" for a pattern
    version: str  # "": all of them
    stem: str | None = None  # of a pattern
    maker: str = ""  # of `anthropic/*`

    @classmethod
    def of(cls, text: str) -> Self:
        """Read what somebody wrote."""
        written = text.strip().lower()
        if not written.endswith("*"):
            return cls(text, *model_named(text))
        begun = written.rstrip("*")
        path, _, stem = begun.removeprefix("ft:").replace(":", "/").rpartition("/")
        if stem and without_place(f"{stem}x") == "x":  # Bedrock's "us.anthropic.*"
            path, stem = stem.rstrip(".").rpartition(".")[2], ""
        stem = uniform(without_place(stem).replace("@", "-"))
        if stem.startswith("claude"):
            stem = stem.replace(".", "-")
        maker = "" if stem else provider_named(path.rpartition("/")[2])
        return cls(text, "", "", stem, maker)

    def reaches(self, name: ModelName) -> bool:
        """Tell whether *name* is meant."""
        if self.maker:
            return maker_of(name.model) == self.maker
        if self.stem is not None:
            return any(_is_begun_by(one, self.stem) for one in name)
        if self.version:
            return self.version == name.version
        return self.model == name.model

    @property
    def rank(self) -> tuple[int, int]:
        """Return how narrow it is: a version, a model, a longer pattern, a shorter."""
        if self.stem is None:
            return (3 if self.version else 2), 0
        return 1, len(self.stem) or bool(self.maker)


def _is_begun_by(name: str, stem: str) -> bool:
    rest = name.removeprefix(stem)
    if len(rest) + len(stem) != len(name):
        return False
    return (
        not rest
        or not stem
        or not stem[-1].isalnum()
        or not (rest[0].isalnum() or rest[0] == ".")
    )


@lru_cache(maxsize=REMEMBERED)
def pattern_of(text: str) -> ModelPattern:
    return ModelPattern.of(text)


def narrowest(texts: Iterable[str], name: ModelName) -> str | None:
    """Return the one of *texts* that means *name* most narrowly; None: none does."""
    found = [text for text in texts if pattern_of(text).reaches(name)]
    return max(found, key=lambda text: pattern_of(text).rank, default=None)


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
    if pattern.stem == pattern.maker == "":
        return True
    return is_fine_tuned(text) == is_fine_tuned(sent)
