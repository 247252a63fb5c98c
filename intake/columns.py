"""Which column of a file is which field of a usage record, however it is spelled."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from ledger.quantities import KNOWN
from ledger.usage import NOT_SENT, Usage
from lib.errors import FieldError, Invalid

# Fields of a usage record, and kinds of quantities: those may have columns, too.
FIELDS = frozenset(Usage.__struct_fields__) - NOT_SENT | KNOWN
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"  # a byte order mark
# Other words for the fields, as `_key` writes them.
ALIASES = {
    "costamount": "cost",
    "totalcost": "cost",
    "recordid": "id",
    "requestid": "id",
    "usageid": "id",
    "createdat": "timestamp",
    "date": "timestamp",
    "datetime": "timestamp",
    "startedat": "timestamp",
    "starttime": "timestamp",
    "time": "timestamp",
    "llmprovider": "provider",
    "modelprovider": "provider",
    "providername": "provider",
    "vendor": "provider",
    "modelid": "model",
    "org": "organization_id",
    "organisation": "organization_id",
    "organisationid": "organization_id",
    "organization": "organization_id",
    "orgid": "organization_id",
    "inputtokencount": "input_tokens",
    "prompttokencount": "input_tokens",
    "tokensin": "input_tokens",
    "completiontokencount": "output_tokens",
    "outputtokencount": "output_tokens",
    "tokensout": "output_tokens",
    "totaltokencount": "total_tokens",
    "cachedinputtokens": "cached_tokens",
    "cachedprompttokens": "cached_tokens",
    "cachehittokens": "cached_tokens",
    "cachereadinputtokens": "cached_tokens",
    "cachereadtokens": "cached_tokens",
    "inputcachedtokens": "cached_tokens",
    "cachecreationinputtokens": "cache_write_tokens",
    "cachecreationtokens": "cache_write_tokens",
    "cachewriteinputtokens": "cache_write_tokens",
    "inputcachewritetokens": "cache_write_tokens",
    "outputreasoningtokens": "reasoning_tokens",
    "reasoningoutputtokens": "reasoning_tokens",
    "thinkingtokens": "reasoning_tokens",
    "thoughtstokens": "reasoning_tokens",
    "durationms": "latency_ms",
    "elapsedms": "latency_ms",
    "project": "project_id",
    "department": "department_id",
    "dept": "department_id",
    "deptid": "department_id",
    "team": "team_id",
    "user": "user_id",
    "username": "user_id",
    "env": "environment",
    "tier": "service_tier",
    "currencycode": "currency",
}
_WORD_ENDS = re.compile(r"[^a-zA-Z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_PLURAL = re.compile(r"(?<=token)$|(?<=tag)$")
_MOST_SHAPES = 256  # of rows whose columns are remembered


@lru_cache(maxsize=4_096)
def field_named(column: str) -> str | None:
    """Return the field that a column's name means; None: it means none."""
    name = column.strip(f"{MARK} \t\"'")
    return name if name in FIELDS else _known().get(_key(name))


@lru_cache(maxsize=1)
def _known() -> Mapping[str, str]:
    return ALIASES | {_key(name): name for name in FIELDS}


def _key(name: str) -> str:
    """Write a name without what spellings differ in: case, marks, a plural's s."""
    return _PLURAL.sub("s", "".join(_WORD_ENDS.split(name)).lower())


@dataclass(frozen=True, slots=True)
class Columns:
    """How columns become fields.

    `renamed` has fields and the columns they are taken from, `fixed` fields and their
    values, `ignored` the columns that are left out; one with * means those that are
    not understood.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    ignored: Sequence[str] = ()
    _shapes: dict[tuple[str, ...], dict[str, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for name in (*self.renamed, *self.fixed):
            if name not in FIELDS:
                known = ", ".join(sorted(FIELDS))
                raise Invalid.field(name, f"Unknown field {name}; known are {known}.")

    def fields_of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a usage record that *row* holds; empty cells are none.

        Raises:
            Invalid: a column that was named is not there, or one is not understood.
        """
        shape = tuple(row)
        taken = self._shapes.get(shape)
        if taken is None:
            taken = self._taken(shape)
            if len(self._shapes) < _MOST_SHAPES:
                self._shapes[shape] = taken
        found = {
            name: row[column]
            for name, column in taken.items()
            if row[column] is not None and row[column] != ""
        }
        return {**found, **self.fixed}

    def applied(self, fields: dict[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
        """Return *fields* with those that were said to come from elsewhere."""
        taken = {
            name: row[column]
            for name, column in self.renamed.items()
            if row.get(column) not in (None, "")
        }
        return {**fields, **taken, **self.fixed}

    def places_in(self, header: Sequence[str]) -> list[tuple[str, int]]:
        """Return each field that a row of cells under *header* holds, and where.

        Raises:
            Invalid: a column that was named is not there, or one is not understood.
        """
        taken = self._taken(tuple(header))
        return [(name, header.index(column)) for name, column in taken.items()]

    def is_left_out(self, column: str) -> bool:
        """Tell whether a column is left out by name, or has none."""
        name = column.strip(f"{MARK} \t")
        return not name or name in self.ignored

    def _is_passed_over(self, column: str) -> bool:
        """Tell whether a column that is not understood is left out by a pattern."""
        name = column.strip(f"{MARK} \t")
        return any(fnmatchcase(name, each) for each in self.ignored if "*" in each)

    def _taken(self, columns: tuple[str, ...]) -> dict[str, str]:
        """Return the fields that are there, each with its column."""
        taken = {
            name: _column(name, wanted, columns)
            for name, wanted in self.renamed.items()
        }
        errors = []
        for column in columns:
            if column in taken.values() or self.is_left_out(column):
                continue
            name = field_named(column)
            if name is None:
                if not self._is_passed_over(column):
                    errors.append(_not_understood(column))
            elif name not in taken:
                taken[name] = column
            elif name not in self.renamed:
                errors.append(_twice(name, taken[name], column))
        if errors:
            said = " ".join(error.detail for error in errors)
            raise Invalid(said, errors=tuple(errors))
        return taken


def _column(name: str, wanted: str, columns: Sequence[str]) -> str:
    """Return the column that was named, exactly or else in any spelling.

    Raises:
        Invalid: there is none.
    """
    if wanted in columns:
        return wanted
    for column in columns:
        if _key(column.strip(MARK)) == _key(wanted):
            return column
    raise Invalid.field(name, f"There is no column “{wanted}”.")


def _not_understood(column: str) -> FieldError:
    name = column.strip(f"{MARK} \t")
    close = get_close_matches(_key(name), _known(), n=1, cutoff=0.75)
    meant = _known()[close[0]] if close else None
    ask = f" Is it {meant}?" if meant else ""
    detail = (
        f"The column “{name}” is not understood.{ask} Take it by --map "
        f"{meant or 'FIELD'}={_quoted(name)}, or leave it out by --ignore-column "
        f"{_quoted(name)}."
    )
    return FieldError(name, "unknown_column", detail)


def _twice(name: str, first: str, second: str) -> FieldError:
    detail = (
        f"The columns “{first}” and “{second}” both are {name}. Leave one out by "
        f"--ignore-column {_quoted(second)}."
    )
    return FieldError(name, "column_twice", detail)


def _quoted(name: str) -> str:
    return f'"{name}"' if re.search(r"\s", name) else name
