"""A report as those read it who get it: the paper, the files within it, the API and the
ledger say the same."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.db.models import Sum

from accounts.models import Organization
from budgets.models import Budget
from budgets.services import change_budget, plan_of
from ledger.models import CostRecord, ExchangeRate
from reports import tasks
from reports.models import Report, ReportSettings
from reports.paper.making import PaperFailed
from reports.paper.writers import PaperWriter
from tests.budgets.worlds import jan
from tests.factories import Api, make_budget, spend, usage_record
from tests.reports.monthly.factories import AFTERWARDS, BEFORE, JAN_10
from tests.reports.papers import Paper, paper_or_skip
from tests.sizes import every_day_on_sqlite

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_february() -> Iterator[None]:
    with time_machine.travel(AFTERWARDS):
        yield


@pytest.fixture
def tree(acme: Organization, api: Api) -> list[Budget]:
    """Return Company 1,000 > Search 600 > Chat 50: with usage of each kind there is."""
    ExchangeRate.objects.create(
        organization=acme,
        base="EUR",
        quote="USD",
        rate=Decimal("1.0731"),
        date=date(2025, 1, 10),
    )
    company = make_budget(acme, now=BEFORE)
    search = make_budget(
        acme, "Search", "600", parent=company, scope={"teams": ["search"]}, now=BEFORE
    )
    chat = make_budget(
        acme, "Chat", "50", parent=search, scope={"projects": ["chat"]}, now=BEFORE
    )
    spend(acme, "411.0000000333", JAN_10, team_id="search")
    spend(acme, "77.12", JAN_10, team_id="search", project_id="chat", currency="EUR")
    spend(acme, "3.3333333333", JAN_10)
    spend(acme, None, JAN_10, model="nobody-knows-it")  # without a price
    spend(acme, "5", JAN_10, id="wrong", team_id="search")
    told = usage_record(
        id="wrong", timestamp=JAN_10.isoformat(), cost="900.005", team_id="search"
    )
    fixed = api.post("usage/wrong/correction", {**told, "reason": "Read off wrongly"})
    assert fixed.status == 201
    return [company, search, chat]


def report_in(api: Api) -> tuple[dict[str, Any], Paper]:
    asked = api.post("reports", {"month": "2025-01"}).body
    tasks.make(Report.objects.get(uid=asked["id"]).pk)
    made = api.get(f"reports/{asked['id']}").body
    if made["state"] == "failed":
        paper_or_skip(PaperFailed(made["failure"]))
    figures: dict[str, Any] = made["figures"]
    return figures, paper_or_skip(api.get(f"reports/{asked['id']}.pdf").body)


def test_paper_files_api_and_ledger_say_the_same(
    api: Api, acme: Organization, tree: list[Budget]
) -> None:
    figures, paper = report_in(api)

    # The API and the ledger.
    total = CostRecord.objects.aggregate(total=Sum("total_cost"))["total"]
    assert total == Decimal("411.0000000333") + Decimal("82.7574720000") + Decimal(
        "903.3383333333"
    )
    assert Decimal(figures["ledger"]) == total
    assert Decimal(figures["total"]["actual"]) == total
    assert [row["path"][-1] for row in figures["rows"]] == ["Company", "Search", "Chat"]

    # The files and the API, to the last place.
    *rows, last = csv.DictReader(StringIO(paper.files["budgets-2025-01.csv"]))
    told = [*figures["rows"], figures]
    for row, said in zip([*rows, last], told, strict=True):
        month = said.get("month", said.get("total"))
        for column, of, name in (
            ("month_budgeted", month, "budgeted"),
            ("month_actual", month, "actual"),
            ("month_variance", month, "variance"),
            ("year_to_date_actual", said["year_to_date"], "actual"),
            ("full_year_budgeted", said["full_year"], "budgeted"),
        ):
            assert Decimal(row[column]) == Decimal(of[name]), (row, column)
    bridge = {
        row["name"]: Decimal(row["amount"])
        for row in csv.DictReader(StringIO(paper.files["figures-2025-01.csv"]))
        if row["part"] == "bridge"
    }
    causes = {
        one["name"]: Decimal(one["amount"]) for one in figures["bridge"]["causes"]
    }
    assert causes.items() <= bridge.items()

    # The text and the API, in cents.
    writer = PaperWriter("en_US", "USD", "UTC")
    for said in figures["rows"]:
        assert said["path"][-1] in paper.text
        for part in ("month", "year_to_date", "full_year"):
            for name in ("budgeted", "actual"):
                assert writer.plain(Decimal(said[part][name])) in paper.text
    assert " ".join(figures["sentence"].split()) in paper.pages[0]
    assert writer.money(total) in paper.pages[0]


@every_day_on_sqlite
def test_a_german_report_says_what_it_says_in_german(
    api: Api, acme: Organization, tree: list[Budget]
) -> None:
    ReportSettings.objects.create(organization=acme, locale="de_DE")
    change_budget(tree[2], replace(plan_of(tree[2]), amount=Decimal(60)), now=jan(20))

    figures, paper = report_in(api)

    assert figures["sentence"].startswith("Acme hat im Januar 2025 1.397,10")
    text = " ".join([figures["sentence"], *figures["notes"], paper.text])
    assert "Die Überleitung vergleicht Preise und Mix mit dem Vormonat" in text
    assert "„Company“" not in text  # names are as they are
    english = r"\b(the|that|and|were|of|are|by|with|budgeted|spent|more)\b"
    assert re.findall(english, text) == []
