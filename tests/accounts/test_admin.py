import re
from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.audit import acting_as
from accounts.models import ApiKey, Invitation, Membership, Organization, User
from accounts.scopes import Role
from accounts.tenants import TenantModelAdmin
from ledger.models import Price
from tests.factories import (
    browser_for,
    browser_of,
    make_key,
    make_organization,
    make_person,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def globex(db: None) -> Organization:
    return make_organization("globex")


@pytest.fixture
def root() -> Client:
    return browser_of(make_person("root@example.com", is_superuser=True))


def pages_of(model: type[Model], page: str, *arguments: object) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=arguments)


def test_every_model_of_the_product_is_declared_with_its_organization() -> None:
    ours = {
        model._meta.label: isinstance(declared, TenantModelAdmin)
        for model, declared in admin.site._registry.items()
        if model._meta.app_label
        in {
            *("accounts", "alerts", "approvals", "budgets", "controls"),
            *("forecasts", "ledger", "notifications"),
        }
    }

    assert all(ours.values())
    assert {
        *("accounts.Organization", "accounts.User", "accounts.Membership"),
        *(
            "accounts.Invitation",
            "accounts.ApiKey",
            "ledger.CostRecord",
            "ledger.Attribution",
            "ledger.MonthLock",
            "ledger.FixedCharge",
        ),
        *("ledger.DailySpend", "ledger.Price", "ledger.ExchangeRate"),
        *("ledger.Repricing", "budgets.Budget", "budgets.BudgetPeriod"),
        *("budgets.Backfill", "budgets.Reservation", "controls.ControlRule"),
        "budgets.Run",
        *("controls.RuleAction", "alerts.Alert", "alerts.AlertRule"),
        *("alerts.EscalationPolicy", "alerts.MaintenanceWindow"),
        *("alerts.NotAnAnomaly", "notifications.Channel"),
        *("notifications.Delivery", "notifications.Preference"),
        *("notifications.Outsider", "approvals.BudgetRequest", "approvals.Policy"),
        *("approvals.SlackApp", "approvals.SlackUser", "forecasts.ScenarioSet"),
    } == set(ours)


def test_who_has_no_role_anywhere_may_not_enter() -> None:
    make_person("eve@example.com")

    answer = Client().post(
        reverse("admin:login") + "?next=/admin/",
        {"username": "eve@example.com", "password": "secret"},
    )

    assert "You have no role in any organization yet." in answer.content.decode()


def test_when_somebody_logged_in_last_is_told_to_superusers(acme: Organization) -> None:
    ann = make_person("ann@acme.example", {acme: Role.VIEWER})
    User.objects.filter(pk=ann.pk).update(last_login=datetime(2020, 5, 7, tzinfo=UTC))
    root = make_person("root@example.com", is_superuser=True)
    places = [
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_user_change", args=[ann.pk]),
    ]

    seen = [
        "7 May 2020" in browser.get(place).content.decode()
        for browser in (browser_of(root), browser_for(acme))
        for place in places
    ]

    assert seen == [True, True, False, False]


def test_a_member_logs_in_by_email_and_lands_on_the_dashboard(
    acme: Organization,
) -> None:
    make_person("ann@acme.example", {acme: Role.VIEWER})

    answer = Client().post(
        reverse("admin:login") + "?next=/admin/",
        {"username": "ann@acme.example", "password": "secret"},
        follow=True,
    )

    assert answer.redirect_chain[-1][0] == reverse("admin:index")


def test_the_log_in_page_knows_where_to_go_next() -> None:
    answer = Client().get(reverse("admin:login"))

    assert answer["location"] == "/admin/login/?next=%2Fadmin%2F"


@pytest.mark.parametrize(
    ("role", "model", "may"),
    [
        (Role.VIEWER, Price, False),
        (Role.BUDGET_OWNER, Price, False),
        (Role.FINANCE_ADMIN, Price, True),
        (Role.VIEWER, Membership, False),
        (Role.FINANCE_ADMIN, Membership, False),
        (Role.VIEWER, Invitation, False),
        (Role.FINANCE_ADMIN, Invitation, True),
        (Role.VIEWER, ApiKey, False),
        (Role.FINANCE_ADMIN, ApiKey, True),
        (Role.FINANCE_ADMIN, Organization, False),
        (Role.FINANCE_ADMIN, User, False),
    ],
)
def test_only_who_may_gets_to_add(
    role: Role, model: type[Model], may: bool, acme: Organization
) -> None:
    answer = browser_for(acme, role).get(pages_of(model, "add"))

    assert answer.status_code == (200 if may else 403)


def test_the_side_bar_shows_only_what_one_may_see(acme: Organization) -> None:
    page = browser_for(acme, Role.VIEWER).get(pages_of(Price, "changelist"))

    shown = page.content.decode()
    assert "Budget tree" in shown
    assert "API keys" not in shown
    assert "Scheduled tasks" not in shown


def test_a_superuser_gives_a_role_by_email(acme: Organization, root: Client) -> None:
    root.post(
        pages_of(Membership, "add"),
        {"organization": acme.pk, "email": "New@Acme.example", "role": "viewer"},
    )

    made = Membership.objects.get(user__email="new@acme.example")
    assert (made.organization, made.role) == (acme, Role.VIEWER)
    assert not made.user.has_usable_password()


def test_one_has_one_role_in_an_organization(acme: Organization, root: Client) -> None:
    make_person("bo@acme.example", {acme: Role.VIEWER})

    answer = root.post(
        pages_of(Membership, "add"),
        {"organization": acme.pk, "email": "bo@acme.example", "role": "approver"},
    )

    assert "Has a role in this organization already." in answer.content.decode()


def test_a_viewer_elsewhere_may_not_write_there(
    acme: Organization, globex: Organization
) -> None:
    roles = {acme: Role.FINANCE_ADMIN, globex: Role.VIEWER}
    browser = browser_of(make_person("both@example.com", roles))

    page = browser.get(pages_of(Price, "add")).content.decode()
    answer = browser.post(pages_of(Organization, "change", globex.pk), {"name": "Mine"})

    assert "Acme" in page
    assert "Globex" not in page
    assert answer.status_code == 403


def test_a_key_is_shown_once(acme: Organization) -> None:
    browser = browser_for(acme)
    form = {"name": "CI", "organization": acme.pk, "scopes": ["usage:write"]}

    made = browser.post(pages_of(ApiKey, "add"), form)

    key = ApiKey.objects.get(name="CI")
    assert "no-store" in made["Cache-Control"]
    assert key.prefix in made.content.decode()
    assert key.scopes == ["usage:write"]
    secret = made.content.decode().partition('value="cok_')[2].partition('"')[0]
    again = browser.get(pages_of(ApiKey, "change", key.pk)).content.decode()
    assert len(secret) > 30
    assert secret not in again


def test_a_new_key_ticks_nothing_but_what_its_use_needs(acme: Organization) -> None:
    browser = browser_for(acme)
    form = {"name": "App", "organization": acme.pk, "use": "report"}

    blank = browser.get(pages_of(ApiKey, "add")).content.decode()
    unsaid = browser.post(pages_of(ApiKey, "add"), {**form, "use": ""})
    made = browser.post(pages_of(ApiKey, "add"), form).content.decode()

    assert not re.search(
        r'<input[^>]*name="(use|scopes|may_ask)"[^>]*\schecked(?=[\s>])', blank
    )
    assert "Say what the key is for." in unsaid.content.decode()
    assert ApiKey.objects.get().scopes == ["usage:write"]
    assert "curl http://testserver/api/v1/usage " in made
    assert 'data-copies="secret"' in made


def test_a_key_asks_for_money_only_where_that_is_ticked(acme: Organization) -> None:
    browser = browser_for(acme)
    form = {"name": "Agent", "organization": acme.pk, "use": "ask"}

    browser.post(pages_of(ApiKey, "add"), form)
    browser.post(pages_of(ApiKey, "add"), {**form, "name": "Asks", "may_ask": "on"})

    calls = ["controls:authorize", "usage:write"]
    assert dict(ApiKey.objects.values_list("name", "scopes")) == {
        "Agent": calls,
        "Asks": ["approvals:write", *calls],
    }


def test_only_superusers_make_keys_for_all_and_for_others(acme: Organization) -> None:
    other = make_person("bo@acme.example", {acme: Role.VIEWER})
    browser = browser_for(acme)

    browser.post(pages_of(ApiKey, "add"), {"name": "all", "scopes": ["admin"]})
    form = {"name": "bo", "organization": acme.pk, "user": other.pk, "scopes": "admin"}
    browser.post(pages_of(ApiKey, "add"), form)

    assert not ApiKey.objects.exists()


def test_revoking_asks_first(acme: Organization) -> None:
    make_key(organization=acme)
    key = ApiKey.objects.get()
    browser = browser_for(acme)
    place = reverse("admin:accounts_apikey_revoke", args=[key.pk])

    asked = browser.get(place)
    key.refresh_from_db()
    untouched = key.revoked_at is None
    browser.post(place)

    key.refresh_from_db()
    assert asked.status_code == 200
    assert untouched
    assert key.revoked_at is not None


def test_nobody_revokes_a_key_of_another_organization(
    acme: Organization, globex: Organization
) -> None:
    make_key(organization=globex)
    key = ApiKey.objects.get()
    place = reverse("admin:accounts_apikey_revoke", args=[key.pk])

    answer = browser_for(acme).post(place)

    key.refresh_from_db()
    assert answer.status_code == 404
    assert key.revoked_at is None


def test_history_tells_who_changed_what(acme: Organization) -> None:
    browser = browser_for(acme)
    with acting_as("key importer"):
        acme.timezone = "Europe/Berlin"
        acme.save()
    form = {
        "name": "Acme Corporation",
        "timezone": "Europe/Berlin",
        "fiscal_year_start_month": 1,
        "unpriced_policy": "allow",
        "response_ids": "once",
        "late_records": "period",
    }
    browser.post(pages_of(Organization, "change", acme.pk), form)

    page = browser.get(pages_of(Organization, "history", acme.pk)).content.decode()

    assert "key importer" in page
    assert "finance_admin@acme.example" in page
    assert "Acme Corporation" in page
    assert "Europe/Berlin" in page


def test_a_change_of_an_organization_is_told_to_all_processes(
    acme: Organization,
) -> None:
    form = {
        "name": "Acme",
        "timezone": "UTC",
        "fiscal_year_start_month": 4,
        "unpriced_policy": "block",
        "response_ids": "once",
        "late_records": "period",
    }

    browser_for(acme).post(pages_of(Organization, "change", acme.pk), form)

    before = acme.revision
    acme.refresh_from_db()
    assert acme.fiscal_year_start_month == 4
    assert acme.revision == before + 1


def test_a_superuser_makes_a_person(root: Client) -> None:
    form = {
        "email": "New@Example.com",
        "usable_password": "true",
        "password1": "correct-horse-1",
        "password2": "correct-horse-1",
    }

    root.post(pages_of(User, "add"), form)

    assert User.objects.get(email="new@example.com").check_password("correct-horse-1")


@pytest.mark.parametrize(
    ("model", "queries"),
    [(Organization, 11), (Membership, 11), (User, 10), (ApiKey, 11)],
    ids=lambda value: str(getattr(value, "_meta", value)),
)
def test_lists_take_few_queries(
    model: type[Model],
    queries: int,
    acme: Organization,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(5):
        make_person(f"p{number}@acme.example", {acme: Role.VIEWER})
        make_key(organization=acme, name=f"k{number}")
    browser = browser_for(acme)

    with django_assert_num_queries(queries):
        browser.get(pages_of(model, "changelist"))


def test_what_was_refused_has_a_page_without_a_log_in() -> None:
    answer = Client().get("/nowhere/")

    assert answer.status_code == 404
    content = answer.content.decode()
    assert "<h1>There is no such page</h1>" in content
    assert f'href="{reverse("admin:login")}"' in content
    assert "console/notice" in content


def test_what_is_missing_is_named_and_leads_on(acme: Organization) -> None:
    answer = browser_for(acme).get(reverse("admin:budgets_budget_change", args=[77]))

    assert answer.status_code == 404
    content = answer.content.decode()
    assert "<h1>There is no such budget</h1>" in content
    assert f'href="{reverse("admin:budgets_budget_tree")}"' in content


def test_who_mistypes_is_told_in_plain_words() -> None:
    wrong = {"username": "ann@acme.example", "password": "x"}

    answer = Client().post(reverse("admin:login"), wrong)

    assert "This address and this password don&#x27;t go" in answer.content.decode()


def test_the_log_in_page_has_no_way_that_leads_back_to_it() -> None:
    answer = Client().get(reverse("admin:login"), follow=True)

    assert "Return to site" not in answer.content.decode()
