"""What is past is read: no page of the history writes, whoever asks and however."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Organization
from accounts.scopes import Role
from ledger.prices import add_price
from tests.factories import browser_for, browser_of, make_budget, make_person

pytestmark = pytest.mark.django_db

WRITING = ("POST", "PUT", "PATCH", "DELETE")
WITH_HISTORY = sorted(
    (one for one in admin.site._registry.values() if hasattr(one, "history_form_view")),
    key=lambda one: str(one.model._meta),
)


def version_page(row: Any) -> str:
    """Return the page of the first version of *row*."""
    meta = row._meta
    version = row.history.earliest()
    name = f"admin:{meta.app_label}_{meta.model_name}_simple_history"
    return reverse(name, args=[row.pk, version.pk])


def browser_with(role: str, organization: Organization) -> Client:
    if role == "superuser":
        return browser_of(make_person("root@example.com", is_superuser=True))
    return browser_for(organization, Role(role))


def test_a_version_of_a_budget_is_not_saved_again(acme: Organization) -> None:
    budget = make_budget(acme, "Company", "50")
    budget.amount = 777
    budget.save()
    for role in (*Role.values, "superuser"):
        browser = browser_with(role, acme)
        for method in WRITING:
            refused = browser.generic(method, version_page(budget), b"")

            assert refused.status_code == 405
            assert refused.headers["Allow"] == "GET, HEAD"
    budget.refresh_from_db()
    assert budget.amount == 777
    assert budget.history.count() == 2


def test_a_viewer_does_not_become_finance_admin(acme: Organization) -> None:
    viewer = make_person("vic@acme.example", {acme: Role.VIEWER})
    own = Membership.objects.get(user=viewer)

    refused = browser_of(viewer).post(
        version_page(own), {"role": Role.FINANCE_ADMIN.value}
    )

    assert refused.status_code == 405
    own.refresh_from_db()
    assert own.role == Role.VIEWER


def test_a_price_for_all_is_nobodys_to_change_there(acme: Organization) -> None:
    price = add_price(provider="openai", model="gpt-4o", input_per_million="2.50")

    refused = browser_for(acme, Role.VIEWER).post(
        version_page(price), {"input_per_million": "0.0000000001"}
    )

    assert refused.status_code == 405
    price.refresh_from_db()
    assert price.input_per_million == 2.5


def test_no_model_that_is_registered_writes_by_its_history() -> None:
    browser = browser_of(make_person("root@example.com", is_superuser=True))
    for one in WITH_HISTORY:
        meta = one.model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}_simple_history"
        for method in WRITING:
            # There is no such version: one that looked for it would say 404.
            refused = browser.generic(method, reverse(name, args=[1, 1]), b"")

            assert refused.status_code == 405, (name, method)


def test_versions_are_still_shown(acme: Organization) -> None:
    budget = make_budget(acme, "Company", "50")

    shown = browser_for(acme, Role.VIEWER).get(version_page(budget))

    assert shown.status_code == 200
    assert "Company" in shown.content.decode()
