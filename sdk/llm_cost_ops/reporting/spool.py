"""Records on disk while the server is away: one file a process, one record a line.

A file is locked by the process that writes or sends it. One whose process has died is
sent by whoever finds it; a record sent twice counts once, by its id.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Optional

from llm_cost_ops.reporting.filelock import lock

OPEN, READY, REJECTED = ".open", ".ready", "rejected.jsonl"
MOST_BYTES = 16 * 2**20  # of one file
log = logging.getLogger("llm_cost_ops")


def default_directory() -> Path:
    """Return where records wait unless an app says otherwise."""
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    root = Path(base) if base else Path.home() / ".local" / "state"
    return root / "llm-cost-ops" / "spool"


class Spool:
    """A directory of records for one server and one key; any number of processes."""

    def __init__(self, root: Path, endpoint: str, key: str) -> None:
        name = hashlib.sha256(f"{endpoint}\n{key}".encode()).hexdigest()[:16]
        self._directory = root / name
        self._file: Optional[IO[bytes]] = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Begin a file of its own: in a child, the parent's is the parent's."""
        self._lock = threading.Lock()
        if self._file is not None:
            self._file.close()  # it stays open, and locked, over there
        self._file = None
        self._path = self._directory / "none"

    def write(self, lines: Iterable[bytes]) -> None:
        """Put records on disk; on return they survive a power failure.

        Raises:
            OSError: the disk does not take them.
        """
        with self._lock:
            file = self._file or self._begun()
            before = file.tell()
            try:
                _write_all(file, b"".join(line + b"\n" for line in lines))
            except OSError:
                with suppress(OSError):
                    file.truncate(before)  # half a record would spoil the next one
                raise
            if file.tell() > MOST_BYTES:
                self._finish()

    def _begun(self) -> IO[bytes]:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = self._directory / f"{os.getpid()}-{uuid.uuid4().hex}{OPEN}"
        self._file = self._path.open("ab", buffering=0)
        lock(self._file)
        _sync_directory(self._directory)
        return self._file

    def _finish(self) -> None:
        """Close the file being written, so that it can be sent."""
        file, self._file = self._file, None
        if file is not None:
            self._path.rename(self._path.with_suffix(READY))
            _sync_directory(self._directory)
            file.close()

    def is_empty(self) -> bool:
        """Tell that nothing waits here, of whatever process."""
        return self._file is None and next(self._waiting(), None) is None

    def _waiting(self) -> Iterator[Path]:
        for suffix in (READY, OPEN):
            yield from sorted(self._directory.glob(f"*{suffix}"))

    def claimed(self) -> Iterator[Claim]:
        """Yield the files to send, each locked: ours, and those of dead processes."""
        with self._lock:
            self._finish()
        for path in list(self._waiting()):
            claim = _claim(path)
            if claim is not None:
                with claim:
                    yield claim

    def reject(self, line: bytes) -> None:
        """Keep a record that the server will never take, for somebody to look at."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._directory / REJECTED).open("ab") as file:
            file.write(line + b"\n")

    def close(self) -> None:
        with self._lock:
            self._finish()


class Claim:
    """A file of records that nobody else sends as long as it is held."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    def lines(self) -> Iterator[bytes]:
        """Yield the records; a last line that was cut off is none."""
        for line in self._file:
            if line.endswith(b"\n") and line.strip():
                yield line.rstrip(b"\n")
            elif line.strip():
                log.warning("a record that was cut off is left out: %r", line[:80])

    def done(self) -> None:
        """Everything in it has arrived."""
        with suppress(FileNotFoundError):
            self._path.unlink()

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _claim(path: Path) -> Optional[Claim]:
    try:
        file = path.open("r+b")
    except OSError:  # sent by another process meanwhile
        return None
    if lock(file) and path.exists():
        file.seek(0)
        return Claim(path, file)
    file.close()
    return None


def _write_all(file: IO[bytes], content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Make names in *directory* survive a power failure, where that can be done."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
