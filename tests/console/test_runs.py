"""The pages of runs: what each has spent of its cap, and on what."""

import pytest
from django.test import Client

from accounts.models import Organization
from budgets.models import Run
from tests.controls.factories import authorize, book
from tests.factories import Api, browser_for, make_organization

pytestmark = pytest.mark.django_db
LIST = "/admin/budgets/run/"


@pytest.fixture
def browser(acme: Organization) -> Client:
    return browser_for(acme)


def page_of(browser: Client, name: str = "agent-7") -> str:
    row = Run.objects.get(run_id=name)
    return browser.get(f"{LIST}{row.pk}/change/").content.decode()


def test_runs_are_listed_with_what_they_spent(api: Api, browser: Client) -> None:
    authorize(api, run_id="agent-7", run_cap="4")
    book(api, "1", id="a", run_id="nightly")

    page = browser.get(LIST).content.decode()
    found = browser.get(f"{LIST}?q=night").content.decode()

    for words in ("agent-7", "nightly", "$4.00", "25\N{NO-BREAK SPACE}%", "No cap"):
        assert words in page
    assert "agent-7" not in found
    assert "nightly" in found


def test_a_run_tells_its_calls_and_its_usage(api: Api, browser: Client) -> None:
    first = authorize(api, run_id="agent-7", run_cap="4")
    authorize(api, run_id="agent-7")
    book(api, "0.5", id="call-1", authorization_id=first["id"])

    page = page_of(browser)

    assert (
        "It has spent $0.50 of its cap of $4.00, and $1.00 is set aside: "
        "37\N{NO-BREAK SPACE}%. $2.50 is left."
    ) in page
    assert page.count("/admin/budgets/reservation/") >= 2
    assert "call-1" in page.replace("<wbr>", "")


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        ("4", "Nothing is left: its calls are refused."),
        ("5", "It is $1.00 past the cap: its calls are refused."),
    ],
)
def test_a_run_at_its_cap_says_so(
    api: Api, browser: Client, spent: str, words: str
) -> None:
    authorize(api, run_id="agent-7", run_cap="4", estimated_cost="0")
    book(api, spent, id="a", run_id="agent-7")

    assert words in page_of(browser)


def test_what_only_reports_has_no_cap(api: Api, browser: Client) -> None:
    book(api, "1", id="a", run_id="agent-7")

    page = page_of(browser)

    assert "It has spent $1.00. Nobody gave it a cap." in page
    assert "None: it only reported usage." in page


def test_another_organizations_run_is_not_there(api: Api) -> None:
    book(api, "1", id="a", run_id="agent-7")
    other = browser_for(make_organization("globex"))
    row = Run.objects.get()

    assert other.get(f"{LIST}{row.pk}/change/").status_code == 404
    assert "agent-7" not in other.get(LIST).content.decode()


def test_an_empty_list_says_what_stands_there(browser: Client) -> None:
    assert "No call has named a run yet." in browser.get(LIST).content.decode()
