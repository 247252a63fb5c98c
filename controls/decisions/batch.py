"""The decisions of one transaction: what they look at, and what they take.

Everything they depend on is locked in one order for all of them: leases that are
renewed by id, uses of rate limits by rule, runs by id, periods with the root last.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from budgets.models import Reservation
from budgets.reservations import sql
from budgets.reservations.hold import Balances, needed
from budgets.reservations.lines import lock
from budgets.reservations.types import HeldLine, NewReservation
from budgets.runs import Runs
from controls.actions import trigger
from controls.decisions.types import CallRequest, LeaseRequest
from controls.models import RateCount
from controls.notices import tell
from controls.policy import Guard, Plan
from controls.rates import RateUse
from controls.types import BudgetFigures, Reason, Rule, Ruling
from controls.wording import why_no_room
from lib.measures import is_mark
from lib.periods import Window

# Says why nothing fits what a budget has left: its name, units, and their currency.
NoRoom = Callable[[str, int, str], str]


class DecisionBatch:
    """What one transaction's decisions look at, and what they take."""

    def __init__(
        self, guard: Guard, requests: Sequence[CallRequest], now: datetime
    ) -> None:
        self.guard, self.now = guard, now
        self.leases = _leases(guard, requests)
        # By model: of each request, and of whatever it may be downgraded to.
        self.plans = [
            guard.plans(request.where, request.model, now) for request in requests
        ]
        plans = [plan for several in self.plans for plan in several.values()]
        self.uses = _uses(guard, plans)
        self.runs = _runs(guard, requests, now)
        self.balances = Balances.lock(
            guard.charging, (target for plan in plans for target in plan.looked_at)
        )
        self._new: list[NewReservation] = []
        self._renewed: dict[int, Reservation] = {}
        self._counted: set[int] = set()  # rules whose use was added to
        self._acted: dict[int, tuple[Rule, datetime]] = {}
        self._waiting: dict[int, tuple[Rule, Window]] = {}

    def figures(self, plan: Plan, budget_id: int) -> BudgetFigures:
        return self.guard.figures(plan, self.balances, budget_id, self.now)

    def room(self, plan: Plan) -> int | None:
        """Return the least that any hard limit of the path has left, never negative.

        In its own currency; None: there is no hard limit.
        """
        of = self.balances.of
        return min((max(of[one.key].left, 0) for one in plan.hard), default=None)

    def lacking(
        self,
        plan: Plan,
        units: int,
        why: NoRoom = why_no_room,
        *,
        tokens: int = 0,
        is_free: bool = False,
    ) -> list[Reason]:
        """Return the hard limits that a call of *units* and *tokens* would pass; *why*
        says it of money.

        None of them, and one that is passed already lacks something all the same,
        unless nothing is asked of it: what is free asks for no money.
        """
        of = self.balances.of
        return [
            self._too_much(
                target.budget.id, left, why_no_room if is_mark(target.currency) else why
            )
            for target in plan.hard
            if not (is_free and not is_mark(target.currency))
            and needed(plan.span, target, units, tokens) > (left := of[target.key].left)
        ]

    def take(self, plan: Plan, units: int, tokens: int = 0) -> list[HeldLine]:
        """Set aside what one call takes of every hard limit of the path."""
        return [
            self.balances.take(target, taken)
            for target in plan.hard
            if (taken := needed(plan.span, target, units, tokens))
        ]

    def keep(self, reservation: NewReservation) -> None:
        self._new.append(reservation)

    def keep_renewed(self, lease: Reservation) -> None:
        self._renewed[lease.pk] = lease

    def count(self, rules: Iterable[Rule], units: int) -> None:
        """Count one call in each of some rate limits."""
        for rule in rules:
            self.uses[rule.id].add(self.now, units)
            self._counted.add(rule.id)

    def note(self, ruling: Ruling, plan: Plan) -> None:
        """Remember which rules had an effect, for people to be told, and which would
        have one, for people to be asked."""
        for rule in ruling.acted:
            if rule.notify and rule.id not in self._acted:
                self._acted[rule.id] = rule, _window_of(rule, plan).start
        for rule in ruling.waiting:
            if rule.id not in self._waiting:
                self._waiting[rule.id] = rule, _window_of(rule, plan)

    def write(self) -> None:
        """Write what was taken, counted and noted."""
        self.runs.write()
        self.balances.write(self._new)
        sql.save(list(self._renewed.values()))
        if self._counted:
            counts = [
                RateCount(rule_id=pk, data=self.uses[pk].json)
                for pk in sorted(self._counted)
            ]
            RateCount.objects.bulk_update(counts, ["data"])
        if self._acted:
            tell(self.guard.organization_id, self._acted.values(), self.now)
        if self._waiting:
            trigger(self.guard, self._waiting.values(), self.now)

    def _too_much(self, budget_id: int, left: int, why: NoRoom) -> Reason:
        budget = self.guard.budgets[budget_id]
        return Reason(
            budget.uid,
            budget.name,
            "hard_limit",
            why(budget.name, left, budget.currency),
            left=max(left, 0),
            currency=budget.currency,
        )


def _window_of(rule: Rule, plan: Plan) -> Window:
    """Return the present period of the budget whose *rule* it is."""
    windows = {one.budget.id: one.window for one in plan.looked_at}
    return windows[rule.budget_id]


def switched_off(batch: DecisionBatch, plan: Plan) -> Reason | None:
    """Return why no money is spent on a path at all; None: it is."""
    switch = plan.switch
    if switch is None:
        return _barred(batch, plan)
    message = switch.message or f"{switch.budget_name} is switched off."
    return Reason(switch.budget_uid, switch.budget_name, "kill_switch", message)


def _barred(batch: DecisionBatch, plan: Plan) -> Reason | None:
    """Return why a call is stopped for which there is no budget, and will be none."""
    if not plan.barred:
        return None
    template_id, value = plan.barred[0]
    named = batch.guard.budgets[template_id]
    return Reason(
        named.uid,
        named.name,
        "template_full",
        f"“{named.name}” has as many budgets as it may make, and none for “{value}”. "
        "Have it make more, or archive some of them.",
    )


def _leases(guard: Guard, requests: Sequence[CallRequest]) -> dict[UUID, Reservation]:
    uids = {
        request.lease
        for request in requests
        if isinstance(request, LeaseRequest) and request.lease
    }
    if not uids:
        return {}
    rows = lock(guard.organization_id, uids)
    return {row.uid: row for row in rows if row.kind == Reservation.Kind.LEASE}


def _runs(guard: Guard, requests: Sequence[CallRequest], now: datetime) -> Runs:
    """Lock the runs that calls are of, each with the least cap that was named."""
    seen = {request.run_id: now for request in requests if request.run_id}
    runs = Runs.lock(guard.organization_id, seen)
    for request in requests:
        if request.run_id and request.run_cap is not None:
            runs.cap(request.run_id, request.run_cap)
    return runs


def _uses(guard: Guard, plans: Iterable[Plan]) -> dict[int, RateUse]:
    """Lock how the rate limits of *plans* were used, by rule."""
    rules = {rule.id for plan in plans for rule in plan.limits}
    if not rules:
        return {}
    counts = RateCount.objects.filter(rule__in=rules).order_by("pk")
    found = {row.pk: row for row in counts.select_for_update()}
    if missing := sorted(rules - found.keys()):
        RateCount.objects.bulk_create(
            [
                RateCount(rule_id=pk, organization_id=guard.organization_id)
                for pk in missing
            ],
            ignore_conflicts=True,
        )
        found = {row.pk: row for row in counts.select_for_update()}
    return {pk: RateUse.of(row.data) for pk, row in found.items()}
