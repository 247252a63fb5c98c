"""How well the product is: its database, its tables, its workers and what they send."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max
from django_q.models import Schedule, Success

from lib.availability import refused_a_write_lately
from lib.sql import takes_writes
from notifications.models import Delivery

LATE = timedelta(minutes=3)  # that work by the clock, or a message, may wait


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests can be answered; each part in one word."""

    database: str  # connected or unreachable
    schema: str  # current, behind or unknown
    writes: str  # possible, impossible or unknown

    @property
    def is_ready(self) -> bool:
        parts = (self.database, self.schema, self.writes)
        return parts == ("connected", "current", "possible")


@dataclass(frozen=True, slots=True)
class Work:
    """What workers do, or what waits for them."""

    worker: str  # running, away, or not started yet on this database
    last_sweep_at: datetime | None
    oldest_due_message_at: datetime | None  # None: nothing waits

    def is_late(self, now: datetime) -> bool:
        waits = self.oldest_due_message_at
        return self.worker == "away" or (waits is not None and now - waits > LATE)


def readiness() -> Readiness:
    """Ask the database: reach it, compare its tables, hear whether it takes writes."""
    try:
        missing = missing_migrations()
    except (DatabaseError, InterfaceError):
        return Readiness("unreachable", "unknown", "unknown")
    if missing:
        return Readiness("connected", "behind", "unknown")
    return Readiness("connected", "current", _writes())


def missing_migrations() -> Sequence[str]:
    """Return the migrations that the database lacks, as `app.name`.

    Raises:
        DatabaseError: it can't be asked.
    """
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in _own_migrations() - applied.keys())


@cache
def _own_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


def _writes() -> str:
    """Tell by what the database says of itself, and by what became of late writes."""
    if refused_a_write_lately():
        return "impossible"
    try:
        return "possible" if takes_writes() else "impossible"
    except (DatabaseError, InterfaceError):
        return "impossible"


def work(now: datetime) -> Work:
    """Return how late workers are. Three short queries."""
    minutely = Schedule.objects.filter(minutes=1).order_by("next_run")
    next_run = minutely.values_list("next_run", flat=True).first()
    swept = Success.objects.filter(func="costops.tasks.run_periodic")
    waiting = Delivery.objects.due(now)
    return Work(
        worker=_worker_of(next_run, now),
        last_sweep_at=swept.aggregate(at=Max("stopped"))["at"],
        oldest_due_message_at=waiting.values_list("next_attempt_at", flat=True).first(),
    )


def _worker_of(next_run: datetime | None, now: datetime) -> str:
    """Tell how the worker is by when its clock strikes next; None: it never began."""
    if next_run is None:
        return "not started"
    return "running" if now - next_run < LATE else "away"
