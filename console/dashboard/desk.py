"""Whose dashboard it is: one organization, as one person reads it at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from django.http import HttpRequest

from accounts.models import Organization, User
from accounts.scopes import Scope
from accounts.tenants import may, person
from budgets.covered import attributions_of
from console.budgets.tree import Outline
from ledger.addresses import records_address
from ledger.costs import CostQuery
from lib.humanize import locale_of
from lib.money import format_money
from lib.periods import DAY, Window

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Desk:
    """One reader's view; *own*: the topmost budgets of a team lead, who sees these
    first, or none, where the whole organization is looked at."""

    organization: Organization
    user: User
    now: datetime
    locale: str
    outline: Outline
    own: Sequence[int]

    @classmethod
    def of(
        cls, request: HttpRequest, organization: Organization, now: datetime
    ) -> "Desk":
        """Return the desk of who asks. One query, and one for their roles."""
        user, locale = person(request), locale_of(request)
        outline = Outline(organization, now, now, locale)
        sees_all = may(request, Scope.ADMIN, organization)
        own = [] if sees_all else topmost_of(outline, user.pk)
        return cls(organization, user, now, locale, outline, own)

    @property
    def roots(self) -> list[int]:
        """Return the budgets that its tree begins with."""
        return list(self.own) or self.outline.families.get(None, [])

    @property
    def today(self) -> Window:
        """Return the present day, in UTC: as daily spend has it."""
        start = datetime.combine(self.now.astimezone(UTC).date(), time(), UTC)
        return Window(start, start + DAY)

    @property
    def week(self) -> Window:
        """Return the last seven whole days."""
        return Window(self.today.start - WEEK, self.today.start)

    @property
    def week_before(self) -> Window:
        return Window(self.week.start - WEEK, self.week.start)

    def question(self) -> CostQuery:
        """Return whose costs count here. One query where they are those of budgets."""
        if not self.own:
            return CostQuery(self.organization)
        only = attributions_of(self.own, self.week_before.start)
        return CostQuery(self.organization, only=only)

    def records(self, window: Window, **narrowed: object) -> str:
        """Return the records behind a number; "" where no one list has them."""
        if len(self.own) > 1:
            return ""
        budget = {"budget": self.own[0]} if self.own else {}
        slug = self.organization.slug
        return records_address(slug, window, **budget, **narrowed)

    def money(self, amount: Decimal) -> str:
        return format_money(amount, self.organization.currency, self.locale)


def topmost_of(outline: Outline, user_id: int) -> list[int]:
    """Return the budgets somebody owns that are below no other one of theirs."""
    return [
        leaf.id
        for leaf in outline.leaves.values()
        if leaf.owner_id == user_id
        and all(above.owner_id != user_id for above in outline.path(leaf.id)[:-1])
    ]
