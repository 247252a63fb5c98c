"""Sessions that nobody uses end, and the log-in page says why.

When one was used last stands in a signed cookie beside it, for a look writes nothing.
Without that cookie the moment of logging in counts, which the session itself keeps: so
leaving the cookie out gives nobody more time.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from lib.web import is_api

COOKIE = "used"
_LOGGED_IN = "logged_in_at"  # in the session: seconds since 1970
_SALT = "accounts.idle"
_NOTED_EVERY_S = 60


def note_log_in(request: HttpRequest) -> None:
    """Keep in the session that it begins now."""
    request.session[_LOGGED_IN] = int(time.time())


class IdleMiddleware:
    """Takes who left a session unused for too long for nobody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or is_api(request):
            return self.get_response(request)
        now, used_at = time.time(), _used_at(request)
        if used_at is None:
            return self.get_response(request)
        if now - used_at > settings.SESSION_IDLE_S:
            _end(request)
            return self.get_response(request)
        response = self.get_response(request)
        if now - used_at >= _NOTED_EVERY_S and not _is_by_itself(request):
            _note_use(request, response, now)
        return response


def _used_at(request: HttpRequest) -> int | None:
    """Return when the session was used last; None: nobody is logged in by it."""
    try:
        if SESSION_KEY not in request.session:
            return None
    except (DatabaseError, InterfaceError):
        return None  # whoever needs the session will say so
    began = int(request.session.get(_LOGGED_IN, 0))
    try:
        key, at = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT)
    except signing.BadSignature:
        return began
    return max(began, int(at)) if key == request.session.session_key else began


def _note_use(request: HttpRequest, response: HttpResponse, now: float) -> None:
    if SESSION_KEY not in request.session:
        return  # logged out just now
    response.set_cookie(
        COOKIE,
        signing.dumps([request.session.session_key, int(now)], salt=_SALT),
        max_age=settings.SESSION_IDLE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _end(request: HttpRequest) -> None:
    """Have the session open nothing any more; its row goes when something is sent."""
    request.user = AnonymousUser()
    if _is_by_itself(request):
        return  # the page that is opened next says why
    if request.method == "POST":
        request.session.flush()
    else:
        request.session = SessionStore()
    messages.info(
        request,
        f"You were logged out: nothing was done here for {_words()}. Log in again.",
    )


def _words() -> str:
    hours = settings.SESSION_IDLE_S / 3_600
    return "an hour" if hours == 1 else f"{hours:g} hours"


def _is_by_itself(request: HttpRequest) -> bool:
    """Tell whether a page asks by itself, again and again: nobody has to be there."""
    return request.method == "GET" and "HX-Request" in request.headers
