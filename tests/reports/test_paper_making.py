"""How documents are made: by a process that has nothing, and loads nothing."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from reports.paper.making import PaperFailed, made
from reports.paper.statements import (
    pdf_of,
)
from tests.reports.papers import paper_or_skip
from tests.reports.statements import STATEMENT
from tests.sizes import every_day_on_sqlite

pytestmark = every_day_on_sqlite


def fetching_or_skip() -> Any:
    try:
        return import_module("reports.paper.fetching")
    except OSError:
        pytest.skip("Libraries of the system are missing.")


def test_a_statement_has_its_table_its_notes_and_its_digest() -> None:
    try:
        paper = paper_or_skip(pdf_of(STATEMENT))
    except PaperFailed as failure:
        paper = paper_or_skip(failure)

    assert STATEMENT.sentence in paper.text
    assert "Search its own 1,204.10 All 1,204.10 Rounded to cents." in paper.text
    assert f"SHA-256 {'ab' * 32} Page 1 of 1" in paper.text
    assert float(paper.reader.pages[0].mediabox.width) == pytest.approx(595.28, abs=0.1)


def test_a_process_that_fails_is_said_to_have_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(PaperFailed, match="could not be laid out"):
        made("reports.paper.nothing", STATEMENT)

    assert "No module named 'reports.paper.nothing'" in caplog.text


def test_missing_libraries_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weasyprint.py").write_text("raise OSError('no pango')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(PaperFailed, match="apt-get install libpango"):
        pdf_of(STATEMENT)


def test_nothing_of_ours_is_told_to_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spying.py").write_text(
        "import json, os, sys\n"
        "sys.stderr.write(json.dumps(sorted(os.environ))); sys.stderr.flush()\n"
        "raise SystemExit(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("COSTOPS_SECRET_KEY", "s" * 60)
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/")

    with pytest.raises(PaperFailed):
        made("spying", STATEMENT)

    assert "PYTHONHASHSEED" in caplog.text
    assert "COSTOPS" not in caplog.text
    assert "DATABASE_URL" not in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/x.png",
        "https://example.com/x.css",
        "file:///etc/passwd",
        "data:text/css,body{}",
        "font:../../secret",
        "ftp://x/y",
    ],
)
def test_a_document_loads_nothing_but_its_own(address: str, tmp_path: Path) -> None:
    fetching = fetching_or_skip()

    with pytest.raises(fetching.NotOurs):
        fetching.OwnFetcher(tmp_path).fetch(address)


def test_fonts_are_unpacked_once_and_kept(tmp_path: Path) -> None:
    fetching = fetching_or_skip()

    first = fetching.OwnFetcher(tmp_path).fetch("font:Inter-Regular").read()
    (kept,) = tmp_path.glob("*/Inter-Regular.ttf")
    again = fetching.OwnFetcher(tmp_path).fetch("font:Inter-Regular").read()

    assert first == again == kept.read_bytes()
