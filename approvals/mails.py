"""The mails about a request, written into the outbox with what caused them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from accounts.people import finance_admins
from approvals import links
from approvals.messages import (
    Question,
    outcome_of,
    question_of,
    questions_of,
    unanswered,
)
from approvals.models import Assignment, BudgetRequest, Decision, Step
from approvals.trail import Note
from approvals.types import By
from approvals.voices import Voice, asked
from approvals.wording import sentence_of
from notifications.models import ChannelType
from notifications.services import notify, notify_each
from notifications.types import Letter, Message, Target


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
    return list(remind_all({step: asked(step, now)}, now=now)[step])


def remind_all(
    wanted: Mapping[Step, Sequence[Voice]], *, now: datetime
) -> Mapping[Step, Sequence[Note]]:
    """`remind` the given ones of many steps of one organization, in one go; the notes
    by step."""
    if not wanted:
        return {}
    puts = [
        _Put(
            question,
            wanted[question.step],
            f"{_key(question.step)}:again:{now.isoformat()}",
            f"Still to decide: {sentence_of(question.step.request)}",
        )
        for question in questions_of(list(wanted))
    ]
    notes = _put_all(puts, now)
    return {step: notes[step.pk] for step in wanted}


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


@dataclass(frozen=True, slots=True)
class _Put:
    """One question, whom it is put to, and as what."""

    question: Question
    voices: Sequence[Voice]
    key: str
    title: str = ""


def _put(step: Step, voices: Iterable[Voice], *, key: str, now: datetime) -> list[Note]:
    put = _Put(question_of(step), tuple(voices), key)
    return _put_all([put], now)[step.pk]


def _put_all(puts: Sequence[_Put], now: datetime) -> dict[int, list[Note]]:
    """Mail all of *puts*, of one organization, each with a link of its reader's own."""
    notes: dict[int, list[Note]] = {one.question.step.pk: [] for one in puts}
    meant = {
        Letter(one.key, Target(ChannelType.EMAIL, recipient=voice.person.email)): (
            one,
            voice,
        )
        for one in puts
        for voice in one.voices
    }

    def messages_for(new: Sequence[Letter]) -> list[Message]:
        told = [meant[letter] for letter in new]
        wanted = [(put.question.step, voice.person) for put, voice in told]
        made = links.make_links(wanted, now=now)
        for (step, _), (_, note) in zip(wanted, made, strict=True):
            notes[step.pk].append(note)
        return [
            put.question.put_to(voice, url, title=put.title)
            for (put, voice), (url, _) in zip(told, made, strict=True)
        ]

    organization_id = puts[0].question.step.organization_id
    notify_each(organization_id, list(meant), messages_for, now=now)
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
