"""Installed into an empty environment, the SDK brings nothing along."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.world import SDK

LOOK = """
import sys
import llm_cost_ops
from importlib.metadata import distributions
print(sorted({each.metadata["Name"] for each in distributions()}))
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"openai", "anthropic", "litellm", "httpx", "django"}))
llm_cost_ops.CostTracker("key", "http://127.0.0.1:9").close()
"""


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )


def files_in(folder: Path) -> set[str]:
    found = (one for one in folder.rglob("*") if one.is_file())
    return {str(one.relative_to(folder)) for one in found}


def test_installing_it_pulls_nothing_else(tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path)
    python = tmp_path / "bin" / "python"
    copy = tmp_path / "sdk"
    run("cp", "-R", SDK, copy)
    before = files_in(copy)

    # Built with the setuptools that is here, for nothing is asked of an index.
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
    offline = ("--quiet", "--no-index")
    wheels = tmp_path / "wheels"
    built = run(*pip, "wheel", *offline, "--no-build-isolation", "-w", wheels, copy)
    assert built.returncode == 0, built.stderr
    traces = [f"sdk/{one}" for one in sorted(files_in(copy) - before)]
    ignored = run("git", "-C", SDK.parent, "check-ignore", "--no-index", *traces)
    assert ignored.stdout.splitlines() == traces  # else they were untracked files
    done = run(*pip, "--python", python, "install", *offline, *wheels.iterdir())
    assert done.returncode == 0, done.stderr

    looked = run(python, "-c", LOOK)
    assert looked.stdout.splitlines() == ["['llm-cost-ops']", "[]"], looked.stderr
    (marker,) = tmp_path.glob("lib/*/site-packages/llm_cost_ops/py.typed")
    assert marker.exists()


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_it_runs_on_other_pythons(version: str) -> None:
    try:
        found = run(f"python{version}", "-c", "import sys")
    except FileNotFoundError:
        pytest.skip("it is not on this machine")
    if found.returncode:
        pytest.skip("it is not on this machine")

    modules = [
        ".".join(path.relative_to(SDK).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((SDK / "llm_cost_ops").rglob("*.py"))
    ]
    imports = "; ".join(f"import {module}" for module in modules)
    code = f"import sys; sys.path.insert(0, {str(SDK)!r}); {imports}"

    done = run(f"python{version}", "-W", "error", "-B", "-c", code)

    assert done.returncode == 0, done.stderr
