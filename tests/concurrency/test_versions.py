"""Of many who saw the same version, one changes it: whoever reads first waits last."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from accounts.versions import ChangedMeanwhile, version_of
from budgets.models import Budget
from budgets.services import change_budget, plan_of
from controls.configuration import configure, history_of_rules
from tests.controls.guarding import given
from tests.factories import at_once, make_api, make_budget

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
WRITERS = 8


def test_one_of_many_changes_of_a_version_is_made(acme: Organization) -> None:
    """Fails when `check_seen` is taken out, and when it comes before the lock."""
    budget = make_budget(acme, amount="1000")
    plan, seen = plan_of(budget), [version_of(budget)]

    def save(amount: int) -> Budget:
        wanted = replace(plan, amount=Decimal(amount))
        return change_budget(budget, wanted, now=timezone.now(), seen=seen)

    found = at_once(*(lambda n=n: save(n) for n in range(WRITERS)))

    (made,) = (one for one in found if isinstance(one, Budget))
    refused = [one for one in found if isinstance(one, ChangedMeanwhile)]
    budget.refresh_from_db()
    assert len(refused) == WRITERS - 1
    assert budget.amount == made.amount
    assert budget.history.count() == 2


def test_one_of_many_patches_with_a_tag_is_made(acme: Organization) -> None:
    api = make_api(organization=acme)
    place = f"budgets/{make_budget(acme).uid}"
    tag = api.get(place).headers["ETag"]

    found = at_once(
        *(
            lambda n=n: api.patch(place, {"note": f"of {n}"}, If_Match=tag).status
            for n in range(WRITERS)
        )
    )

    assert sorted(found) == [200] + [412] * (WRITERS - 1)


def test_one_of_many_sets_of_rules_is_taken(acme: Organization) -> None:
    budget = make_budget(acme)
    configure(budget, [given()])
    last = history_of_rules(budget).latest("history_id")
    seen = [str(last.history_id)]

    def save(number: int) -> Any:
        return configure(budget, [given(message=f"of {number}")], seen=seen)

    found = at_once(*(lambda n=n: save(n) for n in range(WRITERS)))

    assert sum(isinstance(one, list) for one in found) == 1
    assert sum(isinstance(one, ChangedMeanwhile) for one in found) == WRITERS - 1
