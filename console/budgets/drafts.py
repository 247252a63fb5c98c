"""A budget as far as its form is filled in, and what it would be charged for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Organization
from budgets.models import Budget
from budgets.scopes import BudgetScope
from budgets.scopes import clean as clean_scope
from budgets.status import ZERO
from budgets.templates import TAG as OF_TAG
from budgets.templates import ForEach
from console.budgets.forms import BudgetForm
from console.budgets.templates import MetValues, said_of
from console.budgets.tree import Outline
from ledger.analytics import TAG, Sums, lines_of
from ledger.costs import CostQuery
from ledger.models import Attribution
from ledger.pricing import PriceBook
from ledger.types import Dimensions
from lib.money import quantize
from lib.periods import Cadence, Calendar, Window
from lib.web import id_of


@dataclass(frozen=True, slots=True)
class Draft:
    """A budget as far as its form is filled in. None: not yet, or not rightly."""

    organization: Organization
    scope: Mapping[str, Any]
    amount: Decimal | None
    currency: str
    period: Cadence
    zone: ZoneInfo
    starts_at: datetime | None
    ends_at: datetime | None
    parent_id: int | None
    budget: Budget | None  # the one that is changed
    warning_threshold: Decimal = Decimal("0.80")
    critical_threshold: Decimal = Decimal("0.95")
    for_each: str = ""  # what it makes budgets for


@dataclass(frozen=True, slots=True)
class ChosenCosts(CostQuery):
    """The costs of attributions that are known already."""

    ids: Sequence[int] = ()

    def attribution_ids(self) -> list[int] | None:
        return list(self.ids)


def draft_of(form: BudgetForm, outline: Outline) -> Draft:
    """Return what is filled in, and rightly so; for a form not sent, what it is."""
    budget, organization = form.budget, outline.organization
    if form.is_bound:
        said: Mapping[str, Any] = form.cleaned_data
        scope = form.scope
    else:
        said = form.initial
        scope = dict(budget.scope) if budget else {}
    zone = said.get("timezone") or organization.timezone
    starts_at = budget.starts_at if budget else None
    ends_at = budget.ends_at if budget else None
    if form.is_bound and "timezone" in said:
        starts_at, ends_at = form.instants()
    parent = said.get("parent")
    amount = said.get("amount")
    return Draft(
        organization=organization,
        scope=scope,
        amount=None if amount in (None, "") else Decimal(amount),
        currency=said.get("currency") or organization.currency,
        period=Cadence(said.get("period") or Cadence.MONTHLY),
        zone=ZoneInfo(zone),
        starts_at=starts_at,
        ends_at=ends_at,
        parent_id=budget.parent_id if budget else _id_of(parent),
        budget=budget,
        warning_threshold=said.get("warning_threshold") or Decimal("0.80"),
        critical_threshold=said.get("critical_threshold") or Decimal("0.95"),
        for_each=_for_each(said, budget),
    )


def _for_each(said: Mapping[str, Any], budget: Budget | None) -> str:
    """Return what it makes budgets for; "" while that is not filled in rightly."""
    for_each, _ = said_of(said, budget)
    return "" if for_each == OF_TAG else for_each


def _id_of(parent: Any) -> int | None:
    if isinstance(parent, Budget):
        return parent.pk
    return id_of(str(parent or ""))


def matching(draft: Draft, scopes: list[BudgetScope]) -> list[Any]:
    rows = Attribution.objects.filter(organization=draft.organization)
    fields = "pk", "tags", *Dimensions._fields
    found = rows.values_list(*fields).iterator(chunk_size=5_000)
    return [row for row in found if any(matches(scope, row) for scope in scopes)]


def matches(scope: BudgetScope, row: Any) -> bool:
    return scope.matches(Dimensions(*row[2:])._asdict(), row[1])


def spent_by(
    draft: Draft, ids: list[int], now: datetime
) -> tuple[Decimal | None, Window | None]:
    """Return what the present period spent so far, in the draft's currency, and which
    it is; None: there is no rate, or no period."""
    if draft.period is Cadence.CUSTOM and not (draft.starts_at and draft.ends_at):
        return None, None
    if draft.starts_at and draft.ends_at and draft.starts_at >= draft.ends_at:
        return None, None
    month = draft.organization.fiscal_year_start_month
    calendar = Calendar(draft.period, draft.zone, month, draft.starts_at, draft.ends_at)
    window = calendar.window_at(now)
    if window is None:
        return None, None
    return cost_of(draft, ids, window, now), window


def cost_of(
    draft: Draft, ids: list[int], window: Window, now: datetime
) -> Decimal | None:
    """Return what the attributions cost, in the draft's currency; None: no rate."""
    question = ChosenCosts(draft.organization, ids=ids)
    worth = _worth(draft, now)
    if worth is None:
        return None
    lines = lines_of(question, (), [window])
    return sum((worth(line.sums) for line in lines), ZERO)


def _worth(draft: Draft, now: datetime) -> Callable[[Sums], Decimal] | None:
    """Return what costs count for in the draft's currency; None: there is no rate."""
    own = draft.organization.currency
    if draft.currency == "tokens":
        return lambda sums: Decimal(sums.input_tokens + sums.output_tokens)
    if draft.currency == "requests":
        return lambda sums: Decimal(sums.requests)
    if draft.currency == own:
        return lambda sums: sums.cost
    found = PriceBook(draft.organization.pk).rate(own, draft.currency, now.date())
    if found is None:
        return None
    rate = found.rate
    return lambda sums: quantize(sums.cost * rate)


def values_met(draft: Draft, now: datetime) -> MetValues:
    """Return what a template as *draft* says finds met already. Two queries, or three
    where it has a currency of its own."""
    found = matching(draft, [BudgetScope.of(clean_scope(draft.scope))])
    _, window = spent_by(draft, [], now)
    return met_by(draft, found, window, now)


def met_by(
    draft: Draft, found: list[Any], window: Window | None, now: datetime
) -> MetValues:
    each, costs = ForEach.of(draft.for_each), dict[str, Decimal]()
    for row in found:
        values = each.values(Dimensions(*row[2:])._asdict(), row[1])
        costs |= dict.fromkeys(values, ZERO)
    if window is not None:
        worth = _worth(draft, now) or (lambda _: ZERO)
        question = ChosenCosts(draft.organization, ids=[row[0] for row in found])
        group = each.dimension or TAG
        for line in lines_of(question, (group,), [window]):
            (value,) = line.group
            for one in each.values({each.dimension: value}, value):
                costs[one] = costs.get(one, ZERO) + worth(line.sums)
    return MetValues(sorted(costs.items(), key=lambda pair: (-pair[1], pair[0])))
