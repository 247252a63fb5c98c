"""Files as others write them: byte order marks, spellings of columns, line ends."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from intake.columns import FIELDS, Columns, field_named
from intake.files import BadRow, read_usage
from ledger.models import CostRecord
from ledger.usage import Usage

MARK = "\ufeff"
HEADER = "id,timestamp,provider,model,input_tokens,output_tokens"
ROW = "req-{number},2026-08-15T12:0{number}:00Z,openai,gpt-4o,1000,100"


def load(path: Path, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_usage", path, stdout=out, organization="acme", **options)
    return out.getvalue()


def write(path: Path, *numbers: int, header: str = HEADER, start: str = "") -> Path:
    rows = "".join(f"{ROW.format(number=number)}\n" for number in numbers)
    path.write_text(f"{header}\n{start}{rows}", encoding="utf-8")
    return path


def spent() -> Decimal:
    costs = CostRecord.objects.values_list("total_cost", flat=True)
    return sum((cost for cost in costs if cost is not None), Decimal(0))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        MARK + HEADER,
        MARK + MARK + HEADER,
        HEADER.upper(),
        HEADER.replace("id", "ID", 1),
        HEADER.replace("id,", "Request ID,", 1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("start", ["", MARK], ids=["", "second mark"])
def test_files_that_overlap_count_each_call_once(
    tmp_path: Path, header: str, start: str
) -> None:
    load(write(tmp_path / "monday.csv", 1, 2, header=header, start=start))

    said = load(write(tmp_path / "tuesday.csv", 2, 3, header=header, start=start))

    assert "1 records loaded, 1 were there already" in said
    assert sorted(CostRecord.objects.values_list("usage_id", flat=True)) == [
        "req-1",
        "req-2",
        "req-3",
    ]
    assert spent() == Decimal("0.0105")


@pytest.mark.django_db
def test_a_column_in_the_singular_is_the_field(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "timestamp,id,provider,model,input_tokens,cached_token,output_tokens\n"
        "2026-08-15T12:00:00Z,req-9,openai,gpt-4o,1000,1000,0\n"
    )

    load(path)

    assert CostRecord.objects.get().cached_tokens == 1000


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("cache_write_1h_tokens", "100000"),
        ("Cache Write 1h Tokens", "100000"),
        ("quantities", '"{""cache_write_1h_tokens"": 100000}"'),
    ],
)
def test_a_kind_of_quantity_may_have_a_column(
    tmp_path: Path, columns: str, cells: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        f"timestamp,model,input_tokens,output_tokens,{columns}\n"
        f"2026-08-15T12:00:00Z,claude-opus-4-8,100100,100,{cells}\n"
    )

    load(path)

    record = CostRecord.objects.get()
    assert record.quantities == {"cache_write_1h_tokens": 100_000}
    assert record.total_cost == Decimal("1.003")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_column_that_is_not_understood_is_refused_with_a_remedy(
    tmp_path: Path, kind: str
) -> None:
    row = {
        "timestamp": "2026-08-15T12:00:00Z",
        "model": "gpt-4o",
        "input_tokens": 1000,
        "cashed_tokens": 1000,
    }
    path, told = tmp_path / f"a.{kind}", io.StringIO()
    as_csv = f"{','.join(row)}\n{','.join(map(str, row.values()))}\n"
    path.write_text(as_csv if kind == "csv" else json.dumps(row))

    with pytest.raises(CommandError) as refusal:
        load(path, stderr=told)

    said = f"{refusal.value} {told.getvalue()}"
    assert "“cashed_tokens” is not understood. Is it cached_tokens?" in said
    assert "--map cached_tokens=cashed_tokens" in said
    assert "--ignore-column cashed_tokens" in said
    assert not CostRecord.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("ignored", [["colour", "x_one"], ["colour", "x_*"], ["*"]])
def test_columns_are_left_out_when_that_is_said(
    tmp_path: Path, ignored: list[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "timestamp,model,input_tokens,colour,x_one,\n"
        "2026-08-15T12:00:00Z,gpt-4o,1000,red,1,\n"
    )

    said = load(path, ignore_column=ignored)

    assert "1 records loaded" in said


@pytest.mark.django_db
def test_two_columns_of_one_meaning_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,request_id,timestamp,model,input_tokens\n")

    with pytest.raises(CommandError, match="“id” and “request_id” both are id"):
        load(path)


@pytest.mark.django_db
def test_a_fault_of_every_row_is_told_once_with_a_count_and_a_remedy(
    tmp_path: Path,
) -> None:
    path, told = tmp_path / "a.csv", io.StringIO()
    rows = "2026-08-15T12:00:00Z,llama-3.3-70b,1\n" * 20_000
    path.write_text(f"timestamp,model,input_tokens\n{rows}")

    with pytest.raises(CommandError, match="20,000 rows are wrong"):
        load(path, stderr=told)

    (line,) = told.getvalue().splitlines()
    assert line.lstrip().startswith("a.csv: line 2: provider")
    assert "--set provider=NAME" in line
    assert line.endswith("(19,999 more rows alike)")


@pytest.mark.django_db
def test_ids_in_conflict_are_named_and_the_first_stands(tmp_path: Path) -> None:
    path = tmp_path / "claude.jsonl"
    message = {
        "timestamp": "2026-08-15T12:00:00Z",
        "model": "claude-sonnet-4-5-20250929",
        "input_tokens": 12000,
        "cached_tokens": 11000,
    }
    lines = [
        {"id": "msg_A", **message, "output_tokens": 1},
        {"id": "msg_A", **message, "output_tokens": 850},
        {"id": "msg_B", **message, "output_tokens": 20},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))

    with pytest.raises(CommandError, match=r"1 id is .* the first stands: msg_A"):
        load(path)

    assert CostRecord.objects.get(usage_id="msg_A").output_tokens == 1
    assert CostRecord.objects.count() == 2


# -- Any spelling, against what the words plainly are

WORDS = sorted(FIELDS - {"tags", "metadata"})


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """Return a field and some spelling of its words."""
    name = draw(st.sampled_from(WORDS))
    words = name.split("_")
    style = draw(st.sampled_from(["_", "-", " ", ".", "camel"]))
    if style == "camel":
        text = words[0] + "".join(word.title() for word in words[1:])
        text = draw(st.sampled_from([text, text[0].upper() + text[1:]]))
    else:
        cases = [str.lower, str.upper, str.title]
        text = draw(st.sampled_from(cases))(style.join(words))
    around = draw(st.sampled_from(["{}", " {}", "{} ", MARK + "{}", "\t{}"]))
    return name, around.format(text)


@given(spellings())
def test_a_field_is_known_in_any_spelling(case: tuple[str, str]) -> None:
    name, spelled = case

    assert field_named(spelled) == name


PLAIN = {
    "id": "a1",
    "timestamp": "2026-08-15T12:00:00Z",
    "provider": "openai",
    "model": "gpt-4o",
    "input_tokens": "1000",
    "output_tokens": "100",
    "team_id": "söarch",
}


@given(
    marks=st.integers(0, 2),
    inner=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-16-be"]),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    delimiter=st.sampled_from([",", ";", "\t"]),
    order=st.permutations(list(PLAIN)),
    quoted=st.booleans(),
    last_end=st.booleans(),
)
def test_a_file_says_the_same_however_it_is_written(
    tmp_path_factory: pytest.TempPathFactory,
    marks: int,
    inner: bool,
    encoding: str,
    ends: str,
    delimiter: str,
    order: list[str],
    quoted: bool,
    last_end: bool,
) -> None:
    around = '"{}"' if quoted else "{}"
    header = delimiter.join(around.format(name) for name in order)
    row = delimiter.join(around.format(PLAIN[name]) for name in order)
    text = f"{header}{ends}{MARK * inner}{row}{ends * last_end}"
    if encoding != "utf-8" or marks:
        text = MARK * max(marks, 1) + text
    if encoding == "utf-16":  # writes a mark of its own
        text = text.removeprefix(MARK)
    path = tmp_path_factory.mktemp("files") / "a.csv"
    path.write_bytes(text.encode(encoding))

    (record,) = read_usage(path, Columns())

    assert isinstance(record, Usage), isinstance(record, BadRow) and record.errors
    said = {name: str(getattr(record, name)) for name in PLAIN if name != "timestamp"}
    assert said == {name: PLAIN[name] for name in said}
