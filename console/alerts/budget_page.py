"""What watches one budget: its own rules and those it inherits, and who is told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.permissions import Action
from accounts.tenants import person
from alerts.conditions import EXAMPLES, problem_of
from alerts.models import (
    AlertRule,
    EscalationPolicy,
    RuleType,
    Sensitivity,
    SpikeWindow,
)
from alerts.policies import oversight_of
from alerts.ruleset import effective_rules, of_rule
from alerts.steps import levels_of
from alerts.types import EffectiveRule, Origin
from budgets.models import Budget
from budgets.paths import ways_of
from budgets.permissions import may
from budgets.thresholds import Basis
from console.alerts.forms import ready_types
from console.alerts.ladders import Rung, rungs_from
from console.alerts.wording import kind_of_severity, step_words
from console.pages import Pages, budget_or_404
from lib.humanize import lasting, locale_of
from lib.money import format_money, format_percent
from notifications.models import ChannelType
from notifications.outsiders import unconfirmed

_ORIGINS = {
    Origin.BUDGET: "the budget's own thresholds",
    Origin.WARNING: "the budget's warning threshold",
    Origin.CRITICAL: "the budget's critical threshold",
    Origin.EXCEEDED: "every budget: the limit itself",
}
_WINDOWS = {
    SpikeWindow.HOURLY: "an hour",
    SpikeWindow.DAILY: "a day",
    SpikeWindow.WEEKLY: "a week",
}


@dataclass(frozen=True, slots=True)
class WatchedRule:
    """One rule as the page of a budget lists it."""

    kind: str  # of the status component
    word: str
    what: str
    tells: str
    often: str
    origin: str
    origin_id: int | None  # the budget it is inherited from
    rule_id: int | None
    enabled: bool


def budget_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer what watches one budget, who is told, and who is told next."""
    budget = budget_or_404(request, budget_id)
    locale, now = locale_of(request), timezone.now()
    over = oversight_of(budget)
    watches = watches_of(budget, over.usual, locale)
    policy = over.policy
    inherited = sum(1 for one in watches if one.origin_id is not None)
    context = pages.page(
        request,
        title=f"Alerts of {budget.name}",
        budget=budget,
        way=ways_of([budget])[budget.pk],
        watches=watches,
        sentence=_sentence(budget, watches, inherited),
        policy=policy,
        policy_origin=_policy_origin(policy, budget),
        rungs=_rungs(policy, over.usual, now),
        types=RuleType.choices,
        may_change=may(person(request), Action.WATCH, budget),
    )
    return TemplateResponse(request, "console/alerts/budget.html", context)


def _sentence(budget: Budget, watches: list[WatchedRule], inherited: int) -> str:
    count = sum(1 for one in watches if one.enabled)
    from_above = f", {inherited} of them inherited" if inherited else ""
    noun = "rule watches" if count == 1 else "rules watch"
    return f"{count} {noun} {budget.name}{from_above}."


def _policy_origin(policy: EscalationPolicy | None, budget: Budget) -> str:
    if policy is None or policy.budget_id == budget.pk:
        return ""
    if policy.budget is None:
        return f"inherited from {policy.organization.name}"
    return f"inherited from {policy.budget.name}"


def _rungs(
    policy: EscalationPolicy | None, usual: Sequence[str], now: datetime
) -> list[Rung]:
    if policy is None or not policy.enabled:
        return []
    return rungs_from(
        levels_of(policy.levels, usual),
        now,
        timezone=policy.timezone,
        holidays=policy.holidays,
        repeat=policy.repeat,
        repeat_after_s=policy.repeat_after_s,
    )


def watches_of(budget: Budget, usual: Sequence[str], locale: str) -> list[WatchedRule]:
    """Return its own and inherited rules, and its own that are switched off."""
    rules = effective_rules(budget)
    off = AlertRule.objects.filter(budget=budget, enabled=False)
    rules += [of_rule(rule) for rule in off]
    sources = {one.budget_id for one in rules} - {budget.pk}
    rows = Budget.objects.filter(pk__in=sources).order_by().values_list("pk", "name")
    names = dict(rows)
    ready = ready_types(budget.organization_id)
    named = {one for rule in rules for one in rule.recipients}
    waiting = unconfirmed(budget.organization_id, named)
    tell = partial(_tells, usual=usual, ready=ready, waiting=waiting)
    return [_watch(rule, budget, names, tell(rule), locale) for rule in rules]


def _watch(
    rule: EffectiveRule,
    budget: Budget,
    names: Mapping[int, str],
    tells: str,
    locale: str,
) -> WatchedRule:
    kind, word = kind_of_severity(rule.severity)
    inherited = rule.budget_id != budget.pk
    if inherited:
        origin = f"inherited from {names[rule.budget_id]}"
    else:
        origin = _ORIGINS.get(rule.origin, "this budget")
    return WatchedRule(
        kind=kind,
        word=word,
        what=what_of(rule, budget.currency, locale),
        tells=tells,
        often=f"at most once in {lasting(timedelta(seconds=rule.cooldown_s))}"
        if rule.cooldown_s
        else "",
        origin=origin,
        origin_id=rule.budget_id if inherited else None,
        rule_id=rule.rule_id,
        enabled=rule.enabled,
    )


def what_of(rule: EffectiveRule, currency: str, locale: str) -> str:
    """Say what a rule watches for."""
    if problem_of(rule.condition, rule.type):
        return f"Nothing, for it can't be read: {rule.condition}"
    share = format_percent(rule.threshold, locale)
    match rule.type:
        case RuleType.THRESHOLD:
            return _share_words(rule, share, locale)
        case RuleType.SPIKE:
            amount = (
                format_money(rule.threshold, currency, locale)
                if rule.threshold
                else "?"
            )
            return f"{amount} within {_WINDOWS[SpikeWindow(rule.window)]}"
        case RuleType.ANOMALY:
            level = Sensitivity(rule.sensitivity).label.lower()
            step = "hour" if rule.window == SpikeWindow.HOURLY else "day"
            usual = f"An unusual {step}, {level} sensitivity"
            return f"{usual}: {rule.condition}" if rule.condition else usual
        case RuleType.FORECAST if not rule.condition:
            return f"{share} likely to pass the limit"
    return rule.condition or EXAMPLES[rule.type]


def _share_words(rule: EffectiveRule, share: str, locale: str) -> str:
    match rule.basis:
        case Basis.COMMITTED:
            return f"{share} of the limit is spent or set aside"
        case Basis.FORECAST:
            likely = format_percent(rule.probability, locale)
            return f"{share} of the limit is {likely} likely to be spent by the end"
    return f"{share} of the limit is spent"


def _tells(
    rule: EffectiveRule,
    usual: Sequence[str],
    ready: Collection[str],
    waiting: Collection[str],
) -> str:
    """Say whom a rule tells: people where it sends mail, and what is not set up."""
    names = rule.channels or (ChannelType.EMAIL.value,)
    people = rule.recipients or usual if ChannelType.EMAIL in names else ()
    missing = [one for one in names if one in ChannelType.values and one not in ready]
    shown = [
        f"{one} (has not confirmed)" if one.lower() in waiting else one
        for one in people
    ]
    step = {"recipients": shown, "channels": list(names)}
    return step_words(step, missing=missing)
