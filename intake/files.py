"""Usage files: CSV and JSON lines, plain or packed, read as a stream.

A row without an id gets one from the content of the file up to and including its line:
equal rows count separately, a repeat of the file counts nothing, and a file that was
cut off and is sent whole later counts only what is new.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Protocol, cast

import msgspec
import zstandard

from costops.lib.errors import FieldError, Invalid
from ledger.usage import Usage, check, decode_error, odd_characters

_RAW_FIELDS = ("tags", "metadata")
_FIELDS = frozenset(Usage.__struct_fields__)
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Advance(Protocol):
    """Is told how far into the file, in bytes as stored, reading has come."""

    def __call__(self, position: int) -> object: ...


@dataclass(frozen=True, slots=True)
class Columns:
    """How columns become fields: `renamed` field to column, `fixed` field to value."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.renamed, *self.fixed):
            if name not in _FIELDS:
                known = ", ".join(sorted(_FIELDS))
                raise Invalid.field(name, f"Unknown field {name}; known are {known}.")

    def fields_of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a usage record that *row* holds; empty cells are none.

        Raises:
            Invalid: a column that was named is not there.
        """
        found = {
            name: value
            for name, value in row.items()
            if name in _FIELDS and value is not None and value != ""
        }
        for name, column in self.renamed.items():
            if column not in row:
                raise Invalid.field(name, f"There is no column “{column}”.")
            found[name] = row[column]
        return {**found, **self.fixed}


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no usage record: its line, from 1, and what is wrong."""

    line: int
    errors: tuple[FieldError, ...]


class CutOff(Invalid):
    """The file ends in the middle of what was packed."""

    code = "file_cut_off"


def read_usage(
    path: Path, columns: Columns, *, advance: Advance | None = None
) -> Iterator[Usage | BadRow]:
    """Yield the records of the file *path*, one at a time; memory stays flat.

    Raises:
        CutOff: the file was cut off; everything that is whole was yielded before.
        Invalid: the kind of file is unknown, or a column is not there.
    """
    rows = _csv_rows if _kind_of(path) == "csv" else _json_rows
    with path.open("rb") as stored:
        lines = _lines_of(path, stored, advance)
        for line, digest, row in rows(lines):
            if isinstance(row, FieldError):
                yield BadRow(line, (row,))
            else:
                yield _record_of(line, digest, columns.fields_of(row))


Numbered = tuple[int, str, dict[str, Any] | FieldError]  # line, id, row


def _record_of(line: int, digest: str, fields: dict[str, Any]) -> Usage | BadRow:
    fields.setdefault("id", f"{digest}-{line}")
    raw = {name: fields.pop(name) for name in _RAW_FIELDS if name in fields}
    try:
        record = msgspec.convert(fields, Usage, strict=False)
        for name, value in raw.items():
            setattr(record, name, msgspec.Raw(_as_json(name, value)))
    except msgspec.ValidationError as error:
        return BadRow(line, (decode_error(error),))
    errors = check(record) or odd_characters(record)
    return BadRow(line, errors) if errors else record


def _as_json(name: str, value: Any) -> bytes:
    """Return tags or metadata as JSON; in CSV tags may stand as “a;b”."""
    if not isinstance(value, str):
        return msgspec.json.encode(value)
    if name == "tags" and not value.lstrip().startswith(("[", "{")):
        return msgspec.json.encode([tag.strip() for tag in value.split(";") if tag])
    try:
        return bytes(msgspec.json.Decoder(msgspec.Raw).decode(value))
    except msgspec.DecodeError as error:
        raise msgspec.ValidationError(f"Not valid JSON - at `$.{name}`") from error


def _csv_rows(lines: Iterable[bytes]) -> Iterator[Numbered]:
    chain = _Chain()
    reader = csv.reader(chain.passing(lines), strict=True)
    header = [name.strip() for name in next(reader, [])]
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = FieldError("", "malformed", f"Malformed CSV: {error}.")
            yield reader.line_num, chain.id, problem
            return
        if not cells:
            continue
        if len(cells) != len(header):
            detail = f"{len(cells)} cells under {len(header)} columns."
            yield reader.line_num, chain.id, FieldError("", "malformed", detail)
            continue
        yield reader.line_num, chain.id, dict(zip(header, cells, strict=True))


def _json_rows(lines: Iterable[bytes]) -> Iterator[Numbered]:
    chain = _Chain()
    for number, line in enumerate(chain.passing(lines), 1):
        if not line.strip():
            continue
        try:
            yield number, chain.id, _decode_object(line)
        except (msgspec.DecodeError, RecursionError) as error:
            yield number, chain.id, decode_error(error)


class _Chain:
    """The digest of all lines that have passed so far."""

    def __init__(self) -> None:
        self._digest = blake2b(digest_size=12)

    @property
    def id(self) -> str:
        return self._digest.hexdigest()

    def passing(self, lines: Iterable[bytes]) -> Iterator[str]:
        for line in lines:
            self._digest.update(line)
            yield line.decode(errors="surrogateescape")


def _kind_of(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in {".gz", ".zst"}:
        suffixes.pop()
    if suffixes and suffixes[-1] == ".csv":
        return "csv"
    if suffixes and suffixes[-1] in {".jsonl", ".ndjson", ".json"}:
        return "json"
    raise Invalid(
        f"{path.name}: only .csv, .jsonl and .ndjson are known, also as .gz or .zst."
    )


def _lines_of(
    path: Path, stored: IO[bytes], advance: Advance | None
) -> Iterator[bytes]:
    """Yield the lines, unpacked, each with its end; the last may lack one."""
    for line in _whole_lines(_unpacked(path, stored)):
        yield line
        if advance is not None:
            advance(stored.tell())


def _unpacked(path: Path, stored: IO[bytes]) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stored))
    if path.suffix.lower() == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(stored)
        return io.BufferedReader(cast("io.RawIOBase", reader))
    return stored


def _whole_lines(unpacked: IO[bytes]) -> Iterator[bytes]:
    try:
        yield from unpacked
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise CutOff("The file is cut off; what is whole was read.") from error
