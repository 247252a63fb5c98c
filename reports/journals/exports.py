"""Journals among the exports: the files of a posting, or of what would be posted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from lib.errors import Invalid, NotFound
from lib.periods import day_of
from lib.query_params import whole_number
from reports.journals.files import (
    JournalFile,
    PostedFacts,
    Side,
    files_of,
    manifest_of,
    zipped,
)
from reports.journals.services import draft_of, facts_of, posted_files
from reports.journals.spend import window_of
from reports.journals.systems import GENERIC, SYSTEMS, JournalSystem
from reports.models import Journal
from reports.types import ExportFormat, ExportKind, ExportOrder, Option

NEXT = "next"  # posting: what would be posted now
POSTED, PREVIEW = "posted", "preview"
_MOST = 10_000  # postings of a month, and parts of one
OPTIONS = (
    Option(
        "system",
        "The accounting system the files are for.",
        tuple(SYSTEMS),
        default=GENERIC.name,
    ),
    Option(
        "posting",
        "1 is the accrual of the month, those after it are corrections; next: what "
        "would be posted now. Usually 1, where it is posted, else what would be.",
    ),
    Option(
        "journal",
        "Only the accrual (or correction), or only its reversal. Usually both.",
        (Side.FIRST, Side.REVERSAL),
    ),
    Option(
        "part", "Which of several files, from 1; a system may take few lines in one."
    ),
)


@dataclass(frozen=True, slots=True)
class JournalExport:
    """What one order is for."""

    facts: PostedFacts
    system: JournalSystem
    files: list[JournalFile]
    part: int
    state: str  # POSTED or PREVIEW
    cut_off: datetime
    unpriced: int

    @property
    def file(self) -> JournalFile:
        """Return the part that is asked for."""
        return self.files[self.part - 1]

    @property
    def manifest(self) -> dict[str, Any]:
        return manifest_of(
            self.facts,
            self.system,
            self.files,
            state=self.state,
            cut_off=self.cut_off,
            unpriced=self.unpriced,
        )

    def content(self, extension: str) -> bytes:
        """Return it as csv (one part), json (the manifest) or zip (all of it)."""
        if extension == "csv":
            return self.file.content
        if extension == "zip":
            return zipped(self.files, self.manifest)
        return msgspec.json.encode(self.manifest)

    def name(self, extension: str) -> str:
        if extension == "csv":
            return self.file.name
        return f"{self.facts.external_id}-{self.system.name}.{extension}"


def export_of(order: ExportOrder) -> JournalExport:
    """Return what *order* is for. Nothing is written by it: what is not posted yet is
    a preview.

    Raises:
        Invalid: the time is no month.
        NotFound: there is no such posting, or no such part.
        UnmappedSpend: a preview would leave something out.
        TooManyDecimals, FileChanged: as `posted_files`.
    """
    options = order.options
    system, side = SYSTEMS[options["system"]], Side(options["journal"])
    journal = _journal_of(order)
    if journal is None:
        draft = draft_of(order.organization, _month_of(order), now=order.now)
        draft.require_accounts()
        facts, state = draft.facts, PREVIEW
        cut_off, unpriced = draft.cut_off, draft.spend.unpriced
        files = files_of(facts, system, side)
    else:
        facts, state = facts_of(journal), POSTED
        cut_off, unpriced = journal.cut_off, journal.unpriced
        files = posted_files(journal, system, side)
    part = whole_number(options["part"] or "1", "part", least=1, most=_MOST)
    if part > len(files):
        raise NotFound(f"It has {len(files)} parts.")
    return JournalExport(facts, system, files, part, state, cut_off, unpriced)


def _journal_of(order: ExportOrder) -> Journal | None:
    """Return the posting that is asked for; None: what would be posted now."""
    posting = order.options["posting"]
    if posting == NEXT:
        return None
    number = whole_number(posting or "1", "posting", least=1, most=_MOST)
    rows = Journal.objects.filter(organization=order.organization)
    found = rows.filter(month=_month_of(order), number=number).first()
    if found is None and posting:
        raise NotFound("The month has no such posting.")
    return found


def _month_of(order: ExportOrder) -> date:
    zone = ZoneInfo(order.organization.timezone)
    month = day_of(order.window.start, zone)
    if month.day != 1 or window_of(order.organization, month) != order.window:
        raise Invalid.field("month", "Journals are of a month: give one, as 2025-01.")
    return month


def _format(extension: str, content_type: str) -> ExportFormat:
    def pieces(order: ExportOrder) -> Iterator[bytes]:
        yield export_of(order).content(extension)

    return ExportFormat(content_type, pieces)


JOURNAL = ExportKind(
    name="journal",
    title="Journal",
    formats={
        "csv": _format("csv", "text/csv; charset=utf-8"),
        "zip": _format("zip", "application/zip"),
        "json": _format("json", "application/json"),
    },
    options=OPTIONS,
    counts=lambda order: {"unpriced_requests": export_of(order).unpriced},
    local=True,
)
