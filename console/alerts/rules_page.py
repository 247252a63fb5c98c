"""What watches a budget: its own rules, those it inherits, and the form of one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.access import organizations_of
from accounts.scopes import Scope
from accounts.tenants import may, person
from alerts.conditions import EXAMPLES, problem_of
from alerts.configuration import watch_thresholds
from alerts.models import (
    AlertRule,
    EscalationPolicy,
    RuleType,
    Sensitivity,
    SpikeWindow,
)
from alerts.policies import oversight_of
from alerts.preview import preview
from alerts.ruleset import effective_rules, of_rule
from alerts.types import EffectiveRule, Origin
from budgets.models import Budget
from budgets.paths import ways_of
from console.alerts.forms import RuleForm, ready_types
from console.alerts.inbox import kind_of_severity, step_words
from console.alerts.inbox_page import Pages
from console.alerts.policy_page import Rung, rungs_from
from lib.humanize import clock, lasting, locale_of
from lib.money import format_money, format_percent
from lib.queue import enqueue
from notifications.models import ChannelType

MOST_BUDGETS = 100
PREVIEW_DAYS = 30
_MOST_FIRED = 8  # moments of a preview that are listed
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
class Watch:
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


def rules_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer which budgets have rules of their own, and a search for others."""
    mine = Budget.objects.filter(organization__in=organizations_of(person(request)))
    query = request.GET.get("q", "").strip()[:100]
    rows = mine.active().annotate(
        own=Count("alert_rules", distinct=True), ladders=Count("escalation")
    )
    if query:
        found = rows.filter(name__icontains=query)
    else:
        found = rows.filter(Q(own__gt=0) | Q(ladders__gt=0) | Q(parent=None))
    budgets = list(found.order_by("tree_id", "lft")[: MOST_BUDGETS + 1])
    paths = ways_of(budgets)
    lines = [
        (budget, " / ".join(name for _, name in paths[budget.pk])) for budget in budgets
    ]
    context = pages.page(
        request,
        title="Alert rules",
        lines=lines[:MOST_BUDGETS],
        is_cut=len(lines) > MOST_BUDGETS,
        query=query,
        total=AlertRule.objects.filter(budget__in=mine.order_by()).count(),
        has_budgets=bool(lines) or mine.exists(),
    )
    return TemplateResponse(request, "console/alerts/rules.html", context)


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
        rungs=_rungs(policy, now),
        types=RuleType.choices,
        may_change=may(request, Scope.ALERTS_WRITE, budget.organization),
    )
    return TemplateResponse(request, "console/alerts/budget.html", context)


def _sentence(budget: Budget, watches: list[Watch], inherited: int) -> str:
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


def _rungs(policy: EscalationPolicy | None, now: datetime) -> list[Rung]:
    if policy is None or not policy.enabled:
        return []
    return rungs_from(
        policy.levels,
        now,
        timezone=policy.timezone,
        holidays=policy.holidays,
        repeat=policy.repeat,
        repeat_after_s=policy.repeat_after_s,
    )


def watches_of(budget: Budget, usual: Sequence[str], locale: str) -> list[Watch]:
    """Return its own and inherited rules, and its own that are switched off."""
    rules = effective_rules(budget)
    off = AlertRule.objects.filter(budget=budget, enabled=False)
    rules += [of_rule(rule) for rule in off]
    sources = {one.budget_id for one in rules} - {budget.pk}
    rows = Budget.objects.filter(pk__in=sources).order_by().values_list("pk", "name")
    names = dict(rows)
    ready = ready_types(budget.organization_id)
    return [_watch(rule, budget, names, usual, ready, locale) for rule in rules]


def _watch(
    rule: EffectiveRule,
    budget: Budget,
    names: Mapping[int, str],
    usual: Sequence[str],
    ready: Collection[str],
    locale: str,
) -> Watch:
    kind, word = kind_of_severity(rule.severity)
    inherited = rule.budget_id != budget.pk
    if inherited:
        origin = f"inherited from {names[rule.budget_id]}"
    else:
        origin = _ORIGINS.get(rule.origin, "this budget")
    return Watch(
        kind=kind,
        word=word,
        what=what_of(rule, budget.currency, locale),
        tells=_tells(rule, usual, ready),
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
            return f"{share} of the limit is spent"
        case RuleType.SPIKE:
            amount = (
                format_money(rule.threshold, currency, locale)
                if rule.threshold
                else "?"
            )
            return f"{amount} within {_WINDOWS[SpikeWindow(rule.window)]}"
        case RuleType.ANOMALY:
            level = Sensitivity(rule.sensitivity).label.lower()
            usual = f"An unusual day, {level} sensitivity"
            return f"{usual}: {rule.condition}" if rule.condition else usual
        case RuleType.FORECAST if not rule.condition:
            return f"{share} likely to pass the limit"
    return rule.condition or EXAMPLES[rule.type]


def _tells(rule: EffectiveRule, usual: Sequence[str], ready: Collection[str]) -> str:
    """Say whom a rule tells: people where it sends mail, and what is not set up."""
    names = rule.channels or (ChannelType.EMAIL.value,)
    people = rule.recipients or usual if ChannelType.EMAIL in names else ()
    missing = [one for one in names if one in ChannelType.values and one not in ready]
    step = {"recipients": list(people), "channels": list(names)}
    return step_words(step, missing=missing)


def rule_page(request: HttpRequest, pages: Pages, rule: AlertRule) -> HttpResponse:
    """Answer the form of *rule*, which need not be saved yet, with its preview."""
    may_change = may(request, Scope.ALERTS_WRITE, rule.organization)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    form = RuleForm(data, instance=rule)
    is_asking = data is not None and "preview" in data
    if data is not None and form.is_valid() and not is_asking:
        save_rule(form)
        messages.success(request, f"{rule.get_type_display()}: saved.")
        return redirect("admin:alerts_alertrule_budget", rule.budget_id)
    context = pages.page(
        request,
        title=rule.get_type_display(),
        rule=rule,
        budget=rule.budget,
        way=ways_of([rule.budget])[rule.budget_id],
        form=form,
        may_change=may_change,
        fired=fired_of(rule, form, locale_of(request)),
        is_asking=is_asking,
        days=PREVIEW_DAYS,
    )
    return TemplateResponse(request, "console/alerts/rule.html", context)


@transaction.atomic
def save_rule(form: RuleForm) -> None:
    """Save the rule, and have it judge what is there already."""
    gone = form.initial.get("threshold") if form.instance.pk else None
    _reevaluated(form.save(), gone)


@transaction.atomic
def delete_rule(rule: AlertRule) -> None:
    """Take the rule away; a worker ends the alerts that it raised."""
    gone = rule.threshold
    rule.delete()
    _reevaluated(rule, gone)


def _reevaluated(rule: AlertRule, gone: Decimal | None) -> None:
    if rule.type == RuleType.THRESHOLD:
        watch_thresholds(rule.budget, gone=gone, now=timezone.now())
    enqueue("alerts.tasks.reevaluate", rule.organization_id)


@dataclass(frozen=True, slots=True)
class Fired:
    """When a rule would have fired: a sentence, and the moments, the latest first."""

    sentence: str
    moments: tuple[tuple[str, str], ...] = ()  # when, and the sentence it would say


def fired_of(rule: AlertRule, form: RuleForm, locale: str) -> Fired | None:
    """Return what the rule that is filled in would have done; None: it is not sound."""
    if form.is_bound and not form.is_valid():
        return None
    if not rule.pk and not form.is_bound and not rule.condition and not rule.threshold:
        return None
    now = timezone.now()
    found = preview(rule.budget, of_rule(rule), days=PREVIEW_DAYS, now=now)
    return fired_words([(at, said) for at, _, said in found], rule.budget)


def fired_words(found: Iterable[tuple[datetime, str]], budget: Budget) -> Fired:
    """Say when it would have fired: the count first, then the days."""
    zone = ZoneInfo(budget.timezone)
    times = sorted(found, reverse=True)
    if not times:
        return Fired(f"Would not have fired in the last {PREVIEW_DAYS} days.")
    days = list(dict.fromkeys(_day(at, zone) for at, _ in reversed(times)))
    on = _listed(days[-_MOST_FIRED:])
    count = "once" if len(times) == 1 else f"{len(times)} times"
    return Fired(
        f"Would have fired {count} in the last {PREVIEW_DAYS} days, on {on}.",
        tuple((clock(at, zone), said) for at, said in times[:_MOST_FIRED]),
    )


def _day(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b}"


def _listed(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def new_rule(request: HttpRequest) -> AlertRule:
    """Return one that is not saved: `?budget=ID&type=velocity`.

    Raises:
        Http404: there is no such budget or type.
        PermissionDenied: the person may not write there.
    """
    asked, kind = request.GET.get("budget", ""), request.GET.get("type", "")
    if not asked.isdigit() or kind not in RuleType.values:
        raise Http404("There is no such rule.")
    budget = budget_or_404(request, int(asked[:18]))
    if not may(request, Scope.ALERTS_WRITE, budget.organization):
        raise PermissionDenied
    return AlertRule(
        organization=budget.organization,
        budget=budget,
        type=kind,
        condition=EXAMPLES[kind] if kind == RuleType.VELOCITY else "",
        channels=["email"],
    )


def budget_or_404(request: HttpRequest, budget_id: int) -> Budget:
    mine: QuerySet[Budget] = Budget.objects.filter(
        organization__in=organizations_of(person(request))
    )
    found = mine.select_related("organization").filter(pk=budget_id).first()
    if found is None:
        raise Http404("There is no such budget.")
    return found
