"""When one person wants mail."""

from collections.abc import Sequence
from datetime import time

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import Organization
from lib.errors import Invalid
from notifications.models import Preference

LONGEST_ADDRESS = 254  # characters; RFC 5321


def preference_of(organization: Organization, recipient: str) -> Preference:
    """Return what *recipient* wants; the defaults, unsaved, where nothing is set.

    Raises:
        Invalid: *recipient* is no mail address.
    """
    address = _address(recipient)
    found = Preference.objects.filter(organization=organization, recipient=address)
    return found.first() or Preference(organization=organization, recipient=address)


def set_preference(
    organization: Organization,
    recipient: str,
    *,
    digest: str,
    quiet_from: time | None,
    quiet_until: time | None,
    timezone: str,
    critical_at_once: bool,
    daily_requests: bool = True,
    holidays: Sequence[str] = (),
) -> Preference:
    """Keep what *recipient* wants, in place of what was set before.

    *holidays* are ISO dates.

    Raises:
        Invalid: *recipient* is no mail address.
    """
    saved, _ = Preference.objects.update_or_create(
        organization=organization,
        recipient=_address(recipient),
        defaults={
            "digest": digest,
            "quiet_from": quiet_from,
            "quiet_until": quiet_until,
            "timezone": timezone,
            "critical_at_once": critical_at_once,
            "daily_requests": daily_requests,
            "holidays": list(holidays),
        },
    )
    return saved


def want_daily_requests(
    organization: Organization, recipient: str, *, wanted: bool
) -> None:
    """Keep whether *recipient* wants the daily mail of requests; all else stays."""
    Preference.objects.update_or_create(
        organization=organization,
        recipient=_address(recipient),
        defaults={"daily_requests": wanted},
        create_defaults={"daily_requests": wanted, "timezone": organization.timezone},
    )


def forget_preference(organization: Organization, recipient: str) -> None:
    """Go back to the defaults."""
    Preference.objects.filter(
        organization=organization, recipient=_address(recipient)
    ).delete()


def _address(recipient: str) -> str:
    address = recipient.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid.field("recipient", "Must be an email address.") from error
    if len(address) > LONGEST_ADDRESS:
        detail = f"At most {LONGEST_ADDRESS} characters."
        raise Invalid.field("recipient", detail)
    return address
