"""FOCUS files of random ledgers, byte by byte as a slow and plain maker has them."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import msgspec
import pytest
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import LateRecords, Organization
from intake.corrections import correct
from intake.repricing import reprice
from ledger.models import CostRecord
from ledger.months import hold_to_close, lock_month
from ledger.prices import add_price, add_rate, change_price
from ledger.repricing import Selection
from ledger.usage import decode_one
from reports.exports import KINDS, file_of, order_of
from reports.focus import records as reading
from tests.budgets.worlds import undone
from tests.factories import NOON, make_api, make_organization, report, usage_record
from tests.reports import focus_oracle
from tests.reports.focus_faults import FOUND_BY_READER, spoilt
from tests.reports.focus_reader import billed_in, faults_in
from tests.sizes import examples

pytestmark = pytest.mark.django_db

Row = dict[str, str]
MODELS = ("gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro", "own", "later", "never")
PROVIDERS = {"claude-sonnet-4-5": "anthropic", "gemini-2.5-pro": "google"}


def focus(organization: Organization, extension: str = "csv", /, **query: str) -> bytes:
    order = order_of(KINDS["focus"], organization, query, now=NOON)
    return b"".join(file_of(KINDS["focus"], order, extension))


def rows_of(organization: Organization, **query: str) -> list[Row]:
    text = focus(organization, **query).decode()
    return list(csv.DictReader(StringIO(text, newline="")))


def ledger_sum(organization: Organization) -> Decimal:
    rows = CostRecord.objects.filter(organization=organization)
    return rows.aggregate(sum=Sum("total_cost"))["sum"] or Decimal(0)


def billed(rows: list[Row]) -> Decimal:
    return sum((Decimal(row["BilledCost"]) for row in rows), Decimal(0))


def kinds_of(rows: list[Row]) -> dict[str, str]:
    return {row["SkuMeter"]: row["BilledCost"] for row in rows}


# -- Random ledgers

records = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b,c", 'say "d"', "e"]),
        "timestamp": st.one_of(
            st.integers(0, 6).map(
                lambda n: (
                    datetime(2025, 1, 31, 20, 59, 59, 999_999, UTC) + timedelta(hours=n)
                )
            ),
            st.just(timezone.now().replace(microsecond=0)),
        ).map(datetime.isoformat),
        "model": st.sampled_from(MODELS),
        "team_id": st.sampled_from(["", "ml", "a\nb"]),
        "user_id": st.sampled_from(["", "Ada@x.com"]),
        "service_tier": st.sampled_from(["", "", "batch"]),
        "input_tokens": st.sampled_from([0, 7, 999, 250_001, 1_000_003]),
        "output_tokens": st.sampled_from([0, 3, 10_007]),
        "parts": st.sampled_from([(0, 0, 0), (0, 0, 0), (3, 0, 0), (5, 2, 1)]),
        "requests": st.sampled_from([1, 1, 1, 5]),
        "quantities": st.sampled_from(
            [None, None, {"searches": 3}, {"audio_input_tokens": 2, "searches": 1.5}]
        ),
        "cost": st.sampled_from([None, None, None, "0.0000000001", "-2.5", "0"]),
        "currency": st.sampled_from([None, "EUR"]),
        "tags": st.sampled_from([{}, {"feature": "chat", "a": "b"}]),
        "run_id": st.sampled_from([None, "run-1"]),
    }
)
steps = st.one_of(
    st.tuples(st.just("report"), st.lists(records, min_size=1, max_size=3)),
    st.tuples(st.just("report"), st.lists(records, min_size=1, max_size=3)),
    st.tuples(st.just("correct"), st.lists(records, min_size=1, max_size=3)),
    st.tuples(st.just("price"), st.sampled_from(["0.1", "0.3333333333", "1234567"])),
    st.tuples(st.just("reprice"), st.none()),
    st.tuples(st.just("close"), st.none()),
)


def _sent(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as a client sends it: only what it has, and what adds up."""
    sent = {
        key: value
        for key, value in record.items()
        if key not in {"parts", "quantities", "tags", "requests"} and value
    }
    if record["cost"] is None and "input_tokens" not in sent:
        sent.setdefault("output_tokens", 1)
    cached, written, reasoning = record["parts"]
    if record["input_tokens"]:
        sent |= {"cached_tokens": cached, "cache_write_tokens": written}
    if record["output_tokens"] > 1:
        sent["reasoning_tokens"] = reasoning
    quantities = dict(record["quantities"] or {})
    if record["input_tokens"] < 100:
        quantities.pop("audio_input_tokens", None)
    if record["requests"] > 1:
        quantities["requests"] = record["requests"]
    if quantities:
        sent["quantities"] = quantities
    if record["cost"] is None:
        sent.pop("currency", None)
    provider = PROVIDERS.get(record["model"], "openai")
    return sent | {"provider": provider, "tags": record["tags"]}


class Ledger:
    """One organization's ledger, as it comes about."""

    def __init__(self, currency: str) -> None:
        self.acme = make_organization(
            currency=currency, late_records=LateRecords.OPEN_MONTH
        )
        self.known: set[str] = set()
        self.later: Any = None
        self.closed = False
        for base in ("USD", "EUR"):
            rate = Decimal("151.234567891234")
            add_rate(base=base, quote="JPY", rate=rate, date=date(2000, 1, 1))
        self._price("own", "2.123456789")

    def _price(self, model: str, amount: str) -> Any:
        return add_price(
            provider="openai",
            model=model,
            effective_from=datetime(2020, 1, 1, tzinfo=UTC),
            input_per_million=Decimal(amount),
            output_per_million=Decimal(amount) * 3,
            per_request=Decimal("0.01"),
            quantities={"searches": "0.005"},
        )

    def report(self, told: list[dict[str, Any]]) -> None:
        report(self.acme, *map(_sent, told))
        self.known.update(one["id"] for one in told)

    def correct(self, told: list[dict[str, Any]]) -> None:
        last = {one["id"]: one for one in told if one["id"] in self.known}
        usage = [decode_one(msgspec.json.encode(_sent(one))) for one in last.values()]
        correct(self.acme.pk, usage, reason="wrong")

    def price(self, amount: str) -> None:
        if self.later is None:
            self.later = self._price("later", amount)
        else:
            self.later = change_price(self.later, input_per_million=Decimal(amount))

    def close(self, _: None) -> None:
        if not self.closed:
            january = date(2025, 1, 1)
            hold_to_close(self.acme, january, now=timezone.now())
            lock_month(self.acme, january, reason="", open_items=[])
        self.closed = True

    def reprice(self, _: None) -> None:
        reprice(self.acme, Selection(), reason="priced")


@settings(
    max_examples=examples(60, 500),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    currency=st.sampled_from(["USD", "USD", "EUR", "JPY"]),
    told=st.lists(steps, min_size=1, max_size=6),
    page=st.sampled_from([1, 3, 5_000]),
)
def test_a_file_is_what_a_plain_maker_makes_and_adds_up_to_the_ledger(
    currency: str, told: list[tuple[str, Any]], page: int
) -> None:
    with undone(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "PAGE", page)
        story = Ledger(currency)
        for name, argument in told:
            getattr(story, name)(argument)

        made = focus(story.acme)

        assert made == focus_oracle.file_of(story.acme)
        assert billed_in(made.decode()) == ledger_sum(story.acme)
        assert list(faults_in(made.decode())) == []


def test_what_the_validator_lets_pass_is_found() -> None:
    acme = make_organization()
    report(acme, usage_record())
    sound = focus(acme).decode()

    passed = [name for name in FOUND_BY_READER if not [*faults_in(spoilt(sound, name))]]

    assert passed == []


# -- One thing after the other


def test_each_kind_that_was_used_has_a_line_of_its_own() -> None:
    acme = make_organization()
    report(
        acme,
        usage_record(
            model="claude-sonnet-4-5",
            provider="anthropic",
            input_tokens=1_000_000,
            cached_tokens=200_000,
            cache_write_tokens=100_000,
            output_tokens=500_000,
        ),
    )

    rows = rows_of(acme)

    told = [
        (
            row["SkuId"].rpartition("/")[2],
            row["ConsumedQuantity"],
            row["PricingQuantity"],
        )
        for row in rows
    ]
    assert told == [
        ("cache_write_tokens", "100000.0", "0.100000"),
        ("cached_tokens", "200000.0", "0.200000"),
        ("input_tokens", "700000.0", "0.700000"),
        ("output_tokens", "500000.0", "0.500000"),
    ]
    assert {row["PricingUnit"] for row in rows} == {"1000000 Tokens"}
    assert [row["x_TokenCacheAction"] for row in rows] == [
        "Write",
        "Read",
        "Uncached",
        "",
    ]
    assert billed(rows) == ledger_sum(acme)


def test_a_discount_shows_beside_the_price_by_list() -> None:
    acme = make_organization()
    add_price(
        organization=acme,
        provider="openai",
        model="gpt-4o",
        percent_of_list=Decimal(90),
        effective_from=datetime(2020, 1, 1, tzinfo=UTC),
    )
    report(acme, usage_record(output_tokens=0))

    (row,) = rows_of(acme)

    assert (row["ListUnitPrice"], row["ContractedUnitPrice"]) == (
        "2.5000000000",
        "2.2500000000",
    )
    assert (row["ListCost"], row["BilledCost"]) == ("0.0025000000", "0.0022500000")


def test_costs_below_zero_are_credits_without_a_sku() -> None:
    acme = make_organization()
    report(acme, usage_record(cost="-2.5"))

    (row,) = rows_of(acme)

    assert (row["ChargeCategory"], row["BilledCost"]) == ("Credit", "-2.5000000000")
    assert (row["SkuId"], row["ConsumedQuantity"], row["PricingUnit"]) == ("", "", "")


def test_what_was_named_by_its_sender_is_one_line_in_the_currency_it_named() -> None:
    acme = make_organization()
    add_rate(base="EUR", quote="USD", rate=Decimal("1.1"), date=date(2025, 1, 15))
    report(acme, usage_record(cost="2", currency="EUR"))

    (row,) = rows_of(acme)

    assert (row["BilledCost"], row["BillingCurrency"]) == ("2.2000000000", "USD")
    assert (row["PricingCurrencyEffectiveCost"], row["PricingCurrency"]) == (
        "2.0000000000",
        "EUR",
    )
    assert (row["ContractedUnitPrice"], row["PricingCurrencyContractedUnitPrice"]) == (
        "2.2000000000",
        "2.0000000000",
    )
    assert row["x_ExchangeRate"] == "1.100000000000"


def test_a_correction_takes_off_what_was_and_adds_what_is() -> None:
    api, acme = make_api(), make_organization()
    report(acme, usage_record(output_tokens=0))

    api.post(
        "usage/u1/correction",
        usage_record(output_tokens=0, input_tokens=3000, reason="counted wrongly"),
    )

    told = [
        (row["ChargeClass"], row["ConsumedQuantity"], row["BilledCost"])
        for row in rows_of(acme)
    ]
    assert told == [
        ("", "1000.0", "0.0025000000"),
        ("Correction", "-1000.0", "-0.0025000000"),
        ("Correction", "3000.0", "0.0075000000"),
    ]


def test_what_is_corrected_within_its_month_is_no_correction_of_a_period() -> None:
    acme = make_organization()
    sent = usage_record(output_tokens=0, timestamp=timezone.now().isoformat())
    report(acme, sent)
    corrected = decode_one(msgspec.json.encode(sent | {"input_tokens": 1}))
    correct(acme.pk, [corrected], reason="wrong")

    assert {row["ChargeClass"] for row in rows_of(acme)} == {""}


def test_prices_that_have_changed_since_leave_averages_by_side() -> None:
    acme = make_organization()
    price = add_price(
        provider="openai",
        model="own",
        input_per_million=Decimal(1),
        output_per_million=Decimal(4),
        effective_from=datetime(2020, 1, 1, tzinfo=UTC),
    )
    report(acme, usage_record(model="own", cached_tokens=500))
    change_price(price, input_per_million=Decimal(50))

    rows = rows_of(acme)

    assert kinds_of(rows) == {
        "Input Tokens (All Kinds)": "0.0010000000",
        "Output Tokens (All Kinds)": "0.0040000000",
    }
    assert [row["ContractedUnitPrice"] for row in rows] == [
        "1.0000000000",
        "4.0000000000",
    ]


def test_usage_without_a_price_is_left_out_and_counted() -> None:
    acme = make_organization()
    report(acme, usage_record(model="never"), usage_record(id="u2", output_tokens=0))

    answer = make_api().get("exports/focus.csv?start_date=2025-01-01")

    assert answer.status == 200
    assert answer.headers["X-Unpriced-Records"] == "1"
    assert answer.headers["Content-Type"] == "text/csv"
    assert "focus-acme-2025-01-01.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(StringIO(answer.body)))
    assert [row["x_UsageId"] for row in rows] == ["u2"]


def test_people_go_by_words_that_stand_for_them_where_that_is_asked() -> None:
    acme = make_organization()
    report(
        acme,
        usage_record(user_id="Ada@x.com", output_tokens=0),
        usage_record(id="u2", user_id="ada@x.com", output_tokens=0),
        usage_record(id="u3", user_id="bob", output_tokens=0),
    )

    named = [row["x_PrincipalId"] for row in rows_of(acme)]
    hidden = [row["x_PrincipalId"] for row in rows_of(acme, pseudonymise="true")]

    assert named == ["ada@x.com", "ada@x.com", "bob"]
    assert hidden[0] == hidden[1] != hidden[2]
    assert not {"ada@x.com", "bob"} & set(hidden)


def test_a_file_has_what_is_in_its_time_and_no_other_organizations() -> None:
    acme, globex = make_organization(), make_organization("globex")
    inside = {"timestamp": "2025-01-31T23:59:59.999999Z", "output_tokens": 0}
    report(
        acme,
        usage_record(**inside),
        usage_record(id="u2", timestamp="2025-02-01T00:00:00Z"),
    )
    report(globex, usage_record(id="theirs", **inside))

    (row,) = rows_of(acme, month="2025-01")

    assert row["x_UsageId"] == "u1"
    assert (row["ChargePeriodEnd"], row["BillingPeriodEnd"]) == (
        "2025-02-01T00:00:00Z",
        "2025-02-01T00:00:00Z",
    )


def test_parquet_has_the_same_with_types() -> None:
    import duckdb

    acme = make_organization()
    report(acme, usage_record(team_id="a\nb", user_id='say "x", y'))
    order = order_of(KINDS["focus"], acme, {}, now=NOON)

    made = b"".join(file_of(KINDS["focus"], order, "parquet"))

    found = _read_parquet(duckdb.connect(), made)
    assert sum(row["BilledCost"] for row in found) == ledger_sum(acme)
    assert found[0]["ChargePeriodStart"] == NOON
    assert (found[0]["x_Team"], found[0]["ChargeClass"]) == ("a\nb", None)
    assert found[0]["x_PrincipalId"] == 'say "x", y'


def _read_parquet(session: Any, data: bytes) -> list[dict[str, Any]]:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "f.parquet"
        path.write_bytes(data)
        session.execute("SET TimeZone = 'UTC'")
        found = session.sql(f"SELECT * FROM '{path}'")
        names = found.columns
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_key_without_the_scope_gets_no_file() -> None:
    acme = make_organization()

    answer = make_api("usage:write", organization=acme).get("exports/focus.csv")

    assert (answer.status, answer.body["code"]) == (403, "forbidden")


@pytest.mark.parametrize("extension", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ("start_date=soon", "start_date"),
        ("month=2025-13", "month"),
        ("pseudonymise=maybe", "pseudonymise"),
        ("provider=openai", "provider"),
    ],
)
def test_a_bad_question_is_told_its_field(
    query: str, attr: str, extension: str
) -> None:
    acme = make_organization()

    answer = make_api(organization=acme).get(f"exports/focus.{extension}?{query}")

    assert answer.status == 400
    assert [error["attr"] for error in answer.body["errors"]] == [attr]
