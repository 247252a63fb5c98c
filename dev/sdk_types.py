"""Write the SDK's types of answers anew, from the structs that the server answers with.

python -m dev.sdk_types; tests.checks says when they are stale. What an answer can't do
without is required (ESSENTIAL), and comes first; all else has a default, so that what
another version of the server says can be read.
"""

import os
import re
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import django
import msgspec
from msgspec import Meta, UnsetType

from dev.sdk_shapes import AS_SENT, DEFAULTS, ESSENTIAL, MODULES

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "sdk" / "llm_cost_ops" / "answers"
_WIDTH = 88
_HEAD = '''"""{title}

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Optional
'''
_ALIAS = "\nDay = date  # some have a field that is called so\n"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a dataclass as it is written."""

    name: str
    type: str
    default: str  # "": it is required
    note: str


def written() -> dict[Path, str]:
    """Return what each module of the SDK should be."""
    return {
        FOLDER / f"{name}.py": _module(title, _structs(places))
        for name, (title, places) in MODULES.items()
    }


def _structs(places: Mapping[str, str]) -> Iterator[Any]:
    for module, names in places.items():
        for name in names.split():
            yield _struct(module, name)


def _struct(module: str, name: str) -> Any:
    return getattr(import_module(module), f"{name}Out")


def _module(title: str, structs: Iterable[Any]) -> str:
    classes = "\n\n".join(map(_class, structs))
    alias = _ALIAS if re.search(r"\bDay\b", classes) else ""
    text = "\n\n".join([_HEAD.format(title=title) + alias, classes])
    for command in (["check", "--fix", "--select", "F401,I"], ["format"]):
        done = subprocess.run(  # noqa: S603 - our own linter
            [sys.executable, "-m", "ruff", *command, "-q", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    return text


def _class(struct: Any) -> str:
    name, base = _name(struct), _base_of(struct)
    lines = [
        "@dataclass(frozen=True)",
        f"class {name}{f'({_name(base)})' if base else ''}:",
    ]
    lines += _docstring(struct)
    lines += [line for part in _parts(struct, base) for line in _line(part)]
    return "\n".join(lines) + "\n"


def _name(struct: Any) -> str:
    return str(struct.__name__).removesuffix("Out")


def _base_of(struct: Any) -> Any:
    if _name(struct) == "ModelPrice":  # of which the server may leave parts out
        return _struct("controls.api.lease_answers", "TokenPrices")
    (base,) = struct.__bases__
    return None if base.__name__ == "Out" else base


def _docstring(struct: Any) -> Iterator[str]:
    paragraphs = (struct.__doc__ or "").strip().split("\n\n")
    folded = [" ".join(each.split()) for each in paragraphs]
    if len(folded) == 1 and len(folded[0]) < _WIDTH - 10:
        yield f'    """{folded[0]}"""\n'
        return
    wrapped = "\n\n".join(textwrap.fill(each, _WIDTH - 7) for each in folded)
    yield textwrap.indent(f'"""{wrapped}\n"""', "    ") + "\n"


def _parts(struct: Any, base: Any) -> list[Part]:
    """Return the fields that *base* has not, required ones first."""
    hints = get_type_hints(struct, include_extras=True)
    inherited = set(base.__struct_fields__) if base else set()
    names = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    essential = ESSENTIAL.get(_name(struct), "").split() if not base else []
    order = [*essential, *(one for one in names if one not in essential)]
    return [
        _part(struct, name, hints[name], is_required=name in essential)
        for name in order
        if name not in inherited
    ]


def _part(struct: Any, name: str, hint: Any, *, is_required: bool) -> Part:
    kind, empty = _written(hint)
    default = DEFAULTS.get(f"{_name(struct)}.{name}", empty)
    if not is_required:
        plain = kind.removeprefix("Optional[").removesuffix("]")
        if default != "None" and kind == f"Optional[{plain}]":
            kind = plain
        elif default == "None" and kind not in {"Any", f"Optional[{plain}]"}:
            kind = f"Optional[{kind}]"
    return Part(name, kind, "" if is_required else default, _notes(hint))


def _notes(hint: Any) -> str:
    """Return in words what a field means."""
    said = [
        each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Meta)
    ]
    text = " ".join(each.description for each in said if each.description)
    words = list(get_args(hint)) if get_origin(hint) is Literal else []
    for each in said:
        words += (each.extra_json_schema or {}).get("enum", ())
    listed = ", ".join(str(word) for word in words if word is not None)
    return text.replace("Null:", "None:").replace("null:", "None:") or listed


def _written(hint: Any) -> tuple[str, str]:
    """Return a type as the SDK writes it, and its empty value."""
    if hasattr(hint, "__metadata__"):
        return _of_annotated(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _of_union(inner)
    if origin is Literal:
        return "str", '""'
    if origin is dict:
        return f"dict[str, {_written(inner[1])[0]}]", "field(default_factory=dict)"
    if origin is not None:  # a sequence
        return f"tuple[{_written(inner[0])[0]}, ...]", "()"
    return _of_plain(hint)


def _of_annotated(hint: Any) -> tuple[str, str]:
    extra = [each.extra_json_schema or {} for each in hint.__metadata__]
    if hint.__origin__ is str and any(one.get("format") == "decimal" for one in extra):
        return "Decimal", "Decimal(0)"
    return _written(hint.__origin__)


def _of_union(inner: Sequence[Any]) -> tuple[str, str]:
    left = [one for one in inner if one not in {type(None), UnsetType}]
    found = {_written(one)[0]: _written(one)[1] for one in left}
    if len(found) > 1:
        return "Any", "None"
    ((kind, empty),) = found.items()
    if type(None) not in inner and (empty in {"()", "False"} or "dict" in empty):
        return kind, empty  # what is left out is empty
    return f"Optional[{kind}]", "None"


def _of_plain(hint: Any) -> tuple[str, str]:
    known = {
        str: ("str", '""'),
        bool: ("bool", "False"),
        int: ("int", "0"),
        float: ("Decimal", "Decimal(0)"),
        datetime: ("datetime", "None"),
        date: ("Day", "None"),
        Any: ("Any", "None"),
    }
    if hint in known:
        return known[hint]
    name = _name(hint)
    if name in AS_SENT:
        return "dict[str, Any]", "field(default_factory=dict)"
    return name, "None"


def _line(part: Part) -> Iterator[str]:
    line = f"    {part.name}: {part.type}"
    line += f" = {part.default}" if part.default else ""
    if part.note and len(line) + len(part.note) + 4 <= _WIDTH:
        yield f"{line}  # {part.note}"
        return
    if part.note:
        yield textwrap.fill(
            part.note, _WIDTH, initial_indent="    # ", subsequent_indent="    # "
        )
    yield line


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "costops.settings"
    django.setup()
    for path, text in written().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
