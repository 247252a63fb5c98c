"""Where all budgets stand, as spreadsheets."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from accounts.models import Organization
from accounts.scopes import Role, Scope
from reports.budget_sheets import COLUMNS
from tests.factories import (
    Api,
    make_api,
    make_budget,
    make_key,
    make_organization,
    make_person,
    make_tree,
    spend,
)

pytestmark = pytest.mark.django_db


def sheet_of(organization: Organization, query: str = "") -> list[dict[str, Any]]:
    client = Client(
        headers={"authorization": f"Bearer {make_key(organization=organization)}"}
    )
    answer = client.get(f"/api/v1/exports/budgets.xlsx{query}")
    assert answer.status_code == 200
    book = load_workbook(BytesIO(answer.getvalue()))
    heading, *rows = book.active.iter_rows()
    assert [cell.value for cell in heading] == [column.name for column in COLUMNS]
    names = [column.name for column in COLUMNS]
    return [dict(zip(names, row, strict=True)) for row in rows]


def values(line: dict[str, Any], *names: str) -> list[Any]:
    return [line[name].value for name in names]


def test_lines_stand_in_the_trees_order_with_their_path(acme: Organization) -> None:
    make_tree(acme)

    assert [values(one, "path", "level") for one in sheet_of(acme)] == [
        ["Acme", 1],
        ["Acme / Engineering", 2],
        ["Acme / Engineering / ML", 3],
        ["Acme / Sales", 2],
    ]


def test_numbers_are_numbers_and_days_are_days(acme: Organization) -> None:
    owner = make_person("ann@acme.example", {acme: Role.BUDGET_OWNER})
    make_budget(acme, "All", "1000", owner=owner)
    spend(acme, "12.3456789")

    (line,) = sheet_of(acme)

    assert values(line, "amount", "limit", "spent", "reserved") == [
        1000,
        1000,
        12.3456789,
        0,
    ]
    assert line["left"].value == pytest.approx(987.6543211)
    assert line["share"].number_format == "0.0%"
    assert line["spent"].number_format == "#,##0.00"
    assert isinstance(line["period_start"].value, datetime)
    assert values(line, "status", "owner", "currency", "period") == [
        "OK",
        "ann@acme.example",
        "USD",
        "monthly",
    ]


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2+3", "@SUM(A1)"])
def test_no_name_is_a_formula(acme: Organization, name: str) -> None:
    make_budget(acme, name)

    (line,) = sheet_of(acme)

    cell = line["path"]
    assert (cell.value, cell.data_type) == (name, "s")
    assert cell.quotePrefix
    answer = make_api(organization=acme).get("exports/budgets.csv")
    (told,) = csv.DictReader(StringIO(answer.body))
    assert told["path"] == f"'{name}"


def test_csv_has_amounts_to_the_last_place(acme: Organization) -> None:
    make_budget(acme, "All", "1000")
    spend(acme, "0.0000000001")

    answer = make_api(organization=acme).get("exports/budgets.csv")

    (line,) = csv.DictReader(StringIO(answer.body))
    assert Decimal(line["spent"]) == Decimal("0.0000000001")
    assert Decimal(line["left"]) == Decimal("999.9999999999")
    assert 'filename="budgets-acme.csv"' in answer.headers["Content-Disposition"]


def test_days_are_those_of_the_budgets_zone_and_now_is_the_organizations(
    db: None,
) -> None:
    tokyo = make_organization("tokyo", timezone="Asia/Tokyo")
    make_budget(tokyo, "All", timezone="Asia/Tokyo")

    (line,) = sheet_of(tokyo)

    assert line["period_start"].value.day == 1
    now = datetime.now(UTC).replace(tzinfo=None)
    ahead = line["as_of"].value - now
    assert 8.9 < ahead.total_seconds() / 3600 < 9.1


def test_a_part_of_the_tree_is_asked_for_by_its_top(acme: Organization) -> None:
    tree = make_tree(acme)

    lines = sheet_of(acme, f"?budget={tree['engineering'].uid}")

    assert [one["path"].value for one in lines] == ["Engineering", "Engineering / ML"]


def test_budgets_of_others_are_none(acme: Organization, api: Api) -> None:
    foreign = make_budget(make_organization("globex"))

    answer = api.get(f"exports/budgets.xlsx?budget={foreign.uid}")

    assert (answer.status, answer.body["errors"][0]["attr"]) == (400, "budget")


def test_who_may_read_budgets_may_export_them(acme: Organization) -> None:
    may = make_api(Scope.BUDGETS_READ, organization=acme)
    may_not = make_api(Scope.COSTS_READ, organization=acme)

    assert may.get("exports/budgets.csv").status == 200
    assert may_not.get("exports/budgets.csv").status == 403
    assert may.get("exports/budgets.csv?colour=red").status == 400


def test_however_many_budgets_there_are_the_queries_are_few(
    acme: Organization, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make_budget(acme, f"B{number}")
    asking = make_api(organization=acme)

    with django_assert_max_num_queries(8):
        asking.get("exports/budgets.csv")
