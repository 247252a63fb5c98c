from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from budgets.rollup import roll_up
from ledger import prices
from ledger.models import (
    Attribution,
    CostRecord,
    DailySpend,
    ExchangeRate,
    Price,
    Repricing,
)
from lib.humanize import clock
from tests.factories import (
    browser_for,
    browser_of,
    make_budget,
    make_organization,
    make_person,
    make_tree,
    report,
    spend,
    usage_record,
)
from tests.pages import forms_in, page_at, read, words_of

pytestmark = pytest.mark.django_db

RECORDS = "/admin/ledger/costrecord/"


def listed(browser: Client, **query: Any) -> str:
    return browser.get(RECORDS, query).content.decode()


def price_form(**overrides: Any) -> dict[str, Any]:
    return {
        "provider": "openai",
        "model": "gpt-x",
        "currency": "USD",
        "input_per_million": "2.5",
        "output_per_million": "10",
        "per_request": "0",
        "effective_from_0": "2025-01-01",
        "effective_from_1": "00:00:00",
        **overrides,
    }


def test_cost_records_are_only_read(acme: Organization) -> None:
    spend(acme, "12.5", id="u1")
    record = CostRecord.objects.get()
    browser = browser_for(acme)

    answers = [
        browser.get(f"{RECORDS}add/"),
        browser.post(f"{RECORDS}{record.pk}/change/", {"usage_id": "other"}),
        browser.post(f"{RECORDS}{record.pk}/delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert CostRecord.objects.get().usage_id == "u1"


def test_the_list_shows_money_as_people_write_it(acme: Organization) -> None:
    spend(acme, "1234.5", id="u1")
    spend(acme, "0.0021", id="u2")

    costs = page_at(browser_for(acme), RECORDS).table()

    assert costs.row("u1")["Cost"] == "$1,234.50"
    assert costs.row("u2")["Cost"] == "$0.0021"


def test_money_is_written_as_the_reader_does(acme: Organization) -> None:
    spend(acme, "1234.5")

    answer = browser_for(acme).get(RECORDS, headers={"accept-language": "de"})

    assert "1.234,50" in answer.content.decode()


def test_the_list_begins_with_the_last_days(acme: Organization) -> None:
    now = timezone.now()
    spend(acme, "1", id="u-new")
    spend(acme, "1", id="u-old", timestamp=(now - timedelta(days=8)).isoformat())
    browser = browser_for(acme)

    usual, longer = listed(browser), listed(browser, when="30")

    assert ("u-new" in usual, "u-old" in usual) == (True, False)
    assert "u-old" in longer


def test_a_search_is_for_one_id_at_any_time(acme: Organization) -> None:
    old = (timezone.now() - timedelta(days=80)).isoformat()
    spend(acme, "1", id="the-one", timestamp=old)
    spend(acme, "1", id="the-one-beside")

    found = page_at(browser_for(acme), RECORDS, q="the-one").table()

    assert "the-one" in found.column("Usage id")
    assert "the-one-beside" not in found.column("Usage id")


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2025-01-15", "2025-01-16", True),
        ("2025-01-15T12:00:00Z", "", True),
        ("", "2025-01-15T12:00:00Z", False),
        ("2025-01-15T12:00:01+00:00", "", False),
        ("nonsense", "2025-01-16", True),
    ],
)
def test_a_stretch_of_time_is_half_open(
    since: str, until: str, found: bool, acme: Organization
) -> None:
    spend(acme, "1", id="at-noon", timestamp="2025-01-15T12:00:00Z")

    shown = listed(browser_for(acme), since=since, until=until)

    assert ("at-noon" in shown) is found


def test_unpriced_usage_has_a_list_of_its_own(acme: Organization) -> None:
    spend(acme, "1", id="priced")
    spend(acme, None, id="strange", model="nobody-knows-this")

    found = page_at(browser_for(acme), RECORDS, priced="no", when="all").table()

    assert found.column("Usage id") == ["strange"]


def test_a_budget_leads_to_the_records_it_is_charged_for(acme: Organization) -> None:
    budgets = make_tree(acme)
    spend(acme, "1", id="of-ml", team_id="ml", department_id="engineering")
    spend(acme, "1", id="of-sales", department_id="sales")
    browser = browser_for(acme)

    ml = listed(browser, budget=budgets["ml"].pk)
    everything = listed(browser, budget=budgets["acme"].pk)

    assert ("of-ml" in ml, "of-sales" in ml) == (True, False)
    assert ("of-ml" in everything, "of-sales" in everything) == (True, True)


def test_a_budget_of_another_organization_leads_nowhere(acme: Organization) -> None:
    globex = make_organization("globex")
    secret = make_budget(globex, "Secret plans")
    spend(globex, "1", id="theirs")
    spend(acme, "1", id="ours")

    shown = listed(browser_for(acme), budget=secret.pk)

    assert not {"theirs", "ours", "Secret plans"} & set(shown.split(">"))
    assert "theirs" not in shown


def test_one_organization_at_a_time_is_listed(acme: Organization) -> None:
    globex = make_organization("globex")
    spend(acme, "1", id="of-a")
    spend(globex, "1", id="of-g")
    roles = {acme: Role.VIEWER, globex: Role.VIEWER}
    browser = browser_of(make_person("both@example.com", roles))

    first, second = listed(browser), listed(browser, organization="globex")

    assert ("of-a" in first, "of-g" in first) == (True, False)
    assert ("of-a" in second, "of-g" in second) == (False, True)


@pytest.mark.parametrize(
    ("model", "queries"),
    [
        (CostRecord, 10),
        (DailySpend, 10),
        (Attribution, 11),
        (Price, 12),
        (ExchangeRate, 13),
        (Repricing, 11),
    ],
    ids=lambda value: str(getattr(value, "_meta", value)),
)
def test_lists_take_few_queries(
    model: type[Model],
    queries: int,
    acme: Organization,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(4):
        spend(acme, "1", id=f"u{number}", team_id=f"t{number}")
        prices.add_price(
            organization=acme, provider="openai", model=f"m{number}", per_request=1
        )
        prices.add_rate(
            organization=acme,
            base="USD",
            quote="KES",
            rate=100,
            date=date(2025, 1, number + 1),
        )
        Repricing.objects.create(organization=acme, reason="why")
    roll_up(acme.pk)
    browser = browser_for(acme)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"

    with django_assert_num_queries(queries):
        browser.get(reverse(name))


def test_the_ledger_is_never_counted(acme: Organization) -> None:
    spend(acme, "1")
    browser = browser_for(acme)

    with CaptureQueriesContext(connection) as made:
        listed(browser)

    counts = [one["sql"] for one in made.captured_queries if "COUNT(" in one["sql"]]
    assert not [sql for sql in counts if "ledger_" in sql]


def test_a_price_is_saved_by_the_service(acme: Organization) -> None:
    browser = browser_for(acme)

    browser.post("/admin/ledger/price/add/", price_form(organization=acme.pk))

    price = Price.objects.get()
    before = acme.revision
    acme.refresh_from_db()
    assert (price.organization, price.input_per_million) == (acme, Decimal("2.5"))
    assert price.effective_from == datetime(2025, 1, 1, tzinfo=UTC)
    assert acme.revision == before + 1
    assert price.history.get().actor == "finance_admin@acme.example"


def test_what_the_service_refuses_stands_in_the_form(acme: Organization) -> None:
    prices.add_price(
        organization=acme,
        provider="openai",
        model="gpt-x",
        per_request=1,
        effective_from=datetime(2024, 1, 1, tzinfo=UTC),
    )
    browser = browser_for(acme)
    form = price_form(organization=acme.pk)

    overlaps = browser.post("/admin/ledger/price/add/", form).content.decode()
    star = browser.post("/admin/ledger/price/add/", {**form, "model": "a*b"})

    assert "end that one first" in overlaps
    assert "A * may stand at the end only." in star.content.decode()
    assert Price.objects.count() == 1


def test_a_price_is_changed_and_deleted_by_the_service(acme: Organization) -> None:
    price = prices.add_price(
        organization=acme, provider="openai", model="gpt-x", per_request=1
    )
    browser = browser_for(acme)
    place = f"/admin/ledger/price/{price.pk}/"

    untold = browser.post(f"{place}change/", price_form(per_request="0.5"))
    for words in (
        "Say why. It is kept with the change.",
        "Nothing is saved yet: below stands what to put right.",
    ):
        assert words in untold.content.decode()
    browser.post(
        f"{place}change/", price_form(per_request="0.5", reason="A new contract")
    )
    price.refresh_from_db()
    changed = price.per_request
    browser.post(f"{place}delete/", {"post": "yes", "reason": "Old"})

    acme.refresh_from_db()
    whys = Price.history.values_list("history_change_reason", flat=True)
    assert list(whys) == ["Old", "A new contract", None]
    assert changed == Decimal("0.5")
    assert not Price.objects.exists()
    assert acme.revision == 4


def test_a_price_for_everybody_is_seen_by_all_and_kept_by_superusers(
    acme: Organization,
) -> None:
    common = prices.add_price(provider="openai", model="for-all", per_request=1)
    browser = browser_for(acme)
    place = f"/admin/ledger/price/{common.pk}/change/"

    shown = browser.get("/admin/ledger/price/").content.decode()
    read = browser.get(place)
    changed = browser.post(place, price_form())
    made = browser.post("/admin/ledger/price/add/", price_form(organization=""))

    assert "for-all" in shown
    assert (read.status_code, changed.status_code) == (200, 403)
    assert "This field is required." in made.content.decode()
    assert Price.objects.get() == common


def test_a_rate_is_made_by_the_service_and_never_changed(acme: Organization) -> None:
    browser = browser_for(acme)
    form = {"organization": acme.pk, "base": "USD", "quote": "KES", "rate": "129.5"}
    form["date"] = "2025-01-01"

    browser.post("/admin/ledger/exchangerate/add/", form)
    again = browser.post("/admin/ledger/exchangerate/add/", form).content.decode()
    rate = ExchangeRate.objects.get()
    change = browser.post(f"/admin/ledger/exchangerate/{rate.pk}/change/", form)

    assert rate.rate == Decimal("129.5")
    assert "already" in again
    assert change.status_code == 403


def test_a_viewer_only_reads_prices(acme: Organization) -> None:
    price = prices.add_price(
        organization=acme, provider="openai", model="gpt-x", per_request=1
    )
    browser = browser_for(acme, Role.VIEWER)
    place = f"/admin/ledger/price/{price.pk}/"

    answers = [
        browser.get(f"{place}change/"),
        browser.post(f"{place}change/", price_form()),
        browser.post(f"{place}delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 403, 403]


def tiers(*rows: tuple[str, ...]) -> dict[str, list[str]]:
    columns = ("above", "input_tokens", "cached_tokens", "output_tokens", "others")
    empty = ("", "", "", "", "")
    values = zip(*rows, empty, strict=True)
    return {
        f"tiers.{name}": list(one) for name, one in zip(columns, values, strict=True)
    }


def test_prices_of_long_requests_are_rows_in_the_form(acme: Organization) -> None:
    browser, place = browser_for(acme), "/admin/ledger/price/add/"
    rows = [
        ("200,000", "6", "", "22.5", "cache_write_tokens 7.5; Searches 0.02"),
        ("128000", "5", "", "", ""),
    ]

    browser.post(place, price_form(organization=acme.pk, **tiers(*rows)))
    price = Price.objects.get()
    page = browser.get(f"/admin/ledger/price/{price.pk}/change/")
    (kept,) = (one for one in forms_in(page) if "version" in one)
    again = {name: value for name, value in kept.items() if not name.startswith("_")}
    shown = [
        one.attributes["value"]
        for one in read(page.content.decode()).all("input")
        if one.attributes.get("name", "").startswith("tiers.")
    ]
    written = [tuple(shown[start : start + 5]) for start in range(0, 10, 5)]
    unchanged = again | tiers(*written)
    saved = browser.post(f"/admin/ledger/price/{price.pk}/change/", unchanged)
    wrong = {
        row: words_of(
            browser.post(
                place, price_form(organization=acme.pk, model="z", **tiers(*row))
            ).content.decode()
        )
        for row in (
            (("many", "1", "", "", ""),),
            (("5", "", "", "", ""),),
            (("5", "dear", "", "", ""),),
            (("5", "1", "", "", ""), ("5", "2", "", "", "")),
        )
    }

    long, longer = price.tiers
    assert long == {"above_input_tokens": 128_000, "prices": {"input_tokens": "5"}}
    assert longer["above_input_tokens"] == 200_000
    assert longer["prices"] == {
        "input_tokens": "6",
        "output_tokens": "22.5",
        "cache_write_tokens": "7.5",
        "searches": "0.02",
    }
    for row, said in zip(
        wrong,
        (
            "Above many tokens: give a whole number",
            "Above 5 tokens: give at least one price.",
            "Above 5 tokens: The price of input_tokens must be",
            "Above 5 tokens: it stands twice.",
        ),
        strict=True,
    ):
        assert said in wrong[row]
    assert Price.objects.count() == 1
    assert written == [
        ("128,000", "5", "", "", ""),
        ("200,000", "6", "", "22.5", "cache_write_tokens 7.5; searches 0.02"),
    ]
    assert saved.status_code == 302  # nothing is asked when nothing changes


def test_prices_of_kinds_are_lines_in_the_form(acme: Organization) -> None:
    browser = browser_for(acme)
    lines = "cache_write_1h_tokens 10\nSearches  0.01\n\n"

    browser.post(
        "/admin/ledger/price/add/", price_form(organization=acme.pk, quantities=lines)
    )
    price = Price.objects.get()
    shown = browser.get(f"/admin/ledger/price/{price.pk}/change/").content.decode()
    wrong = browser.post(
        "/admin/ledger/price/add/",
        price_form(organization=acme.pk, model="other", quantities="hats many"),
    ).content.decode()

    assert price.quantities == {"cache_write_1h_tokens": "10", "searches": "0.01"}
    assert "cache_write_1h_tokens 10\nsearches 0.01" in shown
    assert "The price of hats must be" in wrong


def test_records_say_which_prices_are_missing_or_assumed(acme: Organization) -> None:
    report(
        acme,
        usage_record(id="deaf", quantities={"audio_input_tokens": 5}),
        usage_record(id="plain", model="gpt-4", cached_tokens=5),
    )

    shown = listed(browser_for(acme), when="all")

    assert "unpriced for audio_input_tokens" in shown
    assert "assumed price for cached_tokens" in shown


@pytest.mark.parametrize(
    ("language", "typed", "shown"),
    [("en-US", "1,234.50", "1,234.50"), ("de", "1.234,50", "1.234,50")],
)
def test_prices_are_taken_and_shown_as_the_reader_writes_them(
    language: str, typed: str, shown: str, acme: Organization
) -> None:
    browser = browser_for(acme)
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = language

    browser.post(
        "/admin/ledger/price/add/",
        price_form(organization=acme.pk, input_per_million=typed),
    )
    price = Price.objects.get()
    page = page_at(browser, f"/admin/ledger/price/{price.pk}/change/")

    fields = {one.attributes.get("name"): one for one in page.all("input")}
    assert price.input_per_million == Decimal("1234.5")
    assert fields["input_per_million"].attributes["value"] == shown
    assert fields["per_request"].attributes["value"] == "0"
    assert "border" in fields["input_per_million"].attributes["class"].split()


def test_a_price_that_is_no_number_is_told_how_to_write_it(acme: Organization) -> None:
    form = price_form(organization=acme.pk, input_per_million="twenty")

    answer = browser_for(acme).post("/admin/ledger/price/add/", form)

    assert "Write a number, as 20,000.00 or 20000.00." in answer.content.decode()


def test_plain_lists_write_times_as_all_pages_do(acme: Organization) -> None:
    moment = datetime(2026, 11, 30, 20, 5, tzinfo=UTC)

    ExchangeRate.objects.create(
        organization=acme, base="USD", quote="EUR", rate=1, date=moment.date()
    )

    listed = browser_for(acme).get(reverse("admin:ledger_exchangerate_changelist"))
    assert "30 Nov 2026" in listed.content.decode()
    assert date_format(moment, "DATETIME_FORMAT") == clock(moment, ZoneInfo("UTC"))
