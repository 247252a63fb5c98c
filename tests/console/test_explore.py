from datetime import timedelta
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from console.explore import page as explore
from reports.models import SpendExport, SpendView
from reports.spending import tables
from reports.spending.exports import write_export
from tests.factories import browser_for, make_organization, spend
from tests.pages import page_at

pytestmark = pytest.mark.django_db

EXPLORE = "/admin/reports/spendview/explore/"
FILE, SAVE = f"{EXPLORE}file/", f"{EXPLORE}save/"
LIST = "/admin/reports/spendview/"


def before() -> str:
    return (timezone.now() - timedelta(days=40)).isoformat()


def body_of(browser: Client, form: str, query: str) -> bytes:
    answer = browser.post(FILE, {"organization": "acme", "query": query, "form": form})
    assert answer.status_code == 200
    return bytes(answer.content)


def test_the_answer_comes_first(acme: Organization) -> None:
    spend(acme, "30", team_id="ml")
    spend(acme, "10", team_id="web")
    spend(acme, "20", timestamp=before(), team_id="ml")

    page = page_at(browser_for(acme), EXPLORE, by="team", span="30", compare="1")

    lead = page.paragraphs[0]
    assert lead.startswith("Acme spent $40.00 in the last 30 days; ml is 75 % of it.")
    assert "That is $20.00 (100 %) more than from " in lead
    assert "Days are in UTC" in page.text


def test_a_bare_address_shows_the_last_days_by_model(acme: Organization) -> None:
    spend(acme, "30", model="gpt-4o")

    table = page_at(browser_for(acme), EXPLORE).table("1 row")

    assert table.row("gpt-4o")["Cost"] == "$30.00"
    assert table.row("gpt-4o")["Before"] == "$0.00"


def test_names_lead_inside_and_amounts_to_the_records(acme: Organization) -> None:
    spend(acme, "30", team_id="ml", model="gpt-4o")
    browser = browser_for(acme)

    page = page_at(browser, EXPLORE, by="team", project_none="")
    inside = page.links["ml"]
    records = page.table("1 row").row("ml").element
    (address,) = {
        one.attributes["href"] for one in records.all("a") if one.text == "$30.00"
    }

    assert parse_qs(urlsplit(inside).query)["team"] == ["ml"]
    assert parse_qs(urlsplit(inside).query)["by"] == ["project"]
    assert parse_qs(urlsplit(address).query)["team"] == ["ml"]
    assert "$30.00" in page_at(browser, address).text


def test_what_names_no_team_leads_inside_too(acme: Organization) -> None:
    spend(acme, "30", project_id="search")
    browser = browser_for(acme)

    page = page_at(browser, EXPLORE, by="team")
    inside = page_at(browser, EXPLORE + page.links["not given"])

    assert inside.table("1 row").row("search")["Cost"] == "$30.00"
    assert "team not given" in inside.part("Narrowed by").text


def test_filters_are_chips_to_take_away(acme: Organization) -> None:
    spend(acme, "30", team_id="ml")
    spend(acme, "10", team_id="web")
    browser = browser_for(acme)

    answer = browser.get(
        EXPLORE, {"by": "model", "span": "7", "add": "team", "is": "ml"}
    )
    page = page_at(browser, answer["Location"])
    without = page_at(browser, EXPLORE + page.links["Without: team ml"])

    assert page.paragraphs[0].startswith("Acme spent $30.00")
    assert without.paragraphs[0].startswith("Acme spent $40.00")


def test_columns_may_be_another_dimension(acme: Organization) -> None:
    spend(acme, "30", team_id="ml", model="gpt-4o")
    spend(acme, "10", team_id="ml", model="o1")

    table = page_at(
        browser_for(acme), EXPLORE, by="team", across="model", span="7"
    ).table("1 row")

    row = table.row("ml")
    assert (row["gpt-4o"], row["o1"], row["Cost"]) == ("$30.00", "$10.00", "$40.00")


def test_the_picture_has_its_figures_behind_it(acme: Organization) -> None:
    spend(acme, "30", team_id="ml")

    page = page_at(browser_for(acme), EXPLORE, by="team", span="7")

    figures = page.table("Cost by team, as a table")
    assert len(figures.rows) == 7
    assert figures.rows[-1]["ml"] == "$30.00"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"by": "nonsense"}, "by"),
        ({"across": "hour", "span": "90"}, "across"),
        ({"span": "days", "start": "9999999-01-01", "end": "2026-01-01"}, "start"),
        ({"span": "days", "start": "2026-01-01", "end": "nan"}, "end"),
        ({"team": "x" * 300}, "filter"),
        ({"measure": "<script>"}, "measure"),
        ({"add": "password", "is": "x"}, "add"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_can_not_be_meant_is_said_on_a_plain_page(
    query: dict[str, str], name: str, acme: Organization
) -> None:
    answer = browser_for(acme).get(EXPLORE, query)

    assert answer.status_code == 400
    content = answer.content.decode()
    assert f"<code>{name}</code>" in content
    assert "<script>" not in content.partition('role="alert"')[2][:400]


def test_where_nothing_was_used_it_says_what_would_be_there(
    acme: Organization,
) -> None:
    page = page_at(browser_for(acme), EXPLORE)

    assert "Nothing was used like that" in page.headings
    assert page.paragraphs[0] == "Nothing was used in the last 30 days."


def test_files_have_all_that_is_seen(acme: Organization) -> None:
    spend(acme, "30", team_id="=1+1")
    browser = browser_for(acme, Role.VIEWER)

    text = body_of(browser, "csv", "by=team&span=7").decode()
    book = load_workbook(BytesIO(body_of(browser, "xlsx", "by=team&span=7")))

    assert text.splitlines()[1].startswith("'=1+1,30.0000000000,1,")
    sheet = book.active
    assert sheet is not None
    assert (sheet["A2"].value, sheet["A2"].data_type) == ("=1+1", "s")
    assert (sheet["B2"].value, sheet["B2"].data_type) == (30, "n")


def test_a_form_of_file_that_is_none_is_refused(acme: Organization) -> None:
    browser = browser_for(acme)
    sent = {"organization": "acme", "query": "by=team&span=7"}

    assert browser.post(FILE, {**sent, "form": "exe"}).status_code == 400
    assert browser.post(FILE, {**sent, "query": "by=x"}).status_code == 400
    assert browser.post(FILE, {**sent, "organization": "x"}).status_code == 404


def test_a_long_file_is_written_by_a_worker(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore, "MOST_AT_ONCE", 1)
    spend(acme, "30", team_id="ml")
    spend(acme, "10", team_id="web")
    browser, other = browser_for(acme), browser_for(acme, Role.VIEWER)
    sent = {"organization": "acme", "query": "by=team&span=7", "form": "csv"}

    progress = browser.post(FILE, sent)["Location"]
    waiting = page_at(browser, progress)
    part = browser.get(progress, {"part": "1"})
    early = browser.get(f"{progress}file/")
    write_export(SpendExport.objects.get().pk)
    done = page_at(browser, progress)
    end = browser.get(progress, {"part": "1"})
    file = browser.get(done.links["Fetch the file (CSV)"])

    assert "Waiting for a worker: 0 % done" in waiting.text
    assert (part.status_code, early.status_code, end.status_code) == (200, 404, 286)
    assert file.content.decode().splitlines()[1].startswith("ml,30.0000000000")
    assert other.get(progress).status_code == 404
    assert browser.get(f"{EXPLORE}exports/nonsense/").status_code == 404


def test_a_view_is_kept_for_oneself_or_for_everybody(acme: Organization) -> None:
    spend(acme, "30", team_id="ml")
    ann, lea = browser_for(acme), browser_for(acme, Role.VIEWER)
    sent = {"organization": "acme", "query": "by=team&span=7"}

    ann.post(SAVE, {**sent, "name": "Mine"})
    ann.post(SAVE, {**sent, "name": "Ours", "is_shared": "1"})
    lea.post(SAVE, {**sent, "name": "Hers", "is_shared": "1"})

    assert list(page_at(ann, EXPLORE).part("Saved views").links)[:2] == ["Mine", "Ours"]
    assert list(page_at(lea, EXPLORE).part("Saved views").links)[:2] == ["Hers", "Ours"]
    assert not SpendView.objects.get(name="Hers").is_shared  # a viewer shares nothing
    opened = page_at(lea, page_at(lea, EXPLORE).part("Saved views").links["Ours"])
    assert opened.table("1 row").row("ml")["Cost"] == "$30.00"


def test_only_the_owner_changes_a_view_and_its_history_is_kept(
    acme: Organization,
) -> None:
    ann, lea = browser_for(acme), browser_for(acme, Role.BUDGET_OWNER)
    sent = {"organization": "acme", "query": "by=team&span=7", "name": "Ours"}
    ann.post(SAVE, {**sent, "is_shared": "1"})
    view = SpendView.objects.get()
    place = f"{LIST}{view.pk}/change/"

    hers = lea.post(place, {"name": "Stolen", "is_shared": ""})
    ann.post(place, {"name": "Renamed", "is_shared": "on"})

    view.refresh_from_db()
    assert hers.status_code == 403
    assert (view.name, view.history.count()) == ("Renamed", 2)
    assert lea.get(f"{LIST}{view.pk}/delete/").status_code == 403


@pytest.mark.parametrize(
    "spoilt",
    [{"name": ""}, {"name": "x" * 101}, {"query": "by=x"}, {"query": ""}],
    ids=str,
)
def test_a_view_without_a_name_or_a_question_is_not_kept(
    spoilt: dict[str, str], acme: Organization
) -> None:
    sent = {"organization": "acme", "query": "by=team&span=7", "name": "Ours"}

    answer = browser_for(acme).post(SAVE, {**sent, **spoilt})

    assert answer.status_code == 302
    assert not SpendView.objects.exists()


def test_a_name_is_used_once(acme: Organization) -> None:
    browser = browser_for(acme)
    sent = {"organization": "acme", "query": "by=team&span=7", "name": "Ours"}

    browser.post(SAVE, sent)
    answer = browser.post(SAVE, sent, follow=True)

    assert "You have a view of that name already" in answer.content.decode()
    assert SpendView.objects.count() == 1


def test_nothing_of_another_organization_is_seen(acme: Organization) -> None:
    globex = make_organization("globex")
    spend(globex, "77", team_id="secret")
    stranger = browser_for(globex)
    stranger.post(
        SAVE,
        {
            "organization": "globex",
            "query": "by=team&span=7",
            "name": "Theirs",
            "is_shared": "1",
        },
    )
    view = SpendView.objects.get()
    browser = browser_for(acme)

    page = page_at(browser, EXPLORE, by="team")

    assert "secret" not in page.text
    assert "Theirs" not in page.text
    assert browser.get(EXPLORE, {"organization": "globex"}).status_code == 404
    assert browser.get(f"{LIST}{view.pk}/change/").status_code in {302, 404}
    assert (
        browser.post(
            SAVE, {"organization": "globex", "query": "by=team", "name": "x"}
        ).status_code
        == 404
    )


def test_what_takes_long_to_add_up_is_loaded_after_the_page(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_AT_ONCE", 10)
    spend(acme, "30", team_id="ml")
    browser = browser_for(acme)
    asked = {"by": "team", "span": "30", "compare": "1"}

    first = page_at(browser, EXPLORE, **asked)
    link = first.links["the answer on a page of its own"]
    later = browser.get(EXPLORE, {**asked, "part": "answer"}).content.decode()
    brief = page_at(browser, EXPLORE, by="team", span="7", team="web")

    assert "$30.00" not in first.text
    assert "<html" not in later
    assert "Acme spent $30.00 in the last 30 days" in later
    assert page_at(browser, EXPLORE + link).table("1 row").row("ml")["Cost"] == "$30.00"
    assert "Nothing was used like that" in brief.headings


def test_as_many_queries_for_many_rows_as_for_one(
    acme: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    browser = browser_for(acme)
    spend(acme, "1", team_id="t0")
    browser.get(EXPLORE)
    for number in range(15):
        spend(acme, "3", team_id=f"t{number}", project_id=f"p{number}")

    with django_assert_max_num_queries(22):
        browser.get(EXPLORE, {"by": ["team", "project"], "across": "model"})
