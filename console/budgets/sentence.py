"""Where an organization's budgets stand, in one sentence."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from console.budgets.lines import BudgetRow
from console.budgets.tree import Outline, Total
from lib.humanize import when
from lib.money import format_percent


def budgets_word(count: int) -> str:
    return "budget" if count == 1 else "budgets"


def sentence_of(
    outline: Outline,
    tops: Sequence[BudgetRow],
    total: Total | None,
    *,
    together: str = "",
) -> str:
    """Return the answer in one sentence; "" where there is none.

    *together*: what *tops* are called where they are not all there is.
    """
    if total is None:
        if not tops:
            return ""
        count = f"{len(tops)} {budgets_word(len(tops))} at the top, which"
        which = together or f"{outline.organization.name} has {count}"
        why = "they differ in currency or period, or share costs"
        return f"{which} can't be added up: {why}."
    name = together or (
        tops[0].budget.name if len(tops) == 1 else outline.organization.name
    )
    zone = ZoneInfo(tops[0].budget.timezone)
    past = total.window.end <= outline.now
    used = format_percent(total.used, outline.locale)
    has = "have" if together else "has"
    verb = "spent" if past else f"{has} spent"
    spent = outline.money(total.spent, total.currency)
    limit = outline.money(total.limit, total.currency)
    start = f"{name} {verb} {spent} of {limit} {when(total.window, zone)}, {used}"
    return start + _ending(outline, total, past=past)


def _ending(outline: Outline, total: Total, *, past: bool) -> str:
    shown = outline.money(abs(total.left), total.currency)
    if total.left < 0:
        return f": {shown} over the budget."
    if past:
        return f": {shown} was left."
    if outline.now < total.window.start:
        return "; the period has not begun."
    if total.projected is None:
        nothing = "; nothing was spent in it yet."
        return "; too little is known to say where it ends." if total.spent else nothing
    ends = outline.money(total.projected, total.currency)
    over = total.projected - total.limit
    verdict = "inside the budget"
    if over > 0:
        verdict = f"{outline.money(over, total.currency)} over the budget"
    return f"; it is expected to end at {ends}, {verdict}."
