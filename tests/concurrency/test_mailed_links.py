"""One mailed link in many hands, in real threads."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from notifications.mailed_links import LinkUsed, Visit, issue, link_of, use
from notifications.models import MailedLink
from tests.concurrency.interleaving import at_once_behind, locked
from tests.factories import at_once, make_organization

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
HANDS = 32


def test_of_32_at_once_one_uses_a_link() -> None:
    # Fails without `used_at` in the condition of the UPDATE in `use`: all have looked
    # before the first of them writes.
    acme = make_organization("acme")
    now = timezone.now()
    token = issue(
        acme.pk,
        purpose="request",
        subject=uuid4(),
        person="ann@acme.example",
        expires_at=now + timedelta(days=1),
    )

    def act(number: int) -> str:
        link = link_of(token, purpose="request", now=now)
        with transaction.atomic():
            use(link, now=now, visit=Visit(f"192.0.2.{number}"))
        return f"192.0.2.{number}"

    def calls() -> list[Any]:
        return [lambda number=number: act(number) for number in range(1, HANDS + 1)]

    results = at_once_behind(locked(MailedLink.objects.all()), *calls())
    results += at_once(*calls())

    acted = [one for one in results if isinstance(one, str)]
    assert [MailedLink.objects.get().address] == acted
    assert sum(isinstance(one, LinkUsed) for one in results) == 2 * HANDS - 1
