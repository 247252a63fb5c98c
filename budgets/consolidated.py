"""The amounts of a tree in one currency, at the rates of one day."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from accounts.models import Organization
from budgets.figures import Status
from budgets.tree import BudgetTree, Leaf
from ledger.pricing import PriceBook, convert
from ledger.types import Rate
from lib.money import COUNTED, from_units, to_units


class Consolidation:
    """Amounts in one *currency*, at the rates of the day (UTC) of *at*.

    Two queries to make, none afterwards.
    """

    def __init__(self, organization: Organization, currency: str, at: datetime) -> None:
        self.currency = currency
        self._book = PriceBook(organization.pk)
        self._day = at.astimezone(UTC).date()

    def rate_of(self, source: str) -> Rate | None:
        """Return what 1 *source* is worth, the latest known on the day; None: nobody
        knows, or *source* is tokens or requests."""
        if source in COUNTED:
            return None
        return self._book.rate(source, self.currency, self._day)

    def lacks(self, source: str) -> bool:
        """Tell whether *source* is money of which no rate is known."""
        return source not in COUNTED and self.rate_of(source) is None

    def status(self, status: Status, rate: Rate) -> Status:
        """Return *status*, which is in the currency of *rate*, in this one.

        What was judged of it stays: shares are the same in every currency.
        """
        limit = exchanged(status.limit, rate)
        spent = exchanged(status.total_spend, rate)
        found = replace(
            status,
            limit=limit,
            total_spend=spent,
            reserved=exchanged(status.reserved, rate),
            remaining_budget=limit - spent,
            burn_rate=_exchanged_or_none(status.burn_rate, rate),
            available_daily=_exchanged_or_none(status.available_daily, rate),
        )
        return found.ending_at(_exchanged_or_none(status.projected_spend, rate))


class ConsolidatedTree(BudgetTree):
    """The budgets of *tree* with their amounts as *consolidation* has them.

    Those that it has no rate for stay as they are.
    """

    def __init__(self, tree: BudgetTree, consolidation: Consolidation) -> None:
        self.consolidation = consolidation
        super().__init__(map(self._leaf, tree.leaves.values()))

    def lacking(self, parent_id: int) -> list[str]:
        """Return the currencies of the budget and of the children that would count in
        it, of which no rate is known, sorted: what is allocated is not known then."""
        parent = self.leaves[parent_id]
        children = map(self.leaves.__getitem__, self.families.get(parent_id, ()))
        counted = [
            child.currency
            for child in children
            if child._replace(currency=parent.currency).counts_in(parent)
        ]
        found = {parent.currency, *counted}
        return sorted(one for one in found if self.consolidation.lacks(one))

    def _leaf(self, leaf: Leaf) -> Leaf:
        rate = self.consolidation.rate_of(leaf.currency)
        if rate is None:
            return leaf
        return leaf._replace(
            currency=self.consolidation.currency,
            amount=exchanged(leaf.amount, rate),
            current=_exchanged_or_none(leaf.current, rate),
            limit_then=_exchanged_or_none(leaf.limit_then, rate),
            spent_then=_exchanged_or_none(leaf.spent_then, rate),
        )


def exchanged(amount: Decimal, rate: Rate) -> Decimal:
    """Return *amount* at *rate*, rounded once, halves to even, to ten places."""
    return from_units(convert(to_units(amount), rate.rate))


def _exchanged_or_none(amount: Decimal | None, rate: Rate) -> Decimal | None:
    return None if amount is None else exchanged(amount, rate)
