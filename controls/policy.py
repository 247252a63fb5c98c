"""What a call would charge and cost, and what guards it: found once, remembered."""

import time
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self

import msgspec

from accounts.models import Organization, UnpricedPolicy
from accounts.revisions import Revision, RevisionPart, known_revision
from budgets.charging import ChargedSnapshot, Charges, Charging, Span
from budgets.errors import NotOpened
from budgets.index import NewValue, PeriodRef
from budgets.models import Budget
from budgets.reservations.hold import Balances
from budgets.snapshots import CHARGED, hold_filed, opening
from controls.expressions import OF_BUDGET
from controls.labels import BudgetLabels
from controls.ruleset import RULES, Ruleset, Switch
from controls.types import BudgetFigures, ControlAction, Rule, Subject
from forecasts.probabilities import probabilities
from ledger.pricing import convert
from ledger.snapshot import KnownAttribution
from ledger.tariffs import Tariff
from ledger.types import Sent
from ledger.usage import parse_tags, with_sender
from lib.measures import TOKENS, is_mark

_encode = msgspec.json.Encoder().encode
_MOST_PLANS = 50_000  # remembered for one organization
_MOST_MODELS = 10  # that downgrades may lead through
PROBABILITY_S = 60.0  # for so long a forecast is taken as it is
# As records name what scopes and triggers know by these.
_FIELD_OF = {
    "department": "department_id",
    "team": "team_id",
    "project": "project_id",
    "environment": "environment",
    "user": "user_id",
    "tags": "tags",
}


class Where(NamedTuple):
    """What a call belongs to, but for its model; "" where it was not given."""

    provider: str
    department: str = ""
    team: str = ""
    project: str = ""
    environment: str = ""
    user: str = ""
    tags: bytes = b""  # JSON, as it came
    tier: str = ""
    api_key: str = ""  # the prefix of the one that asks


class TokenEstimate(NamedTuple):
    """How much a call may use at most."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0


@dataclass(slots=True, eq=False)
class Plan:
    """Whom a call of one model charges, at what price, under which rules.

    True within its stretch of time, at one revision of the organization.
    """

    model: str  # as it was asked for
    where: Where
    tags: Any  # as ledger.usage.parse_tags has them
    subject: Subject
    span: Span
    hard: tuple[PeriodRef, ...]  # whose limit no authorization passes
    looked_at: tuple[PeriodRef, ...]  # those, and the ones that triggers look at
    rules: tuple[Rule, ...]
    limits: tuple[Rule, ...]  # those of them that limit the rate
    switch: Switch | None
    rules_until: datetime | None  # when a rule is back that does not hold meanwhile
    barred: tuple[NewValue, ...]  # for which a hard template makes no budget any more
    reasoning_is_dearer: bool = field(init=False)
    counts: bool = field(init=False)  # a hard limit of them is not of money
    needs_tokens: bool = field(init=False)  # one of them counts tokens
    is_hard_in_money: bool = field(init=False)
    # What a reservation keeps, to be held again on another tree.
    path: msgspec.Raw = field(init=False)
    # Of the periods of `hard`; None: not all of them are known to be open yet.
    period_ids: tuple[int, ...] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.path = msgspec.Raw(_encode(self._path()))
        kinds = {target.currency for target in self.hard}
        self.needs_tokens = TOKENS in kinds
        self.counts = any(map(is_mark, kinds))
        self.is_hard_in_money = not all(map(is_mark, kinds))
        tariff = self.span.tariff
        self.reasoning_is_dearer = tariff is not None and any(
            (rates.reasoning or 0) > (rates.output or 0)
            for rates in (tariff.rates, *(rates for _, rates in tariff.tiers))
        )

    def holds_at(self, at: datetime) -> bool:
        """Tell whether *at* is in its stretch of time."""
        is_before = self.rules_until is None or at < self.rules_until
        return is_before and self.span.start <= at < self.span.end

    def _path(self) -> dict[str, Any]:
        where = self.where
        return {
            "department": where.department,
            "team": where.team,
            "project": where.project,
            "environment": where.environment,
            "user": where.user,
            "provider": where.provider,
            "model": self.model,
            "tags": self.tags,
            "tier": where.tier,
        }

    @property
    def is_free(self) -> bool:
        """Tell that no call of the model costs anything, and that this is known."""
        tariff = self.span.tariff
        return tariff is not None and all(
            rates.input == rates.output == rates.per_request == 0
            and not (rates.cached_input or rates.cache_write or rates.reasoning)
            and not any(rates.kinds.values())
            for rates in (tariff.rates, *(rates for _, rates in tariff.tiers))
        )

    def price_of(self, tokens: TokenEstimate) -> int | None:
        """Return the most that *tokens* can cost, in units of the organization's
        currency; None: no price is known.

        How much of the output will be reasoning nobody knows before.
        """
        tariff = self.span.tariff
        if tariff is None:
            return None
        units = _cost(tariff, tokens, 0)
        if units is None:
            return None
        if self.reasoning_is_dearer:
            units = max(units, _cost(tariff, tokens, tokens.output) or 0)
        rate = self.span.rate
        return units if rate is None else convert(units, rate)


def _cost(tariff: Tariff, tokens: TokenEstimate, reasoning: int) -> int | None:
    return tariff.total(
        tokens.input, tokens.cached, tokens.cache_write, tokens.output, reasoning
    )


class Guard:
    """All that decisions need to know of an organization, at one revision.

    Safe to share between threads, as `ledger.snapshot.Snapshot` is.
    """

    def __init__(
        self,
        snapshot: ChargedSnapshot,
        charging: Charging,
        ruleset: Ruleset,
        organization: Organization,
    ) -> None:
        self.snapshot, self.charging, self.ruleset = snapshot, charging, ruleset
        self.organization_id = organization.pk
        self.currency = organization.currency
        self.blocks_unpriced = organization.unpriced_policy == UnpricedPolicy.BLOCK
        self.budgets = BudgetLabels(organization)
        self.dimensions = self._dimensions()
        self._plans: dict[tuple[Where, str], Plan]
        self._entries: dict[tuple[Where, str], KnownAttribution[Charges, PeriodRef]]
        self.forget_plans()
        self._probabilities: dict[int, tuple[float, Decimal | None]] = {}

    def charged_by(self, snapshot: ChargedSnapshot, charging: Charging) -> Self:
        """Return the same, in which others are charged: plans are made anew."""
        other = copy(self)
        other.snapshot, other.charging = snapshot, charging
        other.forget_plans()
        return other

    def forget_plans(self) -> None:
        self._plans, self._entries = {}, {}

    def lacks_budgets(self, calls: Iterable[tuple[Where, str]], at: datetime) -> bool:
        """Tell whether templates make budgets for (where, model) that are not known."""
        if not self.charging.index.templates:
            return False
        try:
            for where, model in calls:
                self.plans(where, model, at)
        except NotOpened:
            return True
        return False

    def plan(self, where: Where, model: str, at: datetime) -> Plan:
        """Return what holds for a call of *model* at a moment.

        Raises:
            ValueError: the tags are not tags.
            NotOpened: a budget it charges is not known of here.
        """
        key = where, model
        plan = self._plans.get(key)
        if plan is None or not plan.holds_at(at):
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
                self._entries.clear()
            plan = self._plans[key] = self._new_plan(where, model, at)
        return plan

    def plans(self, where: Where, model: str, at: datetime) -> dict[str, Plan]:
        """Return the plan of *model*, and those of all it may be downgraded to."""
        found: dict[str, Plan] = {}
        models = [model]
        while models and len(found) < _MOST_MODELS:
            name = models.pop()
            if name in found:
                continue
            plan = found[name] = self.plan(where, name, at)
            models += [
                other
                for rule in plan.rules
                if rule.action is ControlAction.MODEL_DOWNGRADE
                and (other := rule.cheaper.instead_of(plan.subject.name))
            ]
        return found

    def period_ids(self, plan: Plan) -> tuple[int, ...] | None:
        """Return the ids of the periods whose limits hold for *plan*, the nearest
        budget's first; None: one is not open yet, as far as this process knows."""
        if plan.period_ids is None:
            ids = [self.charging.known_id(target) for target in plan.hard]
            known = tuple(one for one in ids if one is not None)
            if len(known) == len(ids):
                plan.period_ids = known
        return plan.period_ids

    def figures(
        self, plan: Plan, balances: Balances, budget_id: int, at: datetime
    ) -> BudgetFigures:
        """Return where a budget that *plan* charges stands at a moment."""
        target = next(one for one in plan.looked_at if one.budget.id == budget_id)
        balance = balances.of[target.key]
        return BudgetFigures(
            balance.spent,
            balance.reserved,
            balance.limit,
            target.budget.calendar.zone,
            self._probability(plan, budget_id, at),
        )

    def _probability(self, plan: Plan, budget_id: int, at: datetime) -> Decimal | None:
        asked = any(
            rule.budget_id == budget_id and "forecast_probability" in rule.trigger.names
            for rule in plan.rules
        )
        return self.probability(budget_id, at) if asked else None

    def probability(self, budget_id: int, at: datetime) -> Decimal | None:
        """Return how probably a budget's period passes its limit; a minute old at
        most, None where too little is known."""
        now = time.monotonic()
        known = self._probabilities.get(budget_id)
        if known is None or known[0] < now:
            rows = Budget.objects.filter(pk=budget_id).select_related("organization")
            found = probabilities(rows, at).get(budget_id)
            known = self._probabilities[budget_id] = now + PROBABILITY_S, found
        return known[1]

    def _new_plan(self, where: Where, model: str, at: datetime) -> Plan:
        tags = parse_tags(where.tags)
        if where.api_key and self.charging.index.counts_by_key:
            tags = with_sender(tags, where.api_key)
        subject = Subject.of(where, model, tags)
        entry = self._entries.get((where, model))
        if entry is None:
            dimensions = Sent(*where[1:6], where.provider, model).filed()
            self.charging.meet([(dimensions, tags)])
            charges = self.charging.charges_of(dimensions, tags)
            entry = KnownAttribution(0, dimensions, where.tier, charges)
            self._entries[where, model] = entry
        span = self.snapshot.span_at(entry, at)
        targets = span.targets
        dimensions = entry.dimensions
        rules, until, lifted = self.ruleset.in_force(
            (target.budget.id for target in targets), dimensions, tags, at
        )
        # Rules by the clock too: they need the budget's zone.
        watched = {rule.budget_id for rule in rules}
        return Plan(
            model=model,
            where=where,
            tags=tags,
            subject=subject,
            span=span,
            hard=tuple(
                target
                for target in targets
                if target.budget.hard
                and not self.ruleset.passes(target.budget.id, subject.user, lifted)
            ),
            looked_at=tuple(
                target
                for target in targets
                if target.budget.hard or target.budget.id in watched
            ),
            rules=rules,
            limits=tuple(
                rule for rule in rules if rule.action is ControlAction.RATE_LIMIT
            ),
            switch=self._switch_of(targets),
            rules_until=until,
            barred=tuple(self.charging.index.barred(dimensions._asdict(), tags)),
        )

    def _switch_of(self, targets: Iterable[PeriodRef]) -> Switch | None:
        switches = self.ruleset.switches
        return next(
            (switches[one.budget.id] for one in targets if one.budget.id in switches),
            None,
        )

    def _dimensions(self) -> tuple[str, ...]:
        """Return which fields of a call scopes and triggers look at at all."""
        names: set[str] = set()
        for budget in self.charging.index.budgets.values():
            names |= {dimension for dimension, _ in budget.scope.values}
            names |= {"tags"} if budget.scope.tags else set()
        for template in self.charging.index.templates:
            names |= {template.each.dimension or "tags"}
            names |= {dimension for dimension, _ in template.scope.values}
            names |= {"tags"} if template.scope.tags else set()
        for scope in self.ruleset.lifted_scopes:
            names |= {dimension for dimension, _ in scope.values}
            names |= {"tags"} if scope.tags else set()
        for rule in self.ruleset.rules:
            names |= rule.trigger.names - OF_BUDGET.keys()
            names |= {"user"} if rule.exempt_users else set()
        return tuple(wire for name, wire in _FIELD_OF.items() if name in names)


def _guard(revision: Revision) -> Guard:
    snapshot, charging = revision.get(CHARGED)
    return Guard(snapshot, charging, revision.get(RULES), revision.organization)


_GUARD = RevisionPart(_guard)


def known_guard(organization_id: int) -> Guard | None:
    """Return what this process last saw guard the organization: maybe old news."""
    revision = known_revision(organization_id)
    return None if revision is None else revision.known(_GUARD)


def open_guard(organization_id: int, *, opens: bool = False) -> Guard:
    """Hold the organization's shape until commit, and return what guards it now.

    The first thing in a transaction; of budgets that templates make, as for
    `budgets.snapshots.hold_snapshot`.
    """
    revision = hold_filed(organization_id, opens=opens)
    guard = revision.get(_GUARD)
    return guard.charged_by(*opening(revision)) if opens else guard
