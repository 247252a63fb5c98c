"""Who did it and why: what every history row keeps beside before and after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from simple_history.manager import HistoryManager
from simple_history.models import HistoricalRecords

from lib.errors import Invalid

MOST_REASON = 500  # characters of why; the columns of all histories
TOO_LONG = f"Use at most {MOST_REASON} characters."

_actor: ContextVar[str] = ContextVar("actor", default="system")
_reason: ContextVar[str] = ContextVar("reason", default="")


def current_actor() -> str:
    """Return who acts now: a person's email, "key NAME", "manage.py NAME", "system"."""
    return _actor.get()


@contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Have every change inside recorded as *actor*'s."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


@contextmanager
def giving(reason: str) -> Iterator[None]:
    """Have every change inside recorded with *reason*, unless a row says its own.

    Raises:
        Invalid: the history doesn't keep so long a reason.
    """
    why = reason.strip()
    if len(why) > MOST_REASON:
        raise Invalid.field("reason", TOO_LONG)
    token = _reason.set(why)
    try:
        yield
    finally:
        _reason.reset(token)


class AuditRecord(models.Model):
    """What every history row has besides the fields it is the history of."""

    actor = models.CharField(max_length=200, default=current_actor)

    history_change_reason: str | None  # simple-history's

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.history_change_reason = self.history_change_reason or _reason.get() or None
        super().save(*args, **kwargs)


class _AuditManager(HistoryManager):
    """What `Model.history` is: simple-history asks for its class at every look."""

    @classmethod
    def from_queryset(
        cls, queryset_class: type[QuerySet[Any]], class_name: str | None = None
    ) -> type[Any]:
        return _made_of(queryset_class)


@cache
def _made_of(queryset: type[QuerySet[Any]]) -> type[HistoryManager]:
    """Return the class that Django would make anew each time."""
    return HistoryManager.from_queryset(queryset)


def history(*, excluded: tuple[str, ...] = ()) -> HistoricalRecords:
    """Return the history of a model: who, when, why, before and after of every save."""
    return HistoricalRecords(
        bases=[AuditRecord],
        history_change_reason_field=models.CharField(max_length=MOST_REASON, null=True),
        excluded_fields=list(excluded),
        history_manager=_AuditManager,
    )


class AuditMiddleware:
    """Makes the person who is logged in the actor of the request's changes.

    A key names itself as the actor when it is checked (see `accounts.authentication`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Looking at request.user costs a query, so only where people work.
        if not request.path.startswith("/admin/") or not request.user.is_authenticated:
            return self.get_response(request)
        with acting_as(request.user.get_username()):
            HistoricalRecords.context.request = request
            try:
                return self.get_response(request)
            finally:
                del HistoricalRecords.context.request
