"""Which amounts are recommended for the budgets of an organization, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from accounts.models import Organization
from budgets.models import Budget, Priority
from budgets.tree import BudgetTree, leaves_of
from forecasts.needs import Need, needs_of
from forecasts.reasons import Bounds, reason_of, refusal_of
from forecasts.recommendations import Claim, DoesNotFit, Share, divide
from lib.errors import Invalid
from lib.money import smallest_unit
from lib.periods import Cadence

PRESENT: Literal["present"] = "present"
# What a dollar of need counts where there is not enough for all.
WEIGHTS = {
    Priority.LOW: 1,
    Priority.NORMAL: 2,
    Priority.HIGH: 4,
    Priority.CRITICAL: 8,
}
_ZERO = Decimal(0)
_UNBOUND = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceQuestion:
    """Which amounts are asked for."""

    organization: Organization
    root: Budget | None = None  # it and all below it; None: all budgets
    period: Cadence | None = None  # None: whatever they have
    # Of those at the top together; PRESENT: each what it has; None: what it needs.
    total: Decimal | Literal["present"] | None = None
    bounds: Mapping[int, Bounds] = field(default_factory=dict)  # by a budget's id


@dataclass(frozen=True, slots=True)
class Recommended:
    """The amount that is recommended for one budget; it is in the budget's currency."""

    budget: Budget
    depth: int  # of those it is listed with, from 0
    share: Share
    need: Need
    bounds: Bounds
    is_part: bool  # of the amount of its parent
    reason: str

    @property
    def difference(self) -> Decimal:
        present: Decimal = self.budget.amount
        return self.share.amount - present


@dataclass(frozen=True, slots=True)
class Advice:
    """All that is recommended, in the order of the tree."""

    lines: Sequence[Recommended]
    left: Decimal  # of a total for several, what none of them needs
    left_out: Sequence[tuple[Budget, str]]  # each with the reason


def advise(question: AdviceQuestion, *, now: datetime) -> Advice:
    """Recommend amounts that add up at every level of the tree.

    A budget's amount is part of its parent's where both have one currency and period;
    else it is recommended by itself. Templates and what they made are left out: what
    these spend is needed by the budget above. Three queries and one for each time zone.

    Raises:
        Invalid: bounds and total contradict each other, or name what is not there.
    """
    chosen = _Chosen(question, now)
    needs = needs_of(question.organization, chosen.order, chosen.below, now=now)
    shares, left = chosen.divided(needs)
    lines = [
        Recommended(
            budget=budget,
            depth=chosen.depths[budget.pk],
            share=shares[budget.pk],
            need=needs[budget.pk],
            bounds=question.bounds.get(budget.pk, _UNBOUND),
            is_part=budget.pk in chosen.above,
            reason=reason_of(
                budget,
                needs[budget.pk],
                shares[budget.pk],
                question.bounds.get(budget.pk, _UNBOUND),
                has_below=bool(chosen.below.get(budget.pk)),
            ),
        )
        for budget in chosen.order
    ]
    return Advice(lines, left, chosen.left_out)


class _Chosen:
    """The budgets that a question is about, and whose amount is part of which."""

    def __init__(self, question: AdviceQuestion, now: datetime) -> None:
        self.question = question
        organization = question.organization
        tree = BudgetTree(leaves_of(organization, at=now, now=now))
        rows = Budget.objects.filter(organization=organization).active()
        budgets = {budget.pk: budget for budget in rows.order_by()}
        self.order: list[Budget] = []  # of the tree, each before those below it
        self.left_out: list[tuple[Budget, str]] = []
        self.depths: dict[int, int] = {}
        self.above: dict[int, int] = {}  # of whose amount each is part
        self.below: dict[int, list[Budget]] = {}
        self.tops: list[Budget] = []  # none of those above them is asked about
        for pk in _ids(tree, question.root):
            budget, leaf = budgets[pk], tree.leaves[pk]
            if budget.template_of_id in budgets and budget != question.root:
                continue  # its template is told of, for all that it made
            if reason := self._left_out(budget, is_in_force=leaf.is_in_force):
                self.left_out.append((budget, reason))
                continue
            self.order.append(budget)
            known = [one.id for one in tree.path(pk)[:-1] if one.id in self.depths]
            self.depths[pk] = len(known)
            parent = leaf.parent_id
            if not known:
                self.tops.append(budget)
            elif parent == known[-1] and leaf.counts_in(tree.leaves[parent]):
                self.above[pk] = parent
                self.below.setdefault(parent, []).append(budget)
        self._check_bounds()

    def divided(self, needs: Mapping[int, Need]) -> tuple[dict[int, Share], Decimal]:
        """Return what each gets, and what is left of the total."""
        question = self.question
        shares: dict[int, Share] = {}
        alone = [one for one in self.order if one.pk not in self.above]
        left, total = _ZERO, question.total
        if isinstance(total, Decimal):
            self._check_total()
            together, left = self._division(self.tops, total, needs)
            shares |= together
            tops = {one.pk for one in self.tops}
            alone = [one for one in alone if one.pk not in tops]
        for budget in alone:
            given = budget.amount if total == PRESENT else None
            shares |= self._division([budget], given, needs)[0]
        return shares, left

    def _division(
        self, roots: Sequence[Budget], total: Decimal | None, needs: Mapping[int, Need]
    ) -> tuple[Mapping[int, Share], Decimal]:
        family = list(self._family(roots))
        currency = roots[0].currency
        claims = [self._claim(budget, needs[budget.pk]) for budget in family]
        try:
            found = divide(claims, total, unit=smallest_unit(currency))
        except DoesNotFit as refused:
            named = {budget.pk: budget for budget in family}
            raise refusal_of(refused, named, self.question.bounds, currency) from None
        return found.shares, found.left

    def _family(self, roots: Iterable[Budget]) -> Iterator[Budget]:
        waiting = list(roots)
        for budget in waiting:
            yield budget
            waiting += self.below.get(budget.pk, ())

    def _claim(self, budget: Budget, need: Need) -> Claim:
        bounds = self.question.bounds.get(budget.pk, _UNBOUND)
        return Claim(
            id=budget.pk,
            parent=self.above.get(budget.pk),
            need=need.kept,
            weight=WEIGHTS[Priority(budget.priority)],
            floor=bounds.floor or _ZERO,
            cap=bounds.cap,
        )

    def _left_out(self, budget: Budget, *, is_in_force: bool) -> str:
        if not is_in_force:
            return "It is not in force now."
        if budget.is_template:
            return "A template gives all that it made one amount: change it there."
        if budget.template_of_id:
            return "It has its amount of its template: change it there."
        period = self.question.period
        if period is not None and budget.period != period:
            return f"Its period is another one: {budget.period}."
        return ""

    def _check_bounds(self) -> None:
        for pk, bounds in self.question.bounds.items():
            if pk not in self.depths:
                attr = "cap" if bounds.floor is None else "floor"
                detail = "There is no such budget among those that are asked about."
                raise Invalid.field(attr, detail, code="not_found")

    def _check_total(self) -> None:
        kinds = {(one.currency, one.period) for one in self.tops}
        if len(kinds) > 1:
            raise Invalid.field(
                "total",
                "The budgets at the top have several currencies or periods, which no "
                "total can be parted among. Name one of them as the root, or a period.",
            )
        if not kinds:
            raise Invalid.field("total", "There is no budget to give it to.")


def _ids(tree: BudgetTree, root: Budget | None) -> Iterator[int]:
    """Yield the ids of the tree, each before those below it."""
    starts = tree.families.get(None, ()) if root is None else [root.pk]
    for start in starts:
        if start in tree.leaves:
            yield from tree.below(start)
