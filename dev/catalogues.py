"""The catalogues of what documents say: python -m dev.catalogues.

Reads the words out of the programs, keeps what is translated, adds what is new (to be
translated), drops what is gone, and writes the compiled catalogues beside. It needs no
tools of the system.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "reports" / "locale"
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # the same words give the same file
_FOLDERS = ("reports/monthly", "reports/paper")
_WORDS = {"_": None, "gettext_noop": None}


def fresh(path: Path) -> Catalog:
    """Return the catalogue at *path* with the words that programs have today."""
    with path.open("rb") as file:
        kept = read_po(file, locale=path.parent.parent.name)
    catalogue = Catalog(
        locale=kept.locale,
        project="CostOps",
        version="reports",
        header_comment="# What documents say; see dev/catalogues.py.",
        copyright_holder="",
        msgid_bugs_address="none",
        creation_date=_NO_DATE,
        revision_date=_NO_DATE,
        last_translator="CostOps",
        language_team="none",
        fuzzy=False,
    )
    for word in words():
        known = kept.get(word)
        catalogue.add(word, known.string if known else "")
    return catalogue


def words() -> Iterator[str]:
    """Yield what is marked to be translated, in the order of the alphabet."""
    found = {
        str(message)
        for folder in _FOLDERS
        for _, _, message, _, _ in extract_from_dir(
            str(ROOT / folder), [("**.py", "python")], keywords=_WORDS
        )
    }
    yield from sorted(found)


def written(catalogue: Catalog) -> tuple[bytes, bytes]:
    """Return *catalogue* as it is read by people, and by programs."""
    for_people, for_programs = BytesIO(), BytesIO()
    write_po(for_people, catalogue, omit_header=False, no_location=True, width=88)
    write_mo(for_programs, catalogue)
    return for_people.getvalue(), for_programs.getvalue()


def catalogues() -> list[Path]:
    return sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))


if __name__ == "__main__":
    for path in catalogues():
        for_people, for_programs = written(fresh(path))
        path.write_bytes(for_people)
        path.with_suffix(".mo").write_bytes(for_programs)
