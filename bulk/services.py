"""Bulk changes: asked for, looked at by a worker, confirmed, and applied as shown."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.locks import hold_alone, hold_trees
from accounts.models import Organization, User
from bulk.errors import NotReady, StillFaulty
from bulk.kinds import Applying, Tell
from bulk.models import (
    UNDER_WAY,
    BulkChange,
    BulkKind,
    BulkSource,
    BulkState,
    BulkStep,
)
from bulk.registry import kind_of, planned_by
from bulk.sheets import MOST_BYTES
from bulk.types import DraftStep, StepAction
from lib.errors import Invalid, Refusal, TooLarge
from lib.queue import enqueue

WORK = "bulk.tasks.work"
LOST_AFTER = timedelta(minutes=10)  # without a sign of life
KEPT = timedelta(days=90)
_MOST_FAILURE = 1_000  # characters
_DOES = (StepAction.MAKE, StepAction.CHANGE)


def ask_file(
    organization: Organization,
    kind: BulkKind,
    content: bytes,
    name: str,
    *,
    person: User,
    locale: str,
    now: datetime,
) -> BulkChange:
    """Have a worker look at a file; nothing is changed by it.

    Raises:
        Invalid, TooLarge: it is empty, or larger than is taken.
    """
    if not content:
        raise Invalid.field("file", "The file is empty.")
    if len(content) > MOST_BYTES:
        limit = MOST_BYTES // 2**20
        raise TooLarge(f"The file is larger than {limit} MB. Divide it.")
    return ask(
        organization,
        kind,
        BulkSource.FILE,
        name,
        content=content,
        person=person,
        locale=locale,
        now=now,
    )


@transaction.atomic
def ask(
    organization: Organization,
    kind: BulkKind,
    source: BulkSource,
    title: str,
    *,
    person: User,
    locale: str,
    now: datetime,
    content: bytes | None = None,
    asked: Mapping[str, Any] | None = None,
) -> BulkChange:
    """Have a worker look at what is wanted, and forget what was kept long enough."""
    rows = BulkChange.objects.filter(organization=organization)
    rows.filter(requested_at__lt=now - KEPT).exclude(state__in=UNDER_WAY).delete()
    change = BulkChange.objects.create(
        organization=organization,
        kind=kind,
        source=source,
        title=title[-200:],
        content=None if content is None else b64encode(content).decode(),
        asked=dict(asked or {}),
        locale=locale,
        person=person,
        requested_by=person.email,
        requested_at=now,
    )
    enqueue(WORK, change.pk)
    return change


@transaction.atomic
def confirm(
    change: BulkChange,
    *,
    skips_faulty: bool,
    reason: str,
    by: str,
    now: datetime,
) -> BulkChange:
    """Have a worker apply what *change* shows.

    Raises:
        NotReady: it was confirmed or discarded before, or is not looked at yet.
        StillFaulty: all or nothing is wanted, and some lines are faulty.
    """
    held = BulkChange.objects.select_for_update(of=("self",)).get(pk=change.pk)
    if held.state != BulkState.READY:
        raise NotReady(f"It is no longer to be confirmed: {held.get_state_display()}.")
    steps = BulkStep.objects.filter(change=held)
    if not steps.filter(action__in=_DOES).exists():
        raise NotReady("There is nothing to apply: no line changes anything.")
    if not skips_faulty and steps.filter(action=StepAction.FAULTY).exists():
        raise StillFaulty(
            "Some lines are faulty. Mend them and upload the file again, or choose to "
            "leave them out."
        )
    held.state = BulkState.CONFIRMED
    held.skips_faulty, held.reason = skips_faulty, reason
    held.confirmed_by, held.confirmed_at = by, now
    held.progress = 0
    held.save()
    enqueue(WORK, held.pk)
    return held


@transaction.atomic
def discard(change: BulkChange, *, now: datetime) -> None:
    """Let go of a change that is not applied.

    Raises:
        NotReady: it is confirmed already, or over.
    """
    held = BulkChange.objects.select_for_update(of=("self",)).get(pk=change.pk)
    if held.state not in {BulkState.READY, BulkState.REFUSED}:
        raise NotReady(f"It can't be discarded: {held.get_state_display().lower()}.")
    held.state, held.ended_at = BulkState.DISCARDED, now
    held.save()


def work(change_id: int, *, clock: Callable[[], datetime]) -> str:
    """Do what is due about one change; say what came of it. Safe to repeat.

    *clock*: for signs of life, as it may take a while.
    """
    now = clock()
    lost = Q(claimed_at__lt=now - LOST_AFTER)
    rows = BulkChange.objects.filter(pk=change_id)
    is_read = rows.filter(
        Q(state=BulkState.WAITING) | Q(lost, state=BulkState.READING)
    ).update(state=BulkState.READING, claimed_at=now, progress=0)
    if is_read:
        return _look(_claimed(change_id), clock)
    is_applied = rows.filter(
        Q(state=BulkState.CONFIRMED) | Q(lost, state=BulkState.APPLYING)
    ).update(state=BulkState.APPLYING, claimed_at=now, progress=0)
    if is_applied:
        return _apply(_claimed(change_id), now)
    return "There is nothing to do."


def _claimed(change_id: int) -> BulkChange:
    return BulkChange.objects.select_related("organization", "person").get(pk=change_id)


def _look(change: BulkChange, clock: Callable[[], datetime]) -> str:
    """Write down what *change* would do."""
    try:
        steps = planned_by(change, now=change.requested_at, tell=_teller(change, clock))
    except Refusal as refusal:
        _refuse(change, BulkState.REFUSED, str(refusal), clock())
        return f"It can't be read: {refusal}"
    with transaction.atomic():
        BulkStep.objects.filter(change=change).delete()
        BulkStep.objects.bulk_create(_rows(change, steps), batch_size=500)
        _mine(change).update(state=BulkState.READY, progress=100, content=None)
    return f"Looked at {len(steps):,} steps."


def _rows(change: BulkChange, steps: Sequence[DraftStep]) -> Iterable[BulkStep]:
    for position, step in enumerate(steps):
        yield BulkStep(
            change=change,
            position=position,
            lines=list(step.lines),
            label=step.label[:1_000],
            action=step.action,
            target=step.target,
            version=step.version,
            values=step.values,
            differences=step.differences,
            faults=step.faults,
        )


def _teller(change: BulkChange, clock: Callable[[], datetime]) -> Tell:
    told = 0

    def tell(share: float) -> None:
        nonlocal told
        percent = min(int(share * 100), 99)
        if percent <= told:
            return
        told, now = percent, clock()
        if _mine(change).update(progress=percent, claimed_at=now):
            change.claimed_at = now

    return tell


def _mine(change: BulkChange) -> Any:
    """Return the row while this process works at it, and no other took it up."""
    states = (BulkState.READING, BulkState.APPLYING)
    return BulkChange.objects.filter(
        pk=change.pk, state__in=states, claimed_at=change.claimed_at
    )


def _refuse(change: BulkChange, state: BulkState, why: str, now: datetime) -> None:
    _mine(change).update(
        state=state,
        failure=why[:_MOST_FAILURE],
        ended_at=now,
        progress=0,
        content=None,
    )


def _apply(change: BulkChange, now: datetime) -> str:
    """Do what the steps say, in one transaction: all, or with `skips_faulty` what can
    be done."""
    try:
        with transaction.atomic():
            if kind_of(change.kind).holds_trees:
                hold_trees()
            hold_alone(change.organization_id)
            # Before anything is done: who lost it to another worker does nothing.
            if not _mine(change).select_for_update().exists():
                return "Another worker has taken it up."
            count = _applied(change, now)
            change.refresh_from_db()
            change.state, change.ended_at = BulkState.APPLIED, now
            change.progress = 100
            change.save()
    except Refusal as refusal:
        _refuse(change, BulkState.FAILED, str(refusal), now)
        return f"Nothing is applied: {refusal}"
    return f"Applied {count:,} steps."


def _applied(change: BulkChange, now: datetime) -> int:
    kind = kind_of(change.kind)
    reason = change.reason or f"Bulk change {change.pk}: {change.title}"
    applying = kind.applying(change.organization, now=now, reason=reason)
    with applying.together():
        count = sum(
            _apply_step(change, step, applying)
            for step in BulkStep.objects.filter(change=change, action__in=_DOES)
        )
    applying.end()
    return count


def _apply_step(change: BulkChange, step: BulkStep, applying: Applying) -> bool:
    """Tell whether *step* is applied; one that can't be is left out, or all is."""
    try:
        with transaction.atomic():
            applying.apply(step)
    except Refusal as refusal:
        if not change.skips_faulty:
            raise _telling_of(step, refusal) from refusal
        step.refusal = str(refusal)[:_MOST_FAILURE]
    else:
        step.is_applied = True
    step.save(update_fields=["is_applied", "refusal"])
    return step.is_applied


def _telling_of(step: BulkStep, refusal: Refusal) -> Refusal:
    return StillFaulty(f"{step.label}: {refusal} Nothing was changed.")


def take_up_lost(now: datetime) -> int:
    """Have workers do what is due and nobody does; return how many changes."""
    waits = Q(state=BulkState.WAITING, requested_at__lt=now - LOST_AFTER)
    waits |= Q(state=BulkState.CONFIRMED, confirmed_at__lt=now - LOST_AFTER)
    working = (BulkState.READING, BulkState.APPLYING)
    lost = Q(state__in=working, claimed_at__lt=now - LOST_AFTER)
    ids = list(BulkChange.objects.filter(waits | lost).values_list("pk", flat=True))
    for pk in ids:
        enqueue(WORK, pk)
    return len(ids)


def give_up(change_id: int, *, now: datetime) -> None:
    """Write down that it has failed for a reason nobody foresaw."""
    working = (BulkState.READING, BulkState.APPLYING)
    BulkChange.objects.filter(pk=change_id, state__in=working).update(
        state=BulkState.FAILED,
        failure="Something went wrong that should not; the worker's log has it. "
        "Nothing was changed.",
        ended_at=now,
        progress=0,
    )
