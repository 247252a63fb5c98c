"""Usage files: CSV and JSON lines, plain or packed, read as a stream.

A row without an id gets one from the content of the file up to and including its line:
equal rows count separately, a repeat of the file counts nothing, and a file that was
cut off and is sent whole later counts only what is new.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Protocol, cast

import msgspec
import zstandard

from costops.lib.errors import FieldError, Invalid
from ledger.usage import Usage, check, decode_error, decode_one, odd_characters

_LINES_TOLD = 500  # between two reports of how far reading has come
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

    def places_in(self, header: Sequence[str]) -> list[tuple[str, int]]:
        """Return each field that a row of cells under *header* holds, and where.

        Raises:
            Invalid: a column that was named is not there.
        """
        places = {name: at for at, name in enumerate(header) if name in _FIELDS}
        for name, column in self.renamed.items():
            if column not in header:
                raise Invalid.field(name, f"There is no column “{column}”.")
            places[name] = header.index(column)
        return list(places.items())


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
    records = _csv_records if _kind_of(path) == "csv" else _json_records
    with path.open("rb") as stored:
        yield from records(_Chain(_lines_of(path, stored, advance)), columns)


def _record_of(line: int, chain: "_Chain", fields: dict[str, Any]) -> Usage | BadRow:
    """Make a record of *fields*, texts where they are not JSON's own."""
    if "id" not in fields:
        fields["id"] = f"{chain.digest()}-{line}"
    raw = {name: fields.pop(name) for name in _RAW_FIELDS if name in fields}
    try:
        record = msgspec.convert(fields, Usage, strict=False)
        for name, value in raw.items():
            setattr(record, name, msgspec.Raw(_as_json(name, value)))
    except msgspec.ValidationError as error:
        return BadRow(line, (decode_error(error),))
    errors = check(record)
    if chain.is_odd and not errors:
        errors = odd_characters(record)
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


def _csv_records(chain: "_Chain", columns: Columns) -> Iterator[Usage | BadRow]:
    reader = csv.reader(chain.texts(), strict=True)
    header = [name.strip() for name in next(reader, [])]
    places = columns.places_in(header)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _malformed(reader.line_num, f"Malformed CSV: {error}.")
            return
        if len(cells) == len(header):
            given = {name: cell for name, at in places if (cell := cells[at])}
            yield _record_of(reader.line_num, chain, {**given, **columns.fixed})
        elif cells:
            detail = f"{len(cells)} cells under {len(header)} columns."
            yield _malformed(reader.line_num, detail)


def _json_records(chain: "_Chain", columns: Columns) -> Iterator[Usage | BadRow]:
    as_they_are = not columns.renamed and not columns.fixed
    for number, line in enumerate(chain, 1):
        if as_they_are and (record := _plain_record(line)):
            yield record
        elif line.strip():
            yield _record_in(number, line, chain, columns)


def _plain_record(line: bytes) -> Usage | None:
    """Return the record of a line that needs no second look, as most do not."""
    try:
        record = decode_one(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if b"\\u" in line or check(record) else record


def _record_in(
    number: int, line: bytes, chain: "_Chain", columns: Columns
) -> Usage | BadRow:
    try:
        row = _decode_object(chain.text_of(line))
    except (msgspec.DecodeError, RecursionError) as error:
        return BadRow(number, (decode_error(error),))
    return _record_of(number, chain, columns.fields_of(row))


def _malformed(line: int, detail: str) -> BadRow:
    return BadRow(line, (FieldError("", "malformed", detail),))


class _Chain:
    """Lines, and the digest of all that have passed so far.

    `is_odd` says that one of them may hold what no database takes.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self._digest = blake2b(digest_size=12)
        self.is_odd = False

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self._digest.update(line)
            yield line

    def texts(self) -> Iterator[str]:
        for line in self:
            yield self.text_of(line)

    def text_of(self, line: bytes) -> str:
        if b"\0" in line or b"\\u" in line:
            self.is_odd = True
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.is_odd = True
            return line.decode(errors="surrogateescape")

    def digest(self) -> str:
        return self._digest.hexdigest()


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
    for number, line in enumerate(_whole_lines(_unpacked(path, stored))):
        yield line
        if advance is not None and not number % _LINES_TOLD:
            advance(stored.tell())
    if advance is not None:
        advance(stored.tell())


def _unpacked(path: Path, stored: IO[bytes]) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stored))
    if path.suffix.lower() == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(stored, closefd=False)
        return io.BufferedReader(cast("io.RawIOBase", reader))
    return stored


def _whole_lines(unpacked: IO[bytes]) -> Iterator[bytes]:
    try:
        yield from unpacked
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise CutOff("The file is cut off; what is whole was read.") from error
