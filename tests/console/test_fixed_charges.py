"""Pages of fixed charges."""

from datetime import date

import pytest
from django.test import Client

from accounts.models import Organization
from accounts.scopes import Role
from intake.fixed_charges import book_due
from ledger.models import FixedCharge
from tests.factories import browser_for
from tests.intake.fixed_charges import all_differences, at, booked, seats
from tests.pages import page_at

pytestmark = pytest.mark.django_db

PLACE = "/admin/ledger/fixedcharge/"


@pytest.fixture
def finance(acme: Organization) -> Client:
    return browser_for(acme)


def test_a_charge_is_kept_by_the_form_and_its_page_says_what_is_to_come(
    acme: Organization, finance: Client
) -> None:
    form = {
        "organization": acme.pk,
        "name": "Seats",
        "kind": "seat",
        "provider": "openai",
        "amount": "310",
        "interval": "monthly",
        "start_date": "2025-01-01",
        "last_day": "2025-02-28",
        "department": "engineering",
        "tags": "contract=c-1",
        "reason": "Contract",
    }

    answer = finance.post(f"{PLACE}add/", form)

    charge = FixedCharge.objects.get()
    assert answer.status_code == 302, answer.content.decode()
    assert (charge.currency, charge.tags) == ("USD", {"contract": "c-1"})
    book_due(at(10))
    page = page_at(finance, f"{PLACE}{charge.pk}/change/").text
    assert (
        "Seats costs $310.00 a month, 1 Jan 2025 to 28 Feb 2025: $100.00 is booked, "
        "$520.00 to come." in page
    )
    assert "January 2025 $310.00 $100.00 $210.00" in page


def test_one_is_ended_and_another_put_in_its_place(
    acme: Organization, finance: Client
) -> None:
    charge = seats(acme)
    book_due(at(10))
    place = f"{PLACE}add/?instead={charge.uid}"
    shown = finance.get(place).context["adminform"].form.initial
    form = {name: "" if one is None else one for name, one in shown.items()}

    finance.post(
        place,
        {**form, "amount": "620", "tags": "", "reason": "Twice as many"},
    )

    new = FixedCharge.objects.get(replaces=charge)
    book_due(at(10))
    assert (booked(charge), booked(new)) == (0, 200)
    ended = finance.post(
        f"{PLACE}{new.pk}/end/", {"from_date": "2025-01-06", "reason": "Over"}
    )
    assert ended.status_code == 302
    new.refresh_from_db()
    assert new.cancelled_from == date(2025, 1, 6)
    assert (booked(new), all_differences(acme)) == (100, [])


def test_who_may_not_is_not_led_there(acme: Organization) -> None:
    charge = seats(acme)
    viewer = browser_for(acme, Role.VIEWER)

    page = viewer.get(f"{PLACE}{charge.pk}/change/")

    assert "End it" not in page.content.decode()
    assert viewer.post(f"{PLACE}{charge.pk}/end/").status_code == 403
