"""manage.py import_usage --format: spend logs as other tools write them."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from intake.columns import Columns
from intake.files import BadRow, Unused, read_usage
from intake.formats import FORMATS
from intake.formats.cells import moment
from ledger.models import CostRecord
from ledger.usage import Usage
from lib.errors import Invalid
from tests.intake.exported import BUCKET, COMPLETIONS, HELICONE, LITELLM, PAGE

pytestmark = pytest.mark.django_db


def load(path: Path, form: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(
        "import_usage", path, format=form, organization="acme", stdout=out, **options
    )
    return out.getvalue()


def as_csv(path: Path, *rows: dict[str, Any]) -> Path:
    cells = [
        {
            name: json.dumps(c) if isinstance(c, dict | list) else c
            for name, c in r.items()
        }
        for r in rows
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(cells)
    return path


def as_lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def as_array(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text(json.dumps(rows, indent=2))
    return path


WRITERS = {"a.csv": as_csv, "a.jsonl": as_lines, "a.json": as_array}


@pytest.mark.parametrize("name", WRITERS)
def test_litellms_spend_logs_load_at_their_spend(tmp_path: Path, name: str) -> None:
    failed = {**LITELLM, "request_id": "f", "spend": 0.0, "prompt_tokens": 0}
    failed |= {"completion_tokens": 0, "total_tokens": 0, "metadata": {}}
    cached = {**LITELLM, "request_id": "c", "spend": 0.1, "cache_hit": "True"}

    said = load(WRITERS[name](tmp_path / name, LITELLM, failed, cached), "litellm")

    assert "2 records loaded" in said
    assert "1 rows used nothing" in said
    record = CostRecord.objects.get(usage_id="chatcmpl-1")
    assert record.total_cost == Decimal("0.0001081200")
    assert (record.cached_tokens, record.reasoning_tokens) == (600, 40)
    where = record.attribution
    assert (where.provider, where.model, where.user) == ("openai", "gpt-4o", "ada")
    assert (where.team, where.tags) == ("search", ["prod"])
    assert (record.metadata or {})["cost_sent"] == "0.00010811999999999999"
    assert CostRecord.objects.get(usage_id="c").total_cost == 0


def test_litellms_tokens_are_priced_here_if_its_spend_is_left_out(
    tmp_path: Path,
) -> None:
    path = as_csv(tmp_path / "a.csv", LITELLM)

    load(path, "litellm", ignore_column=["spend"])

    # 400 at 2.50, 600 cached at 1.25 and 100 at 10 a million
    assert CostRecord.objects.get().total_cost == Decimal("0.00275")


def test_litellms_usage_of_xai_is_read_by_its_total(tmp_path: Path) -> None:
    usage = {"completion_tokens_details": {"reasoning_tokens": 220}}
    row = {
        **LITELLM,
        "model": "grok-3-mini",
        "custom_llm_provider": "xai",
        "prompt_tokens": 40,
        "completion_tokens": 3,
        "total_tokens": 263,
        "metadata": {"usage_object": usage},
    }

    load(as_csv(tmp_path / "a.csv", row), "litellm", ignore_column=["spend"])

    assert CostRecord.objects.get().total_cost == Decimal("0.0001235")


API: dict[str, Any] = {
    "id": "o1",
    "traceId": "t1",
    "type": "GENERATION",
    "startTime": "2026-08-15T12:00:00.000Z",
    "model": "gpt-4o",
    "environment": "production",
    "usage": {"input": 1000, "output": 100, "total": 1100, "unit": "TOKENS"},
    "usageDetails": {
        "input": 1000,
        "output": 100,
        "total": 1100,
        "cache_read_input_tokens": 600,
        "output_reasoning_tokens": 40,
    },
    "costDetails": {"total": 0.003},
}


@pytest.mark.parametrize("row", [BUCKET, API], ids=["bucket", "api"])
@pytest.mark.parametrize("name", WRITERS)
def test_langfuses_observations_load(
    tmp_path: Path, name: str, row: dict[str, Any]
) -> None:
    span = {**row, "id": "s", "type": "SPAN", "usage": {}, "usageDetails": {}}
    span |= {"usage_details": {}, "cost_details": {}, "costDetails": {}}
    span |= {"total_cost": None}
    span = {column: span[column] for column in row}

    said = load(WRITERS[name](tmp_path / name, row, span), "langfuse")

    assert "1 records loaded" in said
    assert "1 rows used nothing" in said
    record = CostRecord.objects.get()
    assert (record.input_tokens, record.output_tokens) == (1000, 100)
    assert (record.cached_tokens, record.reasoning_tokens) == (600, 40)
    assert record.total_cost == Decimal("0.003")
    where = record.attribution
    assert (where.provider, where.environment) == ("openai", "production")


def test_helicones_requests_load(tmp_path: Path) -> None:
    again = {**HELICONE, "request_id": "r2", "cache_reference_id": "r1"}

    load(as_lines(tmp_path / "a.jsonl", HELICONE, again), "helicone")

    record = CostRecord.objects.get(usage_id="r1")
    assert (record.input_tokens, record.cached_tokens) == (1000, 600)
    assert record.total_cost == Decimal("0.00275")
    assert (record.input_cost or 0) + (record.output_cost or 0) == record.total_cost
    assert record.latency_ms == 1250
    assert record.attribution.user == "ada"
    assert record.attribution.tags == {"environment": "production"}
    assert CostRecord.objects.get(usage_id="r2").total_cost == 0


def test_the_csv_of_helicones_tool_loads(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "response_id,response_created_at,response_status,request_created_at,"
        "request_body,request_properties,request_user_id,model,prompt_tokens,"
        "completion_tokens,latency,cost\n"
        '"p1","2026-08-15T12:00:01Z","200","2026-08-15T12:00:00Z",,'
        '"{""""feature"""":""""chat""""}","ada","gpt-4o","1000","100","1250","0.0035"\n'
    )

    load(path, "helicone")

    record = CostRecord.objects.select_related("attribution").get()
    assert (record.usage_id, record.total_cost) == ("p1", Decimal("0.0035"))
    assert record.attribution.tags == {"feature": "chat"}


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_openais_usage_loads_once_however_often_it_is_exported(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(PAGE, indent=None if name == "a.jsonl" else 2))

    first, again = load(path, "openai"), load(path, "openai")

    assert "2 records loaded" in first
    assert "0 records loaded, 2 were there already" in again
    plain, batch = CostRecord.objects.order_by("-total_cost")
    # 1,000 at 2.50, 3,000 at 1.25 and 500 at 10 a million
    assert plain.total_cost == Decimal("0.01125")
    assert (plain.requests, plain.attribution.project) == (5, "proj_abc")
    assert batch.service_tier == "batch"
    assert batch.total_cost == Decimal("0.005625")


def test_rows_of_openais_usage_load(tmp_path: Path) -> None:
    row = {
        "start_time": 1786752000,
        "end_time": 1786838400,
        "start_time_iso": "2026-08-15T00:00:00+00:00",
        "end_time_iso": "2026-08-16T00:00:00+00:00",
        **COMPLETIONS,
    }
    searches = {**dict.fromkeys(row), "start_time": 1786752000, "num_requests": 7}
    searches |= {"object": "organization.usage.web_searches.result"}
    rows = [
        {**each, "num_requests": each.get("num_requests")} for each in (row, searches)
    ]

    load(as_csv(tmp_path / "a.csv", *rows), "openai")

    booked, searched = CostRecord.objects.order_by("-input_tokens")
    assert booked.total_cost == Decimal("0.01125")
    assert searched.quantities == {"searches": 7}


def test_a_file_of_another_tool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not litellm's"):
        load(as_lines(tmp_path / "a.jsonl", HELICONE), "litellm")


def test_other_columns_and_values_may_be_named(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "a.csv", {**LITELLM, "cost_center": "c-7"})

    load(path, "litellm", map=["department_id=cost_center"], set=["environment=prod"])

    where = CostRecord.objects.select_related("attribution").get().attribution
    assert (where.department, where.environment) == ("c-7", "prod")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2026-08-15 12:00:00", "2026-08-15T12:00:00"),
        ("2026-08-15 12:00:00+00", "2026-08-15T12:00:00+00:00"),
        ("2026-08-15T12:00:00Z", "2026-08-15T12:00:00Z"),
        (1786795200, "2026-08-15T12:00:00+00:00"),
        ("1786795200000", "2026-08-15T12:00:00+00:00"),
        ("yesterday", "yesterday"),
        ("", None),
    ],
)
def test_a_moment_is_read_in_the_forms_of_databases(cell: Any, said: str) -> None:
    assert moment(cell) == said


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_no_row_breaks_a_format(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    known = {**LITELLM, **BUCKET, **API, **HELICONE, **COMPLETIONS, **PAGE}
    known |= {"start_time": 1, "results": [{}]}
    marks = [names[0] for names in FORMATS[form].marks]
    others = data.draw(st.lists(st.sampled_from(sorted(known)), unique=True))
    row = {name: data.draw(st.just(known[name]) | odd) for name in {*marks, *others}}
    path = as_lines(tmp_path_factory.mktemp("odd") / "a.jsonl", row)

    found: list[object] = []
    with suppress_malformed():
        found = list(read_usage(path, Columns(), form=FORMATS[form]))

    assert all(isinstance(each, Usage | BadRow | Unused) for each in found)


@contextmanager
def suppress_malformed() -> Iterator[None]:
    try:
        yield
    except Invalid as error:
        if "malformed JSON" not in str(error) and "Malformed" not in str(error):
            raise
