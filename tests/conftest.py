from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from accounts import keys
from intake import pipeline, services
from tests.factories import make_key


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Begin every test with a process that knows nothing yet."""
    pipeline.forget()
    services.forget()
    keys.forget()
    yield


@pytest.fixture
def api() -> Callable[..., Client]:
    """Make clients: api(scopes..., organization=...) calls with a key of its own."""

    def client(*scopes: str, organization: object = None) -> Client:
        secret = make_key(*scopes, organization=organization)
        return Client(headers={"authorization": f"Bearer {secret}"})

    return client
