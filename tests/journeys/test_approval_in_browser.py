"""From asking for money to the changed budget: a mail, its link, a button, the tree."""

import os
import re
from typing import Any

from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals.models import BudgetRequest, Decision
from notifications import outbox
from notifications.models import MailedLink
from tests.approvals.factories import person_in
from tests.factories import browser_of, make_budget, spend
from tests.journeys.browser import in_browser
from tests.notifications.receivers import MailServer

pytestmark = in_browser
FOLDER = os.environ.get("COSTOPS_SCREENSHOTS")


def drawn(tab: Any, name: str) -> None:
    """Keep pictures of the page, where somebody wants to look at them."""
    if not FOLDER:
        return
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        is_dark = "matchMedia('(prefers-color-scheme: dark)').matches"
        tab.evaluate(f"document.documentElement.classList.toggle('dark', {is_dark})")
        for width in (1400, 390):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.screenshot(path=f"{FOLDER}/{name}-{width}-{scheme}.png", full_page=True)
    tab.emulate_media(color_scheme="light")


# What a screen reader is told of the parts that are on both pages, in their order.
PARTS = """
- region "What it would mean":
  - heading "What it would mean" [level=2]
  - paragraph: /Company has \\$150.00 left/
  - list:
    - listitem
  - heading "Team would get it" [level=3]
  - img /Team.* \\$850.00 spent of \\$900.00/
  - table "Team, now and then":
    - rowgroup:
      - row "Now Then"
    - rowgroup:
      - row "Limit $900.00 $1,100.00"
      - row "Left $50.00 $250.00"
- region "Your decision":
  - heading "Your decision" [level=2]
  - textbox "Comment"
  - paragraph: /reads it/
  - paragraph:
    - button "Approve $200.00"
    - button "Ask for changes"
    - button "Reject"
- region "Who decides":
  - heading "Who decides" [level=2]
  - list:
    - listitem: /Finance admins decides now/
- region "What happened so far":
  - heading "What happened so far" [level=2]
  - list:
    - listitem: /Asked for \\$200.00/
"""
OF_LINK = """
- heading "pm@acme.example asks for $200.00 more for Team" [level=1]
- paragraph:
  - text: You decide as cfo@acme.example.
  - button "This is not me"
- blockquote: The launch is three weeks early.
"""
OF_PAGE = """
- navigation "Where this is":
  - link "Requests"
- blockquote: The launch is three weeks early.
"""


def enters(context: Any, person: User, address: str) -> None:
    session = browser_of(person).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": address}])


def links_in(mail: Any) -> str:
    found: str = re.findall(r"http://testserver(/approvals/\S+)", mail.text)[-1]
    return found


def test_money_is_asked_for_and_the_link_in_the_mail_gives_it(
    page: Any, acme: Organization, mail_server: MailServer, live_server: Any
) -> None:
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    enters(page.context, person_in(acme, "pm", Role.APPROVER), live_server.url)
    root = make_budget(acme, "Company", "1000")
    team = make_budget(acme, "Team", "900", parent=root)
    spend(acme, "850")

    page.goto(f"/admin/budgets/budget/{team.pk}/change/")
    page.get_by_role("link", name=re.compile("^Ask for .*more")).first.click()
    page.click("text=More for good")
    page.fill("[name=amount]", "200")
    page.fill("[name=justification]", "The launch is three weeks early.")
    page.click("text=What would it mean?")
    page.locator("text=$50.00 too little").first.wait_for()
    drawn(page, "ask")
    page.click("button:has-text('Ask those who decide')")
    page.locator("text=It waits for a decision.").wait_for()
    drawn(page, "request")

    enters(stranger := page.context.browser.new_context(), cfo, live_server.url)
    theirs = stranger.new_page()
    theirs.goto(page.url)
    expect(theirs.get_by_role("main")).to_match_aria_snapshot(OF_PAGE + PARTS)
    stranger.close()

    outbox.deliver(now=timezone.now())
    mails = mail_server.to(cfo.email)  # among them alerts of what was spent
    (mail,) = (one for one in mails if one["Subject"].startswith("To decide"))
    stranger = page.context.browser.new_context(
        base_url=live_server.url, java_script_enabled=False
    )
    phone = stranger.new_page()
    phone.set_viewport_size({"width": 390, "height": 800})
    phone.goto(links_in(mail))
    main = phone.get_by_role("main")
    expect(main).to_match_aria_snapshot(OF_LINK + PARTS)
    drawn(phone, "link")
    phone.set_viewport_size({"width": 390, "height": 800})
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert Decision.objects.count() == 0
    link = MailedLink.objects.get(purpose="approval", person=cfo.email)
    assert link.used_at is None
    decide = phone.get_by_role("region", name="Your decision")
    decide.get_by_label("Comment").first.fill("For the launch")
    decide.get_by_role("button", name="Approve $200.00").click()
    phone.get_by_role("status").get_by_text("It is approved").wait_for()
    drawn(phone, "stale")
    stranger.close()

    assert BudgetRequest.objects.get().state == "approved"
    page.goto("/admin/budgets/budget/tree/")
    row = page.locator(f"tr[data-id='{team.pk}']")
    assert "$1,100.00" in row.inner_text()
    page.goto("/admin/approvals/budgetrequest/?whose=all&state=ended")
    drawn(page, "inbox")
