"""Links by which somebody who is asked decides from a mail, without logging in.

A link is of one step and one revision of its request, and of one person: `subject` is
the step's uid. Links of steps that are decided stay: they show who decided, and can't
decide anything, for whoever decides by a link does so like everybody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts.locks import hold_trail
from accounts.models import User
from approvals import trail
from approvals.models import (
    BudgetRequest,
    Decision,
    RequestState,
    Step,
    StepState,
    TrailEntry,
)
from approvals.people import members
from approvals.trail import Note
from approvals.types import By
from approvals.voices import Voice, asked, voice_in
from notifications import mailed_links
from notifications.mailed_links import BadLink
from notifications.models import MailedLink

PURPOSE = "approval"
LASTS = timedelta(hours=72)
_WITH = (
    *("request__organization", "request__requester", "request__on_behalf_of"),
    *("request__budget", "request__parent", "request__source"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the holder of a link may know, and whether they can still decide."""

    request: BudgetRequest
    step: Step
    person: User
    voice: Voice | None  # None: there is nothing for them to decide any more
    decision: Decision | None  # theirs, or of whoever decided in their place


def make_link(step: Step, person: User, *, now: datetime) -> tuple[str, Note]:
    """Return the address of a new link of *person*'s, and what the trail is to say."""
    (made,) = make_links([(step, person)], now=now)
    return made


def make_links(
    wanted: Sequence[tuple[Step, User]], *, now: datetime
) -> list[tuple[str, Note]]:
    """`make_link` for each of *wanted*, which are of one organization. One query."""
    asked_for = [_wanted(step, person, now) for step, person in wanted]
    if not asked_for:
        return []
    organization_id = wanted[0][0].organization_id
    tokens = mailed_links.issue_all(organization_id, asked_for)
    made = []
    for (step, person), one, token in zip(wanted, asked_for, tokens, strict=True):
        details = {"until": one.expires_at.isoformat()}
        note = note_of("link.issued", step, person.email, one.revision, **details)
        made.append((mailed_links.url_of("decide-by-link", token), note))
    return made


def _wanted(step: Step, person: User, now: datetime) -> mailed_links.Wanted:
    request = step.request
    ends = [now + LASTS, request.expires_at]
    return mailed_links.Wanted(
        purpose=PURPOSE,
        subject=step.uid,
        revision=request.revision,
        person=person.email,
        expires_at=min(end for end in ends if end is not None),
    )


def standing_of(link: MailedLink, now: datetime) -> Standing:
    """Return what *link* leads to. Changes nothing; about ten queries.

    Raises:
        BadLink: the step is gone or is another organization's; the request was changed
            since; the person has left, has another address, or is asked no more.
    """
    steps = Step.objects.filter(organization=link.organization_id, uid=link.subject)
    step = steps.select_related(*_WITH).first()
    inside = members(link.organization_id)
    person = inside.filter(email__iexact=link.person).first()
    if step is None or person is None:
        raise BadLink
    request = step.request
    decision = _decision_in(step, person)
    is_open = request.state == RequestState.PENDING and step.state == StepState.OPEN
    if not is_open or decision is not None:
        return Standing(request, step, person, None, decision)
    voice = voice_in(step, person, now) if link.revision == request.revision else None
    if voice is None:
        raise BadLink
    return Standing(request, step, person, voice, None)


def _decision_in(step: Step, person: User) -> Decision | None:
    """Return what *person* decided about *step*, or somebody in their place."""
    rows = Decision.objects.filter(step=step).select_related("person", "assignment")
    found = [
        one
        for one in rows.order_by("pk")
        if person.pk in {one.person_id, one.assignment.person_id}
    ]
    return found[0] if found else None


def note_view(link: MailedLink, visitor: str, *, by: By, now: datetime) -> bool:
    """Keep in the trail that *link* was opened: once for each kind of *visitor*, for
    programs open every link. Says whether it did. One query, after the first time."""
    if _was_viewed(link, visitor):
        return False
    with transaction.atomic():
        hold_trail(link.organization_id)
        steps = Step.objects.filter(organization=link.organization_id, uid=link.subject)
        step = steps.select_related("request").first()
        if step is None or _was_viewed(link, visitor):
            return False
        note = note_of("link.viewed", step, link.person, link.revision)
        more = {"link": link.pk, "visitor": visitor}
        note = replace(note, details={**note.details, **more})
        trail.append(link.organization_id, note, by=by, now=now)
    return True


def _was_viewed(link: MailedLink, visitor: str) -> bool:
    seen = TrailEntry.objects.filter(
        organization=link.organization_id,
        event="link.viewed",
        subject__in=Step.objects.filter(
            organization=link.organization_id, uid=link.subject
        ).values("request__uid"),
        details__link=link.pk,
        details__visitor=visitor,
    )
    return seen.exists()


def hold(link: MailedLink) -> None:
    """Keep everybody else from the request of *link*, until commit.

    Before the link is used: whoever changes a request holds that first, and then takes
    its links back.
    """
    steps = Step.objects.filter(organization=link.organization_id, uid=link.subject)
    rows = BudgetRequest.objects.filter(pk__in=steps.order_by().values("request_id"))
    rows.update(changed_at=F("changed_at"))


def void_older(request: BudgetRequest, *, now: datetime) -> None:
    """Take the links of earlier revisions back: they show what is asked no more."""
    for uid in _steps_of(request):
        mailed_links.void(
            request.organization_id,
            purpose=PURPOSE,
            subject=uid,
            before_revision=request.revision,
            now=now,
        )


def void_unasked(step: Step, *, now: datetime) -> None:
    """Take back the links of those who were asked about *step*, and are no more."""
    kept = {voice.person.email.lower() for voice in asked(step, now)}
    for decision in step.decisions.select_related("person", "assignment__person"):
        kept |= {decision.person.email.lower()}
        kept |= {decision.assignment.person.email.lower()}
    for person in linked(step) - kept:
        mailed_links.void(
            step.organization_id,
            purpose=PURPOSE,
            subject=step.uid,
            person=person,
            now=now,
        )


def linked(step: Step) -> set[str]:
    """Return who has a link to *step* that leads somewhere, in any revision."""
    rows = MailedLink.objects.filter(
        organization=step.organization_id,
        purpose=PURPOSE,
        subject=step.uid,
        burnt_at=None,
        voided_at=None,
    )
    return set(rows.values_list("person", flat=True))


def note_of(event: str, step: Step, person: str, revision: int, **details: str) -> Note:
    """Return what the trail is to say of a link; never its token."""
    said = {"step": step.name, "number": step.number, "person": person}
    return Note(event, step.request.uid, {**said, "revision": revision, **details})


def _steps_of(request: BudgetRequest) -> list[UUID]:
    return list(Step.objects.filter(request=request).values_list("uid", flat=True))
