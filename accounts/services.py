"""Making and changing organizations."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Organization, validate_slug
from costops.lib.errors import Invalid


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


def _name_from(slug: str) -> str:
    words = slug.removeprefix("org-").replace("_", " ").replace("-", " ").split()
    return " ".join(word.capitalize() for word in words) or slug
