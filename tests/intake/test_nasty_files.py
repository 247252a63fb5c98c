"""Values that nobody should send, in any field of a file: told, and no bug."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ledger.models import CostRecord
from tests.factories import usage_record
from tests.intake.exported import BUCKET, HELICONE, LITELLM, PAGE
from tests.intake.nasty import FIELDS, NASTY

pytestmark = pytest.mark.django_db

RECORD = usage_record()
# By format: its name, a row, and which of its fields identifies it.
FILES: list[tuple[str | None, dict[str, Any], str]] = [
    (None, RECORD, "id"),
    ("litellm", LITELLM, "request_id"),
    ("langfuse", BUCKET, "id"),
    ("helicone", HELICONE, "request_id"),
    ("openai", PAGE, "object"),
]


def rows_of(row: dict[str, Any], key: str, names: list[str]) -> Iterator[list[str]]:
    """Yield *row*, as JSON, with each odd value in each field, and with odd names.

    The first and the last are sound.
    """
    plain = {name: json.dumps(value) for name, value in row.items()}
    odd = [{name: value} for name in names for value in NASTY]
    odd += [{name: "1"} for name in (r"a\u0000", r"\ud800", "k" * 5_000)]
    for number, each in enumerate([{}, *odd, {}]):
        whole = {**plain, key: f'"n{number}"', **each}
        yield [f'"{name}": {value}' for name, value in whole.items()]


@pytest.mark.parametrize(("form", "row", "key"), FILES)
def test_of_a_file_of_odd_values_the_good_rows_are_booked(
    tmp_path: Path, form: str | None, row: dict[str, Any], key: str
) -> None:
    rows = list(rows_of(row, key, sorted(row) if form else FIELDS))
    path = tmp_path / "odd.jsonl"
    path.write_text("\n".join(f"{{{', '.join(each)}}}" for each in rows))

    with pytest.raises(CommandError, match=r"odd\.jsonl: .* rows are wrong"):
        call_command("import_usage", path, format=form, organization="acme")

    if form != "openai":  # whose rows have no ids
        ends = CostRecord.objects.filter(usage_id__in=["n0", f"n{len(rows) - 1}"])
        assert ends.count() == 2
    call_command("verify")


def test_of_odd_cells_the_good_rows_are_booked(tmp_path: Path) -> None:
    odd = [value.strip('"').encode() for value in NASTY] + [b"\0", b"\xff", b"\xed\xa0"]
    cells = [name.encode() for name in sorted(RECORD)]
    good = [str(RECORD[name]).encode() for name in sorted(RECORD)]
    lines = [cells, good]
    for place, name in enumerate(sorted(RECORD)):
        for number, value in enumerate(odd):
            line = [
                *good[:place],
                b'"%s"' % value.replace(b'"', b'""'),
                *good[place + 1 :],
            ]
            if name != "id":
                line[sorted(RECORD).index("id")] = b"n%d-%d" % (place, number)
            lines.append(line)
    path = tmp_path / "odd.csv"
    path.write_bytes(b"\n".join(b",".join(line) for line in [*lines, good]))

    with pytest.raises(CommandError, match=r"odd\.csv: .* rows are wrong"):
        call_command("import_usage", path, organization="acme")

    assert CostRecord.objects.filter(usage_id=RECORD["id"]).exists()
