"""What migrations make of links that were mailed before."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from alerts.links import LASTS, make_link
from alerts.models import Alert, AlertState
from notifications.mailed_links import Visit, burn, link_of
from notifications.models import MailedLink
from tests.alerts.factories import fire
from tests.factories import make_budget, make_organization
from tests.sizes import at_night

pytestmark = [pytest.mark.django_db(transaction=True), at_night]
BEFORE = [("alerts", "0001_initial"), ("notifications", "0003_mailed_link")]
ANN = "ann@acme.example"
TOKEN = "t" * 43


@pytest.fixture
def alert() -> Alert:
    return fire(make_budget(make_organization("acme"), "ML Team", "15000"))


@pytest.fixture
def _to_the_last(transactional_db: None) -> Iterator[None]:
    yield
    migrate()


def migrate(targets: list[tuple[str, str]] | None = None) -> Any:
    """Bring the tables to a migration, None: to the last; return the models of then."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets or executor.loader.graph.leaf_nodes())
    loader = MigrationExecutor(connection).loader
    return loader.project_state(targets or loader.graph.leaf_nodes()).apps


def token_of(url: str) -> str:
    return url.rsplit("/", 1)[-1]


@pytest.mark.usefixtures("_to_the_last")
def test_a_link_that_was_mailed_before_goes_on_working(
    alert: Alert, client: Client
) -> None:
    now = timezone.now()
    old = migrate(BEFORE).get_model("alerts", "AcknowledgeLink")
    for token, used_at in ((TOKEN, None), ("u" * 43, now)):
        old.objects.create(
            organization_id=alert.organization_id,
            alert_id=alert.pk,
            person=ANN,
            digest=sha256(token.encode()).digest(),
            expires_at=now + LASTS,
            used_at=used_at,
        )

    migrate()

    path = f"/alerts/{TOKEN}"
    seen = client.get(path).context["seen"]
    pressed = client.post(path, {"seen": seen, "answer": "resolve"})
    alert.refresh_from_db()
    assert pressed.status_code == 303
    assert (alert.state, alert.resolved_by) == (AlertState.RESOLVED, ANN)
    used = MailedLink.objects.get(digest=sha256(b"u" * 43).digest())
    assert (used.used_at, used.once, used.subject) == (now, False, alert.uid)
    assert used.expires_at == now + LASTS


@pytest.mark.usefixtures("_to_the_last")
def test_links_go_back_but_for_those_that_are_burnt(alert: Alert) -> None:
    now = timezone.now()
    good, burnt = (token_of(make_link(alert, ANN, now=now)) for _ in range(2))
    burn(link_of(burnt, purpose="alert", now=now), now=now, visit=Visit())

    old = migrate(BEFORE).get_model("alerts", "AcknowledgeLink")

    row = old.objects.get()
    assert bytes(row.digest) == sha256(good.encode()).digest()
    assert (row.alert_id, row.person) == (alert.pk, ANN)
    assert row.expires_at - now == LASTS > timedelta(days=6)
    migrate()
    assert link_of(good, purpose="alert", now=now).subject == alert.uid
