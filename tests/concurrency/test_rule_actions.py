"""Actions of rules that need approval, opened and asked about by many at once."""

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from accounts.locks import hold_alone
from accounts.scopes import Role
from approvals.models import BudgetRequest
from controls import actions
from controls.actions import ask, reverse
from controls.configuration import configure
from controls.models import RuleAction
from lib.errors import Conflict
from tests.approvals.factories import approve, by, person_in
from tests.concurrency.interleaving import (
    at_once_behind,
    locked,
    several_servers,
)
from tests.controls.factories import authorize
from tests.factories import make_api, make_budget, make_organization

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
MANY = 8


# Without the unique constraint: an action for each. Without the UPDATE in `ask`: a
# request for each, until the database refuses the second.
def test_many_calls_open_one_action_and_many_workers_one_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each is a process of its own: none knows what others have opened.
    monkeypatch.setattr(actions, "_remember", lambda _: None)
    acme = make_organization()
    owner = person_in(acme, "owner", Role.BUDGET_OWNER)
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    rule = {"trigger": "always", "action": "block", "config": {"needs_approval": True}}
    configure(make_budget(acme, owner=owner), [{**rule, "notify": False}])
    api = make_api(organization=acme)

    with several_servers(MANY):
        told = at_once_behind(
            lambda: hold_alone(acme.pk), *[lambda: authorize(api)] * MANY
        )
    action = RuleAction.objects.get()
    asked = at_once_behind(
        locked(RuleAction.objects.all()),
        *[lambda: ask(action, timezone.now())] * MANY,
    )

    assert [one["decision"] for one in told] == ["allow"] * MANY
    tasks = [task.task["func"] for task in OrmQ.objects.all()]
    assert tasks.count("controls.tasks.ask_for_action") == 1
    assert sorted(asked) == [False] * (MANY - 1) + [True]
    request = BudgetRequest.objects.get()
    approve(request, cfo, now=timezone.now())
    assert authorize(api)["decision"] == "block"

    results = at_once_behind(
        lambda: hold_alone(acme.pk),
        *[lambda: reverse(action, by=by(cfo), now=timezone.now())] * 4,
    )

    assert sum(isinstance(one, RuleAction) for one in results) == 1
    assert sum(isinstance(one, Conflict) for one in results) == 3
    assert authorize(api)["decision"] == "allow"
