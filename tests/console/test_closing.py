"""The pages of a month's close and of chargeback."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import LateRecords, Organization
from accounts.scopes import Role
from ledger.models import MonthLock
from reports.models import AllocationShare, ChargebackStatement
from tests.factories import NOON, browser_for, make_organization, spend

pytestmark = pytest.mark.django_db
MONTH = "?organization=acme&month=2025-01"
CLOSE = reverse("admin:ledger_monthlock_changelist")
CHARGEBACK = reverse("admin:reports_chargebackstatement_changelist")
FILE = reverse("admin:reports_chargebackstatement_file")
SHARES = reverse("admin:reports_chargebackstatement_shares")


@pytest.fixture
def acme() -> Organization:
    organization = make_organization("acme", late_records=LateRecords.OPEN_MONTH)
    spend(organization, "30", NOON, department_id="eng", tags={"customer": "beta"})
    spend(organization, "8", NOON)
    return organization


@pytest.fixture
def admin(acme: Organization) -> Client:
    return browser_for(acme)


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_the_checklist_says_what_is_open_first(admin: Client) -> None:
    page = text_of(admin.get(CLOSE + MONTH))

    assert "January 2025 came to $38.00; 2 things are open" in page
    assert "Close it with open items" in page


def test_a_month_is_closed_by_force_with_a_reason_and_opened_again(
    admin: Client, acme: Organization
) -> None:
    plain = text_of(admin.post(CLOSE + MONTH, {"action": "close"}))
    assert not MonthLock.objects.exists()
    forced = {"action": "close", "force": "on", "reason": "the auditors wait"}

    closed = text_of(admin.post(CLOSE + MONTH, forced, follow=True))
    spend(acme, "4", NOON)
    february = text_of(admin.get(CLOSE + "?organization=acme&month=2025-02"))
    opening = {"action": "open", "reason": "an invoice"}
    opened = text_of(admin.post(CLOSE + MONTH, opening, follow=True))

    assert "has open items" in plain
    assert "January 2025 is closed with $38.00." in closed
    assert "the auditors wait" in closed
    assert "1 record of closed months is booked in this one, of $4.00" in february
    assert "January 2025 is open again." in opened
    assert "an invoice" in opened


def test_others_see_the_checklist_and_close_nothing(acme: Organization) -> None:
    viewer = browser_for(acme, Role.VIEWER)

    page = text_of(viewer.get(CLOSE + MONTH))
    answer = viewer.post(CLOSE + MONTH, {"action": "close"})

    assert "A finance admin of Acme closes months." in page
    assert answer.status_code == 403


def test_chargeback_is_shown_frozen_and_loaded(admin: Client) -> None:
    address = CHARGEBACK + MONTH

    page = text_of(admin.get(address))
    frozen = text_of(admin.post(address, {"reason": ""}, follow=True))
    file = admin.get(FILE + MONTH + "&format=csv")

    assert "January 2025 cost $38.00. Of it $8.00 (21 %) is shared" in page
    assert "Tag customer" in page
    assert "Revision 1 is frozen." in frozen
    assert ChargebackStatement.objects.get().revision == 1
    assert "2025-01,department,eng,30.00,8.00,38.00,USD" in file.content.decode()
    assert file["Content-Disposition"].endswith('chargeback-acme-2025-01.csv"')


def test_a_changed_month_is_frozen_again_with_a_reason(
    admin: Client, acme: Organization
) -> None:
    address = CHARGEBACK + MONTH
    admin.post(address, {"reason": ""})
    spend(acme, "1", NOON)

    page = text_of(admin.get(address))
    refused = text_of(admin.post(address, {"reason": ""}))
    done = text_of(admin.post(address, {"reason": "late"}, follow=True))

    assert "Figures have changed since" in page
    assert "Say why it is made again" in refused
    assert "Revision 2, which replaces revision 1" in done


def test_shares_are_set_in_percent(admin: Client, acme: Organization) -> None:
    form = {
        "shares-TOTAL_FORMS": "2",
        "shares-INITIAL_FORMS": "0",
        "shares-0-name": "eng",
        "shares-0-percent": "25",
        "shares-1-name": "ops",
        "shares-1-heads": "3",
        "reason": "agreed",
    }

    answer = admin.post(SHARES + MONTH + "&by=department", form, follow=True)

    assert "Shares and heads are set." in text_of(answer)
    found = AllocationShare.objects.values_list("name", "share", "heads")
    assert [
        (name, share and f"{share:.2f}", heads) for name, share, heads in found
    ] == [
        ("eng", "0.25", None),
        ("ops", None, 3),
    ]
    assert 'value="25"' in text_of(admin.get(SHARES + MONTH + "&by=department"))


@pytest.mark.parametrize(
    "query", ["&by=user", "&key=luck", "&by=tag:", "&month=soon"], ids=str
)
def test_what_is_not_there_is_not_found(admin: Client, query: str) -> None:
    for page in (CHARGEBACK, FILE):
        address = f"{page}?organization=acme{query}&format=csv"
        assert admin.get(address).status_code == 404


def test_other_organizations_see_nothing_of_it(acme: Organization) -> None:
    stranger = browser_for(make_organization("beta"))

    for page in (CLOSE, CHARGEBACK, SHARES):
        assert stranger.get(page + MONTH).status_code == 404
    assert stranger.get(FILE + MONTH + "&format=csv").status_code == 404
