"""FOCUS files as Parquet, made of those of CSV: python -m reports.focus.parquet.

A process of its own reads the lines as they are made and writes the file; its memory is
bounded, and gone when it is done. A Parquet file ends with what is in it, so it is
whole before its first byte is sent.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from django.conf import settings

from reports.focus.columns import COLUMNS, ColumnType

_PIECE = 1 << 20  # bytes
_ROWS = 50_000  # in one group of the file
_LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "256MB",
}
_TYPES = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.JSON: "VARCHAR",
    ColumnType.DECIMAL: "DECIMAL(38, 10)",
    ColumnType.RATE: "DECIMAL(38, 12)",
    ColumnType.TIME: "TIMESTAMPTZ",
}


def converted(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the Parquet file of a CSV file that comes in *pieces*.

    Raises:
        RuntimeError: it can't be converted, as the converter says.
    """
    folder = Path(mkdtemp(prefix="focus-"))
    try:
        path, said = folder / "focus.parquet", folder / "said"
        if _convert(pieces, path, said):
            raise RuntimeError(f"A FOCUS file can't be converted: {said.read_text()}")
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    finally:  # also where nobody reads it to its end
        rmtree(folder, ignore_errors=True)


def _convert(pieces: Iterator[bytes], path: Path, said: Path) -> int:
    """Write *path*, and what was said on the way; return the converter's status."""
    out, into = os.pipe()
    with (
        path.open("wb") as file,
        said.open("wb") as words,
        os.fdopen(into, "wb", buffering=0) as it,
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "reports.focus.parquet"],
            cwd=settings.BASE_DIR,
            stdin=out,
            stdout=file,
            stderr=words,
        )
        os.close(out)
        try:
            for piece in pieces:
                it.write(piece)
            it.close()
        except BrokenPipeError:
            pass  # it has ended, and said why
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
    return process.returncode


def main() -> None:
    """Write the Parquet file of the CSV file that comes on the standard input."""
    # Imported in a process of its own only.
    import duckdb

    columns = {column.name: _TYPES[column.type] for column in COLUMNS}
    session = duckdb.connect(config=_LIMITS)
    session.execute("SET TimeZone = 'UTC'")
    lines = session.read_csv(
        "/dev/stdin",
        header=True,
        columns=columns,
        auto_detect=False,
        sep=",",
        quotechar='"',
        escapechar='"',
        parallel=False,
    )
    lines.write_parquet("/dev/stdout", compression="zstd", row_group_size=_ROWS)


if __name__ == "__main__":
    main()
