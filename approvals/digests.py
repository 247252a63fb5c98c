"""One mail on each working day to who has requests waiting since before that day.

It asks nothing that was not asked before, so its reader may stop it for good.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, QuerySet
from django.urls import reverse

from accounts.locks import hold_trail
from accounts.models import Organization, User
from approvals import links, trail
from approvals.clocks import day_of, hours_of, is_open
from approvals.impact import frozen_impact
from approvals.models import (
    Assignment,
    BudgetRequest,
    Delegation,
    RequestState,
    Step,
    StepState,
)
from approvals.people import members
from approvals.trail import Note
from approvals.types import SYSTEM
from approvals.voices import MOST_LINKS, voice_in, waiting_for
from approvals.wording import impact_words, needed_by, sentence_of, waiting_words
from lib.humanize import lasting
from notifications import mailed_links
from notifications.models import ChannelType, Preference
from notifications.services import notify, untold
from notifications.types import Link, Message, Target

PURPOSE = "digest"
PAGE = "stop-digest"
LASTS = timedelta(days=60)  # the link that stops it
MOST = 10  # requests that are listed; of more only the number is said
_WITH = (
    *("organization", "requester", "on_behalf_of"),
    *("budget", "parent", "source"),
)


@dataclass(frozen=True, slots=True)
class _Reader:
    person: User
    day: str  # by their clocks, ISO
    since: datetime  # of what waits longest


def send_due(now: datetime) -> int:
    """Mail whom it is time for; return how many. Safe to repeat: one mail a day."""
    waits = _waiting(now)
    rows = Organization.objects.filter(pk__in=waits).order_by("pk")
    return sum(_send(one, waits[one.pk], now) for one in rows)


def stop_link(organization: Organization, person: str, *, now: datetime) -> str:
    """Return the address of a new link by which *person* stops the mail."""
    token = mailed_links.issue(
        organization.pk,
        purpose=PURPOSE,
        subject=_subject(person),
        person=person,
        expires_at=now + LASTS,
        once=False,
    )
    return mailed_links.url_of(PAGE, token)


def _waiting(now: datetime) -> dict[int, dict[int, datetime]]:
    """Return since when something waits: by organization, by person.

    Of who is asked, and of who stands in for them; whether they may decide is looked
    at later. Two queries.
    """
    rows = Assignment.objects.undecided().filter(
        step__state=StepState.OPEN,
        step__revision=F("step__request__chain_revision"),
        step__request__state=RequestState.PENDING,
    )
    found: dict[int, dict[int, datetime]] = defaultdict(dict)
    oldest = rows.order_by().values_list("organization_id", "person_id")
    for organization_id, person_id, since in oldest.annotate(Min("step__opened_at")):
        found[organization_id][person_id] = since
    lent = Delegation.objects.at(now).filter(organization__in=found)
    pairs = list(lent.values_list("organization_id", "delegator_id", "delegate_id"))
    for _ in range(MOST_LINKS):
        for organization_id, delegator, delegate in pairs:
            people = found[organization_id]
            if (since := people.get(delegator)) is not None:
                people[delegate] = min(people.get(delegate, since), since)
    return found


def _send(
    organization: Organization, waits: Mapping[int, datetime], now: datetime
) -> int:
    by_day: dict[str, dict[str, _Reader]] = defaultdict(dict)
    for reader in _readers(organization, waits, now):
        by_day[reader.day][reader.person.email] = reader
    sent = 0
    for day, readers in by_day.items():
        targets = [Target(ChannelType.EMAIL, recipient=one) for one in readers]
        key = f"approvals:digest:{day}"
        for target in untold(organization.pk, targets, key=key):
            sent += _mail(organization, readers[target.recipient], key, now)
    return sent


def _readers(
    organization: Organization, waits: Mapping[int, datetime], now: datetime
) -> Iterator[_Reader]:
    """Yield for whom it is a working day's hour, and something waits since before it.

    Two queries."""
    unwanted = Preference.objects.filter(
        organization=organization, daily_requests=False
    )
    rows = members(organization).filter(pk__in=waits)
    rows = rows.exclude(email__in=unwanted.values("recipient"))
    people = list(rows.order_by("email"))
    hours = hours_of(organization, [one.email for one in people])
    for person in people:
        began = day_of(now, hours[person.email])
        waited = waits[person.pk] < began
        if waited and is_open(now, hours[person.email]):
            yield _Reader(person, began.date().isoformat(), waits[person.pk])


@transaction.atomic
def _mail(organization: Organization, reader: _Reader, key: str, now: datetime) -> bool:
    """Write the mail, with a fresh link to each request that it lists."""
    target = Target(ChannelType.EMAIL, recipient=reader.person.email)
    hold_trail(organization.pk)  # of workers at once one writes it
    if not untold(organization.pk, [target], key=key):
        return False
    rows = waiting_for(reader.person, now).filter(organization=organization)
    count = rows.count()
    if not count:
        return False
    notes: list[Note] = []
    listed = tuple(_listed(rows, reader.person, notes, now))
    stop = stop_link(organization, reader.person.email, now=now)
    notify(
        organization.pk,
        [target],
        lambda _: _message(reader, count, listed, stop, now),
        key=key,
        now=now,
    )
    if notes:
        trail.append(organization.pk, *notes, by=SYSTEM, now=now)
    return True


def _listed(
    rows: QuerySet[BudgetRequest], person: User, notes: list[Note], now: datetime
) -> Iterator[Link]:
    """Yield the requests that are needed first; to *notes* goes what the trail says."""
    urgent = F("needed_by").asc(nulls_last=True)
    first = rows.select_related(*_WITH).order_by(urgent, "created_at", "pk")
    for request in first[:MOST]:
        words = sentence_of(request)
        if request.needed_by:
            words += f", needed by {needed_by(request)}"
        words += f". {impact_words(frozen_impact(request))}"
        url = _in_console(request)
        step = _step_of(request, person, now)
        if step is not None:
            url, note = links.make_link(step, person, now=now)
            notes.append(note)
        yield Link(words, url)


def _step_of(request: BudgetRequest, person: User, now: datetime) -> Step | None:
    """Return the open step that *person* has a voice in; None: in none, by now."""
    steps: Iterable[Step] = Step.objects.current().open().filter(request=request)
    for step in steps:
        step.request = request
        if voice_in(step, person, now) is not None:
            return step
    return None


def _message(
    reader: _Reader, count: int, listed: tuple[Link, ...], stop: str, now: datetime
) -> Message:
    words = waiting_words(count)
    more = f" Here are {len(listed)} of them." if count > len(listed) else ""
    inbox = reverse("admin:approvals_budgetrequest_changelist")
    return Message(
        event="waiting",
        subject=f"requests-{_subject(reader.person.email)}",
        severity="info",
        title=words,
        text=f"{words}, the longest for {lasting(now - reader.since)}.{more}",
        listed=listed,
        links=(Link("See them all", f"{settings.SITE_URL}{inbox}"),),
        reason=(
            "You get this on working days while requests wait for you. The links are "
            "yours alone and decide in your name: don't pass this mail on."
        ),
        unsubscribe=stop,
    )


def _in_console(request: BudgetRequest) -> str:
    path = reverse("admin:approvals_budgetrequest_change", args=[request.pk])
    return f"{settings.SITE_URL}{path}"


def _subject(person: str) -> UUID:
    """Return what stands for *person*'s wish in links and threads of mails."""
    return uuid5(NAMESPACE_URL, f"mailto:{person}")
