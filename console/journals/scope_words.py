"""Scopes in one line, as people fill them in: `team = ml, web; tag = stage=prod`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from budgets.scopes import DIMENSION_OF

EVERYTHING = "everything"
_NAME_OF = {one: name for name, one in DIMENSION_OF.items()} | {
    name: name for name in DIMENSION_OF
}
_TAGS = ("tag", "tags")
_PART = re.compile(r'(?:"(?:[^"]|"")*"|[^;"])+')  # up to a ; outside quotes
_VALUE = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,"]*))\s*(?:,|\Z)')
_QUOTED = re.compile(r'[;,"]|^\s|\s\Z|^\Z')


def read_scope(text: str) -> dict[str, Any]:
    """Return the scope that *text* means, as the wire has it.

    Raises:
        ValueError: what is wrong with it, in a sentence.
    """
    scope: dict[str, Any] = {}
    if text.strip().lower() in {"", EVERYTHING}:
        return scope
    if text.count('"') % 2:
        raise ValueError(f"“{text.strip()}”: close the quotes.")
    for part in _PART.findall(text):
        if not part.strip():
            continue
        name, sign, rest = part.partition("=")
        word = name.strip().lower()
        values = list(_values(rest)) if sign else []
        if not values:
            raise ValueError(f"“{part.strip()}”: write it as team = ml, web.")
        if word in _TAGS:
            pairs = (value.partition("=") for value in values)
            tags = {one.strip(): text.strip() for one, _, text in pairs}
            scope["tags"] = {**scope.get("tags", {}), **tags}
        elif word in _NAME_OF:
            scope.setdefault(_NAME_OF[word], []).extend(values)
        else:
            known = ", ".join([*DIMENSION_OF.values(), "tag"])
            raise ValueError(f"“{word}” is none of {known}.")
    return scope


def _values(text: str) -> Iterator[str]:
    at = 0
    while at < len(text) and (found := _VALUE.match(text, at)):
        at = found.end()
        value = found[2].strip() if found[1] is None else found[1].replace('""', '"')
        if value:
            yield value
    if text[at:].strip():
        raise ValueError(f"“{text.strip()}”: part names by commas.")


def written_scope(stored: Mapping[str, Any]) -> str:
    """Return the text that `read_scope` reads back to *stored*."""
    parts = [
        f"{one} = {_listed(stored[name])}"
        for name, one in DIMENSION_OF.items()
        if stored.get(name)
    ]
    if tags := stored.get("tags"):
        told = [f"{name}={value}" if value else name for name, value in tags.items()]
        parts.append(f"tag = {_listed(told)}")
    return "; ".join(parts) or EVERYTHING


def _listed(values: Sequence[str]) -> str:
    return ", ".join(
        '"' + one.replace('"', '""') + '"' if _QUOTED.search(one) else one
        for one in values
    )
