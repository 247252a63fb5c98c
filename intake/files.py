"""Usage files: CSV and JSON lines, plain or packed, read as a stream.

A row without an id gets one from the content of the file up to and including its line:
equal rows count separately, a repeat of the file counts nothing, and a file that was
cut off and is sent whole later counts only what is new.
"""

import codecs
import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec
import zstandard

from intake.columns import MARK, Columns
from intake.formats import Format
from ledger.quantities import KNOWN
from ledger.usage import Usage, check, decode_error, odd_characters
from lib.errors import FieldError, Invalid

_LINES_TOLD = 500  # between two reports of how far reading has come
_RAW_FIELDS = ("tags", "metadata")
_CUT_OFF = (
    EOFError,
    UnicodeDecodeError,  # half a character of UTF-16
    zlib.error,
    gzip.BadGzipFile,
    zstandard.ZstdError,
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MOST_IN_ONE_PIECE = 200_000_000  # characters of JSON that is not in lines
_PEEK = 65_536  # bytes, to see how lines end and cells are parted
_DELIMITERS = ",;\t"
_KINDS = KNOWN - {"requests"}  # which is a field of its own as well
_decode_plain = msgspec.json.Decoder(Usage).decode  # nothing but fields
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Advance(Protocol):
    """Is told how far into the file, in bytes as stored, reading has come."""

    def __call__(self, position: int) -> object: ...


@dataclass(frozen=True, slots=True)
class Unused:
    """A row of another tool's file that says of no usage: a failed call, a span."""

    line: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no usage record: its line, from 1, and what is wrong."""

    line: int
    errors: tuple[FieldError, ...]


class CutOff(Invalid):
    """The file ends in the middle of what was packed."""

    code = "file_cut_off"


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
    with path.open("rb") as stored:
        chain = _Chain(_lines_of(path, stored, advance))
        if form is not None:
            rows = _csv_rows if _kind_of(path) == "csv" else _json_rows
            for line, row in rows(chain):
                yield from _converted(line, row, chain, columns, form)
        elif _kind_of(path) == "csv":
            yield from _csv_records(chain, columns)
        else:
            yield from _json_records(chain, columns)


def _converted(
    line: int, row: dict[str, Any], chain: "_Chain", columns: Columns, form: Format
) -> Iterator[Usage | BadRow | Unused]:
    """Yield the records that a row of another tool's file is, mostly one."""
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
            if cells:
                yield reader.line_num, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise Invalid(f"Malformed CSV in line {reader.line_num}: {error}.") from error


def _json_rows(chain: "_Chain") -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of JSON lines, or of a file that is one array or one object."""
    lines = iter(chain.texts())
    first = next((line for line in lines if line.strip()), "")
    try:
        rows = [_decode_object(first)]
    except msgspec.DecodeError:
        yield from _rows_of_one_piece(itertools.chain([first], lines))
        return
    for number, row in enumerate(rows, 1):
        yield number, row
    for number, line in enumerate(lines, 2):
        if line.strip():
            yield number, _row_in(number, line)


def _row_in(number: int, line: str) -> dict[str, Any]:
    try:
        return _decode_object(line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise Invalid(f"Line {number}: malformed JSON: {error}.") from error


def _rows_of_one_piece(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    size, texts = 0, []
    for line in lines:
        size += len(line)
        if size > MOST_IN_ONE_PIECE:
            raise Invalid("One piece of JSON is too large; write it as JSON lines.")
        texts.append(line)
    try:
        found = msgspec.json.decode("".join(texts))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
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
    lines = chain.texts()
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


def _delimiter_of(header: str) -> str:
    """Return what parts the cells: spreadsheets write ; or a tab in some countries."""
    return max(_DELIMITERS, key=header.count)


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


def _lines_of(
    path: Path, stored: io.BufferedReader, advance: Advance | None
) -> Iterator[bytes]:
    """Yield the lines, unpacked, each with its end; the last may lack one."""
    for number, line in enumerate(_whole_lines(_unpacked(path, stored))):
        yield line
        if advance is not None and not number % _LINES_TOLD:
            advance(stored.tell())
    if advance is not None:
        advance(stored.tell())


def _unpacked(path: Path, stored: io.BufferedReader) -> io.BufferedReader:
    if path.suffix.lower() == ".gz":
        return cast("io.BufferedReader", gzip.GzipFile(fileobj=stored))
    if path.suffix.lower() == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(stored, closefd=False)
        return io.BufferedReader(cast("io.RawIOBase", reader))
    return stored


def _whole_lines(unpacked: io.BufferedReader) -> Iterator[bytes]:
    try:
        yield from _lines_in(unpacked)
    except _CUT_OFF as error:
        raise CutOff("The file is cut off; what is whole was read.") from error


def _lines_in(unpacked: io.BufferedReader) -> Iterable[bytes]:
    """Return the lines in UTF-8, also of a file in UTF-16 or with a Mac's line ends."""
    start = unpacked.peek(_PEEK)
    if start.startswith(_UTF16):
        return _read_as(unpacked, "utf-16", "surrogatepass")
    if b"\r" in start and b"\n" not in start:
        return _read_as(unpacked, "utf-8", "surrogateescape")
    return unpacked


def _read_as(
    unpacked: io.BufferedReader, encoding: str, errors: str
) -> Iterator[bytes]:
    texts = io.TextIOWrapper(unpacked, encoding, errors, newline="")
    try:
        for text in texts:
            yield text.encode(errors=errors)
    finally:
        texts.detach()  # or the file would be closed with it
