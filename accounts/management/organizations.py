"""Which organizations a command goes through."""

from django.core.management.base import CommandError
from django.db.models import QuerySet

from accounts.models import Organization


def organizations_named(slug: str | None) -> QuerySet[Organization]:
    """Return the organization with that slug; without one all of them, by slug.

    Raises:
        CommandError: there is none with it.
    """
    chosen = Organization.objects.order_by("slug")
    if not slug:
        return chosen
    chosen = chosen.filter(slug=slug)
    if not chosen.exists():
        raise CommandError(f"There is no organization “{slug}”.")
    return chosen
