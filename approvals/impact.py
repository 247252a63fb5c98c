"""What a request would mean for its budget and all above: shown to who asks and to who
decides alike."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from accounts.models import Organization
from approvals.currencies import converted
from approvals.models import WITHOUT_AMOUNT, BudgetRequest, RequestKind
from budgets.figures import Position
from budgets.models import Budget, Enforcement
from budgets.owners import path_of
from budgets.status import present_positions
from budgets.tree import BudgetTree, leaves_of
from forecasts.outlooks import Outlook
from forecasts.probabilities import outlooks
from lib.money import format_money

ZERO = Decimal(0)
_FOR_GOOD = (RequestKind.NEW, RequestKind.INCREASE)


class ImpactLine(msgspec.Struct, frozen=True):
    """One budget, as it stands and as it would; in its own currency.

    Of the budget that is asked for, the limit would be another. Of those above, what is
    left would be less, once all that is asked for is spent.
    """

    budget: str  # uid
    name: str
    currency: str
    role: str  # "asked", "source", "above"
    limit_now: Decimal
    limit_then: Decimal
    spent: Decimal
    reserved: Decimal
    left_now: Decimal
    left_then: Decimal
    unallocated_now: Decimal | None  # None: nothing is promised to budgets below
    unallocated_then: Decimal | None
    projected: Decimal | None  # spend at the period's end; None: too little history
    probability_now: Decimal | None  # share: that it passes its limit
    probability_then: Decimal | None


class Impact(msgspec.Struct, frozen=True):
    """All of it, as of one moment; `lines` from the budget up to its root."""

    at: datetime
    amount: Decimal
    currency: str
    lines: tuple[ImpactLine, ...]
    conflicts: tuple[str, ...]  # sentences


def impact_of(request: BudgetRequest, now: datetime) -> Impact:
    """Return what *request* would mean as of *now*. About seven queries."""
    organization = request.organization
    path = path_of(request.place) if request.place else ()
    giving = path_of(request.source) if request.source else ()
    tree = BudgetTree(leaves_of(organization, at=now, now=now))
    reckoner = _Reckoner(request, organization, path, giving, tree, now)
    lines = tuple(reckoner.lines())
    return Impact(
        at=now,
        amount=request.present_amount,
        currency=request.currency,
        lines=lines,
        conflicts=(*reckoner.conflicts(lines), *_others(request)),
    )


def frozen_impact(request: BudgetRequest) -> Impact | None:
    """Return the impact as it was when *request* was submitted."""
    return None if request.impact is None else msgspec.convert(request.impact, Impact)


class _Reckoner:
    def __init__(
        self,
        request: BudgetRequest,
        organization: Organization,
        path: Sequence[Budget],
        giving: Sequence[Budget],
        tree: BudgetTree,
        now: datetime,
    ) -> None:
        self.request, self.organization = request, organization
        self.path, self.giving, self.tree, self.now = path, giving, tree, now
        both = {one.pk: one for one in (*path, *giving)}
        for one in both.values():
            one.organization = organization
        self.times = _times(request)
        self.amounts = {pk: self._amount_in(one) for pk, one in both.items()}
        self.positions = present_positions(organization, list(both.values()), now)
        more = {pk: self._room(one) for pk, one in both.items()}
        self.without = outlooks(both.values(), now, positions=self.positions)
        self.with_it = outlooks(both.values(), now, positions=self.positions, more=more)

    def lines(self) -> Iterator[ImpactLine]:
        for budget in self.path:
            if budget.pk in self.positions:
                yield self._line(budget, self.positions[budget.pk])
        mine = {one.pk for one in self.path}
        for budget in self.giving:
            if budget.pk not in mine and budget.pk in self.positions:
                yield self._line(budget, self.positions[budget.pk])

    def conflicts(self, lines: Sequence[ImpactLine]) -> Iterator[str]:
        if self.request.budget is not None and self.request.budget.is_template:
            yield self._of_template(self.request.budget)
        hard = {
            str(one.uid)
            for one in (*self.path, *self.giving)
            if one.enforcement == Enforcement.HARD
        }
        for line in lines:
            if line.left_then < 0 and line.role != "asked":
                left = format_money(max(line.left_now, ZERO), line.currency)
                stop = "; its limit would stop calls" if line.budget in hard else ""
                yield f"“{line.name}” has {left} left, less than is asked for{stop}."
            if line.unallocated_then is not None and line.unallocated_then < 0:
                over = format_money(-line.unallocated_then, line.currency)
                yield f"The budgets below “{line.name}” would be {over} too much."
        for budget in (*self.path[:1], *self.giving[:1]):
            if budget.archived_at is not None:
                yield f"“{budget.name}” is archived."

    def _line(self, budget: Budget, at: Position) -> ImpactLine:
        role = self._role(budget)
        amount, left = self.amounts[budget.pk], at.limit - at.spent - at.reserved
        changed = {"asked": amount, "source": -amount}.get(role, ZERO)
        without, with_it = self.without[budget.pk], self.with_it[budget.pk]
        unallocated = self._unallocated(budget)
        return ImpactLine(
            budget=str(budget.uid),
            name=budget.name,
            currency=budget.currency,
            role=role,
            limit_now=at.limit,
            limit_then=at.limit + changed,
            spent=at.spent,
            reserved=at.reserved,
            left_now=left,
            left_then=left + self._room(budget),
            unallocated_now=unallocated,
            unallocated_then=self._unallocated_then(budget, unallocated),
            projected=without.projected if without else None,
            probability_now=_probability(without),
            probability_then=_probability(with_it),
        )

    def _role(self, budget: Budget) -> str:
        if self.giving and budget.pk == self.giving[0].pk:
            return "source"
        is_asked = self.request.budget_id == budget.pk
        return "asked" if is_asked else "above"

    def _room(self, budget: Budget) -> Decimal:
        """Return by how much more there would be left in *budget*; negative: less."""
        amount = self.amounts[budget.pk]
        if self.request.kind in WITHOUT_AMOUNT:
            return ZERO
        match self._role(budget):
            case "asked":
                return amount
            case "source":
                return -amount
        above_both = {one.pk for one in self.giving} & {one.pk for one in self.path}
        if budget.pk in above_both:
            return ZERO  # what one below gives, the other gets
        in_giving = any(one.pk == budget.pk for one in self.giving)
        return amount if in_giving else -amount

    def _unallocated(self, budget: Budget) -> Decimal | None:
        leaf = self.tree.leaves.get(budget.pk)
        if leaf is None or self.tree.allocated(budget.pk) is None:
            return None
        return self.tree.unallocated(budget.pk)

    def _unallocated_then(self, budget: Budget, now: Decimal | None) -> Decimal | None:
        """Return what would be left to promise, once the child is promised more."""
        leaf = self.tree.leaves.get(budget.pk)
        if leaf is None or self.request.kind not in _FOR_GOOD:
            return now
        if self.request.kind == RequestKind.NEW:
            child = self.path and self.path[0].pk == budget.pk
            counts = self.request.period == budget.period
            before = leaf.promised if now is None else now
            return before - self.amounts[budget.pk] if child and counts else now
        if self.request.budget_id == budget.pk:
            return None if now is None else now + self.amounts[budget.pk]
        mine = self.tree.leaves.get(self.request.budget_id or 0)
        if mine is None or mine.parent_id != budget.pk or not mine.counts_in(leaf):
            return now
        return None if now is None else now - self.amounts[budget.pk]

    def _of_template(self, template: Budget) -> str:
        request, name = self.request, template.name
        more = format_money(request.present_amount, request.currency)
        if not self.times:
            return f"“{name}” has made no budget yet; each would have {more} more."
        total = format_money(request.present_amount * self.times, request.currency)
        return (
            f"“{name}” stands for {self.times:,} with its amount: each would have "
            f"{more} more, {total} together, and so would each that it makes."
        )

    def _amount_in(self, budget: Budget) -> Decimal:
        return converted(
            self.request.present_amount * self.times,
            self.request.currency,
            budget.currency,
            organization=self.organization,
            now=self.now,
        )


def _times(request: BudgetRequest) -> int:
    """Return how many budgets would have the amount: of a template all that it made,
    but for those with amounts of their own. One query, of a template."""
    budget = request.budget
    if budget is None or not budget.is_template:
        return 1
    return budget.made.active().filter(is_override=False).count()


def _probability(outlook: Outlook | None) -> Decimal | None:
    return None if outlook is None else outlook.probability


def _others(request: BudgetRequest) -> Iterator[str]:
    """Say how many others ask about the same budget."""
    if request.place is None:
        return
    rows = BudgetRequest.objects.pending().filter(budget=request.place)
    count = rows.exclude(pk=request.pk).count()
    if count:
        asks = "1 other request is" if count == 1 else f"{count} other requests are"
        yield f"{asks} open for “{request.place.name}”."
