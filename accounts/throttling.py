"""How often a log-in may be wrong before the next one has to wait."""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.http import HttpRequest

# Wrong at one account from one address counts in full. Of an account from everywhere,
# and of an address at all accounts, so many count as one: an office behind one address
# goes on, and a stranger needs more than a few tries to keep a person out.
_SHARES = (1, 10, 10)  # in the order of AXES_LOCKOUT_PARAMETERS


class LoginThrottle(AxesDatabaseHandler):  # type: ignore[misc]  # it has no types
    """Counts per account and address, per account and per address."""

    def get_failures(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> int:
        found = self.get_user_attempts(request, credentials)
        counted = [
            sum(rows.values_list("failures_since_start", flat=True)) for rows in found
        ]
        most: int = max(
            count // share for count, share in zip(counted, _SHARES, strict=True)
        )
        return most

    def reset_user_attempts(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> int:
        """Forget those of the account from the address.

        Not the others: who has an account of their own could try out those of others.
        """
        own = self.filter_user_attempts(request, credentials)[0]
        gone: int = own.delete()[0]
        return gone


def account_of(
    request: HttpRequest, credentials: dict[str, Any] | None = None
) -> str | None:
    """Return the account that a log-in is for, in small letters as accounts are."""
    given = (credentials or request.POST).get("username")
    return str(given).strip().lower()[:255] if given else None
