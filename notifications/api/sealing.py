"""A secret that an answer shows once, and a repeat for its Idempotency-Key again."""

import json
from typing import Any

from django.http import HttpResponse
from rest_framework.response import Response

from lib.secrets import decrypt, encrypt

_SEALED = "sealed_secret"  # in an answer that is kept


def sealed(body: dict[str, Any], secret: str) -> dict[str, Any]:
    """Return *body* as it may be kept for a repeat: a new *secret* encrypted."""
    return body | ({_SEALED: encrypt(secret)} if secret else {})


def unsealed(answer: Response | HttpResponse, part: str) -> Response | HttpResponse:
    """Put the new secret in its place, `secret` of *part* of the body, whether
    *answer* is the first or a repeat."""
    body = answer.data if isinstance(answer, Response) else json.loads(answer.content)
    token = body.pop(_SEALED, None)
    if token is None:
        return answer
    body[part] = {**body[part], "secret": decrypt(token)}
    shown = Response(body, status=answer.status_code)
    if "Idempotent-Replayed" in answer:
        shown["Idempotent-Replayed"] = answer["Idempotent-Replayed"]
    shown["Cache-Control"] = "no-store"
    return shown
