"""What a database's error says: it is away, full or busy, or an amount is too large."""

import logging
import time

from django.db import DatabaseError, InterfaceError

from lib.errors import Unavailable

RETRY_AFTER_S = 5
LOG_EVERY_S = 1.0  # one line a second says as much as one for each request

# Of PostgreSQL: away or going, out of something, told to stop or to wait no longer,
# in the other's way, read-only.
_PASSING_CLASSES = ("08", "53", "57", "58")
_PASSING = frozenset({"25006", "25P03", "40001", "40P01", "55P03"})
_OUT_OF_RANGE = "22003"
_PASSING_OF_SQLITE = frozenset(
    {"BUSY", "LOCKED", "FULL", "READONLY", "IOERR", "CANTOPEN", "PROTOCOL"}
)

_log = logging.getLogger(__name__)


def is_passing(error: DatabaseError | InterfaceError) -> bool:
    """Tell whether the same request may succeed once the database is well."""
    if isinstance(error, InterfaceError):
        return True  # the connection is closed
    cause = error.__cause__
    if name := getattr(cause, "sqlite_errorname", None):
        return str(name).split("_")[1] in _PASSING_OF_SQLITE
    state = getattr(cause, "sqlstate", None)
    if state is None:
        # The driver itself says it when there is no connection to hear a state from.
        return type(error).__name__ == "OperationalError"
    return str(state).startswith(_PASSING_CLASSES) or state in _PASSING


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


def unavailable(error: Exception) -> Unavailable:
    """Return what is answered while the database is away, and note why it is."""
    _notes.note(error)
    return Unavailable(
        "The database is away or busy; send it again.", retry_after_s=RETRY_AFTER_S
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
