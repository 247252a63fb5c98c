"""The lines of a usage file, plain or packed, none of them kept if it is too long."""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, cast

import zstandard

from lib.errors import Invalid

LONGEST = 8 * 2**20  # bytes of a line; a record has 2**18 at most where it is sent
_LINES_TOLD = 500  # between two reports of how far reading has come
_CUT_OFF = (
    EOFError,
    UnicodeDecodeError,  # half a character of UTF-16
    zlib.error,
    gzip.BadGzipFile,
    zstandard.ZstdError,
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PEEK = 65_536  # bytes, to see how lines end and cells are parted
_BLOCK_OF_ONE_BYTE = 1  # of zstd: a byte that is repeated


class Advance(Protocol):
    """Is told how far into the file, in bytes as stored, reading has come."""

    def __call__(self, position: int) -> object: ...


class CutOff(Invalid):
    """The file ends in the middle of what was packed."""

    code = "file_cut_off"


class TooLong(bytes):
    """Stands for a line that is too long to be read: a digest of it."""


def lines_of(
    path: Path, stored: io.BufferedReader, advance: Advance | None, longest: int
) -> Iterator[bytes]:
    """Yield the lines, unpacked, each with its end; the last may lack one."""
    for number, line in enumerate(_whole_lines(path, stored, longest)):
        yield line
        if advance is not None and not number % _LINES_TOLD:
            advance(stored.tell())
    if advance is not None:
        advance(stored.tell())


def _whole_lines(
    path: Path, stored: io.BufferedReader, longest: int
) -> Iterator[bytes]:
    try:
        yield from _lines_in(_unpacked(path, stored), longest)
        if path.suffix.lower() == ".zst":
            _require_whole(stored)
    except _CUT_OFF as error:
        raise CutOff("The file is cut off; what is whole was read.") from error


def _unpacked(path: Path, stored: io.BufferedReader) -> io.BufferedReader:
    if path.suffix.lower() == ".gz":
        return cast("io.BufferedReader", gzip.GzipFile(fileobj=stored))
    if path.suffix.lower() == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(
            stored, read_across_frames=True, closefd=False
        )
        return io.BufferedReader(cast("io.RawIOBase", reader))
    return stored


def _require_whole(stored: io.BufferedReader) -> None:
    """Raise EOFError if the last frame lacks its end; the library says nothing of it.

    Only the heads of frames and blocks are read: https://www.rfc-editor.org/rfc/rfc8878
    """
    size = stored.seek(0, io.SEEK_END)
    stored.seek(0)
    while stored.tell() < size:
        start = stored.tell()
        head = stored.read(18)  # as long as one may be
        if head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:  # of others
            stored.seek(start + 8 + int.from_bytes(head[4:8], "little"))
            continue
        frame = zstandard.get_frame_parameters(head)
        stored.seek(start + zstandard.frame_header_size(head))
        is_last = False
        while not is_last:
            block = int.from_bytes(stored.read(3), "little")
            is_last, kind, length = bool(block & 1), block >> 1 & 3, block >> 3
            stored.seek(1 if kind == _BLOCK_OF_ONE_BYTE else length, io.SEEK_CUR)
            if stored.tell() > size - 4 * frame.has_checksum:
                raise EOFError
        stored.seek(4 * frame.has_checksum, io.SEEK_CUR)
    if stored.tell() > size:
        raise EOFError


def _lines_in(unpacked: io.BufferedReader, longest: int) -> Iterator[bytes]:
    """Yield the lines in UTF-8, also of a file in UTF-16 or with a Mac's line ends."""
    start = unpacked.peek(_PEEK)
    if start.startswith(_UTF16):
        return _read_as(unpacked, "utf-16", "surrogatepass", longest)
    if b"\r" in start and b"\n" not in start:
        return _read_as(unpacked, "utf-8", "surrogateescape", longest)
    return _bounded(unpacked.readline, longest, (b"\n",))


def _read_as(
    unpacked: io.BufferedReader, encoding: str, errors: str, longest: int
) -> Iterator[bytes]:
    texts = io.TextIOWrapper(unpacked, encoding, errors, newline="")

    def read(most: int) -> bytes:
        return texts.readline(most).encode(errors=errors)

    try:
        yield from _bounded(read, longest, (b"\n", b"\r"))
    finally:
        texts.detach()  # or the file would be closed with it


def _bounded(
    read: Callable[[int], bytes], longest: int, ends: tuple[bytes, ...]
) -> Iterator[bytes]:
    """Yield what *read* reads of lines, and of what is longer its digest alone."""
    while line := read(longest):
        if len(line) < longest or line.endswith(ends):
            yield line
            continue
        whole: Any = blake2b(line)
        while (more := read(longest)) and not more.endswith(ends):
            whole.update(more)
        whole.update(more)
        yield TooLong(whole.digest())
