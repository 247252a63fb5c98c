"""Asking people to join an organization, and what becomes of it."""

from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.models import Invitation, Membership, Organization, User
from accounts.scopes import Role
from lib.errors import Conflict, FieldError, Forbidden, Invalid

LASTS = timedelta(days=14)
MOST_AN_HOUR = 30  # mails of invitations, per organization
MAILED_EVERY = timedelta(minutes=10)  # one invitation, however often it is asked for
_HOUR = timedelta(hours=1)


class MemberAlready(Conflict):
    """Who is invited has a role there."""

    code = "member_already"


class TooManyInvitations(Conflict):
    """The organization has mailed enough for now."""

    code = "too_many_invitations"


class MailedJustNow(Conflict):
    """Its mail went out a moment ago."""

    code = "mailed_just_now"


class InvitationOver(Conflict):
    """It was accepted, withdrawn, or is too old."""

    code = "invitation_over"


@transaction.atomic
def invite(
    organization: Organization, email: str, role: str, *, by: str, now: datetime
) -> Invitation:
    """Write an invitation down; one of the same person that is open gives way to it.

    Raises:
        Invalid: *email* is not an address, *role* is unknown.
        MemberAlready, TooManyInvitations: nothing is changed.
    """
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid.field("email", "Must be an email address.") from error
    if role not in Role.values:
        raise Invalid.field("role", f"Must be one of {', '.join(Role.values)}.")
    # One at a time, so that two can't both be the last that is allowed.
    Organization.objects.select_for_update().get(pk=organization.pk)
    _refuse_members(organization, address)
    _refuse_many(organization, now)
    for earlier in Invitation.objects.filter(
        organization=organization, email=address, accepted_at=None, withdrawn_at=None
    ):
        withdraw(earlier, now=now)
    return Invitation.objects.create(
        organization=organization,
        email=address,
        role=role,
        invited_by=by,
        mailed_at=now,
        expires_at=now + LASTS,
    )


def _refuse_members(organization: Organization, address: str) -> None:
    there = Membership.objects.filter(organization=organization, user__email=address)
    if there.exists():
        detail = "Has a role in this organization already."
        errors = (FieldError("email", MemberAlready.code, detail),)
        raise MemberAlready(detail, errors=errors)


def _refuse_many(organization: Organization, now: datetime) -> None:
    lately = organization.invitations.filter(mailed_at__gt=now - _HOUR)
    if lately.count() >= MOST_AN_HOUR:
        raise TooManyInvitations(
            f"{MOST_AN_HOUR} invitations were mailed in the last hour; go on later."
        )


@transaction.atomic
def prolong(invitation: Invitation, *, now: datetime) -> Invitation:
    """Have an invitation last anew, for it is mailed once more; return it as it is now.

    Also one whose time is over.

    Raises:
        InvitationOver: it was accepted or withdrawn.
        MemberAlready, TooManyInvitations, MailedJustNow: nothing is changed.
    """
    organization = invitation.organization
    Organization.objects.select_for_update().get(pk=organization.pk)
    found = Invitation.objects.filter(
        pk=invitation.pk, accepted_at=None, withdrawn_at=None
    ).first()
    if found is None:
        raise InvitationOver("This invitation was accepted or withdrawn before.")
    if now - found.mailed_at < MAILED_EVERY:
        minutes = int(MAILED_EVERY.total_seconds() // 60)
        raise MailedJustNow(
            f"{found.email} was mailed less than {minutes} minutes ago; try again then."
        )
    _refuse_members(organization, found.email)
    _refuse_many(organization, now)
    found.mailed_at, found.expires_at = now, now + LASTS
    found.save(update_fields=["mailed_at", "expires_at"])
    return found


def withdraw(invitation: Invitation, *, now: datetime) -> None:
    """Take an invitation back.

    Raises:
        InvitationOver: it was accepted or withdrawn before.
    """
    held = Invitation.objects.filter(
        pk=invitation.pk, accepted_at=None, withdrawn_at=None
    ).select_for_update()
    with transaction.atomic():
        found = held.first()
        if found is None:
            raise InvitationOver("This invitation was accepted or withdrawn before.")
        found.withdrawn_at = now
        found.save(update_fields=["withdrawn_at"])


def wants_password(invitation: Invitation) -> bool:
    """Tell whether the person has no password yet, so that they may set one."""
    person = User.objects.filter(email=invitation.email).first()
    return person is None or not person.has_usable_password()


def needs_password(invitation: Invitation) -> bool:
    """Tell whether there is no joining without one; approvers answer by mail."""
    return invitation.role != Role.APPROVER and wants_password(invitation)


@transaction.atomic
def accept(invitation: Invitation, *, password: str, now: datetime) -> User:
    """Make the person a member, with an account if they have none; return them.

    *password* is set where they have none yet; "" for none.

    Raises:
        InvitationOver: it was accepted, withdrawn, or is too old.
        Invalid: the password is missing or too weak.
        Forbidden: the account is switched off.
    """
    held = Invitation.objects.open(now).filter(pk=invitation.pk).select_for_update()
    found = held.first()
    if found is None:
        raise InvitationOver("This invitation is over. Ask for a new one.")
    if needs_password(found) and not password:
        raise Invalid.field("password", "Choose a password.")
    person = User.objects.filter(email=found.email).first() or User(email=found.email)
    if not person.is_active:
        raise Forbidden("This account is switched off. Ask whoever runs CostOps.")
    if person.pk is None or (password and not person.has_usable_password()):
        _set_password(person, password)
        person.save()
    Membership.objects.get_or_create(
        organization=found.organization, user=person, defaults={"role": found.role}
    )
    found.accepted_at = now
    found.save(update_fields=["accepted_at"])
    return person


def _set_password(person: User, password: str) -> None:
    if password:
        try:
            validate_password(password, person)
        except ValidationError as error:
            raise Invalid.field("password", " ".join(error.messages)) from error
    person.set_password(password or None)
