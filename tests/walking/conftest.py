import logging
from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from notifications import trials
from tests.api.world import World as Examples
from tests.notifications.receivers import Receiver
from tests.walking.world import World, make_world


@pytest.fixture
def examples(receiver: Receiver, worker: None) -> Examples:
    """What the examples of the schema are about."""
    return Examples(receiver)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One world for all that is asked; whatever an answer writes is taken back."""
    logging.disable()  # there are a thousand refusals
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no worker."""
    monkeypatch.setattr(trials, "PATIENCE_S", 0)
