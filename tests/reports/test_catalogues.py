"""What documents say in other languages."""

from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.utils.translation import override

from dev.catalogues import ROOT, catalogues, fresh, words, written
from reports.monthly.sheet import MonthlyPaper, sheet_of
from reports.monthly.vocabulary import said
from reports.paper.sheets import Heading
from tests.reports.months import month_of


def translated(catalogue: Catalog, word: str) -> str:
    found = catalogue.get(word)
    return str(found.string) if found else ""


@pytest.mark.parametrize(
    "path", catalogues(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_catalogue_has_all_words_and_is_compiled(path: Path) -> None:
    for_people, for_programs = written(fresh(path))

    assert path.read_bytes() == for_people, "refresh it: python -m dev.catalogues"
    assert path.with_suffix(".mo").read_bytes() == for_programs
    with path.open("rb") as file:
        catalogue = read_po(file)
    assert [word for word in words() if not translated(catalogue, word)] == []


@pytest.mark.parametrize(
    "path", catalogues(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_translation_has_the_places_of_its_words(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = read_po(file)

    found = [list(message.check()) for message in catalogue if message.id]

    assert [fault for faults in found for fault in faults] == []
    assert "{page}" in translated(catalogue, "Page {page} of {pages}")


def test_words_of_figures_are_said_in_the_documents_language() -> None:
    with override("de"):
        assert said("volume") == "Menge"
        assert said("Approved") == "Genehmigt"
    with override("en"):
        assert said("volume") == "Volume"
        assert said("gpt-4o") == "Gpt-4o"
        assert said("") == ""


def test_a_german_report_has_german_headings_and_amounts() -> None:
    figures = replace(month_of(3), locale="de_DE", currency="EUR")

    sheet = sheet_of(MonthlyPaper(figures, ()))

    headings = [block.text for block in sheet.walk() if isinstance(block, Heading)]
    assert "Abweichung je Budget" in headings
    assert sheet.language == "de"
    assert sheet.title == "LLM-Ausgaben, Oktober 2026"
    assert sheet.page == "A4"
    assert sheet.page_of == "Seite {page} von {pages}"
