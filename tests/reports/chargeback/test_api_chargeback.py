"""GET and POST /chargeback, and its shares."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organization
from reports.chargeback import services
from reports.chargeback.allocation import AllocationKey
from reports.chargeback.figures import digest_of
from reports.models import AllocationShare, ChargebackStatement
from tests.factories import NOON, Api, make_api, make_organization, spend

pytestmark = pytest.mark.django_db
MONTH = "month=2025-01"


@pytest.fixture
def acme() -> Organization:
    organization = make_organization()
    spend(organization, "30", NOON, department_id="eng", user_id="a")
    spend(organization, "10", NOON, department_id="ops", user_id="b")
    spend(organization, "8", NOON, tags={"customer": "beta"})
    spend(organization, "99", datetime(2025, 2, 1, tzinfo=UTC), department_id="eng")
    return organization


@pytest.fixture
def api(acme: Organization) -> Api:
    return make_api(organization=acme)


def lines_of(body: Any) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    amounts = ("direct", "allocated", "total")
    return [
        (line["name"], *(Decimal(line[name]) for name in amounts))
        for line in body["lines"]
    ]


def test_a_month_is_told_by_department_with_what_is_shared(api: Api) -> None:
    answer = api.get(f"chargeback?{MONTH}&by=department&key=spend")

    assert answer.status == 200
    assert lines_of(answer.body) == [("eng", 30, 6, 36), ("ops", 10, 2, 12)]
    assert answer.body["total"] == "48.0000000000"
    assert answer.body["unallocated"] == "0.0000000000"
    assert (answer.body["month"], answer.body["by"]) == ("2025-01", "department")


def test_by_a_tag_what_does_not_carry_it_is_shared(api: Api) -> None:
    answer = api.get(f"chargeback?{MONTH}&by=tag:customer&key=none")

    assert lines_of(answer.body) == [("beta", 8, 0, 8)]
    assert answer.body["unallocated"] == "40.0000000000"


def test_fixed_shares_leave_the_rest_unallocated(api: Api) -> None:
    shares = [{"name": "eng", "share": "0.25"}, {"name": "new", "share": "0.5"}]
    api.send("PUT", "chargeback/shares", {"by": "department", "shares": shares})

    answer = api.get(f"chargeback?{MONTH}&by=department&key=fixed")

    assert lines_of(answer.body) == [
        ("eng", 30, 2, 32),
        ("ops", 10, 0, 10),
        ("new", 0, 4, 4),
    ]
    assert answer.body["unallocated"] == "2.0000000000"


def test_shares_are_replaced_and_keep_their_history(
    acme: Organization, api: Api
) -> None:
    first = {"by": "team", "shares": [{"name": "ml", "heads": 3}]}
    then = {"by": "team", "shares": [{"name": "web", "heads": 2}], "reason": "moved"}
    api.send("PUT", "chargeback/shares", first)

    answer = api.send("PUT", "chargeback/shares", then)

    assert answer.body["shares"] == [{"name": "web", "share": None, "heads": 2}]
    assert services.shares_of(acme, "team").count() == 1
    history = AllocationShare.history.filter(name="ml")
    assert list(history.values_list("history_type", flat=True)) == ["-", "+"]


@pytest.mark.parametrize(
    ("shares", "attr"),
    [
        ([{"name": "a", "share": "0.7"}, {"name": "b", "share": "0.4"}], "shares"),
        ([{"name": "a"}, {"name": "a"}], "shares.1.name"),
        ([{"name": "a", "share": "2"}], "shares.0.share"),
        ([{"name": "\x00"}], "shares.0.name"),
        ([{"name": "a", "heads": -1}], "shares.0.heads"),
    ],
)
def test_bad_shares_are_refused_by_name(api: Api, shares: Any, attr: str) -> None:
    answer = api.send("PUT", "chargeback/shares", {"by": "team", "shares": shares})

    assert answer.status == 400
    assert [one["attr"] for one in answer.body["errors"]] == [attr]


def test_a_file_is_in_cents_and_adds_up(acme: Organization, api: Api) -> None:
    spend(acme, "0.005", NOON, department_id="=cmd")
    spend(acme, "0.005", NOON, department_id="x")

    answer = api.get(f"chargeback?{MONTH}&by=department&key=none&format=csv")

    assert answer.body.splitlines() == [
        "month,by,name,direct,allocated,total,currency",
        "2025-01,department,eng,30.00,0.00,30.00,USD",
        "2025-01,department,ops,10.00,0.00,10.00,USD",
        "2025-01,department,'=cmd,0.00,0.00,0.00,USD",
        "2025-01,department,x,0.00,0.00,0.00,USD",
        "2025-01,department,Not allocated,0.00,0.00,8.00,USD",
        "2025-01,department,Rounding,0.01,0.00,0.01,USD",
        "2025-01,department,Total,40.01,0.00,48.01,USD",
    ]
    assert answer.headers["Content-Type"] == "text/csv"
    assert "chargeback-acme-2025-01.csv" in answer.headers["Content-Disposition"]


def test_a_unit_has_a_statement_of_its_own(api: Api) -> None:
    answer = api.get(f"chargeback?{MONTH}&by=department&name=ops")
    missing = api.get(f"chargeback?{MONTH}&by=department&name=nobody")

    assert lines_of(answer.body) == [("ops", 10, 2, 12)]
    assert answer.body["total"] == "12.0000000000"
    assert missing.status == 404


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ("by=department", "month"),
        ("month=2025-13&by=department", "month"),
        ("month=9999-01&by=team", "month"),
        ("month=2025-01", "by"),
        ("month=2025-01&by=user", "by"),
        ("month=2025-01&by=tag:", "by"),
        ("month=2025-01&by=team&key=luck", "key"),
        ("month=2025-01&by=team&revision=0", "revision"),
        ("month=2025-01&by=team&format=docx", "format"),
        ("month=2025-01&by=team&what=1", "what"),
    ],
)
def test_odd_questions_are_refused_by_name(api: Api, query: str, attr: str) -> None:
    answer = api.get(f"chargeback?{query}")

    assert answer.status == 400
    assert [one["attr"] for one in answer.body["errors"]] == [attr]


def test_a_statement_is_frozen_once_and_replaced_with_a_reason(
    acme: Organization, api: Api
) -> None:
    body = {"month": "2025-01", "by": "department"}
    first = api.post("chargeback", body)
    again = api.post("chargeback", body)
    spend(acme, "4", NOON, department_id="eng")

    refused = api.post("chargeback", body)
    second = api.post("chargeback", {**body, "reason": "late invoice"})

    assert (first.status, again.status) == (201, 200)
    assert refused.status == 400
    assert refused.body["errors"][0]["attr"] == "reason"
    frozen = second.body["statement"]
    assert (second.status, frozen["revision"], frozen["replaces"]) == (201, 2, 1)
    rows = ChargebackStatement.objects.order_by("revision")
    assert [digest_of(row.figures) == row.sha256 for row in rows] == [True, True]
    old = api.get(f"chargeback?{MONTH}&by=department&revision=1")
    assert old.body["total"] == "48.0000000000"
    assert (old.body["statement"]["sha256"], rows[0].sha256) == (
        first.body["statement"]["sha256"],
    ) * 2


def test_verify_finds_a_statement_that_was_changed(
    acme: Organization, api: Api
) -> None:
    api.post("chargeback", {"month": "2025-01", "by": "team"})
    row = ChargebackStatement.objects.get()
    ChargebackStatement.objects.update(figures=row.figures.replace("48.", "47."))

    (found,) = services.differences(acme)

    assert "was changed after it was frozen" in found


def test_the_live_figures_say_whether_the_frozen_ones_still_hold(
    acme: Organization, api: Api
) -> None:
    api.post("chargeback", {"month": "2025-01", "by": "team"})
    same = api.get(f"chargeback?{MONTH}&by=team").body["statement"]
    spend(acme, "1", NOON)

    other = api.get(f"chargeback?{MONTH}&by=team").body["statement"]

    assert (same["is_current"], other["is_current"]) == (True, False)


def test_other_organizations_see_nothing_of_it(acme: Organization) -> None:
    beta = make_api(organization=make_organization("beta"))
    beta_answer = beta.get(f"chargeback?{MONTH}&by=department")
    foreign = beta.get(f"chargeback?{MONTH}&by=department&organization_id=acme")

    assert (beta_answer.body["total"], beta_answer.body["lines"]) == (
        "0.0000000000",
        [],
    )
    assert foreign.status == 403


def test_keys_that_read_do_not_freeze(acme: Organization) -> None:
    reader = make_api("costs:read", organization=acme)

    assert reader.get(f"chargeback?{MONTH}&by=team").status == 200
    assert reader.post("chargeback", {"month": "2025-01", "by": "team"}).status == 403
    shares = {"by": "team", "shares": []}
    assert reader.send("PUT", "chargeback/shares", shares).status == 403


def test_it_takes_two_questions_and_what_a_setting_costs(
    acme: Organization, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(5):  # two of them PostgreSQL's setting
        services.charged_back(acme, date(2025, 1, 1), "team", AllocationKey.SPEND)


def test_it_leaves_the_house_as_any_file_does(
    acme: Organization, api: Api, tmp_path: Path
) -> None:
    file = tmp_path / "chargeback.csv"
    command = ("export", "chargeback", "--organization", acme.slug, "--out", str(file))

    call_command(*command, "--month", "2025-01", "--key", "requests")

    answer = api.get(f"chargeback?{MONTH}&by=department&key=requests&format=csv")
    assert file.read_bytes().decode() == answer.body
    feed = {
        "name": "To ops",
        "kind": "chargeback",
        "format": "pdf",
        "options": {"by": "department", "name": "ops"},
        "schedule": {"every": "month", "day": 3},
        "target": {"type": "mail", "recipients": ["ops@acme.example"]},
    }
    assert api.post("feeds", feed).status == 201
    with pytest.raises(CommandError, match="Chargeback is of a whole month"):
        call_command(*command, "--from", "2025-01-02")
