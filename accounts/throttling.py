"""How often a log-in may be wrong before the next one has to wait; all are logged."""

import logging
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.http import HttpRequest

from accounts.idle import note_log_in
from accounts.models import User
from lib.logs import fields_of
from lib.web import address_of

logger = logging.getLogger("accounts.logins")

# Wrong at one account from one address counts in full. Of an account from everywhere,
# and of an address at all accounts, so many count as one: an office behind one address
# goes on, and a stranger needs more than a few tries to keep a person out.
_SHARES = (1, 10, 10)  # in the order of AXES_LOCKOUT_PARAMETERS


class LoginThrottle(AxesDatabaseHandler):  # type: ignore[misc]  # it has no types
    """Counts per account and address, per account and per address; logs what became.

    axes hears of every log-in and log-out, by whichever page.
    """

    def user_login_failed(
        self,
        sender: object,
        credentials: dict[str, Any],
        request: Any = None,
        **kwargs: Any,
    ) -> None:
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is None:
            return
        account = account_of(request, credentials)
        # What is no account may be a password in the wrong field.
        is_one = account and User.objects.filter(email=account).exists()
        outcome = "locked out" if request.axes_locked_out else "failed"
        _log(logging.WARNING, "log-in", outcome, account if is_one else "-", request)

    def user_logged_in(
        self, sender: object, request: Any, user: User, **kwargs: Any
    ) -> None:
        super().user_logged_in(sender, request, user, **kwargs)
        note_log_in(request)
        _log(logging.INFO, "log-in", "succeeded", user.email, request)

    def user_logged_out(
        self, sender: object, request: Any, user: User | None, **kwargs: Any
    ) -> None:
        super().user_logged_out(sender, request, user, **kwargs)
        if user is not None:
            _log(logging.INFO, "log-out", "succeeded", user.email, request)

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


def _log(
    level: int, event: str, outcome: str, account: str | None, request: HttpRequest
) -> None:
    address = address_of(request) or "-"
    said = fields_of(event=event, outcome=outcome, account=account, address=address)
    logger.log(level, "%s", said)


def account_of(
    request: HttpRequest, credentials: dict[str, Any] | None = None
) -> str | None:
    """Return the account that a log-in is for, in small letters as accounts are."""
    given = (credentials or request.POST).get("username")
    return str(given).strip().lower()[:255] if given else None
