"""The form of one rule, with what it means beside it while one types."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.tenants import tell_refusal
from accounts.versions import ChangedMeanwhile, check_seen, last_change
from budgets.models import Budget, Enforcement
from console.budgets.preview import offers_of, reach_words
from console.controls.access import may_write
from console.controls.budgets import path_to
from console.controls.edits import Rules, edit, given_of, own_rows, with_rule
from console.controls.forms import ControlRuleForm
from console.controls.presets import PRESETS
from console.controls.trials import Trial, tried
from console.pages import Pages, budget_or_404, names_of
from controls.configuration import proposed
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
from controls.types import Action
from controls.wording import stop_notes, summary_of
from lib.errors import Refusal
from lib.humanize import locale_of

_FIRST_TRIGGER = {
    Action.MODEL_BLOCKLIST: 'environment == "development"',
    Action.RATE_LIMIT: "budget_percentage >= 0.95",
    Action.BLOCK: "budget_percentage >= 1",
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
    if action not in Action.values:
        raise Http404("There is no such rule.")
    trigger = _FIRST_TRIGGER.get(Action(action), "budget_percentage >= 0.9")
    given = {"action": action, "trigger": trigger, "config": {}, "notify": False}
    return rule_page(request, pages, budget, given)


def old_rule_page(request: HttpRequest, pages: Pages, row: ControlRule) -> HttpResponse:
    return rule_page(request, pages, row.budget, given_of(row))


def rule_page(
    request: HttpRequest, pages: Pages, budget: Budget, given: dict[str, Any]
) -> HttpResponse:
    """Answer the form of a rule, which need not be saved yet, with what it means."""
    may_change = may_write(request, budget)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    form = _form(request, data, budget, given)
    is_asking = data is not None and bool({"preview", "dry"} & set(data))
    meanwhile = None
    if data is not None and not is_asking and form.is_valid():
        try:
            _save(budget, form, str(data.get("version", "")))
        except ChangedMeanwhile:
            meanwhile = _Meanwhile.of(budget, given)
        except Refusal as refusal:
            tell_refusal(form, refusal)
        else:
            said = _said(budget, form)
            messages.success(request, " ".join(["Saved.", said.summary, *said.notes]))
            return redirect("admin:controls_controlrule_budget", budget.pk)
    trial = _trial(budget, form) if data is not None and "dry" in data else None
    context = pages.page(
        request,
        title=Action(given["action"]).label,
        budget=budget,
        rule=given,
        way=names_of(path_to(budget)),
        form=form,
        may_change=may_change,
        is_asking=is_asking,
        meanwhile=meanwhile,
        version=data.get("version") if data and is_asking else _version(given),
        said=_said(budget, form),
        trial=trial,
        examples=EXAMPLES,
        models=form.models,
        names={label: sorted(names) for label, names in _NAMES.items()},
    )
    return TemplateResponse(request, "console/controls/rule.html", context)


def _save(budget: Budget, form: ControlRuleForm, version: str) -> None:
    """Save the rule, unless somebody else did since *version*; "": any will do.

    Raises:
        Refusal: nothing is changed.
    """
    uid = form.given.get("id")

    def change(rules: Rules) -> Rules:
        if uid is not None and version:
            check_seen(_history(uid), [version])
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


def _history(uid: Any) -> QuerySet[Any]:
    rows: QuerySet[Any] = ControlRule.history.filter(uid=uid)
    return rows


def _version(given: Mapping[str, Any]) -> str:
    """Return which version a rule that is saved is now; "" of a new one."""
    last = last_change(_history(given["id"])) if "id" in given else None
    return last.version if last else ""


class _Meanwhile(NamedTuple):
    """Who saved the rule since the form was opened, and what it says now."""

    words: str
    summary: str

    @classmethod
    def of(cls, budget: Budget, given: Mapping[str, Any]) -> "_Meanwhile":
        last = last_change(_history(given["id"]))
        (rule,) = proposed(budget, [given])
        return cls(last.words if last else "Changed", summary_of(rule))


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


_WITHOUT_CONFIG = {Action.BLOCK, Action.NOTIFY}


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
