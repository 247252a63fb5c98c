"""A plain document: a title, a table with its totals, notes, and what it is known by.

    pdf_of(
        Statement(
            organization="Acme Corp", kind="Chargeback statement", title="Engineering",
            locale="de_DE", currency="EUR", zone="Europe/Berlin", made_at=locked_at,
            sentence="Engineering owes 1.204,10 EUR for October 2026.",
            columns=(StatementColumn("Project", 60),),
            amount_columns=(StatementColumn("Total", 40),),
            lines=(StatementLine(("Search",), (Decimal("1204.1"),)),),
            totals=(StatementLine(("Total",), (Decimal("1204.1"),)),),
            notes=("Rounded to cents line by line.",), digest=sha256_hex,
        )
    )

Words are the caller's, amounts are written in the locale, with the currency's decimals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import override

from reports.paper.languages import language_of
from reports.paper.making import made
from reports.paper.process import PaperKind
from reports.paper.sheets import (
    Attachment,
    Block,
    Column,
    Sheet,
    SheetCell,
    SheetLine,
    Table,
    Text,
)
from reports.paper.writers import PaperWriter


@dataclass(frozen=True, slots=True)
class StatementColumn:
    head: str
    width: float  # percent of the table's


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What stands in the columns of words, and in those of amounts."""

    words: tuple[str, ...]  # the first says what the line is of
    amounts: tuple[Decimal | None, ...]  # None: a dash
    note: str = ""  # in small below the first of its words
    level: int = 0  # how far that is indented


@dataclass(frozen=True, slots=True)
class Statement:
    organization: str
    kind: str
    title: str
    locale: str
    currency: str
    zone: str
    made_at: datetime  # what its figures are of; never the clock
    sentence: str
    columns: tuple[StatementColumn, ...]
    amount_columns: tuple[StatementColumn, ...]
    lines: tuple[StatementLine, ...]
    totals: tuple[StatementLine, ...]
    notes: tuple[str, ...] = ()
    digest: str = ""  # sha256 in hex of the file that it says in words, at its foot
    watermark: str = ""  # "Draft"
    files: tuple[Attachment, ...] = ()


def pdf_of(
    statement: Statement, progress: Callable[[float], None] = lambda _: None
) -> bytes:
    """Return *statement* as PDF/UA, the same for the same; see `making.made`.

    Raises:
        PaperFailed: Libraries are missing, or it could not be laid out.
    """
    return made("reports.paper.statements", statement, progress)


def sheet_of(statement: Statement) -> Sheet:
    """Compose it; only the words of the page's foot are ours."""
    writer = PaperWriter(statement.locale, statement.currency, statement.zone)
    language = language_of(writer)
    with override(language):
        return _composed(statement, writer, language)


def _composed(statement: Statement, writer: PaperWriter, language: str) -> Sheet:
    as_of = _("Figures as of %(moment)s, %(zone)s") % {
        "moment": writer.moment(statement.made_at),
        "zone": statement.zone.replace("_", " "),
    }
    return Sheet(
        title=f"{statement.kind}: {statement.title}",
        heading=writer.words(statement.title),
        kind=f"{statement.organization} · {statement.kind}",
        organization=statement.organization,
        subtitle=" · ".join(filter(None, (as_of, statement.watermark))),
        language=language,
        page=writer.page,
        running=f"{statement.kind}: {statement.title}",
        foot=f"SHA-256 {statement.digest}" if statement.digest else as_of,
        page_of=_("Page {page} of {pages}"),
        made_at=statement.made_at,
        watermark=statement.watermark,
        attachments=statement.files,
        blocks=tuple(_blocks(statement, writer)),
    )


def _blocks(statement: Statement, writer: PaperWriter) -> list[Block]:
    table = Table(
        caption=_("Amounts in %(currency)s") % {"currency": statement.currency},
        columns=(
            *(Column(one.head, one.width) for one in statement.columns),
            *(
                Column(one.head, one.width, is_number=True)
                for one in statement.amount_columns
            ),
        ),
        lines=(
            *(_line(line, writer) for line in statement.lines),
            *(_line(line, writer, is_total=True) for line in statement.totals),
        ),
    )
    notes = [Text(writer.words(note), "small") for note in statement.notes]
    return [Text(writer.words(statement.sentence), "lead"), table, *notes]


def _line(
    line: StatementLine, writer: PaperWriter, *, is_total: bool = False
) -> SheetLine:
    name, *more = line.words
    return SheetLine(
        (
            SheetCell(writer.name(name), note=writer.words(line.note)),
            *(SheetCell(writer.words(one)) for one in more),
            *(SheetCell(writer.plain(amount)) for amount in line.amounts),
        ),
        level=line.level,
        is_total=is_total,
    )


PAPER = PaperKind(Statement, sheet_of)
