"""`make run` as its terminal shows it to somebody who tries the product."""

import os
import re
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import requests

from tests.databases import ROOT
from tests.journeys.moving import MOVED
from tests.journeys.server import free_port
from tests.sizes import at_night

_PATIENCE_S = 180
_NOISE = ("Subject:", "WARNING", "Warning", "Traceback", "pip", "DEBUG")


@at_night  # the demo's 90 days are made
def test_the_terminal_shows_the_tree_and_the_log_in_and_no_noise(
    tmp_path: Path,
) -> None:
    copy, port = _copy_of_the_product(tmp_path), free_port()
    shown = tmp_path / "terminal"
    with shown.open("wb") as terminal:
        product = subprocess.Popen(
            ["dev/scripts/run"],
            cwd=copy,
            env=_as_in_a_new_shell(port),
            stdout=terminal,
            stderr=terminal,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_for(f"http://localhost:{port}/health", product)
            time.sleep(5)  # the worker sends what the demo's alerts say
        finally:
            os.killpg(product.pid, signal.SIGTERM)
            product.wait(_PATIENCE_S)

    words = shown.read_text()
    assert "Acme Corp" in words  # the tree of budgets
    assert f"http://localhost:{port}/admin/" in words
    assert re.search(r"(?i)log in", words)
    assert [noise for noise in _NOISE if noise in words] == []
    assert len(list((copy / "var" / "mail").iterdir())) >= 1  # mails are kept there


def _copy_of_the_product(folder: Path) -> Path:
    copy = folder / "product"
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".*", "var", "__pycache__", "tests")
    )
    (copy / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    setup = copy / "dev" / "scripts" / "setup"
    setup.write_text("#!/bin/sh\n")  # what it would install is there
    return copy


def _as_in_a_new_shell(port: int) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    # Of the middle of a month, when the demo's budgets have passed thresholds.
    middle = f"{datetime.now(UTC):%Y-%m}-20T12:00:00+00:00"
    return {**kept, "PORT": str(port), "PYTHONPATH": str(MOVED), "MOVED_TO": middle}


def _wait_for(url: str, product: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.RequestException:
            assert product.poll() is None, "it ended by itself"
            assert time.monotonic() < until, "it never answered"
            time.sleep(0.5)
        else:
            return
