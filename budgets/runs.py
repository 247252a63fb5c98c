"""Runs and their caps: locked, capped, charged, kept and verified.

A run is one row. Whoever spends of it or sets money aside for it locks that row: after
cost records and uses of rate limits, before periods. Whoever wants several first makes
those that are missing, in the order of their names, and then locks all by id.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Sum

from accounts.models import Organization
from budgets.models import Reservation, Run
from ledger.models import CostRecord
from ledger.types import RunTotals
from lib.money import from_units, to_units

KEPT = timedelta(days=90)  # after its last call, where it has cost nothing
_AMOUNTS = ("spent", "reserved", "requests", "cap", "first_at", "last_at")


class Runs:
    """The runs that one transaction concerns, locked until it commits."""

    def __init__(self, rows: Mapping[str, Run]) -> None:
        self._rows = rows
        self._changed: set[str] = set()

    @classmethod
    def lock(cls, organization_id: int, seen: Mapping[str, datetime]) -> "Runs":
        """Lock runs, making those not yet there, first *seen* then.

        Two statements; none for no run.
        """
        if not seen:
            return cls({})
        Run.objects.bulk_create(
            [
                Run(
                    organization_id=organization_id,
                    run_id=name,
                    first_at=seen[name],
                    last_at=seen[name],
                )
                for name in sorted(seen)
            ],
            ignore_conflicts=True,
        )
        rows = Run.objects.filter(organization=organization_id, run_id__in=list(seen))
        return cls({row.run_id: row for row in rows.select_for_update().order_by("pk")})

    def cap(self, name: str, units: int) -> None:
        """Have a run have this cap, if it has none or a higher one."""
        row, cap = self._rows[name], from_units(units)
        if row.cap is None or cap < row.cap:
            row.cap = cap
            self._changed.add(name)

    def left(self, name: str) -> int | None:
        """Return what the cap of a run has left, in units; None: it has no cap."""
        left = self._rows[name].left
        return None if left is None else to_units(left)

    def cap_of(self, name: str) -> int | None:
        """Return the cap of a run, in units; None: it has none."""
        cap = self._rows[name].cap
        return None if cap is None else to_units(cap)

    def take(self, name: str, units: int, at: datetime) -> None:
        """Set *units* aside; the caller saw that they fit."""
        row = self._seen(name, at)
        row.reserved += from_units(units)

    def spend(self, name: str, totals: RunTotals, at: datetime) -> None:
        """Count what was used."""
        row = self._seen(name, totals.last_at or at)
        row.spent += from_units(totals.cost)
        row.requests += totals.requests

    def free(self, name: str, units: int) -> None:
        """Give back what was set aside."""
        self._rows[name].reserved -= from_units(units)
        self._changed.add(name)

    def write(self) -> None:
        rows = [self._rows[name] for name in sorted(self._changed)]
        if rows:
            Run.objects.bulk_update(rows, _AMOUNTS)

    def _seen(self, name: str, at: datetime) -> Run:
        row = self._rows[name]
        row.first_at, row.last_at = min(row.first_at, at), max(row.last_at, at)
        self._changed.add(name)
        return row


def charge(
    organization_id: int,
    spent: Mapping[str, RunTotals],
    freed: Mapping[str, int],
    *,
    now: datetime,
) -> None:
    """Count what runs have *spent*, and take off what is *freed*, in units, by run.

    Part of the transaction that books it, before periods are charged. Nothing is asked
    of the database where no run is concerned.
    """
    if not spent and not freed:
        return
    seen = dict.fromkeys(freed, now)
    seen |= {name: totals.last_at or now for name, totals in spent.items()}
    runs = Runs.lock(organization_id, seen)
    for name, totals in spent.items():
        runs.spend(name, totals, now)
    for name, units in freed.items():
        runs.free(name, units)
    runs.write()


def prune(now: datetime) -> int:
    """Forget the runs that came to nothing, long after their last call.

    A run that has cost something is kept as long as its cost records are. Returns how
    many were forgotten.
    """
    idle = Run.objects.filter(requests=0, spent=0, reserved=0, last_at__lt=now - KEPT)
    booked = CostRecord.objects.filter(run_id__isnull=False)
    count = 0
    for row in idle.iterator(chunk_size=1_000):
        same = booked.filter(organization=row.organization_id, run_id=row.run_id)
        if not same.exists():
            # Only as it was seen: it may just be used again.
            still = idle.filter(pk=row.pk)
            count += still.delete()[0]
    return count


def differences(organization: Organization) -> Iterator[str]:
    """Yield, in sentences, where runs say otherwise than records and reservations."""
    booked = {
        str(row["run_id"]): (row["cost"] or Decimal(0), row["count"])
        for row in CostRecord.objects.filter(
            organization=organization, run_id__isnull=False
        )
        .values("run_id")
        .order_by()
        .annotate(cost=Sum("total_cost"), count=Sum("requests"))
    }
    held = {
        row["run_id"]: row["held"]
        for row in Reservation.objects.filter(organization=organization, state="open")
        .exclude(run_id="")
        .values("run_id")
        .order_by()
        .annotate(held=Sum("held"))
    }
    for run in Run.objects.filter(organization=organization).iterator(chunk_size=5_000):
        spent, requests = booked.pop(run.run_id, (Decimal(0), 0))
        reserved = held.pop(run.run_id, Decimal(0))
        for what, said, found in (
            ("spent", run.spent, spent),
            ("requests", run.requests, requests),
            ("reserved", run.reserved, reserved),
        ):
            if said != found:
                yield f"Run “{run}”: {what} is {said}, what is booked says {found}."
    for run_id in sorted(booked.keys() | held.keys()):
        yield f"Records or reservations name the run “{run_id}”, which is not kept."
