"""A model that nobody knows a price of: seen, priced as one like it, and put right."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization
from budgets.models import BudgetPeriod
from ledger.models import Price, Repricing
from tests.factories import make_budget, report, usage_record
from tests.journeys.browser import in_browser

pytestmark = in_browser


def spent() -> Decimal:
    return sum((one.spent for one in BudgetPeriod.objects.all()), Decimal(0))


def test_a_model_without_a_price(page: Any, acme: Organization) -> None:
    now = timezone.now()
    make_budget(acme, "Company", "100", starts_at=now - timedelta(days=9))
    use = {"provider": "openai", "model": "gpt-5.9", "output_tokens": 0}
    million = usage_record(**use, input_tokens=1_000_000, timestamp=now.isoformat())
    report(acme, million)

    # The tree says so, and leads to what it is.
    page.goto("/admin/budgets/budget/tree/")
    page.locator("#main a[href*=unpriced]").first.click()
    page.wait_for_url("**/unpriced/**")
    suggested = page.locator(".co-suggested").first
    assert "Like openai/gpt-5 (begins with gpt-5)" in suggested.inner_text()
    assert spent() == 0

    # It is priced as the one like it, for now, and repriced.
    suggested.get_by_role("link", name="Use it for now").click()
    page.wait_for_url("**/price/add/**")
    assert page.locator("[name=provisional]").is_checked()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/reprice/**")
    assert "1 budget period" in page.locator(".co-lead").inner_text()
    page.get_by_role("button", name="Reprice").click()
    page.wait_for_url("**/unpriced/**")
    assert "Everything that was used has a price" in page.locator("#main").inner_text()
    assert Price.objects.get().provisional
    first = spent()
    assert first > 0

    # It was wrong: it is taken back, and everything is as it was.
    page.goto(f"/admin/ledger/repricing/{Repricing.objects.get().pk}/change/")
    page.get_by_role("link", name="Take it back…").click()
    page.wait_for_url("**/undo/**")
    page.fill("[name=reason]", "It is half as dear.")
    page.get_by_role("button", name="Take it back").click()
    page.wait_for_url("**/unpriced/**")
    assert "1 record with 1,000,000 tokens" in page.locator(".co-lead").inner_text()
    assert spent() == 0

    # The real price is set, and what it is for is repriced.
    page.goto(f"/admin/ledger/price/{Price.objects.get().pk}/change/")
    page.fill("[name=input_per_million]", "2.75")
    page.locator("[name=provisional]").uncheck()
    page.fill("[name=reason]", "From the contract.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/ledger/price/**")
    page.goto(f"/admin/ledger/price/{Price.objects.get().pk}/change/")
    page.get_by_role("link", name="Reprice what it is for…").click()
    page.wait_for_url("**/reprice/**")
    page.get_by_role("button", name="Reprice").click()
    page.wait_for_url("**/unpriced/**")
    page.goto("/admin/budgets/budget/tree/")
    assert "$2.75" in page.locator("#main").inner_text()
    assert spent() == Decimal("2.75")
    call_command("verify")
