"""The form of one rule, with what it means beside it while one types."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.audit import giving
from accounts.meanwhile import Meanwhile, chosen, meanwhile_of
from accounts.tenants import tell_refusal
from accounts.versions import (
    VERSION,
    ChangedMeanwhile,
    Seen,
    check_seen,
    newest,
    rows_like,
    seen_by,
    version_of,
)
from budgets.models import Budget, Enforcement
from console.asking import Confirmation, confirmation_of, reason_in
from console.budgets.preview import offers_of
from console.budgets.reach import reach_words
from console.controls.access import may_write
from console.controls.budgets import path_to
from console.controls.consequences import consequences_of
from console.controls.edits import Rules, edit, given_of, own_rows, with_rule
from console.controls.forms import ControlRuleForm
from console.controls.presets import PRESETS
from console.controls.trials import Trial, tried
from console.pages import Pages, budget_or_404, names_of
from controls.configuration import history_of_rules, proposed
from controls.expressions import (
    EXAMPLES,
    OF_BUDGET,
    OF_CALL,
    OF_CLOCK,
    read_saved,
)
from controls.hints import hints_on
from controls.models import ControlRule
from controls.replay import Proposal, last_period
from controls.types import ControlAction
from controls.wording import stop_notes, summary_of
from lib.errors import Refusal
from lib.humanize import locale_of

_FIRST_TRIGGER = {
    ControlAction.MODEL_BLOCKLIST: 'environment == "development"',
    ControlAction.RATE_LIMIT: "budget_percentage >= 0.95",
    ControlAction.BLOCK: "budget_percentage >= 1",
}
_NAMES = {
    "Where the budget stands": OF_BUDGET,
    "What is asked for": OF_CALL,
    "The clock of its zone": OF_CLOCK,
}


def new_rule_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the form of a new rule: `?budget=ID&action=block`, or `&preset=stop`."""
    budget = budget_or_404(request, request.GET.get("budget", ""))
    if not may_write(request, budget):
        raise PermissionDenied
    preset = PRESETS.get(request.GET.get("preset", ""))
    if preset is not None:
        return rule_page(request, pages, budget, preset.given)
    action = request.GET.get("action", "")
    if action not in ControlAction.values:
        raise Http404("There is no such rule.")
    trigger = _FIRST_TRIGGER.get(ControlAction(action), "budget_percentage >= 0.9")
    given = {"action": action, "trigger": trigger, "config": {}, "notify": False}
    return rule_page(request, pages, budget, given)


def old_rule_page(request: HttpRequest, pages: Pages, row: ControlRule) -> HttpResponse:
    return rule_page(request, pages, row.budget, given_of(row), row)


def rule_page(
    request: HttpRequest,
    pages: Pages,
    budget: Budget,
    given: dict[str, Any],
    row: ControlRule | None = None,
) -> HttpResponse:
    """Answer the form of a rule with what it means; without *row* it is a new one."""
    may_change = may_write(request, budget)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    answer = _answer(request, budget, given, row)
    form = answer.form
    said = _said(budget, form)
    if answer.is_saved:
        messages.success(request, " ".join(["Saved.", said.summary, *said.notes]))
        return redirect("admin:controls_controlrule_budget", budget.pk)
    trial = _trial(budget, form) if "dry" in request.POST else None
    context = pages.page(
        request,
        title=ControlAction(given["action"]).label,
        budget=budget,
        rule=given,
        way=names_of(path_to(budget)),
        form=form,
        may_change=may_change,
        is_asking=_is_only_asking(request.POST),
        meanwhile=answer.meanwhile,
        confirmation=answer.confirmation,
        version=answer.version,
        of_all=newest(history_of_rules(budget)),
        said=said,
        trial=trial,
        examples=EXAMPLES,
        models=form.models,
        names={label: sorted(names) for label, names in _NAMES.items()},
    )
    return TemplateResponse(request, "console/controls/rule.html", context)


class _Answer(NamedTuple):
    """What is to be shown of a form that was opened or sent."""

    form: ControlRuleForm
    version: str  # that it shows; "": of a new rule
    meanwhile: Meanwhile | None = None
    confirmation: Confirmation | None = None
    is_saved: bool = False


def _is_only_asking(data: QueryDict) -> bool:
    return bool({"preview", "dry"} & set(data))


def _answer(
    request: HttpRequest, budget: Budget, given: dict[str, Any], row: ControlRule | None
) -> _Answer:
    """Save what is sent, unless something has to be asked or told first."""
    if request.method != "POST":
        version = version_of(row) if row is not None else ""
        return _Answer(_form(request, None, budget, given), version)
    data = request.POST if row is None else chosen(request.POST, _kept(row))
    version = str(data.get(VERSION, ""))
    if _is_only_asking(data):
        return _Answer(_form(request, data, budget, given), version)
    if row is not None and (meanwhile := meanwhile_of(row, data, _kept)):
        form = _form(request, meanwhile.data, budget, given)
        return _Answer(form, str(meanwhile.data[VERSION]), meanwhile)
    form = _form(request, data, budget, given)
    if not form.is_valid():
        return _Answer(form, version)
    try:
        confirmation = _confirmation(budget, form, data)
        if confirmation is None:
            with giving(reason_in(data)):
                _save(budget, form, None if row is None else seen_by(data))
    except ChangedMeanwhile:  # between the look above and the lock
        there = rows_like(row).first() if row is not None else None
        return _answer(request, budget, given, there)
    except Refusal as refusal:
        tell_refusal(form, refusal)
        return _Answer(form, version)
    return _Answer(form, version, None, confirmation, is_saved=confirmation is None)


def _kept(row: ControlRule) -> ControlRuleForm:
    """Return the form of what is kept of *row*."""
    currency = row.budget.organization.currency
    return ControlRuleForm(rule=given_of(row), currency=currency)


def _confirmation(
    budget: Budget, form: ControlRuleForm, data: QueryDict
) -> Confirmation | None:
    """Return what to ask before the rule is saved.

    Raises:
        Refusal: it can't be.
    """
    before = [given_of(row) for row in own_rows(budget)]
    after = with_rule(before, form.given)
    asked = consequences_of(budget, before, after, timezone.now())
    return confirmation_of(asked, data)


def _save(budget: Budget, form: ControlRuleForm, seen: Seen | None) -> None:
    """Save the rule, unless somebody else did since it was *seen*.

    Raises:
        Refusal: nothing is changed.
    """
    uid = form.given.get("id")

    def change(rules: Rules) -> Rules:
        if uid is not None:
            check_seen(ControlRule.history.filter(uid=uid), seen)
        return with_rule(rules, form.given)

    edit(budget, change)


def _form(
    request: HttpRequest, data: Any, budget: Budget, given: dict[str, Any]
) -> ControlRuleForm:
    organization = budget.organization
    offers = offers_of(organization, timezone.now(), locale_of(request))
    return ControlRuleForm(
        data, rule=given, currency=organization.currency, models=offers["model"]
    )


class _Said(NamedTuple):
    """A rule in words; nothing while it is not sound."""

    summary: str = ""
    notes: Sequence[str] = ()  # what it makes of the limit
    reach: Sequence[str] = ()  # a line for each name of a model in it


def _said(budget: Budget, form: ControlRuleForm) -> _Said:
    """Say the rule as it is filled in."""
    given: Any = form.rule
    if form.is_bound:
        given = form.given if form.is_valid() else None
    elif not form.rule["config"] and form.rule["action"] not in _WITHOUT_CONFIG:
        given = None
    if not given:
        return _Said()
    (rule,) = proposed(budget, [given])
    return _Said(
        summary_of(rule),
        [*stop_notes(budget.name, [rule]), *hints_on(budget, [rule])],
        list(reach_words(budget.organization, _models_in(given))),
    )


def _models_in(given: Any) -> list[str]:
    """Return the names of models that a rule looks for, each once."""
    config = given["config"]
    texts = [
        *sorted(read_saved(given["trigger"]).models),
        *config.get("blocked_models", ()),
        *config.get("allowed_models", ()),
        *config.get("downgrades", {}),
    ]
    return list(dict.fromkeys(texts))


_WITHOUT_CONFIG = {ControlAction.BLOCK, ControlAction.NOTIFY}


def _trial(budget: Budget, form: ControlRuleForm) -> Trial | None:
    """Try the rule that is filled in, among the others, on the last period."""
    if not form.is_valid():
        return None
    rules = [given_of(row) for row in own_rows(budget)]
    try:
        rules = with_rule(rules, form.given)
    except Refusal:  # it says so when it is saved
        return None
    is_hard = budget.enforcement == Enforcement.HARD
    proposal = Proposal(rules=proposed(budget, rules), is_hard=is_hard)
    return tried(budget, proposal, last_period(budget, timezone.now()))
