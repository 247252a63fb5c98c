"""A new colleague: invited by mail, comes in, sees the budget, and asks for more."""

import re
from typing import Any

from django.core import mail

from accounts.models import Membership, Organization
from accounts.scopes import Role
from approvals.models import BudgetRequest
from budgets.rollup import roll_up
from notifications.tasks import deliver
from tests.approvals.factories import level, make_policy
from tests.factories import make_person, make_tree, spend
from tests.journeys.browser import in_browser

pytestmark = in_browser


def test_a_new_colleague(tab: Any, acme: Organization) -> None:
    budgets = make_tree(acme)
    make_person("boss@acme.example", {acme: Role.FINANCE_ADMIN})
    make_policy(acme, level("boss@acme.example"))
    spend(acme, "210", team_id="ml", department_id="engineering", model="o1")
    roll_up(acme.pk)

    # The finance admin invites her.
    log_in(tab, "boss@acme.example", "secret")
    tab.goto("/admin/accounts/organization/people/")
    tab.click("text=Invite somebody")
    tab.fill("[name=email]", "lea@acme.example")
    tab.select_option("[name=role]", Role.BUDGET_OWNER.value)
    tab.click("[name=_save]")
    tab.wait_for_url("**/people/**")
    invited = tab.locator("section", has=tab.locator("#co-invited"))
    assert "lea@acme.example" in invited.inner_text()
    tab.context.clear_cookies()

    # She opens the link of the mail, and sets her password.
    deliver()
    [sent] = [one for one in mail.outbox if one.to == ["lea@acme.example"]]
    tab.goto(re.findall(r"http://testserver(/join/[\w-]+)", str(sent.body))[0])
    assert "invites you to Acme as budget owner" in tab.inner_text("body")
    tab.fill("[name=password]", "correct-horse-9")
    tab.fill("[name=again]", "correct-horse-9")
    tab.click("button:has-text('Join')")
    tab.locator("text=You have joined Acme").first.wait_for()
    member = Membership.objects.get(user__email="lea@acme.example")
    assert (member.organization, member.role) == (acme, Role.BUDGET_OWNER)

    # She logs in, and finds her team's budget.
    tab.click("a:has-text('Log in')")
    log_in(tab, "lea@acme.example", "correct-horse-9")
    tab.goto(f"/admin/budgets/budget/{budgets['ml'].pk}/page/")
    assert "ML has spent $210.00 of $400.00" in tab.inner_text("#main")

    # And asks for a raise, for it isn't hers to change.
    tab.locator("#main a.co-button", has_text="Ask for").first.click()
    tab.wait_for_url("**/ask/**")
    tab.fill("[name=amount]", "150")
    tab.fill("[name=justification]", "The launch takes more than we thought.")
    tab.locator("form button.co-primary").last.click()
    tab.wait_for_url(lambda url: "/ask/" not in url)
    asked = BudgetRequest.objects.get()
    assert (asked.budget_id, asked.requester) == (budgets["ml"].pk, member.user)


def log_in(tab: Any, email: str, password: str) -> None:
    tab.goto("/admin/")
    tab.fill("[name=username]", email)
    tab.fill("[name=password]", password)
    tab.keyboard.press("Enter")
    tab.wait_for_url(lambda url: "/login/" not in url)
