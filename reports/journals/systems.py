"""How each accounting system takes journals: its columns, dates and limits. Pure.

Nothing is escaped in these files, for a sign more would name another account: what
could run as a formula is refused when it is saved (`reports.journals.mappings`).
"""

from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256

from lib.errors import Conflict
from lib.money import rounded_to
from lib.tables import csv_lines
from reports.journals.entries import EntryLine, JournalEntry, LineBounds

# NetSuite's ten digits, without cents so that pieces stay whole; others take more.
_LARGEST = Decimal(9_999_999_999)
_XERO_LINES = 299  # of the 300 in a file, the heading is one
_QUICKBOOKS_ID = 21  # characters
DATE_ORDERS = {"mdy": "%m/%d/%Y", "dmy": "%d/%m/%Y", "ymd": "%Y-%m-%d"}
TWO_PLACES = 2


class TooManyDecimals(Conflict):
    """A system keeps fewer decimals than the amounts have."""

    code = "too_many_decimals"


@dataclass(frozen=True, slots=True)
class Style:
    """What an organization says of how its files are written."""

    currency: str
    unit: Decimal  # all amounts are multiples of it
    date_order: str = "mdy"  # of DATE_ORDERS, where a system lets people choose
    tax_rate: str = "Tax Exempt"
    subsidiary: str = ""
    # What Xero's tracking categories are called; "": it is not tracked.
    tracking_department: str = "Department"
    tracking_cost_center: str = "Cost center"
    tracking_class: str = ""

    def money(self, amount: Decimal) -> str:
        """Write an amount; nothing where it is nothing."""
        return f"{rounded_to(amount, self.unit):f}" if amount else ""

    def day(self, day: date) -> str:
        return day.strftime(DATE_ORDERS[self.date_order])

    @property
    def tracked(self) -> list[tuple[str, str]]:
        """Return what is tracked: a field of lines, and the category's name."""
        named = {
            "department": self.tracking_department,
            "cost_center": self.tracking_cost_center,
            "class_name": self.tracking_class,
        }
        return [(field, name) for field, name in named.items() if name]


Row = Callable[[JournalEntry, EntryLine, Style], Sequence[str]]


@dataclass(frozen=True, slots=True)
class JournalSystem:
    """An accounting system, and what it takes."""

    name: str
    title: str
    columns: tuple[str, ...]
    row: Row
    bounds: LineBounds
    most_rows: int | None  # of one file, the heading aside
    places: int | None  # decimals; None: as many as there are
    longest_code: int | None = None  # of an account; longer ones are told of

    def check(self, style: Style) -> None:
        """Refuse amounts that it can't take.

        Raises:
            TooManyDecimals: it says what to do.
        """
        finest = Decimal(1).scaleb(-(self.places or 0))
        if self.places is not None and style.unit < finest:
            raise TooManyDecimals(
                f"{self.title} keeps {self.places} decimals, and these amounts in "
                f"{style.currency} have more. Set the decimals of journals to "
                f"{self.places} before the month is posted, or take the generic file."
            )

    def written(self, entries: Sequence[JournalEntry], style: Style) -> bytes:
        """Return the file of some entries."""
        rows = [self.row(one, line, style) for one in entries for line in one.lines]
        return csv_lines([self.columns, *rows]).encode()

    def warnings(self, accounts: Sequence[str]) -> list[str]:
        """Say which accounts it may not know by these names."""
        if self.longest_code is None:
            return []
        return [
            f"“{name}” has more than the {self.longest_code} characters that account "
            f"codes of {self.title} have."
            for name in accounts
            if len(name) > self.longest_code
        ]


def short_id(external_id: str, longest: int) -> str:
    """Return an id that fits: the same, or its beginning with a digest of it."""
    if len(external_id) <= longest:
        return external_id
    digest = b32encode(sha256(external_id.encode()).digest()).decode()
    start = external_id[: len("LLM-2026-01-")]
    return f"{start}{digest[: longest - len(start)]}"


def _sides(line: EntryLine, style: Style) -> tuple[str, str]:
    """Return what is written as debit and as credit: one of them is empty."""
    return style.money(max(line.amount, Decimal(0))), style.money(
        max(-line.amount, Decimal(0))
    )


def _netsuite(entry: JournalEntry, line: EntryLine, style: Style) -> Sequence[str]:
    debit, credit = _sides(line, style)
    return (
        *(entry.external_id, style.day(entry.dated_on)),
        *(_period(entry.dated_on), style.currency, "1", style.subsidiary),
        *(entry.words, "F", line.account, debit, credit, line.words),
        *(line.department, line.class_name, "", "", line.cost_center),
    )


_MONTHS = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]


def _period(day: date) -> str:
    """Return how NetSuite calls the accounting period of a day: "Jan 2026"."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def _quickbooks(entry: JournalEntry, line: EntryLine, style: Style) -> Sequence[str]:
    debit, credit = _sides(line, style)
    center = f", cost center {line.cost_center}" if line.cost_center else ""
    return (
        *(short_id(entry.external_id, _QUICKBOOKS_ID), style.day(entry.dated_on)),
        *(line.account, debit, credit),
        *(f"{line.words}{center} ({entry.external_id})", ""),
        *(line.class_name, line.department, style.currency),
    )


def _xero(entry: JournalEntry, line: EntryLine, style: Style) -> Sequence[str]:
    tracking = [
        text
        for field, name in style.tracked
        if (value := getattr(line, field))
        for text in (name, value)
    ]
    return (
        *(f"{entry.words} ({entry.external_id})", f"{entry.dated_on:%d/%m/%Y}"),
        *(line.words, line.account, style.tax_rate, style.money(line.amount)),
        *(*tracking, "", "", "", "")[:4],
    )


def _generic(entry: JournalEntry, line: EntryLine, style: Style) -> Sequence[str]:
    debit, credit = _sides(line, style)
    return (
        *(entry.external_id, entry.dated_on.isoformat(), style.currency, entry.words),
        *(line.account, debit, credit, line.words),
        *(line.cost_center, line.department, line.class_name),
    )


NETSUITE = JournalSystem(
    "netsuite",
    "NetSuite",
    (
        *("External ID", "Date", "Posting Period", "Currency", "Exchange Rate"),
        *("Subsidiary", "Memo", "Approved", "Account", "Debit", "Credit", "Line Memo"),
        *("Department", "Class", "Location", "Name", "Cost Center"),
    ),
    _netsuite,
    LineBounds(10_000, _LARGEST),
    25_000,
    TWO_PLACES,
)
QUICKBOOKS = JournalSystem(
    "quickbooks",
    "QuickBooks Online",
    (
        *("JournalNo", "JournalDate", "AccountName", "Debits", "Credits"),
        *("Description", "Name", "Class", "Location", "Currency"),
    ),
    _quickbooks,
    LineBounds(1_000, _LARGEST),
    1_000,
    TWO_PLACES,
)
XERO = JournalSystem(
    "xero",
    "Xero",
    (
        *("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount"),
        *("TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2"),
    ),
    _xero,
    LineBounds(_XERO_LINES, _LARGEST),
    _XERO_LINES,
    TWO_PLACES,
    longest_code=10,
)
GENERIC = JournalSystem(
    "generic",
    "Generic CSV",
    (
        *("external_id", "date", "currency", "memo", "account", "debit", "credit"),
        *("description", "cost_center", "department", "class"),
    ),
    _generic,
    LineBounds(None, Decimal(10) ** 20),
    None,
    None,
)
SYSTEMS = {one.name: one for one in (NETSUITE, QUICKBOOKS, XERO, GENERIC)}
