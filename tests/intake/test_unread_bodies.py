"""Who has no key is told so before a byte of the body is read, at every door."""

from io import BytesIO

import pytest
from django.test import RequestFactory
from django.urls import resolve

from lib.errors import Unauthenticated
from lib.web import status_of

pytestmark = pytest.mark.django_db
DOORS = [
    "/api/v1/usage",
    "/api/v1/usage/batch",
    "/api/v1/usage/u1/correction",
    "/otlp/v1/traces",
    "/api/v1/authorizations",
    "/api/v1/leases",
    "/api/v1/budgets",
    "/api/v1/repricings",
    "/api/v1/notification-channels",
]


class Unread(BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise AssertionError("The body was read.")

    readline = read


@pytest.mark.parametrize("secret", ["", "Bearer co_nobody", "Basic x"])
@pytest.mark.parametrize("door", DOORS)
def test_the_body_of_nobody_is_not_read(door: str, secret: str) -> None:
    request = RequestFactory().post(door, b"", content_type="application/json")
    request.META |= {"CONTENT_LENGTH": "1000", "HTTP_AUTHORIZATION": secret}
    request._stream = Unread()
    view, args, named = resolve(door)

    try:
        status = view(request, *args, **named).status_code
    except Unauthenticated as refusal:
        status = status_of(refusal)

    assert status == 401
