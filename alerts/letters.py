"""What due steps tell whom: the letters of many alerts, written in one go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from alerts import messages
from alerts.links import make_links
from alerts.models import Alert
from alerts.recipients import READ_BY_PEOPLE, channel_names, reason_of
from alerts.steps import AlertStep, step_key
from alerts.surroundings import Surroundings
from approvals.limits import Roles, askers, roles_among
from notifications.models import ChannelType
from notifications.services import notify_each
from notifications.types import Letter, Link, Message, Target


@dataclass(slots=True)
class Telling:
    """One step of one alert that is made now, and whom it reaches."""

    alert: Alert
    number: int  # of the alert's steps
    targets: list[Target]
    missing: tuple[str, ...] = ()  # types of channels that are not set up
    left_out: Sequence[str] = ()  # people to whom none of its channels leads
    waiting: set[Target] = field(default_factory=set)  # who has not confirmed
    fresh: list[Target] = field(default_factory=list)  # who hears of it for once
    aside: str = ""  # that it comes late, or has ended since

    @property
    def step(self) -> AlertStep:
        step: AlertStep = self.alert.steps[self.number]
        return step

    @property
    def key(self) -> str:
        return step_key(self.alert.uid, self.number)

    @property
    def event(self) -> str:
        return "escalated" if self.step["delay"] or self.step["run"] else "fired"


def write(tellings: Iterable[Telling], around: Surroundings) -> None:
    """Write a delivery of each telling to each of its fresh targets.

    As many queries for thousands as for one, but for what the database takes at a time.
    """
    by_key = {one.key: one for one in tellings}
    letters = [Letter(one.key, to) for one in by_key.values() for to in one.fresh]
    notify_each(
        around.organization.pk,
        letters,
        partial(_messages, by_key, around),
        now=around.now,
    )


def _messages(
    by_key: Mapping[str, Telling], around: Surroundings, letters: Sequence[Letter]
) -> list[Message]:
    """Return a message for each of *letters*: people get a link of their own, and those
    who may not change the budget the way to ask for more."""
    keys = dict.fromkeys(one.key for one in letters)
    told = {key: _base(by_key[key], around) for key in keys}
    wishes = _wishes([by_key[key] for key in keys], around)
    readers = _readers(letters)
    links = make_links(
        around.organization.pk,
        [(by_key[letters[at].key].alert, person) for at, person in readers.items()],
        now=around.now,
    )
    own = dict(zip(readers, links, strict=True))
    return [
        messages.for_reader(
            told[one.key], own[place], wishes.get((one.key, one.target.recipient))
        )
        if place in own
        else told[one.key]
        for place, one in enumerate(letters)
    ]


def _base(telling: Telling, around: Surroundings) -> Message:
    alert = telling.alert
    return messages.message_of(
        alert,
        telling.event,
        now=around.now,
        reason=reason_of(alert, telling.step),
        aside=telling.aside,
        status=around.status_of(alert),
    )


def _readers(letters: Sequence[Letter]) -> dict[int, str]:
    """Return in whose name the links act of the letters that people read, by place."""
    names = channel_names(one.target for one in letters)
    return {
        place: to.recipient or names.get(to.channel_id or 0, to.kind)
        for place, to in enumerate(one.target for one in letters)
        if to.kind in READ_BY_PEOPLE
    }


def _wishes(
    tellings: Iterable[Telling], around: Surroundings
) -> dict[tuple[str, str], Link | None]:
    """Return where to ask for more, by telling and address of who has to ask."""
    mailed = {
        one.key: [to.recipient for to in one.fresh if to.kind == ChannelType.EMAIL]
        for one in tellings
    }
    people = {person for some in mailed.values() for person in some}
    roles: Roles = roles_among(around.organization.pk, people) if people else {}
    return {
        (one.key, person): messages.wish_of(
            one.alert, one.event, around.now, around.status_of(one.alert)
        )
        for one in tellings
        for person in askers(around.path_of(one.alert), mailed[one.key], roles)
    }
