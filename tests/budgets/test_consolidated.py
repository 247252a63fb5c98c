"""Trees of budgets in several currencies, told in one of them."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from budgets.consolidated import exchanged
from ledger.models import ExchangeRate
from ledger.types import Rate
from tests.budgets.worlds import SHILLING, jan, january_budget
from tests.factories import Api, spend

NOW = jan(16)


@pytest.fixture
def company(acme: Organization) -> Any:
    """A thousand dollars, of which Nairobi has 50,000 shillings and Sales $300.

    A shilling was worth $0.008 on the 10th and is worth a cent since the 14th.
    """
    for day, rate in ((10, "0.008"), (14, "0.01")):
        ExchangeRate.objects.create(
            organization=acme,
            base=SHILLING,
            quote="USD",
            date=date(2025, 1, day),
            rate=Decimal(rate),
        )
    acme.touch()
    with time_machine.travel(NOW, tick=False):
        top = january_budget(acme, "Company", "1000", now=NOW)
        january_budget(
            acme,
            "Nairobi",
            "50000",
            now=NOW,
            currency=SHILLING,
            parent=top,
            scope={"teams": ["nairobi"]},
        )
        january_budget(
            acme, "Sales", "300", now=NOW, parent=top, scope={"teams": ["sales"]}
        )
        spend(acme, "100", jan(12), team_id="nairobi")  # 12,500 shillings that day
        spend(acme, "20", jan(15), team_id="sales")
        yield top


def told(node: dict[str, Any], *names: str) -> list[Decimal | None]:
    found = node["consolidated"]
    return [None if found[one] is None else Decimal(found[one]) for one in names]


@pytest.mark.django_db
def test_amounts_are_told_in_one_currency_at_the_rate_of_the_day(
    api: Api, company: Any
) -> None:
    (root,) = api.get("budgets/tree?currency=usd").body

    nairobi, sales = root["children"]
    figures = "limit", "total_spend", "reserved", "remaining_budget"
    assert told(root, *figures) == [1000, 120, 0, 880]
    assert told(nairobi, *figures) == [500, 125, 0, 375]
    assert told(sales, *figures) == [300, 20, 0, 280]
    assert nairobi["consolidated"]["rate"] == "0.010000000000"
    assert nairobi["consolidated"]["rate_date"] == "2025-01-14"
    assert (nairobi["currency"], nairobi["limit"]) == (SHILLING, "50000.0000000000")


@pytest.mark.django_db
def test_children_of_other_currencies_count_in_what_is_allocated(
    api: Api, company: Any
) -> None:
    (plain,) = api.get("budgets/tree").body
    (root,) = api.get("budgets/tree?currency=USD").body
    (other,) = api.get(f"budgets/tree?currency={SHILLING}").body

    assert plain["consolidated"] is None
    assert [plain["allocated"], root["allocated"]] == ["300.0000000000"] * 2
    assert told(root, "allocated", "unallocated") == [800, 200]
    assert told(other, "limit", "allocated", "unallocated") == [100_000, 80_000, 20_000]
    assert root["consolidated"]["without_rate"] == []


@pytest.mark.django_db
def test_the_rate_is_that_of_the_moment(api: Api, company: Any) -> None:
    (root,) = api.get("budgets/tree?currency=USD&at=2025-01-13").body

    assert told(root["children"][0], "limit") == [400]
    assert told(root, "allocated") == [700]
    assert root["children"][0]["consolidated"]["rate_date"] == "2025-01-10"


@pytest.mark.django_db
def test_what_no_rate_is_known_of_is_named_and_in_no_sum(
    api: Api, company: Any
) -> None:
    (root,) = api.get("budgets/tree?currency=USD&at=2025-01-09").body

    nairobi = root["children"][0]
    assert told(root, "limit", "allocated", "unallocated") == [1000, None, None]
    assert told(nairobi, "rate", "limit", "total_spend") == [None, None, None]
    for node in (root, nairobi):
        assert node["consolidated"]["without_rate"] == [SHILLING]


@pytest.mark.django_db
def test_what_is_counted_has_no_currency(api: Api, acme: Organization) -> None:
    january_budget(acme, "Tokens", "500", currency="tokens")

    (node,) = api.get("budgets/tree?currency=EUR").body

    assert node["consolidated"] is None


@pytest.mark.django_db
def test_a_currency_that_is_none_is_refused_by_name(api: Api) -> None:
    refused = api.get("budgets/tree?currency=XXY")

    assert refused.status == 400
    assert refused.body["errors"][0]["attr"] == "currency"


@given(
    st.decimals(-(10**9), 10**9, places=10), st.decimals("0.000001", 10**4, places=12)
)
def test_an_amount_is_rounded_once(amount: Decimal, rate: Decimal) -> None:
    found = exchanged(amount, Rate(rate, date(2025, 1, 1)))

    units = round(Fraction(amount) * Fraction(rate) * 10**10)
    assert found == Decimal(units).scaleb(-10)
