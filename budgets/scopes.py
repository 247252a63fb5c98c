"""What a budget is about: which dimensions a cost must have to match."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ledger.identity import ModelName, one_name
from ledger.patterns import ModelSet, may_meet, pattern_of

# On the wire and in the database, beside the dimension of an attribution each is about.
DIMENSION_OF = {
    "departments": "department",
    "teams": "team",
    "projects": "project",
    "environments": "environment",
    "users": "user",
    "providers": "provider",
    "models": "model",
}
# For people: what is meant by the values of a dimension.
READ_AS = {
    "models": "A model means all its versions, a version that one. gpt-4* means "
    "what goes on at a dash: not gpt-4o.",
    "providers": "Under all names: openai is openai.responses too.",
    "users": "Mail addresses in any letters.",
}
MOST_VALUES = 1_000  # in one dimension
LONGEST_VALUE = 200
TAG_SIGNS = (":", "=")  # between name and value, in a list of tags

Tags = Mapping[str, str] | Iterable[str]


@dataclass(frozen=True, slots=True)
class BudgetScope:
    """Values per dimension, and tags. Empty: everything the organization spends.

    A cost matches when each dimension that is named has one of its values, and all the
    tags are there. Providers, people and models are meant under all their names: see
    `ledger.identity`. A tag with an empty value matches a tag of that name in a list,
    or any value of it in an object.
    """

    # By dimension of the attribution: providers and people by their one name, models
    # as they were written.
    values: tuple[tuple[str, frozenset[str]], ...]
    models: ModelSet
    tags: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read the stored form, which `clean` returned."""
        values = tuple(
            (dimension, frozenset(one_name(dimension, text) for text in stored[name]))
            for name, dimension in DIMENSION_OF.items()
            if stored.get(name)
        )
        models = ModelSet.of(stored.get("models", ()))
        return cls(values, models, tuple(sorted(stored.get("tags", {}).items())))

    @property
    def is_everything(self) -> bool:
        return not self.values and not self.tags

    def matches(self, dimensions: Mapping[str, str], tags: Tags) -> bool:
        """Tell whether a cost of these *dimensions* and *tags* is in the scope."""
        return all(
            self.models.reaches(
                ModelName(dimensions["model"], dimensions["model_version"])
            )
            if dimension == "model"
            else dimensions[dimension] in wanted
            for dimension, wanted in self.values
        ) and all(_has_tag(tags, name, value) for name, value in self.tags)

    def finders(self) -> Iterable[tuple[str, str]] | None:
        """Return dimensions and values of which whatever matches has one.

        As few as will do; None: there are none, it may be anything.
        """
        sets = [
            [(dimension, value) for value in wanted]
            for dimension, wanted in self.values
            if dimension != "model"
        ]
        named = self.models
        if (named.models or named.versions) and not named.patterns:
            of_models = [("model", model) for model in named.models]
            versions = [("model_version", one) for one in named.versions]
            sets.insert(0, of_models + versions)
        # Of as many values those of users and projects are rarer than a team's.
        return min(reversed(sets), key=len, default=None)

    def overlaps(self, other: Self) -> bool:
        """Tell whether one cost could match both."""
        return all(self.shared(other).values()) and not any(
            name == other_name and value and other_value and value != other_value
            for name, value in self.tags
            for other_name, other_value in other.tags
        )

    def shared(self, other: Self) -> dict[str, list[str]]:
        """Return its own values that mean something *other* means too, of each
        dimension that both name."""
        theirs = dict(other.values)
        return {
            dimension: sorted(
                value
                for value in wanted
                if value in theirs[dimension]
                or (
                    dimension == "model"
                    and any(may_meet(value, text) for text in theirs[dimension])
                )
            )
            for dimension, wanted in self.values
            if dimension in theirs
        }


def covers(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> bool:
    """Tell whether all that matches *inner* matches *outer*, both as stored.

    Where in doubt it does not: a pattern of models is covered only by the same one.
    """
    mine = dict(BudgetScope.of(inner).values)
    tags = inner.get("tags", {})
    return all(
        dimension in mine and mine[dimension] <= values
        for dimension, values in BudgetScope.of(outer).values
        if dimension != "model"
    ) and (
        _covers_models(outer.get("models", ()), inner.get("models", ()))
        and all(
            name in tags and value in {"", tags[name]}
            for name, value in outer.get("tags", {}).items()
        )
    )


def _covers_models(outer: Sequence[str], inner: Sequence[str]) -> bool:
    if not outer:
        return True
    reach = ModelSet.of(outer)
    return bool(inner) and all(
        text in outer or (not text.endswith("*") and reach.reaches(_named(text)))
        for text in inner
    )


def _named(text: str) -> ModelName:
    pattern = pattern_of(text)
    return ModelName(pattern.model, pattern.version)


def clean(given: object) -> dict[str, Any]:
    """Return the stored form of a scope: known keys, sorted values, nothing empty.

    Raises:
        ValueError: (key, what is wrong with it).
    """
    if given in (None, "", "company-wide"):
        return {}
    if not isinstance(given, Mapping):
        raise _wrong("scope", "Must be an object, or “company-wide”.")
    known = {*DIMENSION_OF, "tags"}
    if unknown := sorted(set(map(str, given)) - known):
        raise _wrong(
            f"scope.{unknown[0]}", f"Unknown; known are {', '.join(sorted(known))}."
        )
    cleaned: dict[str, Any] = {}
    for name in DIMENSION_OF:
        if values := _cleaned_values(name, given.get(name) or []):
            cleaned[name] = values
    if any("*" in model[:-1] for model in cleaned.get("models", ())):
        raise _wrong("scope.models", "A * may stand at the end only.")
    if tags := _cleaned_tags(given.get("tags") or {}):
        cleaned["tags"] = tags
    return cleaned


def _cleaned_values(name: str, values: object) -> list[str]:
    if isinstance(values, str):
        values = [values]
    if not isinstance(values, list) or not all(map(_is_value, values)):
        raise _wrong(
            f"scope.{name}",
            f"Must be a list of names of 1 to {LONGEST_VALUE} characters.",
        )
    if len(values) > MOST_VALUES:
        raise _wrong(f"scope.{name}", f"More than {MOST_VALUES} values.")
    return sorted(set(values))


def _cleaned_tags(tags: object) -> dict[str, str]:
    if isinstance(tags, list) and all(map(_is_value, tags)):
        return dict.fromkeys(sorted(set(tags)), "")
    if not isinstance(tags, Mapping) or not all(
        _is_value(name) and (value == "" or _is_value(value))
        for name, value in tags.items()
    ):
        raise _wrong("scope.tags", "Must be an object of strings, or a list.")
    return dict(sorted(tags.items()))


def _wrong(key: str, detail: str) -> ValueError:
    return ValueError(key, detail)


def _is_value(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_VALUE
        and "\x00" not in value
    )


def tags_as_listed(tags: Tags) -> Iterable[str]:
    """Return tags as a list has them: those of an object with a sign between."""
    if isinstance(tags, Mapping):
        return [f"{name}{TAG_SIGNS[0]}{value}" for name, value in tags.items()]
    return tags


def _has_tag(tags: Tags, name: str, value: str) -> bool:
    if isinstance(tags, Mapping):
        return name in tags and value in {"", tags[name]}
    wanted = {name} if not value else {f"{name}{sign}{value}" for sign in TAG_SIGNS}
    return any(tag in wanted for tag in tags)
