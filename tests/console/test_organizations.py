"""An organization's form refuses what the API refuses."""

import pytest
from django.urls import reverse

from accounts.models import Organization
from tests.factories import browser_for, browser_of, make_budget, make_person, spend

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Acme Corporation",
    "timezone": "Europe/Berlin",
    "fiscal_year_start_month": 4,
    "unpriced_policy": "allow",
    "response_ids": "once",
    "late_records": "period",
}


def page_of(organization: Organization) -> str:
    return reverse("admin:accounts_organization_change", args=[organization.pk])


def test_the_fiscal_year_stays_while_budgets_run_by_it(acme: Organization) -> None:
    make_budget(acme, "Year", period="annual")
    spend(acme, "3")

    answer = browser_for(acme).post(page_of(acme), FORM)

    assert answer.status_code == 200
    assert "be moved: budget “Year” is annual" in answer.content.decode()
    acme.refresh_from_db()
    assert (acme.fiscal_year_start_month, acme.name) == (1, "Acme")


def test_the_fiscal_year_moves_where_nothing_runs_by_it(acme: Organization) -> None:
    make_budget(acme, "Month")
    before = acme.revision

    answer = browser_for(acme).post(page_of(acme), FORM)

    acme.refresh_from_db()
    assert answer.status_code == 302
    assert (acme.fiscal_year_start_month, acme.name) == (4, "Acme Corporation")
    assert acme.revision > before


def test_a_superuser_makes_an_organization(db: None) -> None:
    root = browser_of(make_person("root@example.com", is_superuser=True))
    form = {**FORM, "slug": "org-new", "currency": "EUR"}

    root.post(reverse("admin:accounts_organization_add"), form)

    assert Organization.objects.get(slug="org-new").currency == "EUR"
    again = root.post(reverse("admin:accounts_organization_add"), form)
    assert again.status_code == 200
    assert "already" in again.content.decode()
