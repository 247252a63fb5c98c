"""Making and changing organizations."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts.models import Membership, Organization, User, validate_slug
from accounts.scopes import Role
from lib.errors import Invalid


def organization_for(slug: str) -> Organization:
    """Return the organization *slug*; one that is named for the first time is made.

    Safe when two name it at once.

    Raises:
        Invalid: *slug* can't be one.
    """
    found = Organization.objects.filter(slug=slug).first()
    if found is not None:
        return found
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise Invalid.field("organization_id", error.messages[0]) from error
    if len(slug) > 100:
        raise Invalid.field("organization_id", "Use at most 100 characters.")
    try:
        with transaction.atomic():
            return Organization.objects.create(slug=slug, name=_name_from(slug))
    except IntegrityError:
        return Organization.objects.get(slug=slug)


def person_for(email: str, organization: Organization | None = None) -> User:
    """Return the person; one that is unknown is made, without a password.

    In *organization* a person without a role becomes an approver.

    Raises:
        Invalid: *email* is not an address.
    """
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid.field("user", "Must be an email address.") from error
    person = User.objects.filter(email=address).first()
    if person is None:
        person = User.objects.create_user(address)
    if organization is not None and not person.is_superuser:
        Membership.objects.get_or_create(
            organization=organization, user=person, defaults={"role": Role.APPROVER}
        )
    return person


def _name_from(slug: str) -> str:
    words = slug.removeprefix("org-").replace("_", " ").replace("-", " ").split()
    return " ".join(word.capitalize() for word in words) or slug
