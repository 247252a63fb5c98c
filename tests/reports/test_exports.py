from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lib.errors import Invalid
from lib.periods import Window
from reports import exports
from reports.exports import file_name, file_of, order_of
from reports.management.commands import export as command
from reports.types import YES_NO, ExportFormat, ExportKind, ExportOrder, Option
from tests.factories import NOON, make_organization

pytestmark = pytest.mark.django_db


def _pieces(order: ExportOrder) -> Iterator[bytes]:
    if order.options["system"] == "broken":
        raise Invalid.field("system", "It is broken.")
    yield order.organization.slug.encode()
    order.tell(0.5)
    yield f" {order.window.start:%Y-%m-%d %H} {order.options['brief']}".encode()


def _unpriced(order: ExportOrder) -> Mapping[str, int]:
    return {"unpriced_records": 3}


SLIP = ExportKind(
    "slip",
    "Slips",
    {"csv": ExportFormat("text/csv", _pieces)},
    (
        Option("system", "Whose.", ("generic", "broken"), "generic"),
        Option("brief", "Less of it.", YES_NO, "false"),
    ),
    counts=_unpriced,
    local=True,
)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"slip": SLIP, "other": ExportKind("other", "Others", SLIP.formats)}
    monkeypatch.setattr(exports, "KINDS", kinds)
    monkeypatch.setattr(command, "KINDS", kinds)


def test_a_month_is_one_by_the_organizations_clocks() -> None:
    acme = make_organization(timezone="America/New_York")

    order = order_of(SLIP, acme, {"month": "2025-03"}, now=NOON)

    assert order.window == Window(
        datetime(2025, 3, 1, 5, tzinfo=UTC), datetime(2025, 4, 1, 4, tzinfo=UTC)
    )
    assert file_name(SLIP, order, "csv") == "slip-acme-2025-03.csv"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param({}, "", id="all of it"),
        pytest.param({"start_date": "2025-01-02"}, "-2025-01-02", id="open end"),
        pytest.param({"end_date": "2025-01-02"}, "-to-2025-01-02", id="open start"),
        pytest.param(
            {"start_date": "2025-01-02", "end_date": "2025-02-03"},
            "-2025-01-02-to-2025-02-03",
            id="some days",
        ),
        pytest.param(
            {"start_date": "2025-02-01", "end_date": "2025-02-28"},
            "-2025-02",
            id="month",
        ),
    ],
)
def test_the_files_name_tells_its_time(query: dict[str, str], words: str) -> None:
    order = order_of(SLIP, make_organization(), query, now=NOON)

    assert file_name(SLIP, order, "csv") == f"slip-acme{words}.csv"


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ({"month": "2025-13"}, "month"),
        ({"month": "2025-1"}, "month"),
        ({"month": "9999-01"}, "month"),
        ({"month": "2025-01", "start_date": "2025-01-01"}, "month"),
        ({"start_date": "2025-01-02", "end_date": "2025-01-02T00:00:00Z"}, "end_date"),
        ({"system": "sap"}, "system"),
        ({"brief": "maybe"}, "brief"),
    ],
)
def test_an_order_that_cannot_be_is_refused(query: dict[str, str], attr: str) -> None:
    acme = make_organization()

    with pytest.raises(Invalid) as caught:
        order_of(SLIP, acme, query, now=NOON)

    assert [error.attr for error in caught.value.errors] == [attr]


def test_what_is_refused_is_refused_before_the_file_begins() -> None:
    order = order_of(SLIP, make_organization(), {"system": "broken"}, now=NOON)

    with pytest.raises(Invalid, match="broken"):
        file_of(SLIP, order, "csv")
    with pytest.raises(Invalid, match="csv"):
        file_of(SLIP, order, "parquet")


def test_the_command_writes_the_file_and_says_what_is_not_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_organization()
    path = tmp_path / "slip.csv"

    call_command("export", "slip", "--month", "2025-03", "--brief", "--out", str(path))

    assert path.read_bytes() == b"acme 2025-03-01 00 true"
    assert capsys.readouterr().out == (
        f"{path}: 23 bytes. Not in it: 3 unpriced records.\n"
    )


def test_a_file_that_breaks_off_is_not_left(tmp_path: Path) -> None:
    make_organization()
    path = tmp_path / "slip.csv"

    with pytest.raises(CommandError, match="broken"):
        call_command("export", "slip", "--system", "broken", "--out", str(path))

    assert list(tmp_path.iterdir()) == []


def test_an_option_of_another_kind_is_no_option() -> None:
    make_organization()

    with pytest.raises(CommandError, match="“other” takes no --system"):
        call_command("export", "other", "--system", "generic")


def test_one_of_several_organizations_has_to_be_named() -> None:
    make_organization()
    make_organization("globex")

    with pytest.raises(CommandError, match="--organization"):
        call_command("export", "slip")
    with pytest.raises(CommandError, match="initech"):
        call_command("export", "slip", "--organization", "initech")
