from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.notifications.receivers import (
    MailServer,
    Receiver,
    receiving,
    receiving_mail,
)


@pytest.fixture
def open_to_itself(settings: Settings) -> None:
    """Let requests to this machine through the guard."""
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]


@pytest.fixture
def receiver(open_to_itself: None) -> Iterator[Receiver]:
    """A real HTTP receiver that the guard lets requests through to."""
    with receiving() as running:
        yield running


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    """A real SMTP server that mail goes to."""
    with receiving_mail() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running
