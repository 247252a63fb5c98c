"""What budgets are made for by themselves: one for each value of a dimension. Pure.

A template is a budget that is a rule: the first record or authorization with a new
value opens a budget below it, called after the value. The values are those that usage
is filed under, so one person has one budget, however spelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from budgets.scopes import TAG_SIGNS, Tags
from ledger.identity import one_name
from ledger.usage import KEY_TAG

# The words of the wire, with the key of a scope that narrows to one value.
KEY_OF = {
    "user": "users",
    "project": "projects",
    "team": "teams",
    "department": "departments",
    "environment": "environments",
}
FOR_EACH = (*KEY_OF, KEY_TAG)
TAG = "tag:"
MOST_MADE = 10_000  # budgets that one template may have in use at all
USUAL_MOST = 1_000  # where nothing else is said
LONGEST_TAG = 200
LONGEST_VALUE = 500  # characters; a longer one, which only tags have, gets no budget


@dataclass(frozen=True, slots=True)
class ForEach:
    """What a template makes budgets for: the values of a dimension, or of a tag."""

    dimension: str  # "": of a tag
    tag: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the wire's word.

        Raises:
            ValueError: it is none; a sentence says which there are.
        """
        if text in KEY_OF:
            return cls(text)
        if text == KEY_TAG:
            return cls("", KEY_TAG)
        tag = text.removeprefix(TAG)
        if text.startswith(TAG) and 0 < len(tag) <= LONGEST_TAG and "\x00" not in tag:
            return cls("", tag)
        known = ", ".join(FOR_EACH)
        raise ValueError(f"Unknown; known are {known} and {TAG}NAME.")

    def values(self, dimensions: Mapping[str, str], tags: Tags) -> list[str]:
        """Return the values that a cost has: mostly one, or none.

        A list of tags may have several of one name: "team:ml", "team=search".
        """
        if self.dimension:
            values = {dimensions[self.dimension]}
        elif isinstance(tags, Mapping):
            values = {tags.get(self.tag, "")}
        else:
            begun = len(self.tag) + 1
            named = {f"{self.tag}{sign}" for sign in TAG_SIGNS}
            values = {tag[begun:] for tag in tags if tag[:begun] in named}
        return sorted(value for value in values if 0 < len(value) <= LONGEST_VALUE)

    def one_name(self, value: str) -> str:
        """Return the one name of a value that somebody wrote."""
        return one_name(self.dimension, value) if self.dimension else value

    def narrowed(self, scope: Mapping[str, Any], value: str) -> dict[str, Any]:
        """Return the stored *scope* of a template, for one value alone."""
        if self.dimension:
            return {**scope, KEY_OF[self.dimension]: [value]}
        tags = {**scope.get("tags", {}), self.tag: value}
        return {**scope, "tags": dict(sorted(tags.items()))}
