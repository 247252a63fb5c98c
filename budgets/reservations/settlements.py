"""What records said otherwise than the decisions they settled: listed, and verified."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet, Sum

from accounts.models import Organization
from budgets.charging import Charging
from budgets.models import Budget, Reservation
from budgets.reservations.claims import FIELDS
from ledger.identity import Identity, identify, person_named
from ledger.models import CostRecord
from ledger.types import Sent

MOST_LISTED = 200  # kinds of difference
MOST_CALLS = 5_000  # looked at for one page
_OF_MODELS = ("provider", "model")
_LABELS = {
    "department_id": "department",
    "team_id": "team",
    "project_id": "project",
    "environment": "environment",
    "user_id": "user",
    "tags": "tags",
    "provider": "provider",
    "model": "model",
    "run_id": "run",
}


@dataclass(frozen=True, slots=True)
class SaidOtherwise:
    """Some calls whose records said the same thing otherwise than their decisions."""

    records: int
    cost: Decimal  # in the organization's currency
    differs: tuple[Mapping[str, Any], ...]  # field, asked, sent
    without_leave: bool

    @property
    def words(self) -> str:
        """Return what they said, to go on after "12 calls"."""
        parts = [
            f"{_LABELS[one['field']]} “{_shown(one['sent'])}” for "
            f"“{_shown(one['asked'])}”"
            for one in self.differs
        ]
        return ", ".join(parts)


def said_otherwise(
    organization: Organization, *, since: datetime | None = None
) -> list[SaidOtherwise]:
    """Return how settled records differed from their decisions, the costliest first."""
    rows = _told(organization)
    if since is not None:
        rows = rows.filter(timestamp__gte=since)
    grouped = (
        rows.values("said").order_by().annotate(n=Count("pk"), cost=Sum("total_cost"))
    )
    found = []
    for row in grouped:
        said: Any = row["said"]
        found.append(
            SaidOtherwise(
                row["n"],
                row["cost"] or Decimal(0),
                tuple(said["differs"]),
                said["without_leave"],
            )
        )
    found.sort(key=lambda one: (one.without_leave, one.cost), reverse=True)
    return found[:MOST_LISTED]


def without_leave(budget: Budget, *, since: datetime) -> list[SaidOtherwise]:
    """Return the calls that were asked of *budget* and used another model than it gave
    leave for, by what they used."""
    rows = _told(budget.organization).filter(
        timestamp__gte=since, said__without_leave=True
    )
    values = rows.values_list("settles", "said", "total_cost")
    told: list[Any] = list(values[:MOST_CALLS])
    asked = _asked_of(budget, {uid for uid, _, _ in told}) if told else set()
    calls: dict[str, list[Decimal]] = {}
    models: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for uid, said, cost in told:
        if uid in asked:
            named = [one for one in said["differs"] if one["field"] in _OF_MODELS]
            calls.setdefault(repr(named), []).append(cost or Decimal(0))
            models[repr(named)] = tuple(named)
    return [
        SaidOtherwise(
            len(costs), sum(costs, Decimal(0)), models[key], without_leave=True
        )
        for key, costs in calls.items()
    ]


def _asked_of(budget: Budget, uids: set[UUID]) -> set[UUID]:
    """Return the reservations among *uids* whose path leads to *budget*."""
    charging = Charging(budget.organization)
    asked = set()
    rows = Reservation.objects.filter(organization=budget.organization_id, uid__in=uids)
    for uid, path in rows.values_list("uid", "path"):
        sent = Sent(**{name: path[name] for name in Sent._fields})
        charges = charging.charges_of(sent.filed(), path["tags"])
        if budget.pk in {charge.budget.id for charge in charges}:
            asked.add(uid)
    return asked


def _told(organization: Organization) -> QuerySet[CostRecord]:
    rows = CostRecord.objects.filter(organization=organization, said__isnull=False)
    return rows.standing()


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{name}: {one}" if one else name for name, one in value.items()
        )
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)


# -- Verified


def differences(organization: Organization) -> Iterator[str]:
    """Yield, in sentences, where reservations and the records that name them differ."""
    booked = {
        row["settles"]: (row["n"], row["cost"] or Decimal(0))
        for row in CostRecord.objects.filter(
            organization=organization, settles__isnull=False, correction=0
        )
        .values("settles")
        .order_by()
        .annotate(n=Count("pk"), cost=Sum("total_cost"))
    }
    known = set()
    rows = Reservation.objects.filter(organization=organization, records__gt=0)
    for row in rows.iterator(chunk_size=5_000):
        records, cost = booked.get(row.uid, (0, Decimal(0)))
        known.add(row.uid)
        # Records of older versions don't say what they settled.
        if records > row.records or (records == row.records and cost != row.settled):
            yield (
                f"{row}: settled by {row.records} records of {row.settled}, the cost "
                f"records say {records} of {cost}."
            )
    for uid in booked.keys() - known:
        yield f"Cost records settle the reservation {uid}, which knows of none."
    yield from _charged_elsewhere(organization)


def _charged_elsewhere(organization: Organization) -> Iterator[str]:
    """Yield the records that are not where their money was set aside, untold.

    A lease is for all calls that its hard limits cover, whoever's: which of them did
    when a record came is kept nowhere, so of leases only the model is looked at.
    """
    booked = CostRecord.objects.filter(organization=organization)
    records = booked.standing().filter(settles__isnull=False)
    records = records.select_related("attribution")
    named: dict[Any, Reservation | None] = {}
    seen: set[tuple[Any, int, bool]] = set()
    for record in records.iterator(chunk_size=5_000):
        told = bool(record.said and record.said["without_leave"])
        key = record.settles, record.attribution_id, told
        if key in seen:
            continue
        seen.add(key)
        uid: Any = record.settles
        if uid not in named:
            named[uid] = Reservation.objects.filter(uid=uid).first()
        row = named[uid]  # None is told of already
        if row and (wrong := _not_as_asked(record, row, told=told)):
            yield (
                f"Cost record {record.usage_id}: {wrong}, but the money was set aside "
                f"elsewhere (reservation {record.settles})."
            )


def _not_as_asked(record: CostRecord, row: Reservation, *, told: bool) -> str | None:
    where, path = record.attribution, row.path
    is_shared = row.kind == Reservation.Kind.LEASE
    for dimension in () if is_shared else FIELDS.values():
        asked, booked = path[dimension], getattr(where, dimension)
        if dimension == "user":
            asked = person_named(asked)
        if asked and asked != booked:
            return f"its {dimension} is “{booked}”"
    allowed = identify(path["provider"], path["model"])
    used = Identity(where.provider, where.model, where.model_version)
    named = 3 if allowed.version else 2  # without one, any version was allowed
    if not told and used[:named] != allowed[:named]:
        return f"it used {used.version or used.model} of {used.provider}, untold"
    return None
