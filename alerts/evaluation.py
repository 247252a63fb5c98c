"""The sweep: evaluating every budget by the clock.

What is spent is noticed where it passes a threshold, in the transaction that charges;
what is set aside, seconds later (`budgets.committed`). The sweep sees to
what happens without a charge: an amount that was changed, a rule that is new, a
condition that has ended. It looks only at periods whose spend or limit has left the
amounts between which nothing changes (`Watch`), or at all when rules or budgets did.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from typing import NamedTuple, TypeVar

from django.db.models import F, Q, QuerySet

from accounts.models import Organization
from alerts.bounds import bounds_of
from alerts.conditions import problem_of
from alerts.configuration import watch_missing
from alerts.detections import facts_of_period, finding_of
from alerts.facts import Needs, facts_of
from alerts.models import Alert, AlertRule, EvaluatedState, RuleType, Watch
from alerts.rules import evaluate
from alerts.ruleset import AlertRuleset, ruleset_for
from alerts.schedule import heard_all
from alerts.services import end, end_over, end_told, raise_alert, raise_alerts
from alerts.types import EffectiveRule, Facts, Match, step_of
from budgets.models import Budget, BudgetPeriod
from budgets.thresholds import Basis
from forecasts.outlooks import Method, look_ahead
from lib.money import PLACES, format_money

logger = logging.getLogger("alerts")

_AT_ONCE = 1_000  # budgets evaluated together: more would not fit PostgreSQL's work_mem
_UNIT = Decimal(1).scaleb(-PLACES)

T = TypeVar("T")


@dataclass(slots=True)
class Swept:
    """What a sweep did."""

    evaluated: int = 0  # budgets looked at, thresholds apart
    raised: int = 0
    ended: int = 0
    failed: list[str] = field(default_factory=list)  # slugs of organizations
    broken: dict[str, str] = field(default_factory=dict)  # rule -> why it is not read


class Held(NamedTuple):
    """An alert that is open, or that a person resolved and that is not re-armed."""

    id: int
    is_open: bool
    since: datetime  # its period's start


def sweep(now: datetime, *, method: Method = look_ahead) -> Swept:
    """Judge all budgets; raise and end alerts. Safe to repeat, also side by side.

    An organization that can't be evaluated doesn't keep the others from it: it is
    logged and named in the result.
    """
    done = Swept(ended=end_over(now) + _end_gone(now))
    heard_all()  # a task that was to judge may be lost
    organizations = Organization.objects.filter(budgets__isnull=False).distinct()
    for organization in organizations.order_by("pk"):
        try:
            evaluate_thresholds(organization, now=now, done=done)
            evaluate_by_clock(organization, now=now, done=done, method=method)
        except Exception:  # others must be told all the same
            logger.exception("Can't judge the budgets of %s.", organization.slug)
            done.failed.append(organization.slug)
    for key, problem in done.broken.items():
        logger.error("The rule %s is not judged. %s", key, problem)
    return done


def _end_gone(now: datetime) -> int:
    """End the alerts of budgets that are archived, or that end sooner than they did."""
    gone = Q(budget__archived_at__isnull=False) | Q(budget__ends_at__lte=now)
    rows = Alert.objects.unresolved().filter(gone)
    return end_told(rows, now=now, why="The budget is no longer in use.")


# -- Thresholds


def evaluate_thresholds(
    organization: Organization, *, now: datetime, done: Swept | None = None
) -> Swept:
    """Raise and end the threshold alerts of one organization.

    Two queries where nothing has changed.
    """
    done = done or Swept()
    state = _state_of(organization)
    is_known = EvaluatedState.objects.filter(
        organization=organization, state=state
    ).exists()
    if not is_known and watch_missing(organization, now=now):
        organization.refresh_from_db(fields=["revision"])
        state = _state_of(organization)
    rows = _periods(organization, now)
    if is_known:
        rows = rows.filter(_OUT_OF_BOUNDS)
    for some in _chunks(rows.only(*_PERIOD), _AT_ONCE):
        _evaluate_periods(organization, some, now, done)
    if not is_known:
        EvaluatedState.objects.update_or_create(
            organization=organization, defaults={"state": state}
        )
    return done


_PERIOD = ("budget_id", "starts_at", "ends_at", "spent", "reserved", "limit")
_COMMITTED = F("spent") + F("reserved")
_OUT_OF_BOUNDS = (
    Q(watch=None)
    | Q(watch__limit__lt=F("limit"))
    | Q(watch__limit__gt=F("limit"))
    | Q(spent__gte=F("watch__below"))
    | Q(spent__lt=F("watch__at_least"))
    | Q(watch__committed_below__lte=_COMMITTED)
    | Q(watch__committed_at_least__gt=_COMMITTED)
)


# What the clock evaluates, of rules and of the alerts that they raised.
_TIMED = ~Q(type=RuleType.THRESHOLD) | Q(basis=Basis.FORECAST)


def _periods(organization: Organization, now: datetime) -> QuerySet[BudgetPeriod]:
    return BudgetPeriod.objects.filter(
        organization=organization, starts_at__lte=now, ends_at__gt=now
    ).order_by()


def _state_of(organization: Organization) -> str:
    """Say which thresholds are watched: another one where any of them changed."""
    rows = AlertRule.objects.filter(
        organization=organization, type=RuleType.THRESHOLD
    ).order_by("pk")
    digest = sha256()
    for row in rows.values_list("budget_id", "threshold", "basis", "enabled"):
        digest.update(repr(row).encode())
    return f"{organization.revision}:{digest.hexdigest()}"


def _evaluate_periods(
    organization: Organization,
    periods: Sequence[BudgetPeriod],
    now: datetime,
    done: Swept,
) -> None:
    # While a backfill runs, what was spent is not known yet. A template has no limit of
    # its own: its rules watch what it made.
    budgets = (
        Budget.objects.filter(backfill=None, template_for_each="")
        .active()
        .in_bulk([period.budget_id for period in periods])
    )
    ruleset = ruleset_for(budgets.values())
    held = _held(organization, now, ~_TIMED & Q(budget__in=budgets))
    watches = []
    for period in periods:
        budget = budgets.get(period.budget_id)
        if budget is None:
            continue
        budget.organization = organization
        rules = ruleset.thresholds(budget)
        if _evaluate_period(budget, period, rules, held[budget.pk], now, done):
            watches.append(_watch(period, rules))
    Watch.objects.bulk_create(
        sorted(watches, key=lambda watch: watch.pk),
        update_conflicts=True,
        unique_fields=["period"],
        update_fields=[
            *("limit", "at_least", "below"),
            *("committed_at_least", "committed_below"),
        ],
    )


def _evaluate_period(
    budget: Budget,
    period: BudgetPeriod,
    rules: Sequence[EffectiveRule],
    held: dict[str, Held],
    now: datetime,
    done: Swept,
) -> bool:
    """Raise and end one period's alerts; False: not all could be, look again."""
    facts = facts_of_period(
        budget,
        period.window,
        spent=period.spent,
        limit=period.limit,
        reserved=period.reserved,
        now=now,
    )
    passed = {
        rule.key: finding_of(rule, facts, match)
        for rule in reversed(rules)
        if (match := evaluate(rule, facts))
    }
    over = [
        held.pop(key).id
        for key, alert in list(held.items())
        if key not in passed or alert.since != period.starts_at
    ]
    new = [finding for key, finding in passed.items() if key not in held]
    raised = len(raise_alerts(budget, new, now=now)) if new else 0
    if over:
        limit = format_money(period.limit, budget.currency)
        spent = format_money(period.spent, budget.currency)
        done.ended += end(over, now=now, why=f"{spent} of {limit} is within it again.")
    done.raised += raised
    return raised == len(new)


def _watch(period: BudgetPeriod, rules: Iterable[EffectiveRule]) -> Watch:
    """Return the bounds around what was spent, and around that and what is set aside,
    within which all stays as it is.
    """
    by_basis: dict[Basis, list[Decimal]] = defaultdict(list)
    for rule in rules:
        share = Decimal(1) if rule.threshold is None else rule.threshold
        by_basis[rule.basis].append(share)
    committed = period.spent + period.reserved
    spent = bounds_of(period.spent, period.limit, by_basis[Basis.SPENT])
    aside = bounds_of(committed, period.limit, by_basis[Basis.COMMITTED])
    return Watch(
        period_id=period.pk,
        limit=period.limit,
        at_least=spent.at_least,
        below=spent.below,
        committed_at_least=aside.at_least,
        committed_below=aside.below,
    )


# -- By the clock


def evaluate_by_clock(
    organization: Organization,
    *,
    now: datetime,
    done: Swept | None = None,
    method: Method = look_ahead,
) -> Swept:
    """Evaluate what looks at more than the amounts of a period, of one organization.

    Three queries where there is nothing. Else few for every 1,000 budgets, and some for
    each alert that is raised or ended.
    """
    done = done or Swept()
    rules = list(AlertRule.objects.filter(_TIMED, organization=organization))
    held = _held(organization, now, _TIMED)
    rows = Budget.objects.filter(organization=organization).order_by("pk")
    if not rules and not held and not rows.looking_ahead().exists():
        return done
    ruleset = AlertRuleset(dict(rows.values_list("pk", "parent_id")), rules)
    watched = (
        budget
        for budget in rows.active().filter(template_for_each="")
        if ruleset.timed(budget)
    )
    for some in _chunks(watched, _AT_ONCE):
        for budget in some:
            budget.organization = organization
        _evaluate_budgets(some, ruleset, held, now, done, method)
    orphans = [alert.id for alerts in held.values() for alert in alerts.values()]
    if orphans:
        done.ended += end(orphans, now=now, why="It is no longer watched.")
    return done


def _evaluate_budgets(
    budgets: Sequence[Budget],
    ruleset: AlertRuleset,
    held: dict[int, dict[str, Held]],
    now: datetime,
    done: Swept,
    method: Method,
) -> None:
    """Judge some budgets, taking those alerts that stay out of *held*."""
    for budget in budgets:
        if budget.backfill_id:  # what was spent is not known yet
            held.pop(budget.pk, None)
    known = [budget for budget in budgets if budget.backfill_id is None]
    needs = Needs.by(rule for one in known for rule in ruleset.timed(one))
    facts = facts_of(known[0].organization, known, needs, now=now) if known else {}
    over: list[int] = []
    for budget in known:
        if budget.pk in facts:
            done.evaluated += 1
            evaluation = _BudgetEvaluation(
                budget, facts[budget.pk], method, done.broken
            )
            own = held.get(budget.pk, {})
            for rule in ruleset.timed(budget):
                if rule.enabled:
                    evaluation.evaluate(rule, own.pop(rule.key, None))
            done.raised += evaluation.raised
            over += evaluation.over
    if over:
        done.ended += end(over, now=now, why="What it told of has ended.")


@dataclass(slots=True)
class _BudgetEvaluation:
    """One budget, as its rules are gone through."""

    budget: Budget
    facts: Facts
    method: Method
    broken: dict[str, str]  # as Swept has it
    raised: int = 0
    over: list[int] = field(default_factory=list)  # alerts whose condition has ended

    def evaluate(self, rule: EffectiveRule, held: Held | None) -> None:
        if problem := problem_of(rule.condition, rule.type):
            self.broken[rule.key] = problem  # what it told of stays as it is
            return
        facts = self.facts
        was_open = held is not None and held.is_open
        match = evaluate(rule, facts, held=was_open, method=self.method)
        if held is not None and (match is None or held.since != facts.window.start):
            self.over.append(held.id)
        elif held is None and match is not None and not self._was_told(rule, match):
            finding = finding_of(rule, facts, match)
            organization = self.budget.organization
            if raise_alert(organization, self.budget, finding, now=facts.now):
                self.raised += 1

    def _was_told(self, rule: EffectiveRule, match: Match) -> bool:
        """Tell whether an unusual day, or hour, was told of: once will do."""
        if step_of(match.details) is None:
            return False
        names = "hour", "day"
        about = {f"details__{name}": match.details.get(name) for name in names}
        rows = Alert.objects.filter(
            organization=self.budget.organization_id,
            budget=self.budget,
            key=rule.key,
            **{name: step for name, step in about.items() if step},
        )
        return rows.exists()


# -- Both


def _held(
    organization: Organization, now: datetime, which: Q
) -> dict[int, dict[str, Held]]:
    """Return the alerts of present periods that keep others from firing, by budget."""
    rows = Alert.objects.filter(
        which, organization=organization, rearmed_at=None, period_ends_at__gt=now
    ).order_by()
    found: dict[int, dict[str, Held]] = defaultdict(dict)
    for budget_id, key, pk, resolved_at, since in rows.values_list(
        "budget_id", "key", "pk", "resolved_at", "period_starts_at"
    ):
        found[budget_id][key] = Held(pk, resolved_at is None, since)
    return found


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    going = iter(items)
    while some := list(islice(going, size)):
        yield some
