"""What documents say of files is true."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_NAMED = re.compile(r"`((?:[a-z_]+/)+[a-z_]*(?:\.(?:py|html|md))?)`")
_LINKED = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("document", ["walks.md", "architecture.md"])
def test_every_file_that_is_named_is_there(document: str) -> None:
    text = (ROOT / "docs" / document).read_text()

    named = set(_NAMED.findall(text))

    homes = [ROOT, *(ROOT / app for app in _apps())]
    missing = {
        name for name in named if not any((home / name).exists() for home in homes)
    }
    assert len(named) > 10
    assert missing == set()


def test_every_test_that_is_named_for_security_is_there() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text())

    missing = {
        f"{path}::{name}"
        for path, name in named
        if not (there := ROOT / "tests" / path).exists()
        or f"def {name}(" not in there.read_text()
    }
    assert len(named) > 50
    assert missing == set()


def test_every_page_that_a_document_links_to_is_there() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

    missing = {
        f"{document.name}: {target}"
        for document in documents
        for target in _LINKED.findall(document.read_text())
        if not (document.parent / target).exists()
    }
    indexed = set(_LINKED.findall((ROOT / "docs" / "README.md").read_text()))
    assert missing == set()
    assert {one.name for one in documents[1:]} - {"README.md"} <= indexed


def _apps() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/apps.py")}
