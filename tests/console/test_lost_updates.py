"""Two people at one form of the admin: the second is told, and loses nothing."""

from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.audit import acting_as
from accounts.models import Membership, Organization
from accounts.scopes import Role
from ledger.prices import add_price, add_rate, change_price
from notifications.channels import change_channel
from notifications.models import Preference
from tests.factories import NOON, browser_for, make_budget, make_person
from tests.notifications.factories import make_channel
from tests.pages import forms_in, read, words_of

pytestmark = pytest.mark.django_db


def place_of(row: Model, page: str = "change") -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}"
    return reverse(name, args=[row.pk])


def opened(browser: Client, row: Model, page: str = "change") -> dict[str, str]:
    """Return what the form of *row* sends as it was opened."""
    (form,) = (
        one for one in forms_in(browser.get(place_of(row, page))) if "version" in one
    )
    kept = {name: value for name, value in form.items() if not name.startswith("_")}
    asked = page == "change" and "reason" in kept
    return kept | ({"reason": "A contract"} if asked else {})


def told(answer: Any) -> str:
    return words_of(answer.content.decode())


@pytest.fixture
def price(acme: Organization) -> Any:
    return add_price(
        organization=acme,
        provider="x",
        model="y",
        input_per_million=1,
        effective_from=NOON,
    )


def changed_by_lea(price: Any, **values: Any) -> None:
    with acting_as("lea@acme.example"):
        change_price(price, **values)


def test_what_only_the_other_changed_is_kept(acme: Organization, price: Any) -> None:
    browser = browser_for(acme)
    form = opened(browser, price)
    changed_by_lea(price, note="Lea's", effective_from=NOON.replace(hour=9))

    late = browser.post(place_of(price), {**form, "input_per_million": "7"})
    price.refresh_from_db()
    untouched = price.input_per_million
    (again,) = (one for one in forms_in(late) if "version" in one)
    browser.post(place_of(price), again)

    text = told(late)
    assert "Changed by lea@acme.example 0 s ago, while you filled this in" in text
    assert "Not saved: somebody else changed it meanwhile." in text
    assert "Note: none became Lea's" in text
    assert untouched == 1
    price.refresh_from_db()
    assert (price.input_per_million, price.note) == (7, "Lea's")
    assert price.effective_from.hour == 9


@pytest.mark.parametrize(("choice", "amount"), [("theirs", 3), ("mine", 7)])
def test_both_values_stand_side_by_side(
    choice: str, amount: int, acme: Organization, price: Any
) -> None:
    browser = browser_for(acme)
    form = opened(browser, price)
    changed_by_lea(price, input_per_million=3)

    late = browser.post(place_of(price), {**form, "input_per_million": "7"})
    rows = [row.texts for row in read(late.content.decode()).table("").rows]
    (again,) = (one for one in forms_in(late) if "version" in one)
    browser.post(place_of(price), again | {"keep.input_per_million": choice})

    assert rows == [["Input per million", "3", "7"]]
    price.refresh_from_db()
    assert price.input_per_million == amount


def test_what_was_changed_meanwhile_is_not_deleted(
    acme: Organization, price: Any
) -> None:
    browser = browser_for(acme)
    form = opened(browser, price, "delete")
    changed_by_lea(price, note="Needed")

    untold = browser.post(place_of(price, "delete"), form, follow=True)
    endless = browser.post(
        place_of(price, "delete"), form | {"reason": "x" * 501}, follow=True
    )
    form |= {"reason": "Old"}
    late = browser.post(place_of(price, "delete"), form, follow=True)
    there = type(price).objects.filter(pk=price.pk).exists()
    gone = browser.post(
        place_of(price, "delete"),
        opened(browser, price, "delete") | {"reason": "Old"},
        follow=True,
    )

    assert "Say why. It is kept with the change." in told(untold)
    assert "Use at most 500 characters." in told(endless)
    assert "Changed by lea@acme.example 0 s ago, while this page was open." in told(
        late
    )
    assert there
    assert gone.status_code == 200
    last = type(price).history.first()
    assert (last.history_type, last.history_change_reason) == ("-", "Old")


def test_a_channel_keeps_what_the_other_saved(acme: Organization) -> None:
    both = ["ops@acme.example", "lea@acme.example"]
    channel = make_channel(acme, "email", config={"recipients": ["ops@acme.example"]})
    browser = browser_for(acme)
    form = opened(browser, channel)
    change_channel(channel, now=NOON, config={"recipients": both})

    late = browser.post(place_of(channel), {**form, "name": "Mail"})
    (again,) = (one for one in forms_in(late) if "version" in one)
    browser.post(place_of(channel), again)

    assert "Changed by system 0 s ago, while you filled this in" in told(late)
    channel.refresh_from_db()
    assert channel.name == "Mail"
    assert channel.config["recipients"] == both


def test_a_row_without_a_history_is_told_by_its_values(acme: Organization) -> None:
    row = Preference.objects.create(organization=acme, recipient="ann@acme.example")
    browser = browser_for(acme)
    form = opened(browser, row)
    Preference.objects.update(digest="daily")

    late = browser.post(place_of(row), {**form, "digest": "hourly"})

    assert "Changed, while you filled this in" in told(late)
    row.refresh_from_db()
    assert row.digest == "daily"


def test_a_role_is_not_given_over_another(acme: Organization) -> None:
    bo = make_person("bo@acme.example", {acme: Role.VIEWER})
    row = Membership.objects.get(user=bo)
    browser = browser_for(acme)
    form = opened(browser, row)
    row.role = Role.APPROVER
    row.save()

    late = browser.post(place_of(row), {**form, "role": Role.BUDGET_OWNER.value})

    assert "You both changed what follows." in told(late)
    row.refresh_from_db()
    assert row.role == Role.APPROVER


def test_a_rate_that_a_budget_needs_is_not_deleted(acme: Organization) -> None:
    pair = {"base": "USD", "quote": "KES", "rate": 129, "date": "2025-01-01"}
    rate = add_rate(organization=acme, **pair)
    make_budget(acme, currency="KES")
    browser = browser_for(acme)
    form = opened(browser, rate, "delete") | {"reason": "Old"}

    kept = browser.post(place_of(rate, "delete"), form, follow=True)

    assert "There are budgets in KES, and no exchange rate would be known" in told(kept)
    assert type(rate).objects.filter(pk=rate.pk).exists()
