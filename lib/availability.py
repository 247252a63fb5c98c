"""What a database's error says: it is away, full or busy, or an amount is too large."""

import logging
import time

from django.db import DatabaseError, InterfaceError

from lib.errors import Unavailable
from lib.memories import Memory

RETRY_AFTER_S = 5
TOLD_S = 30.0  # for which one write that was refused speaks for the next
LOG_EVERY_S = 1.0  # one line a second says as much as one for each request

# Of PostgreSQL: away or going, out of something, told to stop or to wait no longer,
# in the other's way, read-only.
_PASSING_CLASSES = ("08", "53", "57", "58")
_PASSING = frozenset({"25006", "25P03", "40001", "40P01", "55P03"})
_OUT_OF_RANGE = "22003"
_FULL = frozenset({"53100", "FULL"})
_READ_ONLY = frozenset({"25006", "READONLY"})
_PASSING_OF_SQLITE = frozenset(
    {"BUSY", "LOCKED", "FULL", "READONLY", "IOERR", "CANTOPEN", "PROTOCOL"}
)

_log = logging.getLogger(__name__)


def is_passing(error: DatabaseError | InterfaceError) -> bool:
    """Tell whether the same request may succeed once the database is well."""
    if isinstance(error, InterfaceError):
        return True  # the connection is closed
    state = _state_of(error)
    if state is None:
        # The driver itself says it when there is no connection to hear a state from.
        return type(error).__name__ == "OperationalError"
    if state in _PASSING_OF_SQLITE:
        return True
    return state.startswith(_PASSING_CLASSES) or state in _PASSING


def _state_of(error: Exception) -> str | None:
    """Return what the database calls its error; None: it is not its own."""
    cause = error.__cause__
    if name := getattr(cause, "sqlite_errorname", None):
        return str(name).split("_")[1]
    state = getattr(cause, "sqlstate", None)
    return None if state is None else str(state)


def is_out_of_range(error: BaseException | None) -> bool:
    """Tell whether amounts add up to more than the database's numbers hold."""
    if isinstance(error, OverflowError):
        return "SQLite INTEGER" in str(error)
    if not isinstance(error, DatabaseError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state == _OUT_OF_RANGE or str(error) == "integer overflow"  # SQLite's


class Notes:
    """Writes at most one line a second about a database that is away."""

    def __init__(self) -> None:
        self._next = 0.0
        self._unsaid = 0

    def note(self, error: Exception) -> None:
        now = time.monotonic()
        if now < self._next:
            self._unsaid += 1
            return
        self._next = now + LOG_EVERY_S
        more = f" ({self._unsaid} more since the last line)" if self._unsaid else ""
        self._unsaid = 0
        _log.error("The database can't do its work: %s%s", _one_line(error), more)


_notes = Notes()
_refused = Memory[str, float](most=1)  # when a write was, by the process' own clock


def unavailable(error: Exception) -> Unavailable:
    """Return what is answered while the database is away, and note why it is."""
    _notes.note(error)
    state = _state_of(error)
    if state in _FULL | _READ_ONLY:
        _refused.remember("write", time.monotonic())
    return Unavailable(_words_for(state), retry_after_s=RETRY_AFTER_S)


def _words_for(state: str | None) -> str:
    if state in _FULL:
        return (
            "The database has no room left, and nothing of this was kept. Whoever runs "
            "it must make room on its disk; then send it again."
        )
    if state in _READ_ONLY:
        return (
            "The database takes no writes for now, and nothing of this was kept. "
            "Send it again."
        )
    return "The database is away or busy; send it again."


def refused_a_write_lately() -> bool:
    """Tell whether the database was full or read-only when it was last written to."""
    at = _refused.get("write")
    return at is not None and time.monotonic() - at < TOLD_S


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
