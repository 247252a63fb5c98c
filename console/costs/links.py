"""Where lists of cost records, and pages about them, are."""

from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Organization


def unpriced_url(organization: Organization) -> str:
    place = reverse("admin:ledger_costrecord_unpriced")
    return f"{place}?{urlencode({'organization': organization.slug})}"


def records_of_model(organization: Organization, provider: str, model: str) -> str:
    """Return the list of the records of a model that have no price."""
    asked = {
        "organization": organization.slug,
        "priced": "no",
        "when": "all",
        "provider": provider,
        "model": model,
    }
    return f"{reverse('admin:ledger_costrecord_changelist')}?{urlencode(asked)}"


def reprice_of_model(
    organization: Organization, provider: str, model: str, **more: str
) -> str:
    asked = {"organization": organization.slug, "provider": provider, "model": model}
    asked |= more
    return f"{reverse('admin:ledger_costrecord_reprice')}?{urlencode(asked)}"
