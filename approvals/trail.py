"""The trail: what happened to requests, in a chain of digests per organization.

Append to it last in a transaction: whoever waits for its lock holds all else by then.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from accounts.locks import hold_trail
from accounts.models import Organization
from approvals.models import TrailEntry, TrailHead
from approvals.types import By

BEGINNING = "0" * 64  # what the first entry follows
_LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to be kept: `event` is dotted, "request.submitted"."""

    event: str
    subject: UUID | None  # the uid of the request; None: a policy, a delegation
    details: Mapping[str, Any] = field(default_factory=dict)  # no floats, no Decimals


class Head(NamedTuple):
    """The end of a trail: to be kept elsewhere, so that what is cut off is missed."""

    number: int  # 0: nothing happened yet
    digest: str


@transaction.atomic
def append(organization_id: int, *notes: Note, by: By, now: datetime) -> None:
    """Add *notes* to the organization's trail, in their order."""
    hold_trail(organization_id)
    head = head_of(organization_id)
    rows = []
    for note in notes:
        rows.append(_entry(organization_id, head, note, by, now))
        head = Head(rows[-1].number, rows[-1].digest)
    TrailEntry.objects.bulk_create(rows)
    there = TrailHead.objects.filter(organization=organization_id)
    if not there.update(**head._asdict()):
        TrailHead.objects.create(organization_id=organization_id, **head._asdict())


def head_of(organization_id: int) -> Head:
    """Return where the trail ends. One query."""
    rows = TrailHead.objects.filter(organization=organization_id)
    found = rows.values_list("number", "digest").first()
    return Head(*found) if found else Head(0, BEGINNING)


def differences(organization: Organization) -> Iterator[str]:
    """Yield what is not as it was written: changed, removed or reordered entries."""
    expected, previous = 1, BEGINNING
    rows = TrailEntry.objects.filter(organization=organization).order_by("number")
    for entry in rows.iterator(chunk_size=2_000):
        if entry.number != expected:
            yield f"Trail: entries {expected} to {entry.number - 1} are missing."
        elif entry.previous != previous:
            yield f"Trail, entry {entry.number}: it does not follow the one before it."
        if entry.digest != digest_of(entry):
            yield f"Trail, entry {entry.number}: it is not as it was written."
        expected, previous = entry.number + 1, entry.digest
    head = head_of(organization.pk)
    if head.number >= expected:
        yield f"Trail: entries {expected} to {head.number} are missing at its end."
    elif (head.number, head.digest) != (expected - 1, previous):
        yield f"Trail: its head says {head.number}, its last entry {expected - 1}."


def digest_of(entry: TrailEntry) -> str:
    """Return the digest that *entry* is to have by what it says."""
    content = [
        entry.organization_id,
        entry.number,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.event,
        str(entry.subject or ""),
        entry.actor,
        str(entry.how),
        entry.address or "",
        entry.agent,
        entry.details,
        entry.previous,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _entry(
    organization_id: int, head: Head, note: Note, by: By, now: datetime
) -> TrailEntry:
    entry = TrailEntry(
        organization_id=organization_id,
        number=head.number + 1,
        at=now,
        event=note.event,
        subject=note.subject,
        actor=by.name[:200],
        how=by.how,
        address=by.visit.address,
        agent=by.visit.agent[:_LONGEST_AGENT],
        details=dict(note.details),
        previous=head.digest,
    )
    entry.digest = digest_of(entry)
    return entry
