"""Money that a budget may spend once, until a moment: given, followed, told.

Lines say how much of a grant each period has, and stand in its `adjusted`: all of it
the period in which it is given, each later one what those before it left. Where a grant
ends inside a period, a line to its end keeps what was used. They all follow from the
grants, the periods and what was spent: whatever changes these, the sweep writes the
difference.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Sum

from accounts.locks import hold_alone
from accounts.models import Organization
from budgets.amounts import Amounts, Dated, temporary_of
from budgets.charging import open_periods
from budgets.granting import Beyond, GrantChain, Granted, GrantUse
from budgets.models import AmountLine, Budget, BudgetPeriod, Grant
from budgets.status import calendar_of, used_until
from budgets.temporary import check_amount, check_until, in_use
from lib.humanize import date_words
from lib.periods import day_of
from lib.queue import announce

ZERO = Decimal(0)
_MOMENT = timedelta(microseconds=1)
_KIND = AmountLine.Kind.GRANT
_Stretch = tuple[int, datetime, datetime]  # grant, from, until


@dataclass(frozen=True, slots=True)
class GrantStanding:
    """What became of a grant so far."""

    grant: Grant
    used: Decimal
    left: Decimal  # of what may still be spent; nothing, once it has ended
    expired: Decimal  # these three are the grant
    uses: list[GrantUse]  # of each period, the oldest first


@transaction.atomic
def give_grant(
    budget: Budget, amount: Decimal, *, until: datetime, now: datetime, reason: str = ""
) -> list[AmountLine]:
    """Let *budget* spend *amount* once, from now until *until*, in any of its periods.

    Returns the line of the present period.

    Raises:
        Invalid: it is nothing, or ends before it begins; or *budget* is a template.
        IsArchived: the budget is no longer in use.
    """
    check_amount(amount, budget.currency)
    check_until(until, now)
    hold_alone(budget.organization_id)
    (held,) = in_use([budget], now)
    grant = Grant.objects.create(
        organization_id=held.organization_id,
        budget=held,
        amount=amount,
        begins_at=now,
        until=until,
        reason=reason,
    )
    window = calendar_of(held, held.organization).window_of(now)
    open_periods(held.organization_id, [(held.pk, window)])
    follow_grants(held, now=now)
    announce("budgets.watched_amounts", held.organization_id)
    return list(grant.lines.select_related("budget", "counterpart"))


def grants_of(budget: Budget, *, now: datetime) -> list[GrantStanding]:
    """Return the grants of *budget*, the one that ends first before the others.

    As of *now*, whether the sweep has moved on what is left or not.
    """
    rows = list(Grant.objects.filter(budget=budget))
    following = GrantFollowing.of(budget, rows, now)
    uses: dict[int, list[GrantUse]] = defaultdict(list)
    for period in following.periods():
        for use in following.use(period):
            uses[use.grant.id].append(use)
    return [_standing(row, uses[row.pk], now) for row in rows]


def _standing(grant: Grant, uses: list[GrantUse], now: datetime) -> GrantStanding:
    used = sum((use.used for use in uses), ZERO)
    rest = grant.amount - used
    left, expired = (ZERO, rest) if grant.until <= now else (rest, ZERO)
    return GrantStanding(grant, used, left, expired, uses)


def follow_grants(budget: Budget, *, now: datetime) -> int:
    """Have the lines of *budget*'s grants say what is left of them in each period.

    Returns how many lines it wrote. Call it with the organization held alone.
    """
    rows = list(Grant.objects.filter(budget=budget))
    following = GrantFollowing.of(budget, rows, now)
    for period in following.periods():
        following.settle(period)
    return following.finish()


def granted_at(budget: Budget, at: datetime) -> Decimal:
    """Return what *budget* has of grants at a moment. One query."""
    rows = AmountLine.objects.filter(budget=budget, kind=_KIND)
    rows = rows.filter(effective_from__lte=at, effective_to__gt=at)
    return rows.aggregate(total=Sum("amount"))["total"] or ZERO


@dataclass(slots=True)
class GrantFollowing:
    """The grants of one budget, as they are followed through its periods in order."""

    budget: Budget
    grants: Mapping[int, Grant]
    now: datetime
    chain: GrantChain
    others: Amounts  # what is for a while, but grants
    said: dict[_Stretch, Decimal]  # by the lines; what is settled is taken out
    written: int = 0  # lines
    is_settled: bool = True  # all periods so far are closed

    @classmethod
    def of(
        cls, budget: Budget, grants: Sequence[Grant], now: datetime
    ) -> "GrantFollowing":
        """Return those of *budget*, before its first period. Two queries, if any."""
        chain = GrantChain(
            [Granted(one.pk, one.amount, one.begins_at, one.until) for one in grants]
        )
        by_id = {one.pk: one for one in grants}
        if not grants:
            return cls(budget, by_id, now, chain, Amounts(), {})
        others = temporary_of([budget.pk], but=[_KIND])[budget.pk]
        return cls(budget, by_id, now, chain, others, _said(budget))

    def periods(self) -> list[BudgetPeriod]:
        """Return the periods that a grant may be used in, the oldest first."""
        if not self.grants:
            return []
        first = min(one.begins_at for one in self.grants.values())
        last = max(one.until for one in self.grants.values())
        rows = BudgetPeriod.objects.filter(budget=self.budget, ends_at__gt=first)
        return list(rows.filter(starts_at__lt=last).order_by("starts_at"))

    def use(self, period: BudgetPeriod) -> list[GrantUse]:
        return self.chain.use(period.window, self._beyond(period), self.now)

    def settle(self, period: BudgetPeriod) -> Decimal:
        """Have lines and row of *period* say what it has of grants.

        Returns what it has of them at its end. What others leave is known once these
        are closed: until then nothing goes on.
        """
        if not self.grants:
            return ZERO
        given = Amounts()
        for use in self.use(period):
            if self.is_settled or use.window.start == use.grant.start:
                given.lines += self._settle(use, period)
        self.is_settled = self.is_settled and period.closed_at is not None
        self._adjust(period, given)
        return given.at(period.ends_at - _MOMENT)

    def finish(self) -> int:
        """Take back lines of stretches that are no more; return how many were written.

        The periods of a budget that is dated anew are cut anew.
        """
        for stretch, amount in self.said.items():
            self._write(stretch, -amount, "Taken back: its periods are cut anew")
        return self.written

    def _settle(self, use: GrantUse, period: BudgetPeriod) -> Iterator[Dated]:
        """Write the lines of one grant in *period*; yield what they say."""
        grant, start, end = use.grant, use.window.start, use.window.end
        reason = self.grants[grant.id].reason
        if start != grant.start:
            reason = f"Left of the grant until {last_day_of(self.budget, grant.end)}"
        yield self._say((grant.id, start, end), use.had, reason)
        if end <= self.now and end < period.ends_at:
            reason = f"Used of the grant until {last_day_of(self.budget, grant.end)}"
            yield self._say((grant.id, end, period.ends_at), use.used, reason)

    def _say(self, stretch: _Stretch, amount: Decimal, reason: str) -> Dated:
        self._write(stretch, amount - self.said.pop(stretch, ZERO), reason)
        return Dated(amount, *stretch[1:])

    def _write(self, stretch: _Stretch, amount: Decimal, reason: str) -> None:
        if not amount:
            return
        grant, start, end = stretch
        AmountLine.objects.create(
            organization_id=self.budget.organization_id,
            budget=self.budget,
            kind=_KIND,
            grant_id=grant,
            amount=amount,
            effective_from=start,
            effective_to=end,
            reason=reason,
            made_at=self.now,
        )
        self.written += 1

    def _beyond(self, period: BudgetPeriod) -> Beyond:
        def beyond(until: datetime) -> Decimal:
            moment = min(max(self.now, period.starts_at), until - _MOMENT)
            own = period.amount + period.carried_over + self.others.at(moment)
            spent: Decimal = period.spent
            if until < period.ends_at:
                spent = used_until(self.budget, period.window, until).spent
            return spent - Decimal(own)

        return beyond

    def _adjust(self, period: BudgetPeriod, given: Amounts) -> None:
        moment = min(max(self.now, period.starts_at), period.ends_at - _MOMENT)
        wanted = self.others.at(moment) + given.at(moment)
        if period.adjusted != wanted:
            period.adjusted = wanted
            BudgetPeriod.objects.filter(pk=period.pk).update(adjusted=wanted)
            period.refresh_from_db(fields=["limit"])  # the database adds it up


def last_day_of(budget: Budget, end: datetime) -> str:
    """Return the last day of what ends at *end*, which is exclusive."""
    zone = ZoneInfo(budget.timezone)
    return date_words(day_of(end - _MOMENT, zone))


def _said(budget: Budget) -> dict[_Stretch, Decimal]:
    rows = AmountLine.objects.filter(budget=budget, kind=_KIND).order_by()
    sums = rows.values_list("grant_id", "effective_from", "effective_to")
    return {
        (grant, start, end): total
        for grant, start, end, total in sums.annotate(total=Sum("amount"))
        if grant and start and end
    }


def wrong_grants(organization: Organization) -> Iterator[str]:
    """Say of which grants the lines give more than there is.

    The first period has all of it, each later one at most what the one before had.
    """
    for budget in Budget.objects.filter(organization=organization, backfill=None):
        grants = {one.pk: one for one in Grant.objects.filter(budget=budget)}
        stretches: dict[int, list[tuple[datetime, Decimal]]] = defaultdict(list)
        for (pk, start, _), total in _said(budget).items():
            if total:
                stretches[pk].append((start, total))
        for pk, grant in grants.items():
            had = [total for _, total in sorted(stretches[pk])]
            if had and had[0] != grant.amount:
                yield f"{grant} of {grant.amount}: its lines give {had[0]}."
            if any(b > a for a, b in pairwise(had)) or any(one < 0 for one in had):
                yield f"{grant} of {grant.amount}: its lines give more than was left."
