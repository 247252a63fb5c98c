"""Bulk changes in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count

from bulk.forms import text_of
from bulk.kinds import SheetKind
from bulk.models import BulkChange, BulkState, BulkStep
from bulk.types import FieldDifference, StepAction
from lib.amounts import written_amount
from lib.humanize import date_words
from lib.money import COUNTED
from lib.query_params import is_day

_NOUNS = {
    "budgets": ("budget", "budgets"),
    "prices": ("price", "prices"),
    "channels": ("channel", "channels"),
    "rules": ("budget's rules", "budgets' rules"),
    "alert_rules": ("budget's alert rules", "budgets' alert rules"),
}
STATES = {
    BulkState.READY: ("WARNING", "To be confirmed"),
    BulkState.APPLIED: ("OK", "Applied"),
    BulkState.REFUSED: ("CRITICAL", "Can't be read"),
    BulkState.FAILED: ("CRITICAL", "Not applied"),
    BulkState.DISCARDED: ("", "Discarded"),
}
UNDER_WAY = ("", "Under way")
ACTIONS = {
    StepAction.FAULTY: ("CRITICAL", "Can't be applied"),
    StepAction.MAKE: ("OK", "New"),
    StepAction.CHANGE: ("OK", "Changed"),
    StepAction.SAME: ("", "Stays as it is"),
}


def counts_of(change: BulkChange) -> dict[str, int]:
    """Return how many steps there are by action. One query."""
    rows = BulkStep.objects.filter(change=change).order_by()
    return dict(rows.values_list("action").annotate(count=Count("pk")))


def sentence_of(change: BulkChange, counts: Mapping[str, int]) -> str:
    """Say what a change would do, or did."""
    one, many = _NOUNS[change.kind]
    is_over = change.state == BulkState.APPLIED
    made, changed = counts.get(StepAction.MAKE, 0), counts.get(StepAction.CHANGE, 0)
    verbs = ("was", "were") if is_over else ("would be", "would be")
    parts = [
        f"{_counted(number, one, many)} {verbs[number != 1]} {done}"
        for number, done in ((made, "made"), (changed, "changed"))
        if number
    ]
    if same := counts.get(StepAction.SAME, 0):
        stays = "stayed" if is_over else ("stays" if same == 1 else "stay")
        parts.append(f"{same:,} {stays} as {'it is' if same == 1 else 'they are'}")
    if faulty := counts.get(StepAction.FAULTY, 0):
        parts.append(f"{faulty:,} can't be applied")
    if not parts:
        return "Nothing is in it."
    return f"{_joined(parts)}."


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _joined(parts: list[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step as the page lists it."""

    step: BulkStep
    kind: str
    word: str
    differences: list[FieldDifference]
    faults: list[tuple[str, str]]  # where, and what is wrong
    lines: str


def shown_steps(
    steps: list[BulkStep], sheet: SheetKind, locale: str, *, is_file: bool
) -> Iterator[ShownStep]:
    """Yield *steps* in words; *is_file*: their lines are those of a file."""
    money = {column.name for column in sheet.columns if column.is_money}
    for step in steps:
        kind, word = ACTIONS[StepAction(step.action)]
        if step.refusal:
            kind, word = "CRITICAL", "Left out"
        is_new = step.action == StepAction.MAKE
        yield ShownStep(
            step=step,
            kind=kind,
            word=word,
            differences=[
                _written(one, money, locale)
                for one in step.differences
                if not (is_new and one[0] in _IN_THE_LABEL)
            ],
            faults=[_where(fault, is_file=is_file) for fault in step.faults],
            lines=", ".join(map(str, step.lines[:5])) if is_file else "",
        )


_IN_THE_LABEL = {"name", "parent", "provider", "model"}


def _written(found: Any, money: set[str], locale: str) -> FieldDifference:
    name, before, after = found
    write = _amount if name in money else _day
    words = name.replace("_", " ").capitalize()
    return FieldDifference(words, write(before, locale), write(after, locale))


def _amount(text: str, locale: str) -> str:
    number, _, currency = text.partition(" ")
    if not number:
        return ""
    places = 0 if currency in COUNTED else 2
    return f"{written_amount(Decimal(number), locale, places)} {currency}"


def _day(text: str, locale: str) -> str:
    return date_words(date.fromisoformat(text)) if is_day(text) else text


def _where(fault: Any, *, is_file: bool) -> tuple[str, str]:
    line, column, message = fault
    parts = [f"Line {line}"] if is_file else []
    if column:
        parts.append(column.replace("_", " "))
    return ", ".join(parts), text_of(message)
