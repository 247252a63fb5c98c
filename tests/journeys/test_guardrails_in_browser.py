"""Guardrails as a person sets them up and tries them, in a real browser."""

from typing import Any

from accounts.models import Organization
from controls.models import ControlRule, KillSwitch
from tests.controls.guarding import RULES, downgrade, given, guard, page_of
from tests.factories import make_budget, make_tree, spend
from tests.journeys.browser import in_browser

pytestmark = in_browser


def test_a_rule_is_written_checked_and_saved_by_keyboard(
    page: Any, acme: Organization
) -> None:
    budget = make_tree(acme)["ml"]
    page.goto(f"/admin/budgets/budget/{budget.pk}/change/")

    page.click(".co-tools >> text=Guardrails")
    page.click(".co-new-rule >> text=Use a cheaper model")
    page.fill("[name=trigger]", "budget_percent >= 0.9")
    page.locator("#co-said >> text=which there is not").wait_for()
    page.fill("[name=trigger]", "budget_percentage >= 0.9")
    page.locator("[name='downgrades.old']").first.fill("gpt-4")
    page.keyboard.press("Tab")
    page.keyboard.type("gpt-3.5-turbo")
    page.locator("#co-said >> text=use gpt-3.5-turbo instead of gpt-4").wait_for()
    saved = ControlRule.objects.count()
    page.keyboard.press("Enter")
    page.locator("#co-sure").wait_for()
    asked = ControlRule.objects.count()
    page.locator("[name=reason]").fill("gpt-4 is too dear for this.")
    page.keyboard.press("Enter")
    page.locator("text=gpt-4 becomes gpt-3.5-turbo").wait_for()

    assert saved == asked == 0
    assert ControlRule.objects.get().config == {
        "downgrades": {"gpt-4": "gpt-3.5-turbo"}
    }


def test_a_rule_is_tried_on_the_past_where_it_is_written(
    page: Any, acme: Organization
) -> None:
    budget = make_budget(acme, amount="10")
    spend(acme, "9", id="u1")
    spend(acme, "4", id="u2")
    page.goto(f"{RULES}add/?budget={budget.pk}&action=block")

    page.click("text=Try it on the last period")
    page.locator("#co-said >> text=would have stopped 1 call, $4.00.").wait_for()

    assert page.url.endswith("action=block")
    assert not ControlRule.objects.exists()


def test_the_kill_switch_asks_once(page: Any, acme: Organization) -> None:
    budget = make_tree(acme)["engineering"]
    page.goto(page_of(budget))

    page.click("text=Switch off…")
    page.locator("text=Block all calls of Engineering and the budget below").wait_for()
    page.fill("[name=message]", "A loop ran away.")
    page.click("text=Switch it off")
    page.locator("text=Engineering is switched off: all its calls").wait_for()

    assert KillSwitch.objects.get().message == "A loop ran away."
    page.click("text=Switch on again…")
    page.fill("[name=reason]", "The loop is mended.")
    page.click("text=Switch it on")
    page.locator("text=Calls go through").wait_for()
    assert not KillSwitch.objects.exists()


def test_a_request_is_answered_in_place(page: Any, acme: Organization) -> None:
    budget = make_budget(acme, "ML", "10")
    guard(budget, given("block", 'model == "gpt-4"', message="Too dear."))
    spend(acme, "1", id="u1")
    page.goto(f"{RULES}try/?budget={budget.pk}")

    page.click("text=Try it")
    page.locator("text=The request would be allowed with gpt-4o").wait_for()
    page.fill("[name=model]", "gpt-4")
    page.keyboard.press("Enter")
    page.locator("text=The request would be blocked by ML.").wait_for()

    assert page.locator("text=Too dear.").count() == 1
    assert "model=gpt-4&" in page.url
    page.fill("[name=input_tokens]", "")
    page.keyboard.press("Enter")
    page.locator(".co-error >> text=Say both: the worst case").wait_for()


def test_a_long_dry_run_comes_after_the_page(
    page: Any, acme: Organization, monkeypatch: Any
) -> None:
    monkeypatch.setattr("console.controls.dry_run_page.AT_ONCE", 0)
    budget = make_budget(acme, amount="10", enforcement="hard")
    spend(acme, "11", id="u1")
    page.goto(page_of(budget, "dry-run/"))

    page.locator("text=this would have stopped 1 call, $11.00.").wait_for()


def test_the_pages_fit_on_a_phone(page: Any, acme: Organization) -> None:
    budget = make_tree(acme)["ml"]
    (rule, _) = guard(
        budget,
        downgrade("a-model-with-a-very-long-name-for-a-phone-to-show-2026-11-22"),
        given("block", "budget_percentage >= 1", message="Ask finance." * 9),
    )
    spend(acme, "11", id="u1", team_id="ml")
    page.set_viewport_size({"width": 390, "height": 800})
    asked = "provider=openai&model=gpt-4o&team_id=ml&estimated_cost=1"
    places = [
        RULES,
        *(page_of(budget, name) for name in ("", "switch/", "dry-run/", "history/")),
        f"{RULES}{rule.pk}/change/",
        f"{RULES}try/?budget={budget.pk}&{asked}",
        "/admin/budgets/reservation/",
    ]

    widths = {}
    for place in places:
        page.goto(place)
        widths[place] = page.evaluate("document.documentElement.scrollWidth")

    assert max(widths.values()) <= 390, widths
