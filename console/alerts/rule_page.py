"""The form of one alert rule, with what it would have done beside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.audit import giving
from accounts.locks import hold_alone, hold_trees
from accounts.permissions import Action
from accounts.tenants import person
from accounts.versions import Seen, check_row
from alerts.conditions import EXAMPLES
from alerts.configuration import watch_thresholds
from alerts.models import AlertRule, RuleType, usual_window
from alerts.preview import preview
from alerts.reach import leads_nowhere
from alerts.ruleset import of_rule
from budgets.models import Budget
from budgets.paths import ways_of
from budgets.permissions import may
from budgets.thresholds import Basis
from console.alerts.consequences import silences_of
from console.alerts.forms import AlertRuleForm
from console.alerts.wording import channel_words
from console.asking import Confirmation, confirmation_of, reason_in
from console.notifications.outsiders import warn_of_outsiders
from console.pages import Pages, budget_or_404
from lib.humanize import clock, locale_of
from lib.queue import enqueue

PREVIEW_DAYS = 30
_MOST_FIRED = 8  # moments of a preview that are listed


def rule_page(request: HttpRequest, pages: Pages, rule: AlertRule) -> HttpResponse:
    """Answer the form of *rule*, which need not be saved yet, with its preview."""
    may_change = may(person(request), Action.WATCH, rule.budget)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    is_asking = "preview" in request.POST
    confirmation = None
    if request.method == "POST" and not is_asking:
        with transaction.atomic():
            hold_trees()
            hold_alone(rule.organization_id)
            form = AlertRuleForm(request.POST, instance=rule)
            is_whole = form.is_valid()
            if is_whole:
                confirmation = _saved(form, request.POST)
        if is_whole and confirmation is None:
            return _led_on(request, rule)
    else:
        form = AlertRuleForm(request.POST if is_asking else None, instance=rule)
    context = pages.page(
        request,
        title=rule.get_type_display(),
        rule=rule,
        budget=rule.budget,
        way=ways_of([rule.budget])[rule.budget_id],
        form=form,
        confirmation=confirmation,
        may_change=may_change,
        fired=fired_of(rule, form, locale_of(request)),
        is_asking=is_asking,
        days=PREVIEW_DAYS,
    )
    return TemplateResponse(request, "console/alerts/rule.html", context)


def _saved(form: AlertRuleForm, data: QueryDict) -> Confirmation | None:
    """Save the rule; where it would silence something, return what to ask first."""
    was = AlertRule.objects.filter(pk=form.instance.pk).select_related("budget").first()
    confirmation = confirmation_of(silences_of(form.instance, was), data)
    if confirmation is None:
        with giving(reason_in(data)):
            save_rule(form)
    return confirmation


def _led_on(request: HttpRequest, rule: AlertRule) -> HttpResponse:
    """Say what is saved, and go back to what watches the budget."""
    messages.success(request, f"{rule.get_type_display()}: saved.")
    if rule.enabled and (nowhere := leads_nowhere(rule)):
        messages.warning(
            request,
            f"Nobody would be told: {channel_words(nowhere)} "
            f"{'lead' if len(nowhere) > 1 else 'leads'} nowhere yet. "
            "Name people, give the budget an owner, or set up a channel.",
        )
    warn_of_outsiders(request, rule.organization_id, rule.recipients)
    return redirect("admin:alerts_alertrule_budget", rule.budget_id)


@transaction.atomic
def save_rule(form: AlertRuleForm) -> None:
    """Save the rule, and have it judge what is there already."""
    was = AlertRule.objects.filter(pk=form.instance.pk).first()
    _reevaluated(form.save(), was)


@transaction.atomic
def delete_rule(rule: AlertRule, *, seen: Seen | None = None) -> None:
    """Take the rule away; a worker ends the alerts that it raised.

    Raises:
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    hold_trees()
    hold_alone(rule.organization_id)
    check_row(rule, seen)
    rule.delete()
    _reevaluated(rule, rule)


def _reevaluated(rule: AlertRule, was: AlertRule | None) -> None:
    if rule.type == RuleType.THRESHOLD:
        gone = of_rule(was).key if was else ""
        watch_thresholds(rule.budget, gone=gone, now=timezone.now())
    enqueue("alerts.tasks.reevaluate", rule.organization_id)


@dataclass(frozen=True, slots=True)
class Fired:
    """When a rule would have fired: a sentence, and the moments, the latest first."""

    sentence: str
    moments: tuple[tuple[str, str], ...] = ()  # when, and the sentence it would say


def fired_of(rule: AlertRule, form: AlertRuleForm, locale: str) -> Fired | None:
    """Return what the rule that is filled in would have done; None: it is not sound."""
    if form.is_bound and not form.is_valid():
        return None
    if not rule.pk and not form.is_bound and not rule.condition and not rule.threshold:
        return None
    if rule.basis == Basis.COMMITTED:
        return Fired(
            "When it would have fired is not known: what is set aside is kept for the "
            "present alone."
        )
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
    kind = request.GET.get("type", "")
    if kind not in RuleType.values:
        raise Http404("There is no such rule.")
    budget = budget_or_404(request, request.GET.get("budget", ""))
    if not may(person(request), Action.WATCH, budget):
        raise PermissionDenied
    return AlertRule(
        organization=budget.organization,
        budget=budget,
        type=kind,
        condition=EXAMPLES[kind] if kind == RuleType.VELOCITY else "",
        window=usual_window(kind),
        channels=["email"],
    )
