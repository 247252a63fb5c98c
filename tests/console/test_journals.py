"""Journals in the admin: accounts, months, and files of what was posted."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from accounts.scopes import Role
from budgets.scopes import DIMENSION_OF, clean
from console.journals.scope_words import read_scope, written_scope
from reports.journals.setups import set_mappings, setup_of, setup_version
from reports.models import Journal, JournalSetup
from tests.factories import browser_for, make_organization, spend
from tests.sizes import examples

pytestmark = pytest.mark.django_db
JANUARY = datetime(2025, 1, 15, 12, tzinfo=UTC)
ACCOUNTS = "/admin/reports/journalsetup/accounts/?organization=acme"
MONTH = "/admin/reports/journal/month/?organization=acme&month=2025-01"
ALL = {"scope": {}, "expense_account": "6100", "liability_account": "2100"}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def finance(acme: Organization) -> Client:
    return browser_for(acme)


def rows(*rows: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """Return the editor's table as it is filled in, with the rest as it begins."""
    columns = ("scope", "expense_account", "liability_account", "cost_center")
    found: dict[str, Any] = {
        f"row.{name}": [row[place] if place < len(row) else "" for row in rows]
        for place, name in enumerate((*columns, "department", "class"))
    }
    return {**found, "date_order": "mdy", "tax_rate": "Tax Exempt", **more}


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_accounts_are_filled_in_as_a_table(acme: Organization, finance: Client) -> None:
    sent = rows(
        ("team = ml, web; tag = stage=prod", "6200", "2100", "CC 1"),
        ("everything", "6100", "2100"),
        ("", "", ""),
        rounding_account="8999",
    )

    answer = finance.post(ACCOUNTS, sent)

    assert answer.status_code == 302
    setup = JournalSetup.objects.get()
    assert setup.rounding_account == "8999"
    assert [one["scope"] for one in setup.mappings] == [
        {"teams": ["ml", "web"], "tags": {"stage": "prod"}},
        {},
    ]
    assert "team = ml, web; tag = stage=prod" in page(finance, ACCOUNTS)


def test_what_is_wrong_stands_at_its_cell_and_nothing_is_saved(
    finance: Client,
) -> None:
    sent = rows(("team = ml", "=6200", "2100"), ("everything", "6100", "2100"))

    said = finance.post(ACCOUNTS, sent).content.decode()

    assert "Not saved: 1 field needs another look." in said
    assert "Must not begin with “=”" in said
    assert 'value="=6200"' in said
    assert not JournalSetup.objects.exists()


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("colour = red", "is none of department"),
        ("team", "write it as team = ml, web"),
        ('team = "ml', "close the quotes"),
    ],
)
def test_a_scope_that_cannot_be_read_is_told(
    finance: Client, scope: str, words: str
) -> None:
    said = finance.post(ACCOUNTS, rows((scope, "6100", "2100"))).content.decode()

    assert words in said
    assert not JournalSetup.objects.exists()


def test_who_saves_later_is_told_that_somebody_was_first(
    acme: Organization, finance: Client
) -> None:
    seen = setup_version(setup_of(acme))
    set_mappings(acme, [ALL])

    said = finance.post(ACCOUNTS, rows(("everything", "7", "8"), version=seen))

    assert "since you opened this page" in said.content.decode()
    assert JournalSetup.objects.get().mappings[0]["expense_account"] == "6100"


def test_a_preview_tells_what_has_no_account_and_saves_nothing(
    acme: Organization, finance: Client
) -> None:
    spend(acme, "10", JANUARY, team_id="ml")
    spend(acme, "2.5", JANUARY, team_id="web")
    with time_machine.travel(datetime(2025, 2, 10, tzinfo=UTC), tick=False):
        sent = rows(("team = ml", "6100", "2100"), preview="1")
        said = finance.post(ACCOUNTS, sent).content.decode()

    assert "$2.50 has no account" in said
    assert "team web" in said
    assert not JournalSetup.objects.exists()


def test_a_month_is_looked_at_posted_and_had_as_a_file(
    acme: Organization, finance: Client
) -> None:
    set_mappings(acme, [ALL])
    spend(acme, "10", JANUARY)
    said = page(finance, MONTH)
    token = said.partition('name="seen" value="')[2].partition('"')[0]

    answer = finance.post(
        MONTH, {"seen": token, "what": "accrual", "reason": "January"}
    )

    journal = Journal.objects.get()
    assert answer.status_code == 302
    assert (journal.amount, journal.reason) == (10, "January")
    assert journal.posted_by == "finance_admin@acme.example"
    after = page(finance, MONTH)
    assert "is posted, and nothing has changed since." in after
    file = finance.get(f"/admin/reports/journal/{journal.pk}/file/?system=xero&as=csv")
    assert file.content.startswith(b"*Narration,")
    assert "LLM-2025-01-acme-1-xero.csv" in file["Content-Disposition"]


def test_what_changed_since_it_was_shown_is_not_posted(
    acme: Organization, finance: Client
) -> None:
    set_mappings(acme, [ALL])
    spend(acme, "10", JANUARY)
    token = page(finance, MONTH).partition('name="seen" value="')[2].partition('"')[0]
    spend(acme, "10", JANUARY)

    said = finance.post(MONTH, {"seen": token, "what": "accrual"}).content.decode()

    assert "has changed since it was shown" in said
    assert not Journal.objects.exists()


def test_the_list_says_which_months_are_to_be_posted_and_which_changed(
    acme: Organization, finance: Client
) -> None:
    set_mappings(acme, [ALL])
    spend(acme, "10", JANUARY)
    path = "/admin/reports/journal/?organization=acme"
    with time_machine.travel(datetime(2025, 2, 10, tzinfo=UTC), tick=False):
        before = page(finance, path)
        token = page(finance, MONTH).partition('name="seen" value="')[2]
        finance.post(MONTH, {"seen": token.partition('"')[0], "what": "accrual"})
        posted = page(finance, path)
        spend(acme, "1", JANUARY)
        after = page(finance, path)

    assert "To be posted" in before
    assert "To be posted" not in posted
    assert "Changed since" in after


@pytest.mark.parametrize("role", [Role.BUDGET_OWNER, Role.APPROVER, Role.VIEWER])
def test_others_read_and_are_told_whom_to_ask(acme: Organization, role: Role) -> None:
    set_mappings(acme, [ALL])
    spend(acme, "10", JANUARY)
    reader = browser_for(acme, role)

    assert "A finance admin of Acme posts it." in page(reader, MONTH)
    assert "A finance admin of Acme sets accounts." in page(reader, ACCOUNTS)
    assert reader.post(MONTH, {"seen": "x"}).status_code == 403
    assert reader.post(ACCOUNTS, rows()).status_code == 403


@pytest.mark.parametrize("query", ["", "?organization=acme&month=2025", "?month=%00"])
def test_there_is_no_page_of_no_month(finance: Client, query: str) -> None:
    assert finance.get(f"/admin/reports/journal/month/{query}").status_code == 404


_values = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"),
    min_size=1,
    max_size=8,
).filter(lambda text: bool(text.strip()))
_tags = st.text(st.sampled_from('ab",; x'), min_size=1, max_size=5).map(str.strip)


@settings(max_examples=examples(50, 1_000))
@given(
    scope=st.fixed_dictionaries(
        {},
        optional={
            **{
                name: st.lists(_values, min_size=1, max_size=3) for name in DIMENSION_OF
            },
            "tags": st.dictionaries(_tags.filter(bool), _tags, min_size=1, max_size=3),
        },
    )
)
def test_a_scope_that_is_written_is_read_back(scope: dict[str, Any]) -> None:
    models = [one.replace("*", "") or "m" for one in scope.get("models", [])]
    stored = clean({**scope, **({"models": models} if models else {})})

    assert clean(read_scope(written_scope(stored))) == stored
