"""A month's end, from its seasonal amount to the next month's books, in finance.

What comes late is in the report while the month is open, and an adjustment once it is
closed; what is signed and posted stays as it was.
"""

import csv
from collections import defaultdict
from decimal import Decimal
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest

from tests.journeys.browser import CHROMIUM
from tests.journeys.moving import World
from tests.journeys.server import running_worker
from tests.sizes import every_day_on_sqlite

pytestmark = [
    every_day_on_sqlite,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on the PATH."),
]

OCTOBER = "2032-10-20T12:00:00+00:00"
NOVEMBER = "2032-11-02T09:00:00+00:00"
DECEMBER = "2032-12-01T09:00:00+00:00"
BUDGET = {"name": "Team", "amount": "200", "start_date": "2032-10-01"}
CALL = {"provider": "openai", "model": "gpt-4o"}
CLOSE = "/admin/ledger/monthlock/?month="


def test_a_month_is_reported_posted_and_closed(world: World) -> None:
    with world.at(OCTOBER) as server:
        world.key = server.manage("create_api_key", "us", "--organization", "acme")
        leo = ("--organization", "acme", "--user", "leo@acme.example")
        leos_key = server.manage("create_api_key", "leo", *leo)
        server.manage("createsuperuser", "--noinput")
        world.send("PATCH", "organizations/acme", {"late_records": "open_month"})
        budget = world.post("budgets", BUDGET)
        world.log_in()
        world.open_budget()
        world.change("phase", {"October": "300"})
        world.use("a", "2032-10-12T10:00:00Z", "460")
        world.use("wrong", "2032-10-13T10:00:00Z", "90")
        _more_is_asked_for_and_approved(world, budget["id"], leos_key)

    with world.at(NOVEMBER) as server, running_worker(server):
        world.log_in()
        world.use("late", "2032-10-31T23:00:00Z", "40")
        right = {**CALL, "id": "wrong", "timestamp": "2032-10-13T10:00:00Z"}
        fixed = {**right, "cost": "9", "reason": "A nine was read as a ninety"}
        world.post("usage/wrong/correction", fixed)
        world.use("b", "2032-11-01T10:00:00Z", "7")

        paper = _the_month_is_reported_and_signed(world)
        lines = _the_month_is_posted(world, "October 2032", "$509.00")
        _the_month_is_closed(world)

        world.use("later", "2032-10-30T10:00:00Z", "11")
        assert "$509.00" in _read(world, f"{CLOSE}2032-10")
        assert "later" in _read(world, f"{CLOSE}2032-11")
        assert "of $11.00 in all" in _read(world, f"{CLOSE}2032-11")

    # October is accrued on its last day, and reversed on the next month's first.
    assert lines == {
        ("6100", "2032-10-31"): Decimal(509),
        ("2100", "2032-10-31"): Decimal(-509),
        ("6100", "2032-11-01"): Decimal(-509),
        ("2100", "2032-11-01"): Decimal(509),
    }

    with world.at(DECEMBER) as server:
        world.log_in()
        following = _the_month_is_posted(world, "November 2032", "$18.00")
        assert following["6100", "2032-11-30"] == 18
        assert following["6100", "2032-12-01"] == -18
        world.tab.goto("/admin/reports/report/")
        world.tab.get_by_role("link", name="October 2032").click()
        assert sha256(_download(world)).digest() == sha256(paper).digest()
        assert "every promise holds" in server.manage("verify")


def _read(world: World, address: str) -> str:
    world.tab.goto(address)
    words: str = world.tab.locator(".co-page").inner_text()
    return " ".join(words.split())


def _more_is_asked_for_and_approved(world: World, budget: str, key: str) -> None:
    ask = {
        "budget": budget,
        "amount": "50",
        "approvers": ["root@acme.example"],
        "justification": "The launch is early",
    }
    world.post("budget-requests", ask, key=key)
    tab = world.tab
    tab.goto("/admin/approvals/budgetrequest/")
    tab.get_by_role("link", name="Team").first.click()
    tab.get_by_role("button", name="Approve $50.00").click()
    tab.locator("text=It is approved").first.wait_for()


def _the_month_is_reported_and_signed(world: World) -> bytes:
    """Return the signed report as PDF."""
    tab = world.tab
    tab.goto("/admin/reports/report/new/")
    tab.get_by_role("button", name="Make the draft").click()
    tab.locator("text=needs a comment").first.wait_for()
    assert "It can't be signed yet." in tab.locator(".co-page").inner_text()
    assert "1 Open" not in _checklist(world, "Spend without an account")
    tab.go_back()
    tab.get_by_label("Why it is off").fill("The load test of the launch.")
    tab.get_by_role("button", name="Keep the comments").click()
    tab.get_by_role("button", name="Sign it…").click()
    tab.get_by_role("button", name="Yes, sign it").click()
    tab.locator("text=Make a revision").wait_for()
    said = tab.locator(".co-page .co-lead").first.inner_text()
    assert "spent $509.00 in October 2032" in said
    return _download(world)


def _download(world: World) -> bytes:
    link = world.tab.get_by_role("link", name="Download the PDF")
    answer = world.tab.request.get(link.get_attribute("href"))
    assert answer.headers["content-type"] == "application/pdf"
    content: bytes = answer.body()
    return content


def _the_month_is_posted(
    world: World, month: str, amount: str
) -> dict[tuple[str, str], Decimal]:
    """Return what the file for any system says of it, by account and date."""
    tab = world.tab
    tab.goto("/admin/reports/journalsetup/accounts/")
    cells: Any = tab.locator(".jo-table tbody tr").first.locator("input")
    for cell, text in zip(cells.all(), ("everything", "6100", "2100"), strict=False):
        cell.fill(text)
    tab.get_by_role("button", name="Save").click()
    tab.wait_for_load_state()
    tab.goto("/admin/reports/journal/")
    tab.get_by_role("link", name=month).click()
    tab.get_by_role("button", name=f"Post {amount}").click()
    link = tab.locator(".jo-files li", has_text="Generic CSV").locator("a").first
    answer = tab.request.get(link.get_attribute("href"))
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(StringIO(answer.text())):
        debit, credit = (Decimal(row[name] or 0) for name in ("debit", "credit"))
        found[row["account"], row["date"]] += debit - credit
    return dict(found)


def _checklist(world: World, title: str) -> str:
    world.tab.goto(f"{CLOSE}2032-10")
    words: str = world.tab.locator("tr", has_text=title).inner_text()
    return " ".join(words.split())


def _the_month_is_closed(world: World) -> None:
    assert "Done" in _checklist(world, "Variances without a comment")
    assert "Done" in _checklist(world, "Spend without an account")
    tab = world.tab
    tab.locator("text=nothing stands against closing it").wait_for()
    tab.get_by_role("button", name="Close October 2032").click()
    tab.locator("text=It is closed").wait_for()
