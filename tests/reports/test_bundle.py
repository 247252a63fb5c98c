from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from pytest_django import Settings

from reports import bundle
from reports.finders import MadeFilesFinder


def test_the_script_that_draws_is_found_as_any_static_file() -> None:
    found = finders.find(bundle.NAME)

    assert isinstance(found, str)
    assert "vegaEmbed" in Path(found).read_text()
    assert finders.find("reports/other.js") is None


def test_the_script_is_made_once(tmp_path: Path, settings: Settings) -> None:
    settings.MADE_FILES_DIR = tmp_path
    path = bundle.folder() / bundle.NAME
    path.parent.mkdir(parents=True)
    path.write_text("made before")

    listed = [storage.path(name) for name, storage in MadeFilesFinder().list([])]

    assert listed == [str(path)]
    assert path.read_text() == "made before"


def test_without_a_place_for_the_script_the_server_runs_all_the_same(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    settings.MADE_FILES_DIR = tmp_path / "file"

    listed = list(MadeFilesFinder().list([]))

    assert listed == []
    assert "Charts can't be drawn" in caplog.text
