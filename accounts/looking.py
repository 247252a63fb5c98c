"""Whoever runs the server sees all organizations, or looks at one at a time.

Looking at one leaves the others out of every list, search and form. It takes away
alone: what somebody sees is in what they see without it.
"""

from collections.abc import Callable

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from accounts.models import Organization, User

_CHOSEN = "looks_at"  # in the session: an organization's id


def look_at(request: HttpRequest, organization: Organization | None) -> None:
    """Have *request*'s session show that organization only; None: all again."""
    if organization is None:
        request.session.pop(_CHOSEN, None)
    else:
        request.session[_CHOSEN] = organization.pk


def runs_server(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether *user* may see all organizations, whatever they look at."""
    return isinstance(user, User) and user.is_active and user.is_superuser


class LookingMiddleware:
    """Tells the person who asks which organization their session looks at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Looking at request.user costs a query, so only where people work.
        if request.path.startswith("/admin/"):
            user = request.user
            if isinstance(user, User) and user.is_superuser:
                user.looks_at = request.session.get(_CHOSEN)
        return self.get_response(request)
