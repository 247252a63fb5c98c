"""Calls of several people under one lease: each where it belongs, no limit passed."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from budgets.verification import differences
from ledger.models import CostRecord
from tests.controls.factories import lease, make_hard
from tests.factories import (
    Api,
    at_once,
    make_api,
    make_budget,
    make_organization,
    usage_record,
)
from tests.sizes import examples

FIELDS = {
    "user_id": ("ada", "bob", ""),
    "team_id": ("ml", "web", ""),
    "project_id": ("search", "chat", ""),
}
FEATURES = ("chat", "mail", "")
SCOPES: tuple[dict[str, Any], ...] = (
    {},
    {"users": ["ada"]},
    {"users": ["bob"]},
    {"teams": ["ml"]},
    {"teams": ["web"], "users": ["bob"]},
    {"projects": ["search"]},
    {"tags": {"feature": "chat"}},
)
LIMIT, COST = Decimal(100), Decimal("0.5")
Words = dict[str, str]

WORDS = st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, values in FIELDS.items()}
    | {"feature": st.sampled_from(FEATURES)}
)


def sent(words: Words) -> dict[str, Any]:
    """Return *words* as a client sends them."""
    said: dict[str, Any] = {name: words[name] or None for name in FIELDS}
    said["tags"] = {"feature": words["feature"]} if words["feature"] else None
    return {name: value for name, value in said.items() if value is not None}


def is_in(words: Words, scope: dict[str, Any]) -> bool:
    """Tell what a scope means, the plain way."""
    named = {
        "users": words["user_id"],
        "teams": words["team_id"],
        "projects": words["project_id"],
    }
    tag = scope.get("tags", {}).get("feature")
    return tag in {None, words["feature"]} and all(
        value in scope[name] for name, value in named.items() if name in scope
    )


def where(first: Words, then: Words) -> Words:
    """Return what *first* says, and what *then* says where it says nothing."""
    return {name: first[name] or then[name] for name in first}


def booked_words(record: CostRecord) -> Words:
    filed = record.attribution
    return {
        "user_id": filed.user,
        "team_id": filed.team,
        "project_id": filed.project,
        "feature": dict(filed.tags or {}).get("feature", ""),
    }


class SharedLeaseTest(TestCase):
    """Whoever reports under a lease, whatever they say."""

    @settings(max_examples=examples(15, 60))
    @given(
        hard=st.sets(st.sampled_from(range(len(SCOPES)))),
        asked=WORDS,
        calls=st.lists(st.tuples(WORDS, st.booleans()), min_size=1, max_size=6),
    )
    def test_each_call_is_where_it_belongs_and_none_where_no_money_was_held(
        self, hard: set[int], asked: Words, calls: list[tuple[Words, bool]]
    ) -> None:
        acme = make_organization("acme")
        api = make_api(organization=acme)
        made = [
            make_hard(acme, f"b{number}", str(LIMIT), scope=scope)
            if number in hard
            else make_budget(acme, f"b{number}", str(LIMIT), scope=scope)
            for number, scope in enumerate(SCOPES)
        ]
        taken = lease(api, **{"project_id": None, **sent(asked)}, amount="10")

        def limits(words: Words) -> set[int]:
            return {number for number in hard if is_in(words, SCOPES[number])}

        for number, (said, in_a_batch) in enumerate(calls):
            report(api, f"u{number}", taken["id"], said, in_a_batch)

        records = CostRecord.objects.select_related("attribution").order_by("pk")
        found = [booked_words(one) for one in records]
        for (said, _), words in zip(calls, found, strict=True):
            assert limits(words) <= limits(asked)
            own = where(said, asked)
            if limits(own) == limits(asked):
                assert words == own
            else:
                assert words == {**words, **{k: v for k, v in asked.items() if v}}
        for number, budget in enumerate(made):
            inside = sum(is_in(words, SCOPES[number]) for words in found)
            spent, reserved = money_in(budget)
            assert spent == inside * COST
            assert spent + reserved <= LIMIT
        api.post(f"leases/{taken['id']}/return", {})
        assert {money_in(budget)[1] for budget in made} == {Decimal(0)}
        assert list(differences(acme)) == []


def report(
    api: Api, usage_id: str, taken: str, said: Words, in_a_batch: bool = False
) -> None:
    record = usage_record(
        id=usage_id,
        timestamp=timezone.now().isoformat(),
        cost=str(COST),
        authorization_id=taken,
        **sent(said),
    )
    path, body = ("usage/batch", [record]) if in_a_batch else ("usage", record)
    assert api.post(path, body).status in {200, 201}


def money_in(budget: Budget) -> tuple[Decimal, Decimal]:
    period = BudgetPeriod.objects.filter(budget=budget).first()
    return (period.spent, period.reserved) if period else (Decimal(0), Decimal(0))


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time"
)
def test_several_report_at_once_while_the_lease_is_renewed_and_returned(
    acme: Organization,
) -> None:
    api = make_api(organization=acme)
    company = make_hard(acme, "Company", "100")
    own = {
        one: make_budget(acme, one, scope={"users": [one]}) for one in ("ada", "bob")
    }
    nobody = {"user_id": "", "team_id": "", "project_id": "search", "feature": ""}
    taken = lease(api, amount="10", user_id="ada")

    def work(user: str) -> None:
        mine = make_api(organization=acme)
        for number in range(10):
            said = {**nobody, "user_id": user}
            report(mine, f"{user}{number}", taken["id"], said, number % 2 == 0)

    def renew() -> None:
        for _ in range(4):
            api.post(f"leases/{taken['id']}/renew", {"amount": "5"})
        api.post(f"leases/{taken['id']}/return", {})

    assert at_once(lambda: work("ada"), lambda: work("bob"), renew) == [None] * 3

    assert [money_in(own[one])[0] for one in own] == [10 * COST] * 2
    assert money_in(company) == (20 * COST, 0)
    assert list(differences(acme)) == []
