"""Posting months over the API, and what is exported of them."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from ledger.models import MonthLock
from reports.journals.systems import SYSTEMS
from reports.journals.verification import differences
from reports.models import Journal, JournalLine
from tests.factories import (
    Api,
    make_api,
    make_organization,
    report,
    spend,
    usage_record,
)
from tests.reports.reading import READERS, by_account, read_generic
from tests.sizes import examples

JANUARY = datetime(2025, 1, 15, 12, tzinfo=UTC)
EVERYTHING = {
    "scope": {},
    "expense_account": "6100",
    "liability_account": "2100",
}
ML = {
    "scope": {"teams": ["ml"]},
    "expense_account": "6200",
    "liability_account": "2100",
    "department": "Research",
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def api(acme: Organization) -> Api:
    made = make_api(organization=acme)
    assert made.send("PUT", "journal-mappings", [EVERYTHING, ML]).status == 200
    return made


def book(acme: Organization, cost: str, at: Any = JANUARY, **fields: Any) -> None:
    spend(acme, cost, at, **fields)


def csv_of(api: Api, system: str = "generic", **query: Any) -> bytes:
    said = "".join(f"&{name}={value}" for name, value in query.items())
    got = api.get(f"exports/journal.csv?month=2025-01&system={system}{said}")
    assert got.status == 200, got.body
    return str(got.body).encode()


def posted(api: Api, **body: object) -> Any:
    got = api.post("journals", {"month": "2025-01", **body})
    assert got.status == 201, got.body
    return got.body


def accrual_of(api: Api, **query: Any) -> dict[str, Decimal]:
    return by_account(read_generic(csv_of(api, journal="accrual", **query)))


def test_a_month_is_accrued_by_account_and_reversed_on_the_next_first(
    acme: Organization, api: Api
) -> None:
    book(acme, "10.004", team_id="ml")
    book(acme, "5.004", team_id="web")

    made = posted(api)

    assert (made["external_id"], made["reversal_id"]) == (
        "LLM-2025-01-acme-1",
        "LLM-2025-01-acme-2",
    )
    assert (made["date"], made["reversal_date"]) == ("2025-01-31", "2025-02-01")
    assert (made["amount"], made["month_total"]) == ("15.0100000000", "15.0080000000")
    # Each rounded by itself makes 15.00; the cent of the total is a line of its own.
    assert accrual_of(api) == {
        "6200": Decimal("10.01"),
        "6100": Decimal("5.00"),
        "2100": Decimal("-15.01"),
    }


@pytest.mark.parametrize("system", READERS)
def test_each_system_gets_a_file_it_takes(
    acme: Organization, api: Api, system: str
) -> None:
    book(acme, "10", team_id="ml")
    posted(api)

    read = READERS[system](csv_of(api, system))

    assert len(read) == 2
    assert set(by_account(read).values()) == {0}


def test_what_is_not_posted_is_a_preview_and_asking_posts_nothing(
    acme: Organization, api: Api
) -> None:
    book(acme, "10")

    before = api.get("exports/journal.csv?month=2025-01")
    posted(api)
    after = api.get("exports/journal.csv?month=2025-01")

    assert before.headers["X-Journal-State"] == "preview"
    assert after.headers["X-Journal-State"] == "posted"
    assert before.body == after.body
    assert Journal.objects.count() == 1


def test_a_posted_file_stays_the_same_whatever_comes_and_is_changed(
    acme: Organization, api: Api
) -> None:
    book(acme, "10", team_id="ml")
    posted(api)
    kept = {system: csv_of(api, system) for system in READERS}

    book(acme, "7", team_id="ml")
    api.send("PUT", "journal-mappings", [{**EVERYTHING, "expense_account": "9999"}])
    api.patch("journal-settings", {"tax_rate": "No VAT", "date_order": "ymd"})

    assert {system: csv_of(api, system) for system in READERS} == kept


def test_what_came_since_is_posted_as_the_difference(
    acme: Organization, api: Api
) -> None:
    book(acme, "10", team_id="ml")
    book(acme, "5", team_id="web")
    posted(api)
    book(acme, "2.50", team_id="ml")

    made = posted(api, correction=True, reason="Late records")

    assert (made["kind"], made["posting"]) == ("correction", 2)
    assert made["external_id"] == "LLM-2025-01-acme-3"
    assert accrual_of(api, posting=2) == {
        "6200": Decimal("2.50"),
        "2100": Decimal("-2.50"),
    }
    assert "Correction 1" in csv_of(api, posting=2).decode()


def test_a_correction_of_a_closed_month_is_dated_in_the_open_one(
    acme: Organization, api: Api
) -> None:
    book(acme, "10")
    posted(api)
    book(acme, "5")
    for month in (1, 2):
        MonthLock.objects.create(
            organization=acme,
            month=date(2025, month, 1),
            total=0,
            requests=0,
            upto_id=0,
        )

    made = posted(api, correction=True)

    assert (made["date"], made["reversal_date"]) == ("2025-03-01", "2025-04-01")
    assert api.get("exports/journal.csv?month=2025-01&posting=2").status == 200


def test_a_credit_is_posted_the_other_way_round(acme: Organization, api: Api) -> None:
    book(acme, "10")
    posted(api)
    book(acme, "-12")

    posted(api, correction=True)

    assert accrual_of(api, posting=2) == {"6100": Decimal(-12), "2100": Decimal(12)}


def test_corrections_keep_to_the_accounts_of_the_accrual(
    acme: Organization, api: Api
) -> None:
    book(acme, "10", team_id="ml")
    posted(api)
    new = {**EVERYTHING, "expense_account": "7000"}
    assert api.send("PUT", "journal-mappings", [new]).status == 200
    book(acme, "1", team_id="ml")

    kept = api.get("exports/journal.csv?month=2025-01&posting=next")
    posted(api, correction=True)
    nothing = api.post("journals", {"month": "2025-01", "correction": True})
    moved = posted(api, correction=True, anew=True)

    assert by_account(read_generic(kept.body.encode()))["6200"] == 0
    assert nothing.body["code"] == "nothing_to_post"
    assert moved["amount"] == "0.0000000000"
    assert accrual_of(api, posting=3) == {
        "6200": Decimal(-11),
        "7000": Decimal(11),
    }


def test_what_the_accrual_did_not_map_goes_by_todays_mappings(
    acme: Organization, api: Api
) -> None:
    api.send("PUT", "journal-mappings", [ML])
    book(acme, "10", team_id="ml")
    posted(api)
    book(acme, "3", team_id="web")

    refused = api.post("journals", {"month": "2025-01", "correction": True})
    api.send("PUT", "journal-mappings", [EVERYTHING])
    posted(api, correction=True)

    assert refused.body["code"] == "unmapped_spend"
    assert accrual_of(api, posting=2) == {"6100": Decimal(3), "2100": Decimal(-3)}


def test_unmapped_spend_is_refused_by_name_and_amount(
    acme: Organization, api: Api
) -> None:
    api.send("PUT", "journal-mappings", [ML])
    book(acme, "3", team_id="web", project_id="shop")
    book(acme, "1.5")

    got = api.get("exports/journal.csv?month=2025-01")
    post = api.post("journals", {"month": "2025-01"})
    preview = api.get("journals/preview?month=2025-01").body

    assert (got.status, post.status) == (409, 409)
    assert got.body["code"] == "unmapped_spend"
    assert [(one["attr"], one["detail"]) for one in got.body["errors"]] == [
        (
            "project=shop, team=web",
            "project shop, team web: 3.0000000000 USD has no account.",
        ),
        (
            "scope",
            "what names no department, team or project: 1.5000000000 USD has no "
            "account.",
        ),
    ]
    assert preview["unmapped_total"] == "4.5000000000"
    assert preview["unmapped"][0] == {
        "dimensions": {"project": "shop", "team": "web"},
        "cost": "3.0000000000",
    }


def test_the_checklist_of_a_month_counts_what_has_no_account(
    acme: Organization, api: Api
) -> None:
    book(acme, "3", team_id="web")

    def unmapped() -> Any:
        items = api.get("month-close?month=2025-01").body["items"]
        (found,) = [one for one in items if one["name"] == "unmapped"]
        return found["count"], found["ok"]

    all_mapped = unmapped()
    api.send("PUT", "journal-mappings", [ML])

    assert (all_mapped, unmapped()) == ((0, True), (1, False))


def test_the_most_specific_mapping_holds(acme: Organization, api: Api) -> None:
    mappings = [
        EVERYTHING,
        {**EVERYTHING, "scope": {"departments": ["r&d"]}, "expense_account": "dep"},
        {**EVERYTHING, "scope": {"teams": ["ml"]}, "expense_account": "team"},
        {**EVERYTHING, "scope": {"teams": ["ml", "web"]}, "expense_account": "teams"},
        {**EVERYTHING, "scope": {"tags": {"stage": "x"}}, "expense_account": "tag"},
        {
            **EVERYTHING,
            "scope": {"models": ["gpt-4o"], "providers": ["openai"]},
            "expense_account": "two",
        },
    ]
    assert api.send("PUT", "journal-mappings", mappings).status == 200
    other = {"model": "claude-3-5-sonnet-20241022", "provider": "anthropic"}

    book(acme, "1", **other)
    book(acme, "2", department_id="r&d", **other)
    book(acme, "4", department_id="r&d", team_id="web", **other)
    book(acme, "8", department_id="r&d", team_id="ml", **other)
    book(acme, "16", team_id="ml", tags={"stage": "x"}, **other)
    book(acme, "32", team_id="ml", tags={"stage": "x"})

    assert accrual_of(api) == {
        "6100": 1,
        "dep": 2,
        "teams": 4,
        "team": 8,
        "tag": 16,
        "two": 32,
        "2100": -63,
    }


@pytest.mark.parametrize(
    ("scopes", "place"),
    [
        pytest.param([{"teams": ["a", "b"]}, {"teams": ["b", "c"]}], 1, id="share one"),
        pytest.param([{}, {"teams": ["a"]}, {}], 2, id="alike"),
        pytest.param(
            [{"models": ["gpt-4o"]}, {"models": ["openai/gpt-4o"]}], 1, id="one model"
        ),
        pytest.param([{"tags": {"x": "1"}}, {"tags": {"y": "1"}}], 1, id="two tags"),
    ],
)
def test_mappings_that_would_hold_alike_are_refused(
    api: Api, scopes: list[Any], place: int
) -> None:
    mappings = [{**EVERYTHING, "scope": scope} for scope in scopes]

    got = api.send("PUT", "journal-mappings", mappings)

    assert got.status == 400
    assert [(one["attr"], one["code"]) for one in got.body["errors"]] == [
        (f"{place}.scope", "ambiguous")
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("=1+1", "+6100", "-6100", "@SUM", "\uff1dx", "a\tb", "a\nb", "a\u2028b"),
        *(" 6100", "6100 ", " ", "", "x" * 101, 6100, None, ["6100"]),
    ],
)
def test_names_that_a_file_could_not_have_are_refused(api: Api, name: object) -> None:
    given = [EVERYTHING, {**ML, "expense_account": name}]

    got = api.send("PUT", "journal-mappings", given)

    assert got.status == 400
    assert [one["attr"] for one in got.body["errors"]] == ["1.expense_account"]


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "mappings"),
        ("x", "mappings"),
        ([7], "0"),
        ([{**EVERYTHING, "colour": "red"}], "0.colour"),
        ([{**EVERYTHING, "scope": {"team": ["a"]}}], "0.scope.team"),
        ([{**EVERYTHING, "scope": {"teams": [7]}}], "0.scope.teams"),
        ([{**EVERYTHING, "class": "a\rb"}], "0.class"),
        ([EVERYTHING] * 501, "mappings"),
    ],
)
def test_mappings_of_another_shape_are_refused_by_name(
    api: Api, body: object, attr: str
) -> None:
    got = api.send("PUT", "journal-mappings", body)

    assert got.status == 400
    assert [one["attr"] for one in got.body["errors"]] == [attr]


def test_mappings_are_read_as_they_were_set_and_guarded_by_their_version(
    api: Api,
) -> None:
    first = api.get("journal-mappings")

    put = api.send("PUT", "journal-mappings", [ML], if_match=first.headers["ETag"])
    late = api.send("PUT", "journal-mappings", [], if_match=first.headers["ETag"])

    assert first.body[1] == {**ML, "cost_center": "", "class": ""}
    assert (put.status, late.status) == (200, 412)
    assert len(api.get("journal-mappings").body) == 1


def test_a_month_is_posted_once_and_only_when_it_is_over(
    acme: Organization, api: Api
) -> None:
    book(acme, "10")
    posted(api)
    this = f"{timezone.now():%Y-%m}"
    spend(acme, "1")

    again = api.post("journals", {"month": "2025-01"})
    early = api.post("journals", {"month": this})
    unposted = api.post("journals", {"month": "2024-01", "correction": True})
    empty = api.post("journals", {"month": "2024-01"})

    assert [(one.status, one.body["code"]) for one in (again, early)] == [
        (409, "already_posted"),
        (409, "month_not_over"),
    ]
    assert (unposted.status, unposted.body["code"]) == (409, "not_posted")
    assert (empty.status, empty.body["code"]) == (409, "nothing_to_post")


def test_a_month_is_that_of_the_organizations_clocks() -> None:
    acme = make_organization(timezone="America/Los_Angeles")
    api = make_api(organization=acme)
    api.send("PUT", "journal-mappings", [EVERYTHING])
    book(acme, "1", datetime(2025, 1, 1, 7, 59, tzinfo=UTC))  # still December
    book(acme, "2", datetime(2025, 1, 1, 8, 0, tzinfo=UTC))
    book(acme, "4", datetime(2025, 2, 1, 7, 59, tzinfo=UTC))
    book(acme, "8", datetime(2025, 2, 1, 8, 0, tzinfo=UTC))

    assert accrual_of(api) == {"6100": 6, "2100": -6}


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "11"), ("KWD", "10.505")])
def test_amounts_have_the_decimals_of_the_currency(currency: str, amount: str) -> None:
    acme = make_organization(currency=currency)
    api = make_api(organization=acme)
    api.send("PUT", "journal-mappings", [EVERYTHING])
    book(acme, "10.5051", currency=currency)

    assert accrual_of(api) == {"6100": Decimal(amount), "2100": -Decimal(amount)}


def test_three_decimals_are_refused_by_systems_of_two_until_two_are_asked_for() -> None:
    acme = make_organization(currency="KWD")
    api = make_api(organization=acme)
    api.send("PUT", "journal-mappings", [EVERYTHING])
    book(acme, "10.5051", currency="KWD")

    refused = api.get("exports/journal.csv?month=2025-01&system=xero")
    api.patch("journal-settings", {"decimals": 2})
    taken = api.get("exports/journal.csv?month=2025-01&system=xero")

    assert (refused.status, refused.body["code"]) == (409, "too_many_decimals")
    assert taken.status == 200
    assert ",10.51," in taken.body


def test_many_lines_are_several_files_that_lead_to_one_another(
    acme: Organization, api: Api
) -> None:
    teams = [f"t{number:03}" for number in range(310)]
    mappings = [
        {**EVERYTHING, "scope": {"teams": [team]}, "expense_account": f"6{team}"}
        for team in teams
    ]
    assert api.send("PUT", "journal-mappings", mappings).status == 200
    report(
        acme,
        *(
            usage_record(id=team, timestamp=JANUARY.isoformat(), cost="1", team_id=team)
            for team in teams
        ),
    )
    posted(api)

    first = api.get("exports/journal.csv?month=2025-01&system=xero&journal=accrual")
    second = csv_of(api, "xero", journal="accrual", part=2)
    beyond = api.get("exports/journal.csv?month=2025-01&system=xero&part=9")

    assert first.headers["X-Journal-Files"] == "2"
    assert 'part=2>; rel="next"' in first.headers["Link"]
    read = READERS["xero"](first.body.encode()) | READERS["xero"](second)
    assert by_account(read)["2100"] == -310
    assert beyond.status == 404


def test_the_manifest_has_what_an_import_is_held_against(
    acme: Organization, api: Api
) -> None:
    book(acme, "10", team_id="ml")
    spend(acme, None, JANUARY, provider="nobody", model="own")
    posted(api)

    manifest = api.get("exports/journal.json?month=2025-01&system=quickbooks")
    archive = api._client.get(
        "/api/v1/exports/journal.zip?month=2025-01&system=quickbooks"
    )

    told = manifest.body
    assert (told["rows"], told["debits"], told["credits"]) == (
        4,
        "20.0000000000",
        "20.0000000000",
    )
    assert (told["state"], told["unpriced_requests"]) == ("posted", 1)
    assert [one["external_id"] for one in told["journals"]] == [
        "LLM-2025-01-acme-1",
        "LLM-2025-01-acme-2",
    ]
    with ZipFile(BytesIO(archive.content)) as zipped:
        assert zipped.namelist() == [told["files"][0]["name"], "manifest.json"]
        assert json.loads(zipped.read("manifest.json")) == told
        assert zipped.read(told["files"][0]["name"]) == csv_of(api, "quickbooks")


@pytest.mark.parametrize(
    "query",
    [
        *("", "month=", "month=2025", "month=2025-13", "month=0000-01", "month=x"),
        *("month=2025-01&system=sap", "month=2025-01&part=0", "month=2025-01&part=x"),
        *("month=2025-01&posting=0", "month=2025-01&journal=x", "month=99999-01"),
        *("month=2025-01&start_date=2025-01-01", "month=2025-01&colour=red"),
        *("month=2025-01%00", "month=2025-01&system=%00", "month=2025-01&part=1%2B1"),
    ],
)
def test_what_is_asked_wrongly_is_a_400(api: Api, query: str) -> None:
    assert api.get(f"exports/journal.csv?{query}").status == 400


@pytest.mark.parametrize(
    "body",
    [{}, {"month": 7}, {"month": "2025-01", "colour": 1}, {"month": "\u0000"}, []],
)
def test_what_is_posted_wrongly_is_a_400(api: Api, body: object) -> None:
    assert api.post("journals", body).status == 400


@pytest.mark.parametrize(
    "change",
    [
        *({"tax_rate": ""}, {"tax_rate": "=x"}, {"decimals": 5}, {"decimals": "x"}),
        *({"date_order": "x"}, {"tracking_class": "Third"}, {"subsidiary": "a\nb"}),
        *({"rounding_account": " 1"}, {"colour": "red"}),
    ],
)
def test_settings_that_no_file_could_have_are_refused(api: Api, change: Any) -> None:
    got = api.patch("journal-settings", change)

    assert got.status == 400
    assert [one["attr"] for one in got.body["errors"]] == list(change)


def test_settings_are_written_into_files(acme: Organization, api: Api) -> None:
    said = {
        "rounding_account": "8999",
        "date_order": "ymd",
        "subsidiary": "Acme US",
        "tracking_department": "Area",
        "tax_rate": "No VAT",
    }
    assert api.patch("journal-settings", said).status == 200
    book(acme, "10.005", team_id="ml")
    book(acme, "1.005", team_id="web")

    netsuite, xero = csv_of(api, "netsuite").decode(), csv_of(api, "xero").decode()

    assert "2025-01-31,Jan 2025,USD,1,Acme US," in netsuite
    assert "8999" in netsuite
    assert ",No VAT,10.00,Area,Research," in xero


def test_another_organization_has_journals_and_accounts_of_its_own(
    acme: Organization, api: Api
) -> None:
    globex = make_api(organization=make_organization("globex"))
    book(acme, "10")
    posted(api)

    assert globex.get("journals").body["results"] == []
    assert globex.get("journal-mappings").body == []
    asked = [
        globex.get("exports/journal.csv?month=2025-01&organization_id=acme"),
        globex.get("journals/preview?month=2025-01&organization_id=acme"),
        globex.send("PUT", "journal-mappings?organization_id=acme", []),
        globex.post("journals", {"month": "2025-01", "organization_id": "acme"}),
    ]
    assert {one.status for one in asked} == {403}


def test_a_post_that_is_repeated_by_its_key_posts_once(
    acme: Organization, api: Api
) -> None:
    book(acme, "10")

    first = api.post("journals", {"month": "2025-01"}, idempotency_key="k")
    again = api.post("journals", {"month": "2025-01"}, idempotency_key="k")

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body


def test_the_database_refuses_to_change_what_was_posted(
    acme: Organization, api: Api
) -> None:
    book(acme, "10")
    posted(api)

    for rows in (Journal.objects.all(), JournalLine.objects.all()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rows.update(organization_id=acme.pk)


def test_a_file_that_would_not_be_the_one_posted_is_not_given(
    acme: Organization, api: Api
) -> None:
    book(acme, "10")
    posted(api)
    with _unguarded():
        JournalLine.objects.update(amount=Decimal(11))

    got = api.get("exports/journal.csv?month=2025-01")

    assert (got.status, got.body["code"]) == (409, "file_changed")
    assert list(differences(acme)) == [
        "journal LLM-2025-01-acme-1 has lines of 11.0000000000, and was posted with "
        "10.0000000000",
        *(
            f"the {name} file of journal LLM-2025-01-acme-1 is another"
            for name in SYSTEMS
        ),
    ]


def test_whole_journals_are_found_whole(acme: Organization, api: Api) -> None:
    book(acme, "10")
    posted(api)
    book(acme, "10")
    posted(api, correction=True)

    assert list(differences(acme)) == []


class _unguarded:  # noqa: N801 - reads as a word
    """Do what somebody who may do everything in the database could do."""

    def __enter__(self) -> None:
        on = " ON reports_journalline" if connection.vendor == "postgresql" else ""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER reports_journalline_stays{on}")

    def __exit__(self, *error: object) -> None:
        pass  # the test's transaction is taken back, and that with it


@settings(
    max_examples=examples(15, 300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_postings_add_up_to_what_the_ledger_has(acme: Organization, data: Any) -> None:
    """Whatever is booked, mapped and posted in between, to the cent."""
    with transaction.atomic():
        api = make_api(organization=acme)
        teams = ["a", "b", "c"]
        total = Decimal(0)
        postings = 0
        for _ in range(data.draw(st.integers(1, 3))):
            mapped = data.draw(st.sets(st.sampled_from(teams)))
            mappings = [EVERYTHING] + [
                {**ML, "scope": {"teams": [one]}, "expense_account": f"6{one}"}
                for one in sorted(mapped)
            ]
            assert api.send("PUT", "journal-mappings", mappings).status == 200
            for team in data.draw(st.lists(st.sampled_from(teams), max_size=4)):
                units = data.draw(st.integers(-(10**10), 10**12))
                cost = Decimal(units).scaleb(-10)
                total += cost
                book(acme, f"{cost:f}", team_id=team)
            body = {"month": "2025-01", "correction": bool(postings)}
            postings += api.post("journals", body).status == 201

        sums: dict[str, Decimal] = {}
        for posting in range(1, postings + 1):
            for account, amount in accrual_of(api, posting=posting).items():
                sums[account] = sums.get(account, Decimal(0)) + amount

        assert sum(sums.values()) == 0
        assert -sums.get("2100", Decimal(0)) == round(total, 2)
        transaction.set_rollback(True)
