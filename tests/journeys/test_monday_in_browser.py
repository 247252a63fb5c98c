"""Monday morning: what is wrong, by which calls; it is taken on, money is asked for."""

from decimal import Decimal
from typing import Any

from accounts.models import Organization
from accounts.scopes import Role
from alerts.models import Alert, AlertState
from approvals.models import BudgetRequest
from budgets.models import Budget
from budgets.rollup import roll_up
from tests.approvals.factories import level, make_policy
from tests.factories import make_person, make_tree, spend
from tests.journeys.browser import in_browser

pytestmark = in_browser


def test_a_monday_morning(tab: Any, acme: Organization) -> None:
    budgets = make_tree(acme)
    lea = make_person("lea@acme.example", {acme: Role.BUDGET_OWNER})
    make_person("boss@acme.example", {acme: Role.FINANCE_ADMIN})
    make_policy(acme, level("boss@acme.example"))
    Budget.objects.filter(pk=budgets["ml"].pk).update(owner=lea)
    spend(acme, "410", team_id="ml", department_id="engineering", model="o1")
    roll_up(acme.pk)

    # She logs in, and sees what is hers.
    tab.goto("/admin/")
    tab.fill("[name=username]", "lea@acme.example")
    tab.fill("[name=password]", "secret")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/admin/")
    lead = tab.locator("#co-answer").inner_text()
    assert lead.startswith("ML has spent $410.00 of $400.00")

    # What is wrong is there, and which records made it.
    tab.locator(".co-desk-tree tr", has_text="ML").locator(".co-spend a").first.click()
    tab.wait_for_url("**/ledger/costrecord/**")
    assert "charged to ML" in tab.locator("#main").inner_text()
    assert "o1" in tab.locator("#main").inner_text()

    # She takes the alert on, where it stands.
    tab.goto("/admin/")
    line = tab.locator("tr.co-alert").first
    line.locator("text=Acknowledge").click()
    line.locator("text=You acknowledged it").wait_for()
    assert Alert.objects.filter(state=AlertState.ACKNOWLEDGED).exists()

    # And asks for money.
    tab.locator(".co-desk-tree tr", has_text="ML").locator(".co-ask").click()
    tab.wait_for_url("**/ask/**")
    tab.fill("[name=justification]", "The launch takes more than we thought.")
    tab.locator("form button.co-primary").last.click()
    tab.wait_for_url(lambda url: "/ask/" not in url)
    asked = BudgetRequest.objects.get()
    assert asked.budget_id == budgets["ml"].pk
    assert asked.amount > Decimal(0)
