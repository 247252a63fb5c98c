"""What does not fit together, by what causes it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from budgets.conflicts import ORPHANS_OF, Clash
from budgets.models import Budget
from lib.money import format_money

_DIFFERS = {"period_mismatch": "period", "currency_mismatch": "currency"}


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing to look at, and all that comes of it."""

    words: str
    budgets: Sequence[Budget]  # where it can be mended
    clashes: Sequence[Clash] = ()  # empty: the words say all
    is_quiet: bool = False  # no cost is concerned so far
    short: Decimal | None = None  # by how much the first of them promises too much


def causes_of(clashes: Sequence[Clash]) -> list[Cause]:
    """Return the causes of *clashes*: what costs money first, then in their order."""
    found: list[Cause] = []
    for kind, word in _DIFFERS.items():
        found += _differing([one for one in clashes if one.kind == kind], word)
    found += _overlapping([one for one in clashes if one.kind == "overlap"])
    apart = {*_DIFFERS, "overlap"}
    single = [_single(one) for one in clashes if one.kind not in apart]
    return sorted([*single, *found], key=lambda cause: cause.is_quiet)


def _single(clash: Clash) -> Cause:
    # Too much is promised by the parent, which is named first.
    if clash.kind == "over_allocated":
        return Cause(clash.message, clash.budgets[:1], short=clash.amount)
    return Cause(clash.message, clash.budgets, is_quiet=_is_quiet(clash))


def _is_quiet(clash: Clash) -> bool:
    return clash.kind == "overlap" and not clash.amount


def _differing(clashes: Sequence[Clash], word: str) -> Iterator[Cause]:
    """Yield those below one parent together."""
    families: dict[int, list[Clash]] = {}
    for clash in clashes:
        families.setdefault(clash.budgets[0].pk, []).append(clash)
    for family in families.values():
        parent, child = family[0].budgets
        if len(family) == 1:
            yield Cause(family[0].message, (child,))
            continue
        words = (
            f"{len(family)} budgets below “{parent.name}” have another {word} than it: "
            "their amounts can't be compared."
        )
        yield Cause(words, (parent,), family)


def _overlapping(clashes: Sequence[Clash]) -> Iterator[Cause]:
    """Yield those that one budget is part of together, what is in most first."""
    left = list(clashes)
    while left:
        counted = Counter(budget.pk for one in left for budget in one.budgets)
        hub, count = counted.most_common(1)[0]
        if count == 1:
            yield from map(_single, left)
            return
        mine = [one for one in left if hub in {budget.pk for budget in one.budgets}]
        left = [one for one in left if one not in mine]
        yield _of_hub(hub, mine)


def _of_hub(hub: int, clashes: Sequence[Clash]) -> Cause:
    dearest = max(clashes, key=lambda one: one.amount or 0)
    budget, other = sorted(dearest.budgets, key=lambda one: one.pk != hub)
    words = (
        f"“{budget.name}” is charged for the same costs as {len(clashes)} other budgets"
    )
    if not dearest.amount or not dearest.currency:
        quiet = f"{words}; of late there were none."
        return Cause(quiet, (budget,), clashes, is_quiet=True)
    most = format_money(dearest.amount, dearest.currency)
    words += (
        f": {most} of the last {ORPHANS_OF.days} days with “{other.name}”, the most."
    )
    return Cause(words, (budget,), clashes)
