"""What depends on the kind of database stands behind one door of each app."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
DOORS = [
    path.parent.relative_to(ROOT)
    for path in sorted(ROOT.glob("*/**/sql/postgresql.py"))
    if ".venv" not in path.parts
]
APPS = sorted(
    {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"dev", "tests"}
)


@pytest.mark.parametrize("app", APPS)
def test_no_module_asks_for_the_kind_of_database(app: str) -> None:
    asking = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / app).rglob("*.py"))
        if not {"sql", "migrations"} & set(path.parts)
        and ".vendor" in path.read_text(encoding="utf-8")
    ]

    assert asking == []


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_both_kinds_of_database_have_what_the_door_gives(door: Path) -> None:
    package = ".".join(door.parts)
    given = set(import_module(package).__all__)

    def has(kind: str) -> set[str]:
        return given & set(vars(import_module(f"{package}.{kind}")))

    elsewhere = given & set(vars(_portable(package)))
    assert has("postgresql") | elsewhere == given
    assert has("sqlite") | elsewhere == given


def _portable(package: str) -> ModuleType:
    try:
        return import_module(f"{package}.portable")
    except ModuleNotFoundError:
        return ModuleType("portable")
