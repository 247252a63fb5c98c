"""The mails about a request, written into the outbox with what caused them."""

from collections.abc import Iterable
from datetime import datetime

from accounts.models import User
from accounts.people import finance_admins
from approvals import links
from approvals.messages import outcome_of, question_of, unanswered
from approvals.models import Assignment, BudgetRequest, Decision, Step
from approvals.trail import Note
from approvals.types import By
from approvals.voices import Voice, asked
from approvals.wording import sentence_of
from notifications.models import ChannelType
from notifications.services import notify
from notifications.types import Message, Target


def ask(step: Step, voices: Iterable[Voice], *, now: datetime) -> list[Note]:
    """Mail everybody who is asked about *step*, each once a revision."""
    return _put(step, voices, key=_key(step), now=now)


def ask_others(step: Step, *, now: datetime) -> list[Note]:
    """Mail those who are asked about *step* by now, and have no link to it."""
    there = {one.lower() for one in links.linked(step)}
    new = [one for one in asked(step, now) if one.person.email.lower() not in there]
    return _put(step, new, key=f"{_key(step)}:{now.isoformat()}", now=now)


def remind(step: Step, *, now: datetime) -> list[Note]:
    """Mail those who have still to decide about *step* once more, with a fresh link."""
    title = f"Still to decide: {sentence_of(step.request)}"
    key = f"{_key(step)}:again:{now.isoformat()}"
    return _put(step, asked(step, now), key=key, now=now, title=title)


def escalate(step: Step, *, now: datetime) -> list[str]:
    """Tell who decides next, or else looks after the money, that nobody decides."""
    request = step.request
    later = Assignment.objects.in_place().filter(
        step__request=request, step__revision=step.revision, step__stage__gt=step.stage
    )
    above = later.order_by("step__stage").values_list("person__email", flat=True)
    people = list(above) or finance_admins(request.organization_id)
    own = _own_addresses(request)
    told = [one for one in dict.fromkeys(people) if one not in own]
    message = unanswered(step, now)
    _send(request, told, message, key=f"{_key(step)}:up:{now.isoformat()}", now=now)
    return told


def tell_requester(
    request: BudgetRequest, decision: Decision | None, *, by: By, now: datetime
) -> None:
    """Mail those whose request it is what became of it; not who did it themself."""
    event = str(request.state)
    told = _own_addresses(request) - {by.name}
    key = f"approval:{request.uid}:{request.revision}:{event}"
    _send(request, sorted(told), outcome_of(request, event, decision), key=key, now=now)


def _own_addresses(request: BudgetRequest) -> set[str]:
    rows = User.objects.filter(pk__in=request.own_ids, is_active=True)
    return set(rows.values_list("email", flat=True))


def _put(
    step: Step, voices: Iterable[Voice], *, key: str, now: datetime, title: str = ""
) -> list[Note]:
    by_address = {voice.person.email: voice for voice in voices}
    question, notes = question_of(step), []

    def message_for(target: Target) -> Message:
        voice = by_address[target.recipient]
        link, note = links.make_link(step, voice.person, now=now)
        notes.append(note)
        return question.put_to(voice, link, title=title)

    notify(
        step.organization_id,
        [Target(ChannelType.EMAIL, recipient=address) for address in by_address],
        message_for,
        key=key,
        now=now,
    )
    return notes


def _send(
    request: BudgetRequest,
    people: Iterable[str],
    message: Message,
    *,
    key: str,
    now: datetime,
) -> None:
    notify(
        request.organization_id,
        [Target(ChannelType.EMAIL, recipient=address) for address in people],
        lambda _: message,
        key=key,
        now=now,
    )


def _key(step: Step) -> str:
    return f"approval:{step.uid}:{step.request.revision}"
