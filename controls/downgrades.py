"""Which models are used instead of which, made ready for many calls. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ledger.identity import ModelName, model_named
from ledger.patterns import ModelPattern, pattern_of


class _Instead(NamedTuple):
    """The model to use, as it was written, and what that means."""

    text: str
    name: ModelName


def leads_back(name: ModelName, seen: Sequence[ModelName]) -> bool:
    """Tell whether going on with *name* comes back to one of *seen*, the last of which
    is at hand: to the same name, or to any version of a model that was left."""
    left = {one.model for one in seen} - {seen[-1].model}
    return name in seen or name.model in left


class Downgrades:
    """What is to be used instead of which models: the narrowest wins.

    A version before its model, a model before a pattern, a longer pattern before a
    shorter one.
    """

    __slots__ = ("_models", "_patterns", "_versions")

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._models: dict[str, _Instead] = {}
        self._versions: dict[str, _Instead] = {}
        patterns: list[tuple[ModelPattern, _Instead]] = []
        for old, new in pairs.items():
            pattern, instead = pattern_of(old), _Instead(new, model_named(new))
            if pattern.stem is not None:
                patterns.append((pattern, instead))
            elif pattern.version:
                self._versions.setdefault(pattern.version, instead)
            else:
                self._models.setdefault(pattern.model, instead)
        self._patterns = sorted(patterns, key=lambda pair: pair[0].rank, reverse=True)

    def instead_of(self, name: ModelName) -> str | None:
        """Return the model to use instead, as it was written; None: it stays."""
        found = self._versions.get(name.version) or self._models.get(name.model)
        if found is None:
            found = next(
                (to for pattern, to in self._patterns if pattern.reaches(name)), None
            )
        return None if found is None or found.name == name else found.text
