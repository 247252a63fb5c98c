"""Usage files: CSV and JSON lines, plain or packed, read as a stream.

A row without an id gets one from the content of the file up to and including its line:
equal rows count separately, a repeat of the file counts nothing, and a file that was
cut off and is sent whole later counts only what is new.
"""

import csv
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from intake.columns import MARK, Columns
from intake.formats import Format
from intake.lines import LONGEST, Advance, TooLong, lines_of
from ledger.quantities import KNOWN
from ledger.usage import Usage, check, decode_error, odd_characters
from lib.errors import FieldError, Invalid

_RAW_FIELDS = ("tags", "metadata")
MOST_IN_ONE_PIECE = 64 * 2**20  # bytes of JSON that is not in lines
_TOO_LONG = "It is too long to be read."
_DELIMITERS = ",;\t"
_KINDS = KNOWN - {"requests"}  # which is a field of its own as well
_decode_plain = msgspec.json.Decoder(Usage).decode  # nothing but fields
_NO_JSON = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Unused:
    """A row of another tool's file that says of no usage: a failed call, a span."""

    line: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no usage record: its line, from 1, and what is wrong."""

    line: int
    errors: tuple[FieldError, ...]


def read_usage(
    path: Path,
    columns: Columns,
    *,
    form: Format | None = None,
    advance: Advance | None = None,
) -> Iterator[Usage | BadRow | Unused]:
    """Yield the records of the file *path*, one at a time; memory stays flat, unless
    the file is one piece of JSON.

    *form* says which other tool wrote it; None: its rows are usage records.

    Raises:
        CutOff: the file was cut off; everything that is whole was yielded before.
        Invalid: the kind of file is unknown, or a column is not there.
    """
    kind = _kind_of(path)
    longest = MOST_IN_ONE_PIECE if form is not None and kind == "json" else LONGEST
    with path.open("rb") as stored:
        chain = _Chain(lines_of(path, stored, advance, longest))
        if form is not None:
            rows = _csv_rows if kind == "csv" else _json_rows
            for line, row in rows(chain):
                yield from _converted(line, row, chain, columns, form)
        elif kind == "csv":
            yield from _csv_records(chain, columns)
        else:
            yield from _json_records(chain, columns)


def _converted(
    line: int,
    row: dict[str, Any] | BadRow,
    chain: "_Chain",
    columns: Columns,
    form: Format,
) -> Iterator[Usage | BadRow | Unused]:
    """Yield the records that a row of another tool's file is, mostly one."""
    if isinstance(row, BadRow):
        yield row
        return
    if missing := form.missing(row):
        raise Invalid(f"Line {line} is not {form.name}'s: it has no {missing}.")
    kept = {name: cell for name, cell in row.items() if not columns.is_left_out(name)}
    is_used = False
    for fields in form.read(kept):
        is_used = True
        yield _record_of(line, chain, columns.applied(fields, row))
    if not is_used:
        yield Unused(line)


def _csv_rows(chain: "_Chain") -> Iterator[tuple[int, dict[str, Any]]]:
    reader, header = _csv_reader(chain)
    try:
        for cells in reader:
            chain.of_row = 0
            if cells:
                yield reader.line_num, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise Invalid(f"Malformed CSV in line {reader.line_num}: {error}.") from error


def _json_rows(chain: "_Chain") -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """Yield the rows of JSON lines, or of a file that is one array or one object."""
    lines = iter(chain.texts())
    first = next((line for line in lines if line.strip()), "")
    try:
        row = _decode_object(first)
    except _NO_JSON:
        yield from _rows_of_one_piece(itertools.chain([first], lines))
        return
    yield 1, row
    for number, line in enumerate(lines, 2):
        if line.strip():
            yield number, _row_in(number, line)


def _row_in(number: int, line: str) -> dict[str, Any] | BadRow:
    try:
        return _decode_object(line)
    except _NO_JSON as error:
        return _malformed(number, f"Malformed JSON: {error}.")


def _rows_of_one_piece(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    size, texts = 0, []
    for line in lines:
        size += len(line)
        if size > MOST_IN_ONE_PIECE:
            raise Invalid("One piece of JSON is too large; write it as JSON lines.")
        texts.append(line)
    try:
        found = msgspec.json.decode("".join(texts))
    except _NO_JSON as error:
        raise Invalid(f"Malformed JSON: {error}.") from error
    for number, row in enumerate(found if isinstance(found, list) else [found], 1):
        if not isinstance(row, dict):
            raise Invalid(f"Number {number} of the array is no object.")
        yield number, row


def _record_of(line: int, chain: "_Chain", fields: dict[str, Any]) -> Usage | BadRow:
    """Make a record of *fields*, texts where they are not JSON's own."""
    if "id" not in fields:
        fields["id"] = f"{chain.digest()}-{line}"
    raw = {name: fields.pop(name) for name in _RAW_FIELDS if name in fields}
    kinds = {name: fields.pop(name) for name in fields.keys() & _KINDS}
    try:
        if kinds or isinstance(fields.get("quantities"), str):
            fields["quantities"] = _with_kinds(fields.get("quantities"), kinds)
        record = msgspec.convert(fields, Usage, strict=False)
        for name, value in raw.items():
            setattr(record, name, msgspec.Raw(_as_json(name, value)))
    except msgspec.ValidationError as error:
        return BadRow(line, (decode_error(error),))
    except UnicodeEncodeError:
        return _malformed(line, "It is not in UTF-8.")
    errors = check(record)
    if chain.is_odd and not errors:
        errors = odd_characters(record)
    return BadRow(line, errors) if errors else record


def _with_kinds(given: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    """Return quantities, of which some may have columns of their own."""
    if isinstance(given, str):
        given = _decode_object(_as_json("quantities", given))
    return {**(given or {}), **kinds}


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


def _csv_reader(chain: "_Chain") -> tuple[Any, list[str]]:
    """Return a reader that has read the header, and the header."""
    lines = chain.texts_of_rows()
    first = next(lines, "")
    reader = csv.reader(
        itertools.chain([first], lines), strict=True, delimiter=_delimiter_of(first)
    )
    try:
        return reader, [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise Invalid(f"Malformed CSV in the first line: {error}.") from error


def _csv_records(chain: "_Chain", columns: Columns) -> Iterator[Usage | BadRow]:
    reader, header = _csv_reader(chain)
    places = columns.places_in(header)
    while True:
        chain.of_row = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, LineTooLong) as error:
            detail = f"Malformed CSV, and the rest was not read: {error}"
            yield _malformed(chain.line, detail)
            return
        if len(cells) == len(header):
            given = {name: cell for name, at in places if (cell := cells[at])}
            yield _record_of(reader.line_num, chain, {**given, **columns.fixed})
        elif cells:
            detail = f"{len(cells)} cells under {len(header)} columns."
            yield _malformed(reader.line_num, detail)


def _delimiter_of(header: str) -> str:
    """Return what parts the cells: spreadsheets write ; or a tab in some countries."""
    return max(_DELIMITERS, key=header.count)


def _json_records(chain: "_Chain", columns: Columns) -> Iterator[Usage | BadRow]:
    as_they_are = not columns.renamed and not columns.fixed
    for number, line in enumerate(chain, 1):
        if isinstance(line, TooLong):
            yield _malformed(number, _TOO_LONG)
        elif as_they_are and (record := _plain_record(line)):
            yield record
        elif line.strip():
            yield _record_in(number, line, chain, columns)


def _plain_record(line: bytes) -> Usage | None:
    """Return the record of a line that needs no second look, as most do not."""
    try:
        record = _decode_plain(line)
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
    try:
        return _record_of(number, chain, columns.fields_of(row))
    except Invalid as error:
        return BadRow(number, error.errors)


def _malformed(line: int, detail: str) -> BadRow:
    return BadRow(line, (FieldError("", "malformed", detail),))


class LineTooLong(Invalid):
    """A line that others can't be told apart from is too long to be read."""

    code = "line_too_long"


class _Chain:
    """Lines, how many have passed so far, and the digest of them.

    `is_odd` says that one of them may hold what no database takes.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self._digest = blake2b(digest_size=12)
        self.is_odd = False
        self.line = 0
        self.of_row = 0  # characters; who reads rows begins anew with each

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.line += 1
            self._digest.update(line)
            yield line

    def texts(self) -> Iterator[str]:
        """Yield the lines as texts.

        Raises:
            LineTooLong: one of them is.
        """
        for line in self:
            if isinstance(line, TooLong):
                raise LineTooLong(f"Line {self.line} is too long to be read.")
            yield self.text_of(line)

    def texts_of_rows(self) -> Iterator[str]:
        """Yield the lines as texts; a row may take several, but not any number.

        Raises:
            LineTooLong: a line is, or a row.
        """
        for text in self.texts():
            self.of_row += len(text)
            if self.of_row > LONGEST:
                raise LineTooLong(
                    f"The row at line {self.line} is too long to be read."
                )
            yield text

    def text_of(self, line: bytes) -> str:
        if b"\0" in line or b"\\u" in line:
            self.is_odd = True
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self.is_odd = True
            text = line.decode(errors="surrogateescape")
        # Files that were joined have a mark wherever one of them began.
        return text.lstrip(MARK) if text.startswith(MARK) else text

    def digest(self) -> str:
        return self._digest.hexdigest()


def _kind_of(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in {".gz", ".zst"}:
        suffixes.pop()
    if suffixes and suffixes[-1] in {".csv", ".tsv"}:
        return "csv"
    if suffixes and suffixes[-1] in {".jsonl", ".ndjson", ".json"}:
        return "json"
    raise Invalid(
        f"{path.name}: only .csv, .tsv, .jsonl and .ndjson are known, also as .gz or "
        ".zst."
    )
