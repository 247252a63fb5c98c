import csv
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone
from openpyxl import load_workbook

from accounts.models import Organization
from accounts.scopes import Role
from budgets.rollup import roll_up
from lib.errors import Invalid
from reports.models import ExportState, SpendExport
from reports.spending import exports
from reports.spending.files import FORMS, header_of, rows_of
from reports.spending.questions import question_of
from reports.spending.tables import course_of, measured, table_of
from tests.factories import make_organization, make_person, spend

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 15)


def asked(query: str, today: date = TODAY) -> Any:
    return question_of(QueryDict(query), today)


def at(day: int, hour: int = 12, month: int = 3) -> str:
    return datetime(2026, month, day, hour, tzinfo=UTC).isoformat()


def costs_of(organization: Organization, query: str) -> dict[str, str]:
    """Return what each row costs, by its names."""
    table = table_of(asked(query), organization)
    return {"/".join(one.names): f"{one.now.cost:.2f}" for one in table.lines}


@pytest.mark.parametrize(
    ("query", "first", "last", "before"),
    [
        ("span=today", "03-15", "03-15", "03-14"),
        ("span=7", "03-09", "03-15", "03-02"),
        ("span=month", "03-01", "03-15", "02-01"),
        ("span=last", "02-01", "02-28", "01-01"),
        ("span=year", "01-01", "03-15", "10-19"),
        ("span=days&start=2026-03-02&end=2026-03-03", "03-02", "03-03", "02-28"),
    ],
)
def test_spans_are_days_in_utc(query: str, first: str, last: str, before: str) -> None:
    found = asked(query)

    assert (f"{found.first:%m-%d}", f"{found.last:%m-%d}") == (first, last)
    assert f"{found.before.start:%m-%d}" == before


def test_this_month_is_compared_with_the_same_days_of_the_last() -> None:
    found = asked("span=month")

    assert found.before.end == datetime(2026, 2, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("by=nonsense", "by"),
        ("by=team&by=model&by=user&by=project", "by"),
        ("across=century", "across"),
        ("by=team&across=team", "across"),
        ("across=hour&span=30", "across"),
        ("span=yesterday", "span"),
        ("span=days", "start"),
        ("span=days&start=2026-02-30&end=2026-03-01", "start"),
        ("span=days&start=1800-01-01&end=2026-03-01", "start"),
        ("span=days&start=2026-03-02&end=2026-03-01", "end"),
        ("span=days&start=2000-01-01&end=2099-01-01", "end"),
        ("measure=joy", "measure"),
        (f"team={'x' * 201}", "filter"),
        ("&".join(f"team={n}" for n in range(60)), "filter"),
    ],
)
def test_what_can_not_be_meant_is_named(query: str, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        asked(query)

    assert [error.attr for error in refused.value.errors] == [name]


@pytest.mark.parametrize(
    "query",
    [
        "by=team&by=model&across=day&span=7&measure=tokens&compare=1&team=ml&tag=a:b",
        "by=tag&across=&span=days&start=2026-01-01&end=2026-01-02&measure=cost&team=",
    ],
)
def test_an_address_says_what_was_asked(query: str) -> None:
    found = asked(query)

    assert asked(found.query()) == found


def test_rows_are_what_the_records_add_up_to(acme: Organization) -> None:
    rows = [
        *(("ml", "a", 1, "3"), ("ml", "b", 2, "5"), ("web", "a", 2, "0.5")),
        *(("", "b", 14, "7"), ("ml", "a", 15, "11"), ("web", "b", 1, "0.25")),
    ]
    for number, (team, project, day, cost) in enumerate(rows):
        spend(acme, cost, timestamp=at(day), team_id=team or None, project_id=project)
        if number == 2:
            roll_up(acme.pk)  # the rest stays in deltas
    spend(make_organization("globex"), "99", timestamp=at(2), team_id="ml")

    expected: dict[str, Decimal] = defaultdict(Decimal)
    for team, project, _, cost in rows:
        expected[f"{team}/{project}"] += Decimal(cost)

    found = costs_of(acme, "by=team&by=project&span=month")
    assert found == {name: f"{cost:.2f}" for name, cost in expected.items()}
    assert list(found) == ["ml/a", "/b", "ml/b", "web/a", "web/b"]


def test_columns_go_by_time_or_by_a_dimension(acme: Organization) -> None:
    for day, project, cost in ((1, "a", "1"), (2, "a", "2"), (2, "b", "4")):
        spend(acme, cost, timestamp=at(day), project_id=project, team_id="ml")
    days = "by=team&span=days&start=2026-03-01&end=2026-03-03"

    by_day = table_of(asked(f"{days}&across=day"), acme)
    by_project = table_of(asked(f"{days}&across=project"), acme)
    by_hour = table_of(asked(f"{days}&across=hour"), acme)

    assert by_day.columns == ["1 Mar 2026", "2 Mar 2026", "3 Mar 2026"]
    assert [by_day.lines[0].cells[name] for name in by_day.columns] == [1, 6, 0]
    assert by_project.columns == ["b", "a"]
    assert by_project.total.cells == {"a": 3, "b": 4}
    assert by_hour.lines[0].cells["2 Mar 2026, 12:00"] == 6
    assert len(by_hour.columns) == 72


def test_filters_hold_together_and_name_what_is_not_given(acme: Organization) -> None:
    spend(acme, "1", timestamp=at(2), team_id="ml", project_id="a")
    spend(acme, "2", timestamp=at(2), team_id="ml", project_id="b", tags=["x", "y"])
    spend(acme, "4", timestamp=at(2), project_id="b")

    assert costs_of(acme, "span=month&by=project&team=ml") == {"b": "2.00", "a": "1.00"}
    assert costs_of(acme, "span=month&by=project&team=") == {"b": "4.00"}
    assert costs_of(acme, "span=month&by=team&tag=x") == {"ml": "2.00"}
    assert costs_of(acme, "span=month&by=tag&team=ml") == {
        "x": "2.00",
        "y": "2.00",
        "": "1.00",
    }


def test_a_comparison_has_what_is_no_longer_used(acme: Organization) -> None:
    spend(acme, "1", timestamp=at(2), team_id="new")
    spend(acme, "3", timestamp=at(3, month=2), team_id="old")

    table = table_of(asked("span=month&by=team&compare=1"), acme)

    found = {one.names[0]: (one.now.cost, one.before.cost) for one in table.lines}
    assert found == {"new": (1, 0), "old": (0, 3)}
    assert table.total.before.cost == 3


def test_the_course_has_every_interval_and_few_groups(acme: Organization) -> None:
    for number in range(9):
        spend(acme, str(number + 1), timestamp=at(2), team_id=f"t{number}")

    course = course_of(asked("span=7&by=team", date(2026, 3, 4)), acme)

    assert len(course.buckets) == len(course.amounts) == 7
    assert course.groups == ["t8", "t7", "t6", "t5", "t4", "t3", "t2", "all others"]
    assert sum(course.amounts[4].values()) == 45
    assert course.amounts[4]["all others"] == 3


def file_of(organization: Organization, query: str, form: str) -> bytes:
    table = table_of(asked(query), organization)
    header = header_of(table, organization.currency)
    return b"".join(FORMS[form].pieces(header, rows_of(table)))


def test_files_have_what_is_seen_to_the_last_place(acme: Organization) -> None:
    spend(acme, "0.0000000001", timestamp=at(2), team_id="=cmd|'/C calc'!A1")
    spend(acme, "1.5", timestamp=at(2), team_id="ml")
    query = "span=month&by=team&compare=1"

    lines = list(csv.DictReader(StringIO(file_of(acme, query, "csv").decode())))
    book = load_workbook(BytesIO(file_of(acme, query, "xlsx")))

    assert [one["team"] for one in lines] == ["ml", "'=cmd|'/C calc'!A1"]
    assert [one["cost_USD"] for one in lines] == ["1.5000000000", "0.0000000001"]
    rows = list(book.active.iter_rows(min_row=2))
    assert [(row[0].value, row[0].data_type) for row in rows][1][1] == "s"
    assert rows[0][1].value == 1.5


def test_a_worker_writes_long_files_once(acme: Organization) -> None:
    now = datetime(2026, 3, 15, 12, tzinfo=UTC)
    person = make_person("ann@acme.example", {acme: Role.VIEWER})
    spend(acme, "1.5", timestamp=at(2), team_id="ml")

    made = exports.ask_export(acme, person, asked("span=month&by=team"), "csv", now=now)
    assert made.state == ExportState.WAITING
    said = exports.write_export(made.pk)
    again = exports.write_export(made.pk)

    made.refresh_from_db()
    assert (made.state, made.done) == (ExportState.DONE, 100)
    assert b"ml,1.5000000000" in bytes(made.content or b"")
    assert said.startswith("Wrote ")
    assert again == "There is nothing to write."


def test_files_are_forgotten_after_a_day(acme: Organization) -> None:
    person = make_person("ann@acme.example", {acme: Role.VIEWER})
    now = timezone.now()
    old = exports.ask_export(acme, person, asked("span=7"), "csv", now=now)

    later = now + timedelta(days=1, seconds=1)
    new = exports.ask_export(acme, person, asked("span=7"), "csv", now=later)

    assert list(SpendExport.objects.values_list("pk", flat=True)) == [new.pk]
    assert exports.write_export(old.pk) == "There is nothing to write."


def test_counts_are_added_up_as_costs_are(acme: Organization) -> None:
    spend(acme, "1", timestamp=at(2), team_id="ml", input_tokens=7, output_tokens=3)
    spend(acme, "1", timestamp=at(2), team_id="ml", input_tokens=1, output_tokens=1)

    (line,) = table_of(asked("span=month&by=team"), acme).lines

    assert measured(line.now, "tokens") == 12
    assert measured(line.now, "requests") == 2
