"""Idempotency-Key: the same POST twice is done once and answered twice alike."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import IdempotentAnswer
from accounts.types import Caller
from lib.errors import Conflict, Invalid

KEPT = timedelta(hours=24)
LONGEST_KEY = 255


class KeyReused(Conflict):
    """An Idempotency-Key came a second time, with another request."""

    code = "idempotency_key_reused"


def answered_once(
    request: HttpRequest,
    caller: Caller,
    body: bytes,
    answer: Callable[[], HttpResponse],
) -> HttpResponse:
    """Return *answer()*, or what it was when the request's Idempotency-Key came first.

    Done and remembered in one transaction: of two at once the second waits for the
    first. A refusal is not remembered, so the request may be mended and sent again.

    Raises:
        KeyReused: the key came before with another request.
        Invalid: the key is too long.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if not key:
        return answer()
    if len(key) > LONGEST_KEY or "\x00" in key:
        raise Invalid(f"An Idempotency-Key has at most {LONGEST_KEY} characters.")
    digest = sha256(f"{request.method} {request.get_full_path()}\n".encode() + body)
    with transaction.atomic():
        kept, first = _kept(f"key:{caller.key_id}", key, digest.hexdigest())
        if not first:
            response = HttpResponse(
                kept.body, status=kept.status, content_type="application/json"
            )
            response["Idempotent-Replayed"] = "true"
            return response
        response = answer()
        kept.status, kept.body = response.status_code, response.content.decode()
        kept.save(update_fields=["status", "body"])
        return response


@transaction.atomic
def made_once(caller: Caller, purpose: str, key: str, make: Callable[[], str]) -> str:
    """Return *make()*, or what it was when *caller* came with *key* for it first.

    As `answered_once`: remembered in its transaction, unless it is refused.
    """
    kept, first = _kept(f"{purpose}:{caller.key_id}", key, "")
    if first:
        kept.body = make()
        kept.save(update_fields=["body"])
    made: str = kept.body
    return made


def _kept(caller: str, key: str, digest: str) -> tuple[IdempotentAnswer, bool]:
    mine = IdempotentAnswer.objects.filter(caller=caller, key=key)
    mine.filter(created_at__lt=timezone.now() - KEPT).delete()
    kept, first = IdempotentAnswer.objects.get_or_create(
        caller=caller, key=key, defaults={"request_digest": digest}
    )
    if kept.request_digest != digest:
        raise KeyReused("This Idempotency-Key came before with another request.")
    return kept, first


def forget_old(*, now: Any) -> int:
    """Delete the answers that need not be kept any longer; return how many."""
    old = IdempotentAnswer.objects.filter(created_at__lt=now - KEPT)
    return old.delete()[0]


def idempotent(post: Callable[..., Response]) -> Callable[..., Response]:
    """Make a DRF handler honour Idempotency-Key."""

    @wraps(post)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        def answer() -> HttpResponse:
            response = post(view, request, *args, **kwargs)
            return HttpResponse(
                JSONRenderer().render(response.data),
                status=response.status_code,
                content_type="application/json",
            )

        body = repr(request.data).encode()
        caller = cast("Caller", request.auth)  # KeyAuthentication's
        return answered_once(request._request, caller, body, answer)  # noqa: SLF001 - DRF offers no other way

    return once
