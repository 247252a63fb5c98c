"""Which language a document speaks: the reader's where there is a catalogue of it."""

from pathlib import Path

from reports.paper.writers import PaperWriter

_CATALOGUES = Path(__file__).parents[1] / "locale"


def language_of(writer: PaperWriter) -> str:
    """Return the language of a document's words: "de", or "en" where nobody has
    translated it; amounts and days are the locale's all the same."""
    language = writer.known.language
    if (_CATALOGUES / language / "LC_MESSAGES" / "django.mo").exists():
        return str(language)
    return "en"
