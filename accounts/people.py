"""People: who looks after the money, and who is named for the first time."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from lib.errors import Invalid


def finance_admins(organization_id: int) -> tuple[str, ...]:
    """Return the mail addresses of those who look after the organization's money."""
    rows = Membership.objects.filter(
        organization=organization_id, role=Role.FINANCE_ADMIN, user__is_active=True
    )
    return tuple(rows.order_by("user__email").values_list("user__email", flat=True))


def people_among(organization_id: int, addresses: Collection[str]) -> set[str]:
    """Return which of *addresses*, in small letters, are of the organization's people.

    Those who run the installation are among everybody's.
    """
    people = User.objects.filter(
        Q(memberships__organization=organization_id) | Q(is_superuser=True),
        is_active=True,
    )
    rows = people.alias(address=Lower("email")).filter(address__in=addresses)
    return {email.lower() for email in rows.values_list("email", flat=True)}


def person_for(email: str, organization: Organization | None = None) -> User:
    """Return the person; one that is unknown is made, without a password.

    In *organization* a person without a role anywhere becomes an approver. Who has one
    elsewhere must accept an invitation: a second role changes what their keys mean.

    Raises:
        Invalid: *email* is not an address, or is somebody's who must be invited.
    """
    person = person_meant(email, organization)
    if person.pk is None:
        known = User.objects.filter(email=person.email).first()
        person = known or User.objects.create_user(person.email)
        if organization is not None and not person.is_superuser:
            _make_approver(person, organization)
    return person


def person_meant(email: str, organization: Organization | None = None) -> User:
    """Return the person that `person_for` does, and change nothing: who is unknown, or
    has no role anywhere, is one that is not saved.

    Raises: as `person_for`.
    """
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid.field("user", "Must be an email address.") from error
    person = User.objects.filter(email=address).first()
    if person is None or (person.is_superuser or organization is None):
        return person or User(email=address)
    roles = Membership.objects.filter(user=person)
    if roles.filter(organization=organization).exists():
        return person
    if roles.exists():
        detail = f"Invite {person.email} first: they have no role in {organization}."
        raise Invalid.field("user", detail, code="not_invited")
    return User(email=address)


def _make_approver(person: User, organization: Organization) -> None:
    Membership.objects.get_or_create(
        organization=organization, user=person, defaults={"role": Role.APPROVER}
    )
