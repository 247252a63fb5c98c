"""Where the budgets stand: one sentence, the figures, and the top of the tree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.urls import reverse
from django.utils.http import urlencode

from accounts.columns import number_words
from budgets.figures import StatusName
from console.budgets.lines import STATUS_WORDS, BudgetRow
from console.budgets.sentence import sentence_of
from console.budgets.tree import Total, total_of
from console.budgets.wishes import wishes_of
from console.costs.links import unpriced_url
from console.dashboard.desk import Desk
from console.dashboard.spend import LateSpend
from console.drawings import Fact

MOST_ROWS = 12  # of the tree, which has a page of its own
_GRAVEST: tuple[StatusName, ...] = ("EXCEEDED", "CRITICAL", "WARNING", "OK")


@dataclass(frozen=True, slots=True)
class Trouble:
    """How many budgets are past a threshold."""

    kind: str
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class BudgetsStanding:
    """Where the budgets of a desk stand."""

    sentence: str
    rows: Sequence[BudgetRow]  # that are shown
    tops: Sequence[BudgetRow]
    total: Total | None  # None: they can't be added up
    troubles: Sequence[Trouble]
    count: int  # of all there are below the tops
    tree: str  # the address of the whole
    unpriced: int  # requests

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


def standing_of(desk: Desk) -> BudgetsStanding:
    """Return where they stand. Four queries, more before the day's forecasts are
    stored."""
    outline, roots = desk.outline, desk.roots
    everything = [one for top in roots for one in outline.below(top)]
    shown = chosen(desk, everything)
    lines = outline.lines(roots, set(), {*shown, *roots}) if roots else []
    rows = [line for line in lines if isinstance(line, BudgetRow)]
    tops = [row for row in rows if row.place.level == 1]
    total = total_of(tops) if len(tops) == len(roots) else None
    tree = _tree_of(desk)
    return BudgetsStanding(
        sentence=_sentence(desk, tops, total),
        rows=[row for row in _with_wishes(desk, rows) if row.place.id in shown],
        tops=tops,
        total=total,
        troubles=list(_troubles(desk, everything, tree)),
        count=len(everything),
        tree=tree,
        unpriced=sum(row.unpriced for row in tops),
    )


def _with_wishes(desk: Desk, rows: Sequence[BudgetRow]) -> list[BudgetRow]:
    """Return *rows* with what the reader has to ask for. At most one query."""
    wishes = wishes_of(desk.user, desk.organization, rows)
    return [replace(row, wish=wishes.get(row.place.id)) for row in rows]


def chosen(desk: Desk, everything: Sequence[int]) -> set[int]:
    """Return which budgets are shown: the tops, what is right below them, and further
    down what is in trouble, the gravest first."""
    leaves, roots = desk.outline.leaves, set(desk.roots)

    def rank(one: int) -> tuple[int, int, Decimal]:
        leaf = leaves[one]
        depth = len(desk.outline.path(one))
        return _GRAVEST.index(leaf.status), depth, -leaf.promised

    below = [one for one in everything if one not in roots]
    children = [one for one in below if leaves[one].parent_id in roots]
    deeper = [
        one
        for one in below
        if leaves[one].parent_id not in roots and leaves[one].status != "OK"
    ]
    ordered = [
        *desk.roots,
        *sorted(children, key=rank),
        *sorted(deeper, key=rank),
    ][:MOST_ROWS]
    # With what is between them and the top: a row stands below its parent.
    whole = {leaf.id for one in ordered for leaf in desk.outline.path(one)}
    return whole & set(everything)


def _sentence(desk: Desk, tops: list[BudgetRow], total: Total | None) -> str:
    together = f"Your {len(tops)} budgets" if desk.own and len(tops) > 1 else ""
    return sentence_of(desk.outline, tops, total, together=together)


def _tree_of(desk: Desk) -> str:
    asked = {"organization": desk.organization.slug}
    if len(desk.own) == 1:
        asked["root"] = str(desk.own[0])
    return f"{reverse('admin:budgets_budget_tree')}?{urlencode(asked)}"


def _troubles(desk: Desk, among: Sequence[int], tree: str) -> Iterator[Trouble]:
    counted = desk.outline.troubled(among)
    for kind in _GRAVEST[:-1]:
        if count := counted[kind]:
            words = f"{count} {STATUS_WORDS[kind].lower()}"
            yield Trouble(kind, words, f"{tree}&status={kind}")


def figures_of(desk: Desk, standing: BudgetsStanding, late: LateSpend) -> list[Fact]:
    """Return the numbers, each with the way to what is behind it."""
    found = [
        Fact("Today", desk.money(late.today.cost), late.today.url),
        Fact("Yesterday", desk.money(late.yesterday.cost), late.yesterday.url),
        *(_planned(desk, standing, standing.total) if standing.total else ()),
    ]
    if standing.unpriced:
        many = "" if standing.unpriced == 1 else "s"
        calls = f"{number_words(standing.unpriced)} call{many}"
        found.append(Fact("Without a price", calls, unpriced_url(desk.organization)))
    return found


def _planned(desk: Desk, standing: BudgetsStanding, total: Total) -> Iterator[Fact]:
    """Yield the spend of the present periods against what is planned."""
    tops = [row for row in standing.tops if row.currency == total.currency]
    first, only = tops[0], len(tops) == 1

    def money(amount: Decimal) -> str:
        return desk.outline.money(amount, total.currency)

    yield Fact("Spent", money(total.spent), first.records if only else standing.tree)
    yield Fact("Planned", money(total.limit), first.amounts if only else standing.tree)
    yield Fact("Left", money(total.left), standing.tree)
    rates = [row.shown.burn_rate for row in tops]
    known = [rate for rate in rates if rate is not None]
    if len(known) == len(rates):
        daily = sum(known, Decimal(0))
        yield Fact("Per day", money(daily), first.records if only else standing.tree)
    if total.projected is not None:
        ends = first.forecast if only else standing.tree
        yield Fact("Expected at the end", money(total.projected), ends)
