"""Requests for tokens: policies say amounts of money, so nobody passes by theirs."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Organization, User
from approvals.currencies import converted
from approvals.models import RequestKind, RequestState
from budgets.models import Budget
from lib.errors import Invalid
from tests.approvals.factories import approve, asks, level, make_policy
from tests.factories import make_budget

pytestmark = pytest.mark.django_db


@pytest.fixture
def tokens(acme: Organization, pm: User) -> Budget:
    return make_budget(acme, "Tokens", "1000", currency="tokens", owner=pm)


def test_more_tokens_take_every_level_and_are_given(
    acme: Organization, tokens: Budget, pm: User, lead: User, cfo: User
) -> None:
    upper = level(cfo, name="Finance", min_amount=Decimal(1_000_000))
    make_policy(acme, level(lead, name="Lead"), upper, self_approval_below=Decimal(10))

    asked = asks(pm, tokens, "5", kind=RequestKind.INCREASE)
    approve(asked, lead)
    decided = approve(asked, cfo)

    assert asked.currency == "tokens"
    assert decided.request.state == RequestState.APPROVED
    tokens.refresh_from_db()
    assert tokens.amount == 1_005
    assert "tokens" in str(decided.request)


@pytest.mark.parametrize(
    ("given", "attr"),
    [({"currency": "USD"}, "currency"), ({"amount": "0.5"}, "amount")],
)
def test_money_is_not_asked_of_tokens(
    tokens: Budget, pm: User, given: dict[str, str], attr: str
) -> None:
    with pytest.raises(Invalid) as refused:
        asks(pm, tokens, **given)

    assert refused.value.errors[0].attr == attr


def test_tokens_and_money_are_not_transferred_into_each_other(
    acme: Organization, tokens: Budget, pm: User
) -> None:
    money = make_budget(acme, "Money", "1000")

    with pytest.raises(Invalid) as refused:
        asks(pm, tokens, kind=RequestKind.TRANSFER, source=money)

    assert refused.value.errors[0].attr == "source"


def test_what_is_counted_is_worth_more_than_any_money(acme: Organization) -> None:
    now = timezone.now() - timedelta(days=1)

    worth = converted(Decimal(1), "tokens", "USD", organization=acme, now=now)

    assert worth > Decimal(10) ** 30
    assert converted(Decimal(7), "tokens", "tokens", organization=acme, now=now) == 7
