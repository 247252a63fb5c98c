"""Where the pages are that show cost records."""

from urllib.parse import urlencode

from django.urls import reverse

from lib.periods import Window

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"  # of a moment in UTC


def records_address(organization: str, window: Window, **narrowed: object) -> str:
    """Return the list of the records of a time, of one budget or of what they were for.

    *organization* is a slug; the names of *narrowed* are those of the list's filters.
    """
    asked = {
        "organization": organization,
        **narrowed,
        "since": f"{window.start:{_INSTANT}}",
        "until": f"{window.end:{_INSTANT}}",
    }
    place = reverse("admin:ledger_costrecord_changelist")
    return f"{place}?{urlencode(asked, safe=':')}"
