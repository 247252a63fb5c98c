"""Documents to be looked at: python -m tests.reports.samples FOLDER."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import django


def write(folder: Path) -> None:
    """Write reports of several sizes and languages, and a statement."""
    from reports.monthly.paper import pdf_of
    from reports.paper import statements
    from tests.reports.months import month_of
    from tests.reports.statements import STATEMENT

    folder.mkdir(parents=True, exist_ok=True)
    months = {
        "draft": month_of(20),
        "final": replace(month_of(200), is_draft=False),
        "german": replace(month_of(7, currency="EUR"), locale="de_DE"),
        "empty": month_of(0),
    }
    for name, figures in months.items():
        (folder / f"{name}.pdf").write_bytes(pdf_of(figures))
    (folder / "statement.pdf").write_bytes(statements.pdf_of(STATEMENT))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    write(Path(sys.argv[1]))
