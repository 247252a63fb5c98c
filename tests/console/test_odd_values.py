"""Values that nobody means, in every address and every field of the admin: no 5xx.

Addresses come from the resolver, parameters from what a page asks its query for, fields
from the forms on it: what is new is tried without being named here.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.models import Organization
from accounts.scopes import Role
from tests.addresses import address_of, patterns
from tests.factories import browser_of, make_organization, make_person
from tests.filled import fill
from tests.pages import forms_in
from tests.sizes import every_day_on_sqlite, size

pytestmark = [pytest.mark.django_db, every_day_on_sqlite]

# As an address has them.
ODD = {
    "nul": "a%00b",
    "lone surrogate": "%ED%A0%80",
    "escaped surrogate": quote('"\\ud800"'),
    "superscript": quote("²"),
    "nines": "9" * 5000,
    "exponent": "1E%2B1000000",
    "over-long": "x" * 3000,
}
FRAMEWORK = 2  # a name that more pages ask for is not theirs: tried on a few


@pytest.fixture(scope="module")
def acme_filled(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Organization]:
    """Fill acme once for all tests here; each takes back what it does beside it."""
    with django_db_blocker.unblock(), transaction.atomic():
        acme = make_organization("acme")
        fill(acme)
        yield acme
        transaction.set_rollback(True)


@pytest.fixture
def ann(acme_filled: Organization) -> Client:
    """The browser of a finance admin; it answers 500 as a server does."""
    person = make_person("ann@acme.example", {acme_filled: Role.FINANCE_ADMIN})
    browser = browser_of(person)
    browser.raise_request_exception = False
    return browser


class Asked:
    """Which names a page looks for in its query."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.names: set[str] = set()
        for method in ("__getitem__", "__contains__", "getlist"):
            patch.setattr(QueryDict, method, self._noting(getattr(QueryDict, method)))

    def _noting(self, known: Any) -> Any:
        def noting(query: QueryDict, name: str, *rest: Any) -> Any:
            self.names.add(name)
            return known(query, name, *rest)

        return noting


def parameters_of(browser: Client, address: str) -> list[str]:
    """Return the names that a page looks for in its query, or filters by."""
    with pytest.MonkeyPatch.context() as patch:
        asked = Asked(patch)
        answer = browser.get(address)
    names = {name for name in asked.names if isinstance(name, str)}
    listed = (answer.context or {}).get("cl")
    for one in listed.filter_specs if listed else ():
        names.update(one.expected_parameters())
    return sorted(names)


def kind_for(number: int) -> str:
    """Return one kind after the other, but those refused before a page looks."""
    kinds = list(ODD)[2:]
    return kinds[number % len(kinds)]


def encoded(values: dict[str, str]) -> str:
    return "&".join(f"{quote(name)}={value}" for name, value in values.items())


def faults(answer: Any, *what: str) -> list[str]:
    found = f"{answer.status_code}: {' '.join(what)}"
    return [found] if answer.status_code >= 500 else []


def posted(browser: Client, address: str, values: dict[str, str]) -> Any:
    """Return the answer to a form; what it did is taken back."""
    with transaction.atomic():
        answer = browser.post(
            address, encoded(values), "application/x-www-form-urlencoded"
        )
        transaction.set_rollback(True)
    return answer


def test_no_query_of_a_page_is_a_fault(ann: Client) -> None:
    asked = {
        address: parameters_of(ann, address) for address in map(address_of, patterns())
    }
    pages_with = Counter(name for names in asked.values() for name in names)
    tried: Counter[str] = Counter()

    found = []
    for address, names in asked.items():
        for number, name in enumerate(names):
            tried[name] += 1
            if pages_with[name] > FRAMEWORK and tried[name] > size(1, 10_000):
                continue
            for kind in ODD if size(0, 1) else [kind_for(number)]:
                answer = ann.get(f"{address}?{encoded({name: ODD[kind]})}")
                found += faults(answer, address, name, kind)

    assert found == []


def test_no_id_in_an_address_is_a_fault(ann: Client) -> None:
    found = []
    for number, (name, (form, parameters)) in enumerate(sorted(patterns().items())):
        for kind in ODD if size(0, 1) else [kind_for(number), "superscript"]:
            if parameters:
                answer = ann.get(form % dict.fromkeys(parameters, ODD[kind]))
                found += faults(answer, name, kind)

    assert found == []


@pytest.mark.parametrize("app", sorted({name.split("_")[0] for name in patterns()}))
def test_no_field_of_a_form_is_a_fault(ann: Client, app: str) -> None:
    tried: set[tuple[str, str]] = set()

    found = []
    for page in sorted(name for name in patterns() if name.split("_")[0] == app):
        address = address_of(page)
        for form in forms_in(ann.get(address)):
            sent = {name: quote(value) for name, value in form.items()}
            alone = [
                {**sent, name: odd}
                for name in form
                for odd in ODD.values()
                if size(0, 1) and (page.rpartition("_")[0], name) not in tried
            ]
            tried.update((page.rpartition("_")[0], name) for name in form)
            kinds = [*ODD][2:] if size(0, 1) else [kind_for(len(tried))]
            for values in (*alone, *(dict.fromkeys(sent, ODD[kind]) for kind in kinds)):
                odd = {n: v[:40] for n, v in values.items() if v != sent[n]}
                found += faults(posted(ann, address, values), address, str(odd))

    assert found == []
