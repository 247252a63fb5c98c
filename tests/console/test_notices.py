"""Pages that say why there is nothing else to see."""

import re

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import Organization
from accounts.scopes import Role
from accounts.tenants import TenantModelAdmin
from lib.web import server_error
from tests.factories import browser_for, browser_of, make_person, spend
from tests.pages import read, shown

pytestmark = pytest.mark.django_db


_WAYS_ON = {"Back to the start", "Budget tree"}


def is_designed(content: bytes) -> bool:
    """Tell whether a page has the house's look and a way on."""
    text = content.decode()
    page = read(text)
    return "console/notice.css" in text and _WAYS_ON & set(page.links) != set()


def test_who_has_no_leave_is_told_as_whom_and_by_whom_it_is_given(
    acme: Organization,
) -> None:
    answer = browser_for(acme, Role.VIEWER).get("/admin/ledger/price/add/")

    assert answer.status_code == 403
    assert is_designed(answer.content)
    assert b"viewer@acme.example" in answer.content
    assert b"finance admin" in answer.content


def test_a_form_that_is_too_old_is_told_so(acme: Organization) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_person("ann@acme.example", {acme: Role.FINANCE_ADMIN}))

    answer = browser.post("/admin/ledger/price/add/", {})

    assert answer.status_code == 403
    assert is_designed(answer.content)
    assert b"The page was too old" in answer.content


def test_what_is_not_there_and_what_went_wrong_are_designed(
    acme: Organization, rf: RequestFactory
) -> None:
    missing = browser_for(acme).get("/admin/no/such/page/at/all/")
    broken = server_error(rf.get("/admin/"))

    assert (missing.status_code, broken.status_code) == (404, 500)
    assert is_designed(missing.content)
    assert is_designed(broken.content)


def test_the_api_is_refused_in_its_own_words(acme: Organization) -> None:
    answer = Client().get("/api/v1/budgets")

    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ledger_price", "No prices of your own: usage costs what"),
        ("ledger_exchangerate", "No rates of your own"),
        ("ledger_costrecord", "Each use of a model"),
        ("ledger_repricing", "No corrections yet"),
        ("ledger_dailyspend", "No daily spend yet"),
        ("budgets_backfill", "No backfills yet"),
    ],
)
def test_empty_lists_teach(name: str, told: str, acme: Organization) -> None:
    page = shown(browser_for(acme), reverse(f"admin:{name}_changelist"))

    assert told in page
    assert "yielded" not in page


def test_every_list_has_words_for_when_it_is_empty() -> None:
    lists = {
        model: declared
        for model, declared in admin.site._registry.items()
        if isinstance(declared, TenantModelAdmin)
    }
    silent = [
        model.__name__
        for model, declared in lists.items()
        if not declared.empty_words
        and not declared.list_before_template
        and "changelist_view" not in _own_names(type(declared))
    ]
    broken = [
        plural
        for model in lists
        if re.search(
            r"[^aeiou]ys$|^not ", plural := str(model._meta.verbose_name_plural)
        )
    ]

    assert (silent, broken) == ([], [])


def _own_names(kind: type) -> set[str]:
    ours = (base for base in kind.__mro__ if base.__module__.startswith("console"))
    return {name for base in ours for name in vars(base)}


def test_a_list_that_filters_leave_empty_offers_all(acme: Organization) -> None:
    spend(acme, "1")

    page = shown(browser_for(acme), "/admin/ledger/price/", q="nothing like that")

    assert "Nothing found" in page
    assert "Show all" in page


def test_names_stay_as_people_wrote_them(acme: Organization) -> None:
    person = make_person("lea@acme.example", {acme: Role.VIEWER})
    root = browser_of(make_person("root@example.com", is_superuser=True))

    page = root.get(f"/admin/accounts/user/{person.pk}/change/").content.decode()

    assert "Lea@acme.example" not in page
