"""manage.py import_usage: files in, once."""

import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import zstandard
from django.core.management import CommandError, call_command

from intake.columns import Columns
from intake.files import BadRow, read_usage
from intake.lines import CutOff
from ledger.models import CostRecord
from tests.factories import usage_record

pytestmark = pytest.mark.django_db

HEADER = "timestamp,model,priced_as,input_tokens,output_tokens\n"
ROW = "2023-11-16T18:17:03.979960Z,a-trace,gpt-4o,1000,1000\n"
OPTIONS = {
    "organization": "acme",
    "map": ["model=priced_as"],
    "set": ["provider=openai"],
}
MIB = 2**20
COLUMNS = Columns({"model": "priced_as"}, {"provider": "openai"})


def load(*paths: Path, **options: object) -> str:
    out = io.StringIO()
    call_command("import_usage", *paths, stdout=out, **{**OPTIONS, **options})
    return out.getvalue()


def test_equal_rows_count_separately_and_a_repeat_counts_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(HEADER + ROW * 3)

    first, again = load(path), load(path)

    assert "3 records loaded, 0 were there already" in first
    assert "0 records loaded, 3 were there already" in again
    costs = CostRecord.objects.values_list("total_cost", flat=True)
    assert list(costs) == [Decimal("0.0125")] * 3


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.zst"])
def test_a_packed_file_is_the_same_file(tmp_path: Path, ending: str) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / f"b{ending}"
    content = (HEADER + ROW * 3).encode()
    plain.write_bytes(content)
    pack = gzip.compress if ending.endswith("gz") else zstandard.compress
    packed.write_bytes(pack(content))

    load(plain)

    assert "0 records loaded, 3 were there already" in load(packed)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_files_that_were_packed_apart_and_joined_are_read_whole(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"a.csv.{'gz' if pack is gzip.compress else 'zst'}"
    path.write_bytes(pack((HEADER + ROW * 9_000).encode()) + pack(ROW.encode()))
    rows = len(list(read_usage(path, COLUMNS)))

    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CutOff):
        list(read_usage(path, COLUMNS))

    assert rows == 9_001


def json_line(usage_id: str, **more: str) -> bytes:
    return json.dumps(usage_record(id=usage_id, **more)).encode() + b"\n"


@pytest.mark.parametrize(
    ("name", "before", "long", "after", "left"),
    [
        ("a.jsonl.gz", json_line("1"), b'{"id":"', json_line("2"), 2),
        ("a.csv.zst", (HEADER + ROW).encode(), b"", ROW.encode(), 1),
        ("b.csv.gz", (HEADER + ROW).encode(), b'"\n",', ROW.encode(), 1),
    ],
    ids=["json", "line", "row"],
)
def test_a_line_too_long_to_read_is_named_and_takes_no_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    before: bytes,
    long: bytes,
    after: bytes,
    left: int,
) -> None:
    monkeypatch.setattr("intake.files.LONGEST", MIB)
    whole = before + (long or b"x") * (40 * MIB // (len(long) or 1)) + b"\n" + after
    pack = gzip.compress if name.endswith("gz") else zstandard.compress
    path = tmp_path / name
    path.write_bytes(pack(whole))

    tracemalloc.start()
    found = list(read_usage(path, COLUMNS if "csv" in name else Columns({}, {})))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    bad = [row for row in found if isinstance(row, BadRow)]
    assert len(found) - len(bad) == left
    assert len(bad) == 1
    assert "too long to be read" in bad[0].errors[0].detail
    assert most < 25 * MIB


def test_of_a_file_that_is_cut_what_is_whole_is_loaded_and_the_rest_comes_later(
    tmp_path: Path,
) -> None:
    rows = "".join(
        f"2023-11-16T18:17:03Z,a-trace,gpt-4o,{number},1\n" for number in range(5_000)
    )
    whole = gzip.compress((HEADER + rows).encode())
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(CommandError, match="cut off"):
        load(path)
    loaded = CostRecord.objects.count()
    path.write_bytes(whole)
    load(path)

    assert 0 < loaded < 5_000
    assert CostRecord.objects.count() == 5_000


def test_bad_rows_are_named_by_line_and_the_others_are_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trace.csv"
    bad = "yesterday,a-trace,gpt-4o,1000,1000\n"
    path.write_text(HEADER + ROW + bad + "too,few\n" + ROW)
    errors = io.StringIO()

    with pytest.raises(CommandError, match="2 rows are wrong"):
        load(path, stderr=errors)

    assert CostRecord.objects.count() == 2
    assert "line 3: timestamp" in errors.getvalue()
    assert "line 4" in errors.getvalue()


def test_lines_of_json_keep_ids_tags_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    record = {
        "id": "u1",
        "timestamp": "2025-01-01T00:00:00Z",
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1000,
        "tags": {"feature": "chat"},
        "metadata": {"trace": "t1"},
    }
    path.write_text(json.dumps(record) + "\n")

    load(path, map=[], set=[])

    booked = CostRecord.objects.select_related("attribution").get()
    assert booked.usage_id == "u1"
    assert booked.attribution.tags == {"feature": "chat"}
    assert booked.metadata == {"trace": "t1"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.txt", {}, "only .csv"),
        ("a.csv", {"map": ["nonsense"]}, "FIELD=VALUE"),
        ("a.csv", {"map": ["colour=red"]}, "Unknown field colour"),
        ("a.csv", {"map": ["model=missing"]}, "no column “missing”"),
        ("missing.csv", {}, "is not a file"),
    ],
)
def test_what_cannot_be_read_is_said_plainly(
    tmp_path: Path, name: str, options: dict[str, list[str]], message: str
) -> None:
    if name != "missing.csv":
        (tmp_path / name).write_text(HEADER + ROW)

    with pytest.raises(CommandError, match=message):
        load(tmp_path / name, **options)
