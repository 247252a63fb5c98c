"""Balanced journal entries, cut to what one system takes. Pure.

The atoms are pairs, an amount that is debited and credited at once: any of them
together are balanced, so entries are cut between pairs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from reports.journals.amounts import ZERO, Amounts, PairKey


class EntryLine(NamedTuple):
    """One line: debited where *amount* is positive, else credited."""

    account: str
    amount: Decimal
    words: str
    cost_center: str = ""
    department: str = ""
    class_name: str = ""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One journal entry, as one system gets it; its lines add up to nothing."""

    external_id: str
    part: int  # from 1; of what was cut, each is an entry of its own
    dated_on: date
    words: str
    lines: tuple[EntryLine, ...]

    @property
    def debits(self) -> Decimal:
        return sum((line.amount for line in self.lines if line.amount > 0), ZERO)


class LineBounds(NamedTuple):
    """What one system takes."""

    lines: int | None  # of one entry; None: any
    amount: Decimal  # of one line


@dataclass(slots=True)
class _Part:
    """What an entry has so far."""

    debited: dict[tuple[str, ...], Decimal] = field(default_factory=dict)
    credited: dict[str, Decimal] = field(default_factory=dict)

    def takes(self, key: PairKey, amount: Decimal, bounds: LineBounds) -> bool:
        """Tell whether it stays within *bounds* with one more pair."""
        debit, credit = _sides(key)
        lines = len(self.debited.keys() | {debit}) + len(
            self.credited.keys() | {credit}
        )
        sums = self.debited.get(debit, ZERO), self.credited.get(credit, ZERO)
        is_small = all(abs(one + amount) <= bounds.amount for one in sums)
        return is_small and (bounds.lines is None or lines <= bounds.lines)

    def add(self, key: PairKey, amount: Decimal) -> None:
        debit, credit = _sides(key)
        self.debited[debit] = self.debited.get(debit, ZERO) + amount
        self.credited[credit] = self.credited.get(credit, ZERO) + amount

    def lines(self, words: str) -> tuple[EntryLine, ...]:
        debits = (
            EntryLine(account, amount, _words_of(words, rounding), *rest)
            for (account, *rest, rounding), amount in sorted(self.debited.items())
            if amount
        )
        others = (
            EntryLine(account, -amount, f"{words}, accrued")
            for account, amount in sorted(self.credited.items())
            if amount
        )
        return (*debits, *others)


def _sides(key: PairKey) -> tuple[tuple[str, ...], str]:
    accounts = key.accounts
    rounding = "rounding" if key.is_rounding else ""
    return (accounts.expense_account, *accounts[2:], rounding), accounts[1]


def _words_of(words: str, rounding: str) -> str:
    return f"{words}, {rounding}" if rounding else words


def entries_of(
    amounts: Amounts,
    bounds: LineBounds,
    *,
    external_id: str,
    dated_on: date,
    words: str,
) -> Iterator[JournalEntry]:
    """Yield *amounts* as entries, each balanced and within *bounds*.

    Of several parts each has an external id of its own: that of the whole, and `-p2`.
    """
    found = [lines for part in _parts(amounts, bounds) if (lines := part.lines(words))]
    for number, lines in enumerate(found, 1):
        is_cut = len(found) > 1
        own_id = f"{external_id}-p{number}" if is_cut else external_id
        said = f"{words}, part {number} of {len(found)}" if is_cut else words
        yield JournalEntry(own_id, number, dated_on, said, lines)


def _parts(amounts: Amounts, bounds: LineBounds) -> Iterator[_Part]:
    part = _Part()
    for key, amount in _pieces(amounts, bounds.amount):
        if not part.takes(key, amount, bounds):
            yield part
            part = _Part()
        part.add(key, amount)
    yield part


def _pieces(amounts: Amounts, most: Decimal) -> Iterator[tuple[PairKey, Decimal]]:
    """Yield the pairs by account, those beyond *most* in pieces."""
    for key in sorted(amounts, key=lambda one: (one.accounts[1], one)):
        rest = amounts[key]
        step = most if rest > 0 else -most
        while abs(rest) > most:
            yield key, step
            rest -= step
        yield key, rest


def packed(
    entries: Iterable[JournalEntry], most_rows: int | None
) -> list[list[JournalEntry]]:
    """Return *entries* by file, in their order; each file has at most so many lines."""
    files: list[list[JournalEntry]] = [[]]
    rows = 0
    for entry in entries:
        rows += len(entry.lines)
        if most_rows is not None and rows > most_rows and files[-1]:
            files.append([])
            rows = len(entry.lines)
        files[-1].append(entry)
    return files
