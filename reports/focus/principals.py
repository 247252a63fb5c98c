"""Who caused a charge, as a file names them: by name, or by a word that stands for one.

Names of people are personal data. The word is the same for the same person in every
file of an organization, so that sums by person can still be made; who it stands for
only this installation can tell.
"""

from functools import lru_cache

from django.utils.crypto import salted_hmac

from accounts.models import Organization

_SALT = "reports.focus.principals"
_DIGITS = 24  # of the digest


class Principals:
    """Names the people of one organization's file."""

    def __init__(self, organization: Organization, *, pseudonyms: bool) -> None:
        self._organization_id = organization.pk
        self._pseudonyms = pseudonyms

    def named(self, user: str) -> str:
        """Return what *user* is called in the file; "" is nobody."""
        if not user or not self._pseudonyms:
            return user
        return pseudonym(self._organization_id, user)


@lru_cache(maxsize=16_384)
def pseudonym(organization_id: int, user: str) -> str:
    """Return the word that stands for *user* in the files of an organization."""
    digest = salted_hmac(
        _SALT, f"{organization_id}:{user}", algorithm="sha256"
    ).hexdigest()
    return f"p-{digest[:_DIGITS]}"
