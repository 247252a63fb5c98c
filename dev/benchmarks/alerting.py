"""From the POST that passes a threshold to the mail in the mail server's hands.

`manage.py serve` and `manage.py qcluster` as shipped, a mail server, and one budget for
each alert, so that every alert is the first of its kind.
"""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from statistics import median, quantiles

import requests
from tqdm import tqdm

from accounts import keys
from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from budgets.models import Budget
from dev.benchmarks import world
from dev.benchmarks.timing import Figure
from tests.journeys.server import Server, running_server, running_worker
from tests.notifications.receivers import MailServer, receiving_mail, until

ALERTS = 12  # in a round
PAUSE_S = 0.4  # between two of them, at most


def measure(rounds: int) -> list[Figure]:
    organization = world.make_organization()
    secret = keys.make_key("bench", organization=organization).secret
    person = User.objects.create_user(email="finance@example.com")
    Membership.objects.create(
        organization=organization, user=person, role=Role.FINANCE_ADMIN
    )
    names = [f"watched-{number}" for number in range(ALERTS * (rounds + 1))]
    _watch(organization, names)
    with (
        receiving_mail() as box,
        running_server(
            os.environ["DATABASE_URL"], EMAIL_URL=f"smtp://127.0.0.1:{box.port}"
        ) as server,
        running_worker(server),
    ):
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {secret}"
        random = Random(23)
        took = []
        for name in tqdm(names, desc="alerts", leave=False):
            time.sleep(random.random() * PAUSE_S)
            took.append(_seconds_of(name, server, session, box))
    told = took[ALERTS:]  # the first round warms up
    worst = quantiles(told, n=20)[-1]
    return [
        Figure(
            "POST to mail delivered, median of seconds",
            median(told),
            1,
            better="less",
            rate=f"{len(told)} alerts",
        ),
        Figure(
            "POST to mail delivered, 95th percentile of seconds",
            worst,
            5,
            better="less",
            rate=f"{max(told):.2f} at most",
        ),
    ]


def _watch(organization: Organization, names: Sequence[str]) -> None:
    """Make a budget of $10 for each of *names*, watched at half of it."""
    wanted = [(name, {"projects": [name]}, None) for name in names]
    world.plant(organization, wanted, amount=Decimal(10))
    Budget.objects.filter(name__in=names).update(
        alerts=[{"threshold": "0.5", "channels": ["email"]}]
    )
    organization.touch()


def _seconds_of(
    name: str, server: Server, session: requests.Session, box: MailServer
) -> float:
    began = datetime.now(UTC)
    record = {
        "id": name,
        "timestamp": began.isoformat(),  # of a period that is over nothing is told
        "provider": "openai",
        "model": "gpt-4o",
        "project_id": name,
        "cost": "6",
        "currency": "USD",
    }
    session.post(
        f"{server.url}/api/v1/usage", json=record, timeout=30
    ).raise_for_status()
    mail = until(
        lambda: next(
            (mail for mail in box.mails if f"{name} " in str(mail.message["Subject"])),
            None,
        )
    )
    assert mail is not None
    return (mail.at - began).total_seconds()
