"""Making organizations, and changing what they are like."""

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from accounts.locks import hold_alone
from accounts.models import Organization
from lib.errors import Conflict, NotFound

Check = Callable[[Organization, frozenset[str]], None]


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


@transaction.atomic
def change_organization(
    organization: Organization, changes: dict[str, Any], *, check: Check
) -> Organization:
    """Change an organization while nothing is booked in it, and return it.

    *check* is called with the organization as it would be and the names of what
    changed; what it raises undoes the change. It knows what the floors above have
    booked and planned in the currency, or by the fiscal year.

    Raises:
        NotFound: it is gone.
        Conflict: *check* found something that rests on how it was.
    """
    hold_alone(organization.pk)
    found = Organization.objects.filter(pk=organization.pk).first()
    if found is None:
        raise NotFound("There is no such organization.")
    changed = frozenset(n for n, value in changes.items() if getattr(found, n) != value)
    if not changed:
        return found
    for name in changed:
        setattr(found, name, changes[name])
    # The revision belongs to whoever raises it: saving an old one would hide a change.
    found.save(update_fields=sorted(changed))
    found.touch()
    check(found, changed)
    return found
