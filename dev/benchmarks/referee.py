"""Finding out from the database, and from what clients were told, if a race was fair.

A client knows when it sent what and when it was answered; the database took or freed
the money between the two. So at the moment a call was refused no more can have been
out of reach than what had been sent for by the answer, less what was surely free again
when the call was sent. Whatever passes this was refused while there was room.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from itertools import accumulate
from typing import Any

from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from budgets.models import BudgetPeriod, Reservation
from budgets.reservations.expire import expire_all
from dev.benchmarks.racetrack import Run, rooms_of
from ledger.models import CostRecord
from lib.money import to_units

MOST_TOLD = 5  # things that are off, of one kind
FREED_WITHIN_S = 1.0  # after which the loop beside a race has freed what is over


@dataclass(slots=True)
class Verdict:
    """What was found out about a race; money in units."""

    asked: int = 0
    allowed: int = 0
    overspend: int = 0
    false_refusals: int = 0
    unused: int = 0
    off: list[str] = field(default_factory=list)


def judge(run: Run) -> Verdict:
    """Return what became of *run*; ends whatever is still held."""
    asked = [one for one in run.events if one["what"] in {"take", "refuse"}]
    verdict = Verdict(
        asked=len(asked),
        allowed=sum(one["what"] != "refuse" for one in asked),
        unused=_unused(run),
    )
    verdict.off += [f"a client died: {one}" for one in run.failed]
    verdict.off += _some(f"{one}" for one in run.events if one["what"] == "error")
    refused = [one for one in run.events if one["what"] == "refuse"]
    false = [*_without_reason(refused), *_while_there_was_room(run, refused)]
    if _only_takes(run):
        false += [*_not_between_two(run, refused), *_smaller_than_what_is_left(run)]
    verdict.false_refusals = len(false)
    verdict.off += _some(false)
    verdict.off += _some(_stranded(run, verdict))
    verdict.off += _some(_rows_that_say_otherwise(run))
    verdict.overspend = max(
        run.most_over, 0, *(-room for room in rooms_of(run).values())
    )
    expire_all(timezone.now() + timedelta(days=1))
    verdict.off += _some(_still_held(run))
    verdict.overspend = max(
        verdict.overspend, *(-room for room in rooms_of(run).values())
    )
    if verdict.overspend:
        verdict.off.append("a limit was passed")
    verdict.off += _some(_unverified(run))
    return verdict


def _some(found: Iterable[str]) -> list[str]:
    several = list(found)
    more = len(several) - MOST_TOLD
    return several[:MOST_TOLD] + ([f"and {more} more like it"] if more > 0 else [])


# -- Refusals


def _without_reason(refused: list[dict[str, Any]]) -> Iterator[str]:
    """Yield refusals that say themselves that there was room."""
    for one in refused:
        if not one["left"]:
            yield f"refused without a budget: {one}"
        for budget, left in one["left"].items():
            if left >= one["units"]:
                yield f"{one['units']} refused where {budget} had {left} left: {one}"


def _while_there_was_room(run: Run, refused: list[dict[str, Any]]) -> Iterator[str]:
    ledgers = {name: _Ledger(run, name) for name in run.limits}
    for one in refused:
        for budget, left in one["left"].items():
            most = ledgers[budget].most_taken(one["sent"], one["got"])
            if run.limits[budget] - left > most:
                yield (
                    f"refused with {left} of {run.limits[budget]} left in {budget}, "
                    f"but no more than {most} can have been taken: {one}"
                )


class _Ledger:
    """What was taken of one budget and given back, as clients know it."""

    def __init__(self, run: Run, budget: str) -> None:
        events = [one for one in run.events if budget in run.above[one["project"]]] + [
            one for one in _unknown(run) if budget in run.above[one["project"]]
        ]
        takes = sorted(
            (one["sent"], one["units"]) for one in events if one["what"] == "take"
        )
        gives = sorted(_gives(events))
        self.taken_at = [at for at, _ in takes]
        self.taken = [0, *accumulate(units for _, units in takes)]
        self.given_at = [at for at, _ in gives]
        self.given = [0, *accumulate(units for _, units in gives)]

    def most_taken(self, sent: float, got: float) -> int:
        """Return the most that can have been taken at any moment between the two."""
        taken: int = self.taken[bisect_right(self.taken_at, got)]
        return taken - self.given[bisect_left(self.given_at, sent)]


def _gives(events: Iterable[dict[str, Any]]) -> Iterator[tuple[float, int]]:
    for one in events:
        if one["what"] == "give":
            yield one["got"], one["units"]
        elif one["what"] == "use":
            yield one["got"], one["held"] - one["units"]


def _unknown(run: Run) -> Iterator[dict[str, Any]]:
    """Yield what clients did not live to know, and what ended by itself."""
    told: dict[str, int] = {}
    back: dict[str, int] = {}
    for one in run.events:
        if one["what"] == "take":
            told[one["uid"]] = told.get(one["uid"], 0) + one["units"]
        elif one["what"] == "give":
            back[one["uid"]] = back.get(one["uid"], 0) + one["units"]
    for row in Reservation.objects.filter(organization=run.organization):
        project, uid = row.path["project"], str(row.uid)
        granted = to_units(row.granted)
        if more := granted - told.get(uid, 0):
            at = row.at.timestamp()
            yield {"what": "take", "project": project, "units": more, "sent": at}
        if row.state == Reservation.State.EXPIRED and row.ended_at:
            lease = row.kind == Reservation.Kind.LEASE
            over = row.ended_at.timestamp() + FREED_WITHIN_S if lease else 0.0
            freed = granted - back.get(uid, 0) - to_units(row.settled)
            at = over or row.expires_at.timestamp()
            yield {"what": "give", "project": project, "units": freed, "got": at}


def _only_takes(run: Run) -> bool:
    """Tell whether nothing came back before all was over, so that room only shrank."""
    return run.race.way == "reserve" and not run.race.expiry


def _not_between_two(run: Run, refused: list[dict[str, Any]]) -> Iterator[str]:
    """Yield refusals that name what was never left between any two decisions.

    Whoever takes holds the root until it is committed, so ids are in the order in
    which money was taken.
    """
    rows = list(
        Reservation.objects.filter(organization=run.organization).order_by("pk")
    )
    for budget, limit in run.limits.items():
        taken = accumulate(
            to_units(row.granted)
            for row in rows
            if budget in run.above[row.path["project"]]
        )
        left = {limit, *(limit - units for units in taken)}
        for one in refused:
            if one["left"].get(budget, limit) not in left:
                yield f"{budget} never had {one['left'][budget]} left: {one}"


def _smaller_than_what_is_left(run: Run) -> Iterator[str]:
    rooms = rooms_of(run)
    for one in run.events:
        if one["what"] == "refuse":
            room = min(rooms[name] for name in run.above[one["project"]])
            if one["units"] <= room:
                yield f"{room} is left in the end, but this was refused: {one}"


# -- The rest


def _unused(run: Run) -> int:
    """Return what nobody could spend when all had given up; units."""
    held: int = sum(one["units"] for one in run.events if one["what"] == "stop")
    return run.rooms.get("Company", 0) + held


def _stranded(run: Run, verdict: Verdict) -> Iterator[str]:
    """Yield if more was unused when all had given up than a request of each process."""
    refused = {one["client"] for one in run.events if one["what"] == "refuse"}
    if len(refused) + len(run.killed) < run.race.clients or run.race.expiry:
        return  # some had no more to ask: it was not exhausted
    # A budget that nobody asked has no period: with one client half of the tree.
    asked = [
        path for path in run.above.values() if all(name in run.rooms for name in path)
    ]
    holders = run.race.clients if run.race.has_leases else 1
    calls = len(run.killed)  # that were never settled
    if (
        len(asked) == len(run.above)
        and verdict.unused >= (holders + calls) * run.race.most
    ):
        yield f"{verdict.unused} was unused at the end"
    rooms = [min(run.rooms[name] for name in path) for path in asked]
    if min(rooms) >= run.race.most:
        yield f"{rooms} was left when all were refused"


def _rows_that_say_otherwise(run: Run) -> Iterator[str]:
    """Yield where the rows differ from what clients were told; units."""
    if run.killed:
        return
    rows = Reservation.objects.filter(organization=run.organization)
    granted = _sum(rows.aggregate(sum=Sum("granted"))["sum"])
    told = sum(one["units"] for one in run.events if one["what"] == "take")
    if granted != told:
        yield f"{told} were granted, the rows say {granted}"
    records = CostRecord.objects.filter(organization=run.organization)
    booked = _sum(records.aggregate(sum=Sum("total_cost"))["sum"])
    used = sum(one["units"] for one in run.events if one["what"] == "use")
    if booked != used:
        yield f"{used} were reported, the ledger says {booked}"


def _sum(found: Decimal | None) -> int:
    return to_units(found) if found else 0


def _still_held(run: Run) -> Iterator[str]:
    rows = BudgetPeriod.objects.filter(organization=run.organization)
    for row in rows.exclude(reserved=0):
        yield f"{row}: {row.reserved} is still reserved after everything expired"


def _unverified(run: Run) -> Iterator[str]:
    said = StringIO()
    try:
        with redirect_stdout(said):
            call_command("verify", organization=run.organization.slug, stdout=said)
    except CommandError as error:
        yield f"verify: {error} {said.getvalue()[:500]}"
