"""Addresses that nobody gets by a link: ids that are none, and what no name has."""

import pytest
from django.db import connection

from accounts.models import Organization
from lib.web import id_of
from tests.alerts.factories import make_policy
from tests.factories import browser_for, make_budget

pytestmark = pytest.mark.django_db

NINES = "9" * 5_000
BUDGETS = "/admin/budgets/budget/"
RULES = "/admin/alerts/alertrule/"
GUARDRAILS = "/admin/controls/controlrule/"


@pytest.mark.parametrize(
    "address",
    [
        "/admin/alerts/alert/²/change/",
        f"/admin/alerts/alert/{NINES}/change/",
        f"{RULES}²/change/",
        f"{RULES}²/history/",
        f"{RULES}1/history/²/",
        f"{RULES}add/?budget=²&type=threshold",
        f"{RULES}budget/{NINES[:30]}/",
        "/admin/alerts/escalationpolicy/²/change/",
        f"/admin/alerts/escalationpolicy/add/?budget={NINES}",
        "/admin/alerts/escalationpolicy/add/?budget=²",
        f"{BUDGETS}²/change/",
        f"{BUDGETS}²/history/",
        f"{BUDGETS}preview/?budget=²",
        f"{BUDGETS}tree/?organization=%00",
        f"{BUDGETS}tree/?q=a%00b",
        f"{GUARDRAILS}²/change/",
        f"{GUARDRAILS}²/history/",
        f"{GUARDRAILS}add/?budget=²&action=block",
        f"{GUARDRAILS}try/?budget={NINES}",
        f"{GUARDRAILS}?q=%00",
        "/admin/budgets/reservation/²/change/",
        f"/admin/notifications/delivery/{NINES[:30]}/redeliver/",
        "/admin/autocomplete/?app_label=alerts&model_name=maintenancewindow"
        "&field_name=budget&term=%00",
    ],
)
def test_what_can_be_no_row_is_not_found(acme: Organization, address: str) -> None:
    assert browser_for(acme).get(address).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/admin/alerts/alert/?newest=²",
        f"/admin/alerts/alert/?whose=all&budget={NINES}&page=²",
        f"/admin/notifications/delivery/?channel={NINES}",
        "/admin/notifications/delivery/?channel=²",
        "/admin/budgets/reservation/?budget=²",
        f"{BUDGETS}add/?parent=²",
        f"{BUDGETS}tree/?root=²",
    ],
)
def test_a_filter_by_no_id_is_left_out_or_finds_nothing(
    acme: Organization, address: str
) -> None:
    make_budget(acme)

    assert browser_for(acme).get(address).status_code == 200


def test_a_level_without_a_number_is_left_out(acme: Organization) -> None:
    policy = make_policy(make_budget(acme))
    sent = {"name": "Ours", "timezone": "UTC", "repeat": "0", "level²-delay": "5"}

    response = browser_for(acme).post(
        f"/admin/alerts/escalationpolicy/{policy.pk}/change/", sent
    )

    assert "A ladder has at least one level." in response.content.decode()


def test_an_id_is_what_every_database_can_compare() -> None:
    assert id_of("12") == 12
    assert id_of("9" * 18) == int("9" * 18)
    for text in (None, "", "²", "٣", "-1", "1.0", " 1", "1\0", "9" * 19, NINES):
        assert id_of(text) is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 WHERE 1 = %s", [int("9" * 18)])
        assert cursor.fetchone() is None
