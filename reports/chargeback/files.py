"""Chargeback as files: CSV for spreadsheets, and a statement as PDF."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lib.humanize import month_words
from lib.money import format_money, format_percent, share, smallest_unit
from lib.tables import csv_lines, guarded
from reports.chargeback.allocation import AllocationKey
from reports.chargeback.figures import ChargebackFigures, rounded
from reports.chargeback.reading import label_of
from reports.paper.sheets import Attachment
from reports.paper.statements import (
    Statement,
    StatementColumn,
    StatementLine,
    pdf_of,
)

HEADER = ("month", "by", "name", "direct", "allocated", "total", "currency")
NOT_ALLOCATED, ROUNDING, TOTAL = "Not allocated", "Rounding", "Total"
_KEYS = {
    AllocationKey.SPEND: "by what each spent directly",
    AllocationKey.REQUESTS: "by requests",
    AllocationKey.HEADS: "by heads",
    AllocationKey.FIXED: "by fixed shares",
    AllocationKey.NONE: "to nobody",
}


@dataclass(frozen=True, slots=True)
class Issue:
    """Of when figures are, and as what they were frozen."""

    made_at: datetime
    locale: str
    sha256: str = ""  # "": they are not frozen
    revision: int = 0
    replaces: int = 0  # the revision that it replaces; 0: none


def key_words(key: str) -> str:
    """Return how shared costs are allocated, such as “by requests”."""
    return _KEYS[AllocationKey(key)]


def csv_of(figures: ChargebackFigures) -> bytes:
    """Return *figures* in cents, with a line of what rounding comes to."""
    rows = rounded(figures, smallest_unit(figures.currency))
    zero = rows.unallocated * 0
    named = [
        *rows.lines,
        (NOT_ALLOCATED, zero, zero, rows.unallocated),
        (ROUNDING, *rows.rounding[1:]),
        (TOTAL, *rows.total[1:]),
    ]
    first = figures.month, guarded(figures.by)
    cells = [
        [*first, guarded(name), *(f"{one:f}" for one in amounts), figures.currency]
        for name, *amounts in named
    ]
    return csv_lines([HEADER, *cells]).encode()


def paper_of(figures: ChargebackFigures, issue: Issue, *, unit: str = "") -> bytes:
    """Return *figures* as PDF; *unit*: whose alone they are. It takes some seconds.

    Raises:
        PaperFailed: it could not be laid out.
    """
    rows = rounded(figures, smallest_unit(figures.currency))
    lines = [StatementLine((one.name,), one[1:]) for one in rows.lines]
    if rows.unallocated:
        amounts = None, None, rows.unallocated
        lines.append(StatementLine((NOT_ALLOCATED,), amounts))
    if any(rows.rounding[1:]):
        lines.append(StatementLine((ROUNDING,), rows.rounding[1:]))
    statement = Statement(
        organization=figures.organization_name,
        kind="Chargeback statement",
        title=f"{unit}, {month_words(figures.first_day)}" if unit else _title(figures),
        locale=issue.locale,
        currency=figures.currency,
        zone="UTC",
        made_at=issue.made_at,
        sentence=sentence_of(figures, issue.locale, unit=unit),
        columns=(StatementColumn(label_of(figures.by), 40),),
        amount_columns=(
            StatementColumn("Direct", 20),
            StatementColumn("Allocated", 20),
            StatementColumn(TOTAL, 20),
        ),
        lines=tuple(lines),
        totals=(StatementLine((TOTAL,), rows.total[1:]),),
        notes=tuple(_notes(figures, issue)),
        digest=issue.sha256,
        watermark="" if issue.sha256 else "Draft",
        files=(Attachment("chargeback.csv", "The lines", csv_of(figures).decode()),),
    )
    return pdf_of(statement)


def _title(figures: ChargebackFigures) -> str:
    return f"{month_words(figures.first_day)} by {label_of(figures.by).lower()}"


def sentence_of(figures: ChargebackFigures, locale: str, *, unit: str = "") -> str:
    """Say the answer first."""

    def money(text: str) -> str:
        return format_money(Decimal(text), figures.currency, locale)

    month = month_words(figures.first_day)
    if unit:
        (line,) = figures.lines
        return (
            f"{unit} is charged {money(line.total)} for {month}: {money(line.direct)} "
            f"of its own and {money(line.allocated)} of what is shared."
        )
    if not Decimal(figures.shared):
        return f"{month} cost {money(figures.total)}; all of it belongs to somebody."
    part = share(Decimal(figures.shared), Decimal(figures.total))
    percent = "" if part is None else f" ({format_percent(part, locale)})"
    return (
        f"{month} cost {money(figures.total)}. Of it {money(figures.shared)}{percent} "
        f"is shared, and allocated {key_words(figures.key)}."
    )


def _notes(figures: ChargebackFigures, issue: Issue) -> list[str]:
    notes = [f"Costs without a {label_of(figures.by).lower()} are shared."]
    if figures.key != AllocationKey.NONE:
        notes[0] = f"{notes[0][:-1]}: they are allocated {key_words(figures.key)}."
    if Decimal(figures.unallocated):
        notes.append("What nobody could be given stands in a line of its own.")
    notes.append("Amounts are rounded line by line; a line says what that comes to.")
    if issue.replaces:
        notes.append(
            f"Revision {issue.revision}, which replaces revision {issue.replaces}."
        )
    return notes
