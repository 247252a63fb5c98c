"""The monthly report as PDF."""

from collections.abc import Callable

from reports.monthly.checks import check
from reports.monthly.figures import MonthlyFigures
from reports.monthly.files import files_of
from reports.monthly.sheet import MonthlyPaper
from reports.paper.making import made

MODULE = "reports.monthly.sheet"  # that lays it out


def pdf_of(
    figures: MonthlyFigures, progress: Callable[[float], None] = lambda _: None
) -> bytes:
    """Return the report as PDF/UA, with its figures as CSV within it.

    *progress* is told the share that is done. It takes two seconds and more, in a
    process of its own. The same figures give the same bytes.

    Raises:
        UnsoundReport: Its totals don't add up.
        PaperFailed: Libraries are missing, or it could not be laid out.
    """
    check(figures)
    return made(MODULE, MonthlyPaper(figures, files_of(figures)), progress)
