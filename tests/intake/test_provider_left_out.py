"""A record that names no provider: the model tells it, where only one fits."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from intake.otlp.spans import Broken
from ledger.models import CostRecord
from tests.factories import Api, usage_record
from tests.intake.otlp_exports import CHAT, record_of

TOLD = [
    ("gpt-4o", "openai"),
    ("GPT-4o-2024-08-06", "openai"),
    ("claude-sonnet-4-5-20250929", "anthropic"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws"),
    ("gemini-2.5-pro", "google"),
    ("openrouter/openai/gpt-4o", "openrouter"),
]
OPEN_WEIGHTS = "llama-3.3-70b"  # sold by many


def without_provider(**fields: Any) -> dict[str, Any]:
    record = usage_record(**fields)
    del record["provider"]
    return record


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "provider"), TOLD)
def test_the_provider_is_found_from_the_model(
    api: Api, model: str, provider: str
) -> None:
    answer = api.post("usage", without_provider(model=model))

    assert answer.status == 201
    assert CostRecord.objects.get().attribution.provider == provider


@pytest.mark.django_db
@pytest.mark.parametrize("provider", [None, ""])
def test_a_provider_that_is_empty_is_left_out(api: Api, provider: str | None) -> None:
    answer = api.post("usage", usage_record(provider=provider))

    assert (answer.status, answer.body["cost"]) == (201, "0.0125000000")


@pytest.mark.django_db
def test_a_model_that_several_sell_needs_a_provider(api: Api) -> None:
    answer = api.post("usage", without_provider(model=OPEN_WEIGHTS))

    (error,) = answer.body["errors"]
    assert (answer.status, error["attr"], error["code"]) == (
        400,
        "provider",
        "required",
    )
    assert OPEN_WEIGHTS in error["detail"]


@pytest.mark.django_db
def test_a_batch_finds_it_and_names_those_that_tell_none(api: Api) -> None:
    good = without_provider(id="a")
    bad = without_provider(id="b", model=OPEN_WEIGHTS)

    answer = api.post("usage/batch", [good, bad])

    assert answer.body["accepted"] == 1
    (rejected,) = answer.body["rejected"]
    assert (rejected["id"], rejected["errors"][0]["attr"]) == ("b", "provider")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_needs_no_column_of_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"usage.{kind}"
    row = {"timestamp": "2025-01-01T00:00:00Z", "model": "gpt-4o", "input_tokens": 1}
    as_csv = f"{','.join(row)}\n{','.join(map(str, row.values()))}\n"
    path.write_text(as_csv if kind == "csv" else json.dumps(row))

    call_command("import_usage", path, organization="acme")

    assert CostRecord.objects.get().attribution.provider == "openai"


@pytest.mark.django_db
def test_a_file_says_with_which_option_to_name_it(tmp_path: Path) -> None:
    path, told = tmp_path / "usage.csv", io.StringIO()
    path.write_text(
        f"timestamp,model,input_tokens\n2025-01-01T00:00:00Z,{OPEN_WEIGHTS},1\n"
    )

    with pytest.raises(CommandError, match="1 row is wrong"):
        call_command("import_usage", path, organization="acme", stderr=told)

    assert "--set provider=" in told.getvalue()


def test_a_span_needs_no_provider_where_its_model_tells_it() -> None:
    span = {name: value for name, value in CHAT.items() if "provider" not in name}

    assert record_of(span).provider == "openai"
    with pytest.raises(Broken, match="provider"):
        record_of({**span, "gen_ai.request.model": OPEN_WEIGHTS})
