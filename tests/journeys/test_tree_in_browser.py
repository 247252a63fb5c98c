"""The budget tree as a person uses it, in a real browser."""

from typing import Any

from accounts.models import Organization
from budgets.models import Budget
from tests.factories import make_budget, make_tree, spend
from tests.journeys.browser import in_browser

pytestmark = in_browser

TREE = "/admin/budgets/budget/tree/"
ROW = "tr.co-row:not([hidden])"


def names(page: Any) -> list[str]:
    return [text.strip() for text in page.locator(f"{ROW} .co-own").all_inner_texts()]


def test_branches_open_and_close_by_keyboard_and_stay_so(
    page: Any, acme: Organization
) -> None:
    make_tree(acme)
    page.goto(TREE)
    engineering = page.locator(ROW).nth(1)

    engineering.focus()
    page.keyboard.press("ArrowLeft")
    closed, told = names(page), engineering.get_attribute("aria-expanded")
    page.reload()
    kept = names(page)
    page.locator(ROW).nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.querySelector('.co-own').innerText")

    assert closed == kept == ["Acme", "Engineering", "Sales"]
    assert told == "false"
    assert names(page) == ["Acme", "Engineering", "ML", "Sales"]
    assert focused == "ML"


def test_deep_branches_are_fetched_in_place(page: Any, acme: Organization) -> None:
    above = make_budget(acme, "Level 1")
    for level in range(2, 6):
        above = make_budget(acme, f"Level {level}", parent=above)
    page.goto(TREE)

    page.locator(ROW).nth(2).locator("a.co-toggle").click()
    page.locator("text=Level 4").first.wait_for()
    page.locator(ROW).nth(3).locator("a.co-toggle").click()
    page.locator("text=Level 5").first.wait_for()
    whole = names(page)
    page.locator(ROW).first.locator("a.co-toggle").click()
    folded = names(page)
    page.locator(ROW).first.locator("a.co-toggle").click()

    assert whole == names(page) == [f"Level {level}" for level in range(1, 6)]
    assert folded == ["Level 1"]


def test_the_tree_fits_on_a_phone(page: Any, acme: Organization) -> None:
    make_tree(acme)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(TREE)

    width = page.evaluate("document.documentElement.scrollWidth")
    path = page.locator("tr.co-row .co-path").nth(2)

    assert width <= 390
    assert path.is_visible()
    assert path.inner_text() == "Acme / Engineering / ML"


def test_conflicts_come_after_the_page(page: Any, acme: Organization) -> None:
    make_tree(acme)
    page.goto(TREE)

    page.locator("text=No conflicts").wait_for()


def test_the_form_answers_while_one_types(page: Any, acme: Organization) -> None:
    spend(acme, "30", team_id="ml", project_id="search")
    spend(acme, "70", team_id="sales", project_id="mail")
    page.goto("/admin/budgets/budget/add/")

    page.fill("[name=name]", "ML")
    page.fill("[name=amount]", "100")
    page.locator("[aria-label=Teams] summary").click()
    page.check("[name='scope.teams'][value=ml]")
    page.locator("text=$30.00 this period so far: 30 % of the amount.").wait_for()
    matches = page.locator("#co-preview").inner_text()
    page.click("text=Make the budget")
    page.locator("text=ML has spent").wait_for()

    assert "Matches 1 project and 1 model." in matches
    assert Budget.objects.get().scope == {"teams": ["ml"]}


def test_a_budget_is_moved_after_a_look(page: Any, acme: Organization) -> None:
    budgets = make_tree(acme)
    page.goto(f"/admin/budgets/budget/{budgets['ml'].pk}/move/")

    page.select_option("[name=parent]", label="Acme / Sales")
    page.locator("text=Acme / Sales / ML").wait_for()
    page.fill("[name=reason]", "New team")
    page.click("text=Move it")
    page.wait_for_url(f"**{TREE}**")

    assert names(page) == ["Acme", "Engineering", "Sales", "ML"]
