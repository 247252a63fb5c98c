"""Planning a year: last year's budgets copied with growth, a sheet with two bad rows
mended and applied."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from bulk.models import BulkChange
from bulk.services import work
from controls.models import ControlRule
from tests.bulk.sheets import as_xlsx
from tests.controls.guarding import given, guard
from tests.factories import make_budget, make_tree
from tests.journeys.browser import in_browser

pytestmark = in_browser
PLAN = {"name": "Ops", "parent": "Acme 2031", "amount": 120, "enforcement": "hard"}


@pytest.fixture
def uploaded(tmp_path: Path) -> Callable[[Any, list[dict[str, Any]]], None]:
    def upload(tab: Any, table: list[dict[str, Any]]) -> None:
        file = tmp_path / f"plan-{len(list(tmp_path.iterdir()))}.xlsx"
        file.write_bytes(as_xlsx(table))
        tab.set_input_files("[name=file]", file)
        tab.get_by_role("button", name="See what it would do").click()
        wait_for_worker(tab)

    return upload


def wait_for_worker(tab: Any) -> None:
    """Be the worker, while nobody looks: the tests' database is shared by threads."""
    tab.locator("#co-bulk").wait_for()
    place = tab.url
    tab.goto("about:blank")
    work(BulkChange.objects.latest("pk").pk, clock=timezone.now)
    tab.goto(place)


def test_a_year_is_planned(
    page: Any,
    acme: Organization,
    uploaded: Callable[[Any, list[dict[str, Any]]], None],
) -> None:
    tab, tree = page, make_tree(acme)
    guard(tree["ml"], given())
    make_budget(acme, "Beside", "5")

    # The tree is copied to the year after, with eight percent more.
    tab.goto(f"/admin/budgets/budget/{tree['acme'].pk}/page/")
    tab.get_by_role("link", name="Copy…").click()
    tab.fill("[name=first_day]", "2031-01-01")
    tab.fill("[name=percent]", "8")
    tab.get_by_role("button", name="See what it would do").click()
    wait_for_worker(tab)
    lead = tab.locator(".co-lead").inner_text()
    assert lead == "4 budgets would be made and 4 budgets would be changed."
    tab.fill("[name=reason]", "The plan for 2031")
    tab.get_by_role("button", name="Apply what is shown").click()
    wait_for_worker(tab)
    assert "4 budgets were made" in tab.locator(".co-lead").inner_text()
    copied = Budget.objects.get(name="Acme 2031")
    assert copied.amount == Decimal("1080.00")
    ml = copied.get_descendants().get(name="ML")
    assert (ml.parent.name, ml.amount) == ("Engineering", Decimal("432.00"))
    assert ControlRule.objects.filter(budget=ml).exists()
    assert Budget.objects.get(pk=tree["ml"].pk).ends_at == ml.starts_at

    # What is new comes from a sheet, of which two rows are bad.
    tab.goto("/admin/bulk/bulkchange/import/?kind=budgets")
    bad = [PLAN, {**PLAN, "name": "R&D", "amount": "lots"}]
    uploaded(tab, [*bad, {**PLAN, "name": "Legal", "parent": "Acme 2032"}])
    assert "2 can't be applied" in tab.locator(".co-lead").inner_text()
    faults = tab.locator(".co-faults").all_inner_texts()
    assert faults[0].startswith("Line 3, amount: “lots” is no number")
    assert faults[1].startswith("Line 4, parent: No budget is called “Acme 2032”")

    # She mends it, and all of it is applied.
    tab.get_by_role("link", name="Upload a mended file").click()
    mended = [PLAN, {**PLAN, "name": "R&D"}, {**PLAN, "name": "Legal", "amount": 7}]
    uploaded(tab, mended)
    assert tab.locator(".co-lead").inner_text() == "3 budgets would be made."
    tab.fill("[name=reason]", "The plan for 2031")
    tab.get_by_role("button", name="Apply what is shown").click()
    wait_for_worker(tab)
    tab.get_by_role("link", name="See the tree").click()
    tab.wait_for_url("**/tree/**")
    made = Budget.objects.filter(parent=copied, enforcement="hard")
    assert {one.name: one.amount for one in made} == {
        "Ops": 120,
        "R&D": 120,
        "Legal": 7,
    }
    call_command("verify")
