"""The files of one posting for one system, and the manifest beside them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from io import BytesIO
from typing import Any
from zipfile import ZipFile, ZipInfo

import msgspec

from lib.money import wire
from reports.journals.amounts import ZERO, Amounts
from reports.journals.entries import JournalEntry, entries_of, packed
from reports.journals.systems import JournalSystem, Style

MANIFEST = "manifest.json"
_ALWAYS = (1980, 1, 1, 0, 0, 0)  # when what is in a zip was made: the same every time


class Side(StrEnum):
    """Which of a posting's journals are wanted; empty: both."""

    BOTH = ""
    FIRST = "accrual"  # or the correction
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class PostedFacts:
    """What the files of one posting are made of."""

    slug: str  # the organization's
    month: date  # its first day
    number: int  # 1 is the accrual, those after it are corrections
    external_id: str
    dated_on: date
    reversal_id: str
    reversed_on: date
    amounts: Amounts
    style: Style

    @property
    def words(self) -> str:
        usage = f"LLM usage {self.month:%Y-%m}"
        return usage if self.number == 1 else f"Correction {self.number - 1}: {usage}"


@dataclass(frozen=True, slots=True)
class JournalFile:
    """One file, and what is in it."""

    name: str
    part: int  # from 1
    content: bytes
    entries: tuple[JournalEntry, ...]

    @property
    def rows(self) -> int:
        """How many lines it has, the heading aside."""
        return sum(len(entry.lines) for entry in self.entries)

    @property
    def debits(self) -> Decimal:
        return sum((entry.debits for entry in self.entries), ZERO)

    @property
    def credits(self) -> Decimal:
        lines = (line for entry in self.entries for line in entry.lines)
        return -sum((line.amount for line in lines if line.amount < 0), ZERO)

    @property
    def digest(self) -> str:
        return sha256(self.content).hexdigest()


def external_ids(slug: str, month: date, number: int) -> tuple[str, str]:
    """Return the ids of a posting and of its reversal."""
    start = f"LLM-{month:%Y-%m}-{slug}"
    return f"{start}-{2 * number - 1}", f"{start}-{2 * number}"


def files_of(
    facts: PostedFacts, system: JournalSystem, side: Side = Side.BOTH
) -> list[JournalFile]:
    """Return the files of a posting; one without lines where nothing is posted.

    Raises:
        TooManyDecimals: the system can't take its amounts.
    """
    system.check(facts.style)
    files = packed(_entries_of(facts, system, side), system.most_rows)
    name = f"{facts.external_id}-{system.name}"
    name += f"-{side}" if side else ""
    return [
        JournalFile(
            f"{name}-{part}.csv" if len(files) > 1 else f"{name}.csv",
            part,
            system.written(entries, facts.style),
            tuple(entries),
        )
        for part, entries in enumerate(files, 1)
    ]


def _entries_of(
    facts: PostedFacts, system: JournalSystem, side: Side
) -> Iterator[JournalEntry]:
    if side is not Side.REVERSAL:
        yield from entries_of(
            facts.amounts,
            system.bounds,
            external_id=facts.external_id,
            dated_on=facts.dated_on,
            words=facts.words,
        )
    if side is not Side.FIRST:
        yield from entries_of(
            {key: -amount for key, amount in facts.amounts.items()},
            system.bounds,
            external_id=facts.reversal_id,
            dated_on=facts.reversed_on,
            words=f"Reversal: {facts.words}",
        )


def digests_of(files: Sequence[JournalFile]) -> list[dict[str, str]]:
    return [{"name": one.name, "sha256": one.digest} for one in files]


def manifest_of(
    facts: PostedFacts,
    system: JournalSystem,
    files: Sequence[JournalFile],
    *,
    state: str,
    cut_off: datetime,
    unpriced: int,
) -> dict[str, Any]:
    """Return what there is to hold an import against: counts, totals and digests."""
    accounts = {line.account for one in files for e in one.entries for line in e.lines}
    return {
        "organization_id": facts.slug,
        "month": f"{facts.month:%Y-%m}",
        "posting": facts.number,
        "state": state,
        "system": system.name,
        "currency": facts.style.currency,
        "cut_off": cut_off,
        "unpriced_requests": unpriced,
        "rows": sum(one.rows for one in files),
        "debits": wire(sum((one.debits for one in files), ZERO)),
        "credits": wire(sum((one.credits for one in files), ZERO)),
        "files": [_file_told(one) for one in files],
        "journals": [_entry_told(e) for one in files for e in one.entries],
        "warnings": system.warnings(sorted(accounts)),
    }


def _file_told(file: JournalFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "part": file.part,
        "rows": file.rows,
        "debits": wire(file.debits),
        "credits": wire(file.credits),
        "sha256": file.digest,
    }


def _entry_told(entry: JournalEntry) -> dict[str, Any]:
    return {
        "external_id": entry.external_id,
        "date": entry.dated_on,
        "memo": entry.words,
        "rows": len(entry.lines),
        "debits": wire(entry.debits),
    }


def zipped(files: Sequence[JournalFile], manifest: dict[str, Any]) -> bytes:
    """Return all files and the manifest in one, the same bytes every time."""
    packed_up = BytesIO()
    with ZipFile(packed_up, "w") as archive:
        for one in files:
            archive.writestr(ZipInfo(one.name, _ALWAYS), one.content)
        told = msgspec.json.format(msgspec.json.encode(manifest))
        archive.writestr(ZipInfo(MANIFEST, _ALWAYS), told)
    return packed_up.getvalue()
