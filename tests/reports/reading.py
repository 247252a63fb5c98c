"""Strict readers of journal files: what each system takes, and nothing else.

Written from the systems' rules, not from what writes the files.
"""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from io import StringIO

_AMOUNT = re.compile(r"(0|[1-9]\d*)(\.\d+)?")


@dataclass(slots=True)
class ReadJournal:
    """A journal as a system would book it: amounts by line, credits negative."""

    dated_on: date
    lines: list[tuple[str, Decimal]] = field(default_factory=list)
    tracked: list[tuple[str, ...]] = field(default_factory=list)


Journals = dict[str, ReadJournal]  # by external id, or what stands for it


def rows_of(content: bytes, heading: str) -> list[dict[str, str]]:
    """Return the rows of a file in UTF-8 that ends each line by CR LF."""
    text = content.decode("utf-8")
    assert text.endswith("\r\n")
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text)
    lines = list(csv.reader(StringIO(text, newline=""), strict=True))
    assert ",".join(lines[0]) == heading
    assert all(len(line) == len(lines[0]) for line in lines)
    assert not any(cell.startswith(tuple("=+@\t")) for line in lines for cell in line)
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def amount_of(text: str, *, places: int = 2, digits: int = 10) -> Decimal:
    found = _AMOUNT.fullmatch(text)
    assert found, text
    assert len(found[1]) <= digits
    assert len(found[2] or ".") - 1 <= places
    return Decimal(text)


def _two_sides(debit: str, credit: str, **limits: int) -> Decimal:
    """One side has a positive amount, the other nothing."""
    assert (debit == "") is not (credit == "")
    amount = amount_of(debit or credit, **limits)
    assert amount > 0
    return amount if debit else -amount


def _balanced(found: Journals) -> Journals:
    for journal in found.values():
        assert len(journal.lines) >= 2
        assert sum(amount for _, amount in journal.lines) == 0
    return found


def read_netsuite(content: bytes) -> Journals:
    heading = (
        "External ID,Date,Posting Period,Currency,Exchange Rate,Subsidiary,Memo,"
        "Approved,Account,Debit,Credit,Line Memo,Department,Class,Location,Name,"
        "Cost Center"
    )
    rows = rows_of(content, heading)
    assert len(rows) <= 25_000
    found: Journals = {}
    headers: dict[str, tuple[str, ...]] = {}
    for row in rows:
        name = row["External ID"]
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        header = tuple(row.values())[:8]
        assert headers.setdefault(name, header) == header  # said again in each line
        day = datetime.strptime(row["Date"], "%m/%d/%Y").date()  # noqa: DTZ007 - a date
        assert row["Posting Period"] == day.strftime("%b %Y")
        journal = found.setdefault(name, ReadJournal(day))
        assert row["Account"]
        amount = _two_sides(row["Debit"], row["Credit"])
        journal.lines.append((row["Account"], amount))
        journal.tracked.append((row["Department"], row["Class"], row["Cost Center"]))
        assert len(journal.lines) <= 10_000
    return _balanced(found)


def read_quickbooks(content: bytes) -> Journals:
    heading = (
        "JournalNo,JournalDate,AccountName,Debits,Credits,Description,Name,Class,"
        "Location,Currency"
    )
    rows = rows_of(content, heading)
    assert len(rows) <= 1_000
    found: Journals = {}
    for row in rows:
        assert 0 < len(row["JournalNo"]) <= 21
        assert 0 < len(row["AccountName"]) <= 100
        assert len(row["Description"]) <= 4_000
        day = datetime.strptime(row["JournalDate"], "%m/%d/%Y").date()  # noqa: DTZ007 - a date
        journal = found.setdefault(row["JournalNo"], ReadJournal(day))
        assert journal.dated_on == day
        amount = _two_sides(row["Debits"], row["Credits"])
        journal.lines.append((row["AccountName"], amount))
        journal.tracked.append((row["Location"], row["Class"]))
    return _balanced(found)


def read_xero(content: bytes) -> Journals:
    heading = (
        "*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount,TrackingName1,"
        "TrackingOption1,TrackingName2,TrackingOption2"
    )
    rows = rows_of(content, heading)
    assert len(rows) + 1 <= 300
    found: Journals = {}
    for row in rows:
        assert all(row[name] for name in row if name.startswith("*"))
        assert re.fullmatch(r"\d\d/\d\d/\d{4}", row["*Date"])
        day = datetime.strptime(row["*Date"], "%d/%m/%Y").date()  # noqa: DTZ007 - a date
        journal = found.setdefault(f"{row['*Narration']} {day}", ReadJournal(day))
        sign = -1 if row["*Amount"].startswith("-") else 1
        amount = sign * amount_of(row["*Amount"].removeprefix("-"))
        assert amount
        journal.lines.append((row["*AccountCode"], amount))
        for number in "12":
            pair = row[f"TrackingName{number}"], row[f"TrackingOption{number}"]
            assert all(pair) or not any(pair)
        journal.tracked.append((row["TrackingOption1"], row["TrackingOption2"]))
    return _balanced(found)


def read_generic(content: bytes) -> Journals:
    heading = (
        "external_id,date,currency,memo,account,debit,credit,description,cost_center,"
        "department,class"
    )
    found: Journals = {}
    for row in rows_of(content, heading):
        day = date.fromisoformat(row["date"])
        journal = found.setdefault(row["external_id"], ReadJournal(day))
        assert journal.dated_on == day
        amount = _two_sides(row["debit"], row["credit"], places=4, digits=20)
        journal.lines.append((row["account"], amount))
        journal.tracked.append((row["department"], row["class"], row["cost_center"]))
    return _balanced(found)


READERS = {
    "netsuite": read_netsuite,
    "quickbooks": read_quickbooks,
    "xero": read_xero,
    "generic": read_generic,
}


def by_account(journals: Journals) -> dict[str, Decimal]:
    """Return what is debited less credited to each account in all of them."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for journal in journals.values():
        for account, amount in journal.lines:
            found[account] += amount
    return dict(found)
