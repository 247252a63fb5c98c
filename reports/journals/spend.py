"""What the ledger has for a month, by the accounts it goes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Organization
from ledger.analytics import lines_of
from ledger.costs import CostQuery
from ledger.types import Tags
from lib.periods import Cadence, Calendar, Window, start_of
from reports.journals.amounts import ZERO
from reports.journals.mappings import FINEST, Accounts, Mappings

_TAG = "tag"
# Named where a cost has no account, beside what mappings look at.
_NAMED = {"department", "team", "project"}


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Spend that has no account."""

    values: tuple[tuple[str, str], ...]  # dimensions that it names, and their values
    cost: Decimal  # in the organization's currency

    @property
    def words(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in self.values)
        return named or "what names no department, team or project"


@dataclass(slots=True)
class MonthSpend:
    """A month of an organization, exact to ten places."""

    exact: dict[Accounts, Decimal] = field(default_factory=dict)
    unmapped: list[Unmapped] = field(default_factory=list)  # the dearest first
    unpriced: int = 0  # requests without a price, in no sum

    @property
    def total(self) -> Decimal:
        return sum(self.exact.values(), ZERO)

    @property
    def left_out(self) -> Decimal:
        return sum((one.cost for one in self.unmapped), ZERO)


def window_of(organization: Organization, month: date) -> Window:
    """Return the month that begins on *month*, by the organization's clocks."""
    zone = ZoneInfo(organization.timezone)
    return Calendar(Cadence.MONTHLY, zone).window_of(start_of(month, zone))


def spend_of(
    organization: Organization, month: date, generations: Sequence[Mappings]
) -> MonthSpend:
    """Return a month by accounts: of *generations* the first that has any for a cost
    says which. One statement, so that it is of one moment."""
    asked = _NAMED.union(*(one.dimensions for one in generations))
    names = [name for name in FINEST if name in asked]
    groups = [*names, *(["model_version"] if "model" in asked else [])]
    spend, unmapped = MonthSpend(), dict[Any, Decimal]()
    window = window_of(organization, month)
    for line in lines_of(CostQuery(organization), groups, [window]):
        spend.unpriced += line.sums.unpriced
        values = dict(zip(groups, line.group, strict=True))
        tags: Tags = values.pop(_TAG, ())
        if not line.sums.cost:
            continue
        accounts = _accounts_of(generations, values, tags)
        if accounts is not None:
            cost = spend.exact.get(accounts, ZERO) + line.sums.cost
            spend.exact[accounts] = cost
            continue
        named = tuple((name, values[name]) for name in names if values.get(name))
        unmapped[named] = unmapped.get(named, ZERO) + line.sums.cost
    spend.unmapped = [Unmapped(*one) for one in unmapped.items() if one[1]]
    spend.unmapped.sort(key=lambda one: (-abs(one.cost), one.values))
    return spend


def _accounts_of(
    generations: Sequence[Mappings], values: Mapping[str, str], tags: Tags
) -> Accounts | None:
    found = (one.accounts_of(values, tags) for one in generations)
    return next((accounts for accounts in found if accounts), None)


def is_over(organization: Organization, month: date, now: datetime) -> bool:
    """Tell whether the last of a month is past there."""
    return now >= window_of(organization, month).end
