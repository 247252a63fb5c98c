"""What people are told of a request: who asks for what, why, and what it would mean."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from approvals.impact import frozen_impact
from approvals.models import Assignment, BudgetRequest, Decision, Step
from approvals.voices import Voice
from approvals.wording import (
    asked_by,
    impact_words,
    moment_of,
    money_of,
    needed_by,
    needed_words,
    sentence_of,
    standing_of,
    why_of,
    wish_of,
)
from lib.humanize import lasting
from lib.money import format_money
from notifications.types import Link, Message

_MOST_NAMED = 5  # people; of more only the number is said
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One step as it is put to those who are asked; made once for all of them."""

    step: Step
    impact: str
    people: tuple[str, ...]  # addresses of all who are asked

    def put_to(self, voice: Voice, link: str, *, title: str = "") -> Message:
        """Return the message to one of them, with their own *link*."""
        request = self.step.request
        return Message(
            event="asked",
            subject=str(request.uid),
            severity="info",
            title=title or f"To decide: {sentence_of(request)}",
            text=f"{sentence_of(request)}.\n{why_of(request)}",
            facts=self._facts(voice),
            links=(Link("Look and decide", link), _in_console(request)),
            reason=_reason(self.step, voice),
        )

    def _facts(self, voice: Voice) -> Facts:
        request = self.step.request
        facts = [("Asked by", asked_by(request)), ("What it would mean", self.impact)]
        mine = voice.assignment.person
        if mine.pk != voice.person.pk:
            facts.append(("You stand in for", mine.email))
        facts.append(("Also asked", self._others(voice)))
        if request.needed_by:
            facts.append(("Needed by", needed_by(request)))
        return tuple(facts)

    def _others(self, voice: Voice) -> str:
        me = {voice.person.email, voice.assignment.person.email}
        others = [one for one in self.people if one not in me]
        if not others:
            return "nobody else"
        many = len(others) > _MOST_NAMED
        named = f"{len(others)} people" if many else ", ".join(others)
        return f"{named}; {needed_words(self.step, len(others) + 1)}"


def shared_question(question: Question) -> Message:
    """Return *question* as it is put to a channel that many read: nobody's own link."""
    request, people = question.step.request, question.people
    names = ", ".join(people[:_MOST_NAMED])
    more = len(people) - _MOST_NAMED
    facts = [("Asked by", asked_by(request)), ("What it would mean", question.impact)]
    facts.append(("Who decides", f"{names} and {more} more" if more > 0 else names))
    return Message(
        event="asked",
        subject=str(request.uid),
        severity="info",
        title=f"To decide: {sentence_of(request)}",
        text=f"{sentence_of(request)}.\n{why_of(request)}",
        facts=(*facts, *_needed(request)),
        links=(_in_console(request),),
        reason="Those who decide got a mail with a link of their own.",
    )


def question_of(step: Step) -> Question:
    """Return *step* as it is to be put to people. One query."""
    (question,) = questions_of([step])
    return question


def questions_of(steps: Sequence[Step]) -> list[Question]:
    """Return *steps* as they are to be put to people. One query."""
    people: dict[int, list[str]] = defaultdict(list)
    rows = Assignment.objects.in_place().filter(step__in=steps).order_by("pk")
    for step_id, address in rows.values_list("step_id", "person__email"):
        people[step_id].append(address)
    return [
        Question(
            step, impact_words(frozen_impact(step.request)), tuple(people[step.pk])
        )
        for step in steps
    ]


def outcome_of(
    request: BudgetRequest, event: str, decision: Decision | None
) -> Message:
    """Return what its requester is told of the end of *request*, or of its return."""
    why = decision.comments if decision else request.outcome_reason
    said = f"\n“{why}”" if why else ""
    return Message(
        event=event,
        subject=str(request.uid),
        severity="info",
        title=f"{_OUTCOMES[event]}: {wish_of(request)}",
        text=f"You asked for {wish_of(request)}. {standing_of(request)}{said}",
        facts=_outcome_facts(request),
        links=(_in_console(request),),
        reason="You get this because it is your request.",
    )


_OUTCOMES = {
    "approved": "Approved",
    "rejected": "Rejected",
    "changes_requested": "Changes requested",
    "withdrawn": "Taken back",
    "expired": "Expired, nobody decided in time",
}


def _outcome_facts(request: BudgetRequest) -> Facts:
    facts: list[tuple[str, str]] = []
    if request.amount:
        facts.append(("Asked for", format_money(request.amount, request.currency)))
    if request.is_lowered:
        facts.append(("Approved", money_of(request)))
    if request.submitted_at:
        facts.append(("Asked on", moment_of(request, request.submitted_at)))
    return tuple(facts)


def unanswered(step: Step, now: datetime) -> Message:
    """Return what is told further up when nobody has decided for too long."""
    request = step.request
    waits = lasting(now - step.opened_at) if step.opened_at else "long"
    names = ", ".join(question_of(step).people[:_MOST_NAMED])
    return Message(
        event="escalated",
        subject=str(request.uid),
        severity="warning",
        title=f"Nobody has decided for {waits}: {sentence_of(request)}",
        text=f"{sentence_of(request)}.\n{why_of(request)}",
        facts=(("Asked", names), ("Since", waits), *_needed(request)),
        links=(_in_console(request),),
        reason=(
            "You get this because you decide after them, or look after the money. You "
            "can ask them, or have somebody else asked; nothing is approved by silence."
        ),
    )


def _needed(request: BudgetRequest) -> Facts:
    return (("Needed by", needed_by(request)),) if request.needed_by else ()


def _in_console(request: BudgetRequest) -> Link:
    path = reverse("admin:approvals_budgetrequest_change", args=[request.pk])
    return Link("Open in CostOps", f"{settings.SITE_URL}{path}")


def _reason(step: Step, voice: Voice) -> str:
    whose = voice.assignment.person
    if whose.pk != voice.person.pk:
        return (
            f"You get this because you stand in for {whose.email}. The link is yours "
            "alone: don't pass this mail on."
        )
    return (
        f"You get this because “{step.name}” of this request asks you. The link is "
        "yours alone and decides in your name: don't pass this mail on."
    )
