"""Making organizations, by hand or at their first mention, and changing them."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.locks import hold_alone
from accounts.models import Organization, validate_slug
from accounts.versions import Seen, check_seen, history_of
from lib.errors import Conflict, Invalid, NotFound


class SlugTaken(Conflict):
    """Another organization has this slug."""

    code = "slug_taken"


def make_organization(**values: Any) -> Organization:
    """Make an organization and return it.

    Raises:
        SlugTaken: there is one with that slug.
    """
    try:
        with transaction.atomic():
            return Organization.objects.create(**values)
    except IntegrityError as error:
        raise SlugTaken(
            f"There is an organization “{values['slug']}” already."
        ) from error


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


@transaction.atomic
def change_organization(
    organization: Organization, changes: dict[str, Any], *, seen: Seen | None = None
) -> tuple[Organization, frozenset[str]]:
    """Change an organization while nothing is booked in it.

    Return it as it is now, and the names of what changed. What rests on how it was,
    floors above know: see `budgets.organizations`.

    Raises:
        NotFound: it is gone.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    hold_alone(organization.pk)
    found = Organization.objects.filter(pk=organization.pk).first()
    if found is None:
        raise NotFound("There is no such organization.")
    check_seen(history_of(found), seen)
    changed = frozenset(n for n, value in changes.items() if getattr(found, n) != value)
    if not changed:
        return found, changed
    for name in changed:
        setattr(found, name, changes[name])
    # The revision belongs to whoever raises it: saving an old one would hide a change.
    found.save(update_fields=sorted(changed))
    found.touch()
    return found, changed


def _name_from(slug: str) -> str:
    words = slug.removeprefix("org-").replace("_", " ").replace("-", " ").split()
    return " ".join(word.capitalize() for word in words) or slug
