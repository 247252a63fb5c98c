"""Costs as others log them: floats with many decimals, currencies in any case."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from ledger.models import CostRecord
from ledger.usage import check, decode_one, is_rounded, parse_metadata
from tests.factories import Api, usage_record
from tests.intake.otlp_exports import CHAT, record_of

LOGGED = "0.00010811999999999999"  # a float, as a gateway writes it
BOOKED = Decimal("0.0001081200")


def by_file(path: Path, **fields: str) -> None:
    path.write_text(f"{','.join(fields)}\n{','.join(fields.values())}\n")
    call_command("import_usage", path, organization="acme")


@pytest.mark.django_db
def test_a_cost_with_many_decimals_is_rounded_and_that_is_told(api: Api) -> None:
    record = usage_record(cost=LOGGED, currency="usd", metadata={"trace": "t1"})

    answer = api.post("usage", record)

    assert (answer.status, answer.body["cost"]) == (201, "0.0001081200")
    assert answer.body["cost_rounded"] is True
    kept = CostRecord.objects.get()
    assert (kept.total_cost, kept.source_currency) == (BOOKED, "")
    assert kept.metadata == {"trace": "t1", "cost_sent": LOGGED}


@pytest.mark.django_db
def test_a_rounded_cost_that_is_sent_again_is_a_repeat(api: Api) -> None:
    api.post("usage", usage_record(cost=LOGGED))

    answer = api.post("usage", usage_record(cost=LOGGED))

    assert (answer.status, answer.body["conflict"]) == (200, False)


@pytest.mark.django_db
def test_a_batch_names_the_records_whose_cost_was_rounded(api: Api) -> None:
    body = [usage_record(id="a", cost="1"), usage_record(id="b", cost=float(LOGGED))]

    answer = api.post("usage/batch", body)

    assert answer.body["rounded"] == [{"index": 1, "id": "b"}]
    assert answer.body["total_cost"] == "1.0001081200"


@pytest.mark.django_db
def test_a_file_takes_what_the_api_takes(tmp_path: Path) -> None:
    fields = {"id": "a", "timestamp": "2025-01-01T00:00:00Z", "model": "gpt-4o"}

    by_file(tmp_path / "a.csv", **fields, cost=LOGGED, currency="Usd")

    assert CostRecord.objects.get().total_cost == BOOKED


def test_a_span_is_rounded_and_told_as_any_record_is() -> None:
    cost = {"amount": float(LOGGED), "source": "provider", "currency": "usd"}
    named = {f"gen_ai.usage.cost.{name}": value for name, value in cost.items()}

    record = record_of({**CHAT, **named})

    assert (record.cost, record.currency) == (BOOKED, "USD")
    assert (parse_metadata(bytes(record.metadata)) or {})["cost_sent"] == LOGGED


RECORD = '"id": "a", "timestamp": "2025-01-01T00:00:00Z", "model": "gpt-4o"'
ABSURD = ["1E+1000000", "1E-1000030", "1e999999999999999999999", "-1E+77", "NaN"]


@pytest.mark.django_db
@pytest.mark.parametrize("cost", ABSURD)
def test_an_absurd_cost_is_refused_at_every_door(
    api: Api, tmp_path: Path, cost: str
) -> None:
    raw, good = f'{{{RECORD}, "cost": {cost}}}', f'{{{RECORD}, "cost": 1}}'

    one = api.post("usage", raw.encode())
    as_text = api.post("usage", usage_record(cost=cost))
    several = api.post("usage/batch", f"[{raw}, {good}, 1e999999999999999999]".encode())

    assert (one.status, as_text.status, several.status) == (400, 400, 200)
    assert [bad["index"] for bad in several.body["rejected"]] == [0, 2]
    assert several.body["accepted"] == 1
    with pytest.raises(CommandError, match="wrong"):
        by_file(tmp_path / "a.csv", timestamp="2025-01-01", model="gpt-4o", cost=cost)


@given(
    st.decimals(-(10**8), 10**8, allow_nan=False, places=18) | st.floats(1e-20, 1e8),
    st.sampled_from(["usd", "USD", " Usd", "eUR", "jpy "]),
)
def test_every_door_reads_a_number_alike(cost: Any, currency: str) -> None:
    sent = Decimal(str(cost))
    with localcontext(prec=80) as exact:
        booked = sent.quantize(Decimal("1e-10"), ROUND_HALF_EVEN, exact)

    named = f'"currency": "{currency}", "cost": {sent}'
    record = decode_one(f"{{{RECORD}, {named}}}".encode())

    assert check(record) == ()
    assert record.cost == booked
    assert record.currency == currency.strip().upper()
    assert is_rounded(record) == (booked != sent)
    if booked != sent:
        kept = parse_metadata(bytes(record.metadata)) or {}
        assert Decimal(kept["cost_sent"]) == sent
