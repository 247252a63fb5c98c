"""What guards a budget: its own rules and those from above, and its kill switch."""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.versions import newest
from approvals.exceptions import rule_exceptions
from budgets.models import Budget, Enforcement
from console.budgets.forms import scope_words
from console.controls.access import may_write
from console.controls.budgets import path_to
from console.controls.holding import holding
from console.controls.presets import missing_presets
from console.controls.sentences import in_order, sentence_of
from console.controls.switch_page import switch_words
from console.pages import Pages, budget_or_404, names_of
from controls.configuration import history_of_rules
from controls.models import ControlRule
from controls.ruleset import rules_of
from controls.types import ControlAction, Rule
from controls.wording import summary_of
from lib.humanize import clock, locale_of
from lib.money import format_money


@dataclass(frozen=True, slots=True)
class LiftWords:
    """That a rule does not hold for a while."""

    words: str  # "Lifted until 3 Dec 2026, 00:00, for team ML"
    request_id: int


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule as the page of a budget lists it."""

    uid: str
    rule_id: int
    kind: str  # of its action
    action: str
    summary: str
    notes: Sequence[str]
    origin: str  # the budget it is inherited from; "": its own
    origin_id: int
    may_up: bool
    may_down: bool
    is_now: bool  # its trigger holds at this moment, for every call
    lifts: Sequence[LiftWords]  # for what it does not hold, as was approved


def budget_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer what guards one budget, in the order of effect."""
    budget = budget_or_404(request, budget_id)
    may_change = may_write(request, budget)
    path = path_to(budget)
    rules, notify = effective(path)
    lifts = lifts_of(budget, timezone.now())
    now_holding = holding(path, rules, timezone.now())
    own = [rule for rule in rules if rule.budget_id == budget.pk]
    switch = switch_words(budget, path)
    known = {(rule.action.value, rule.trigger.text) for rule in own}
    context = pages.page(
        request,
        title=f"Guardrails of {budget.name}",
        budget=budget,
        way=names_of(path),
        sentence=_sentence(budget, rules, switch),
        limit=_limit_words(budget, locale_of(request)),
        lines=lines_of(budget, rules, notify, now_holding, lifts),
        inherited=len(rules) - len(own),
        switch=switch,
        presets=missing_presets(known),
        version=newest(history_of_rules(budget)) if may_change else "",
        actions=ControlAction.choices,
        may_change=may_change,
    )
    return TemplateResponse(request, "console/controls/budget.html", context)


def effective(path: Sequence[Budget]) -> tuple[list[Rule], Mapping[int, bool]]:
    """Return the rules of the budgets of *path* in the order of effect, and which of
    them tell people. One query."""
    nearness = {one.pk: len(path) - place for place, one in enumerate(path)}
    rows = list(ControlRule.objects.filter(budget__in=path).select_related("budget"))
    rules = rules_of(rows, path[-1].organization.currency)
    return in_order(rules, nearness), {row.pk: row.notify for row in rows}


def _sentence(budget: Budget, rules: Sequence[Rule], switch: Mapping[str, Any]) -> str:
    if switch["is_off"]:
        return str(switch["sentence"])
    return sentence_of(budget.name, rules)


def _limit_words(budget: Budget, locale: str) -> str:
    amount = format_money(budget.amount, budget.currency, locale)
    if budget.enforcement == Enforcement.HARD:
        why = ", since a rule stops calls there" if budget.hard_stop else ""
        return (
            f"Its amount of {amount} is a hard limit{why}: no call that asks passes it."
        )
    return (
        f"Its amount of {amount} is a soft limit: by itself it stops nothing. To have "
        "it never passed, make it hard in the budget."
    )


def lifts_of(
    budget: Budget, now: datetime
) -> Mapping[tuple[str, int], Sequence[LiftWords]]:
    """Return which rules do not hold for what, as was approved, in the time zone of
    *budget*: by their ids, and those of their budgets. One query."""
    zone = ZoneInfo(budget.timezone)
    found: dict[tuple[str, int], list[LiftWords]] = defaultdict(list)
    for one in rule_exceptions(budget.organization_id, now):
        words = f"Lifted until {clock(one.until, zone)}"
        if one.scope:
            words += f", for {scope_words(one.scope)}"
        lift = LiftWords(words, one.request_id)
        found[one.rule, one.budget_id].append(lift)
    return found


def lines_of(
    budget: Budget,
    rules: Sequence[Rule],
    notify: Mapping[int, bool],
    now_holding: Container[int],
    lifts: Mapping[tuple[str, int], Sequence[LiftWords]],
) -> list[RuleLine]:
    """Write *rules* out; the own ones of an action may change places."""
    own: dict[ControlAction, list[int]] = {}
    for rule in rules:
        if rule.budget_id == budget.pk:
            own.setdefault(rule.action, []).append(rule.id)
    lines = []
    for rule in rules:
        mates = own.get(rule.action, []) if rule.budget_id == budget.pk else []
        inherited = rule.budget_id != budget.pk
        lines.append(
            RuleLine(
                uid=rule.uid,
                rule_id=rule.id,
                kind=rule.action.value,
                action=rule.action.label,
                summary=summary_of(rule),
                notes=list(_notes(rule, tells=notify[rule.id])),
                origin=rule.budget_name if inherited else "",
                origin_id=rule.budget_id,
                may_up=bool(mates) and mates[0] != rule.id,
                may_down=bool(mates) and mates[-1] != rule.id,
                is_now=rule.id in now_holding,
                lifts=lifts.get((rule.uid, rule.budget_id), ()),
            )
        )
    return lines


def _notes(rule: Rule, *, tells: bool) -> Iterator[str]:
    if rule.message:
        yield f"Says “{rule.message}”"
    if rule.exempt_users and rule.action is not ControlAction.BLOCK:
        yield f"Not for {', '.join(sorted(rule.exempt_users))}"
    if tells:
        yield "People are told of its first effect in each period"
