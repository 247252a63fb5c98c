"""Slack: channels that are told of requests, and who there is whom.

Buttons are for organizations that gave the signing secret of their app. Whoever knows
that can press any button in anybody's name, so finance admins alone give it, and each
person confirms by mail that a member of Slack is them.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Organization, User
from approvals import trail
from approvals.messages import question_of, shared_question
from approvals.models import SlackApp, SlackUser, Step
from approvals.people import members
from approvals.permissions import require_admin
from approvals.trail import Note
from approvals.types import By
from approvals.wording import money_of
from lib.errors import Invalid
from notifications import mailed_links
from notifications.models import Channel, ChannelType
from notifications.services import notify
from notifications.types import Button, Link, Message, Target

PURPOSE = "slack"
PAGE = "confirm-slack"
PRESSES = "slack-press"  # the door of buttons
LASTS = timedelta(days=14)  # the link that confirms
_SECRET = re.compile(r"[0-9A-Za-z]{16,200}")


def tell(step: Step, *, now: datetime) -> None:
    """Tell the channels that want it that *step* is to be decided.

    No link that decides: those are one person's alone, and are mailed.
    """
    channels = Channel.objects.filter(
        organization=step.organization_id,
        type=ChannelType.SLACK,
        enabled=True,
        config__requests=True,
    )
    targets = [Target(ChannelType.SLACK, channel.pk) for channel in channels]
    if not targets:
        return
    message = shared_question(question_of(step))
    has_app = SlackApp.objects.filter(organization=step.organization_id).exists()

    def message_for(target: Target) -> Message:
        if not has_app or target.channel_id is None:
            return message
        buttons = _buttons(step, target.channel_id)
        comment = "Comment (needed for all but an approval)"
        return replace(message, buttons=buttons, comment=comment)

    key = f"approval:{step.uid}:{step.request.revision}:slack"
    notify(step.organization_id, targets, message_for, key=key, now=now)


def _buttons(step: Step, channel_id: int) -> tuple[Button, ...]:
    money = money_of(step.request)
    value = f"{step.uid}:{step.request.revision}:{channel_id}"
    sure = f"Approve {money}? It counts in your name."
    return (
        Button(f"Approve {money}", "approve", value, "primary", sure),
        Button("Ask for changes", "changes", value),
        Button("Reject", "reject", value, "danger"),
    )


@transaction.atomic
def set_up_app(
    organization: Organization,
    *,
    team: str,
    signing_secret: str,
    by: By,
    now: datetime,
) -> SlackApp:
    """Keep whose buttons are believed; without *signing_secret* that of before stays.

    Raises:
        Forbidden: *by* is no finance admin of the organization.
        Invalid: a field is wrong; it is named.
    """
    require_admin(by, organization)
    app = SlackApp.objects.filter(organization=organization).first()
    app = app or SlackApp(organization=organization)
    app.team = team.strip()
    if secret := signing_secret.strip():
        if not _SECRET.fullmatch(secret):
            detail = "Must be the signing secret: letters and digits, from 16 on."
            raise Invalid.field("signing_secret", detail)
        app.secrets = {"signing_secret": secret}
    if not app.secrets:
        raise Invalid.field("signing_secret", "This is needed.", code="required")
    _check(app, "team")
    app.save()
    note = Note("slack.set_up", None, {"team": app.team, "secret_given": bool(secret)})
    trail.append(organization.pk, note, by=by, now=now)
    return app


@transaction.atomic
def take_down_app(app: SlackApp, *, by: By, now: datetime) -> None:
    """Believe no button any more.

    Raises:
        Forbidden: *by* is no finance admin of the organization.
    """
    require_admin(by, app.organization)
    app.delete()
    note = Note("slack.taken_down", None, {"team": app.team})
    trail.append(app.organization_id, note, by=by, now=now)


@transaction.atomic
def name_user(
    organization: Organization, person: User, slack_id: str, *, by: By, now: datetime
) -> SlackUser:
    """Say that *slack_id* is *person*, who is mailed and has to confirm it.

    Raises:
        Forbidden: *by* is no finance admin of the organization.
        Invalid: a field is wrong, or taken; it is named.
    """
    require_admin(by, organization)
    if not members(organization).filter(pk=person.pk).exists():
        raise Invalid.field("person", "There is no such person in the organization.")
    rows = SlackUser.objects.filter(organization=organization)
    named = rows.filter(person=person).first()
    named = named or SlackUser(organization=organization, person=person)
    named.slack_id = slack_id.strip().upper()
    named.named_by, named.named_at, named.confirmed_at = by.name, now, None
    _check(named, "slack_id")
    if rows.filter(slack_id=named.slack_id).exclude(pk=named.pk).exists():
        raise Invalid.field("slack_id", "This member of Slack is somebody else here.")
    named.save()
    _ask(named, now)
    trail.append(organization.pk, _note("slack.named", named), by=by, now=now)
    return named


@transaction.atomic
def confirm_user(named: SlackUser, *, by: By, now: datetime) -> None:
    """Keep that its person says so themself. Safe to repeat."""
    rows = SlackUser.objects.filter(pk=named.pk, confirmed_at=None)
    if rows.update(confirmed_at=now):
        note = _note("slack.confirmed", named)
        trail.append(named.organization_id, note, by=by, now=now)


@transaction.atomic
def forget_user(named: SlackUser, *, by: By, now: datetime) -> None:
    """Take what was said of a member of Slack back."""
    _void(named, now)
    note = _note("slack.forgotten", named)
    SlackUser.objects.filter(pk=named.pk).delete()
    trail.append(named.organization_id, note, by=by, now=now)


def person_of(organization_id: int, slack_id: str) -> User | None:
    """Return who has confirmed to be *slack_id*. One query."""
    rows = SlackUser.objects.filter(
        organization=organization_id, slack_id=slack_id, confirmed_at__isnull=False
    )
    found = rows.select_related("person").first()
    return found.person if found else None


def _check(row: SlackApp | SlackUser, attr: str) -> None:
    try:
        row.clean_fields(exclude=[f.name for f in row._meta.fields if f.name != attr])
    except ValidationError as error:
        raise Invalid.field(attr, error.messages[0]) from error


def _void(named: SlackUser, now: datetime) -> None:
    mailed_links.void(
        named.organization_id, purpose=PURPOSE, subject=named.uid, now=now
    )


def _ask(named: SlackUser, now: datetime) -> None:
    """Mail its person the question; links that ask another one are taken back."""
    _void(named, now)
    person = named.person.email
    token = mailed_links.issue(
        named.organization_id,
        purpose=PURPOSE,
        subject=named.uid,
        person=person,
        expires_at=now + LASTS,
    )
    message = Message(
        event="slack",
        subject=f"slack-{named.uid}",
        severity="info",
        title=f"Is {named.slack_id} in Slack you?",
        text=f"{named.named_by} says that the member {named.slack_id} of "
        f"{named.organization}'s Slack is you. If you confirm it, what that member "
        "presses under a request for money is decided in your name.",
        links=(Link("See and confirm", mailed_links.url_of(PAGE, token)),),
        reason="If that is not you, don't confirm it: nothing is decided by it then.",
    )
    notify(
        named.organization_id,
        [Target(ChannelType.EMAIL, recipient=person)],
        lambda _: message,
        key=f"slack:{named.uid}:{now.isoformat()}",
        now=now,
    )


def _note(event: str, named: SlackUser) -> Note:
    said = {"person": named.person.email, "slack_id": named.slack_id}
    return Note(event, None, said)
