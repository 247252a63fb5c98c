"""A request that is only tried: what would be decided about it, and why."""

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.access import organizations_of
from accounts.models import Organization
from accounts.tenants import person, tell_refusal
from budgets.figures import Position
from budgets.index import PeriodRef
from budgets.models import Budget, Coverage
from budgets.reservations.hold import needed
from budgets.status import statuses
from console.budgets.preview import offers_of
from console.controls.budgets import path_to
from console.controls.try_form import DIMENSIONS, TriedCallForm
from console.pages import Pages, budget_or_404, names_of, organization_or_404
from controls.api.authorization_schemas import AuthorizationIn, call_of, read
from controls.decisions.calls import tokens_of
from controls.decisions.services import try_call
from controls.decisions.types import CallAnswer, CallRequest
from controls.policy import Plan
from lib.errors import Refusal
from lib.humanize import lasting, locale_of
from lib.money import format_money, from_units


class DecisionWords(NamedTuple):
    """A decision, for people."""

    kind: str  # of the status component
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class TryStep:
    """One budget that the request is charged to, as it stands, in its currency."""

    budget: Budget
    position: Position
    is_hard: bool
    takes: Decimal  # what would be set aside
    blocked: tuple[str, ...]  # what it says against the request

    @property
    def left(self) -> Decimal:
        return self.position.limit - self.position.spent - self.position.reserved


def try_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the form, and what would be decided about what is filled in."""
    budget = None
    if request.GET.get("budget"):
        budget = budget_or_404(request, request.GET["budget"])
    organization = budget.organization if budget else _organization(request)
    locale = locale_of(request)
    context: dict[str, Any] = {"organization": organization, "budget": budget}
    if organization is not None:
        form = _form(request, organization, budget, locale)
        context |= {"form": form, "organizations": _others(request, budget)}
        if form.is_bound and form.is_valid():
            context |= _answered(form, organization, locale)
    context["way"] = names_of(path_to(budget)) if budget else []
    shown = pages.page(request, title="Try a request", **context)
    return TemplateResponse(request, "console/controls/try.html", shown)


def _organization(request: HttpRequest) -> Organization | None:
    mine = organizations_of(person(request)).order_by("name")
    if slug := request.GET.get("organization"):
        return organization_or_404(request, slug)
    return mine.filter(budgets__isnull=False).first() or mine.first()


def _others(request: HttpRequest, budget: Budget | None) -> list[Organization]:
    if budget is not None:
        return []
    return list(organizations_of(person(request)).order_by("name"))


def _form(
    request: HttpRequest,
    organization: Organization,
    budget: Budget | None,
    locale: str,
) -> TriedCallForm:
    offers = offers_of(organization, timezone.now(), locale)
    return TriedCallForm(
        request.GET if "provider" in request.GET else None,
        initial=_latest(organization, budget),
        currency=organization.currency,
        offers={name: [one.value for one in values] for name, values in offers.items()},
    )


def _latest(organization: Organization, budget: Budget | None) -> dict[str, Any]:
    """Return what the newest kind of usage was like, of *budget* if there is one."""
    covered = Coverage.objects.filter(organization=organization)
    if budget is not None:
        covered = covered.filter(budget=budget)
    found = covered.select_related("attribution").order_by("-attribution").first()
    usual = {"input_tokens": 1_000, "max_output_tokens": 1_000}
    if found is None:
        return usual
    place = found.attribution
    return usual | {
        wire: getattr(place, dimension) for wire, dimension in DIMENSIONS.items()
    }


def _answered(
    form: TriedCallForm, organization: Organization, locale: str
) -> dict[str, Any]:
    try:
        given = read(json.dumps(form.body).encode(), AuthorizationIn)
        ask = call_of(given)
    except Refusal as refusal:
        tell_refusal(form, refusal)
        return {}
    answer = try_call(organization.pk, ask)
    if answer.lacks_tokens:
        form.add_error("input_tokens", "A hard budget on the way counts tokens.")
        return {}
    plan = answer.plan or answer.guard.plan(ask.where, answer.model, timezone.now())
    steps = steps_of(organization, answer, plan, tokens_of(ask))
    return {
        "answer": answer,
        "decided": decided(answer, plan, ask, locale),
        "steps": steps,
        "others": _reasons_beside(answer, steps),
    }


def decided(
    answer: CallAnswer, plan: Plan, ask: CallRequest, locale: str
) -> DecisionWords:
    """Say what would become of a request."""
    cost = format_money(from_units(answer.units), answer.currency, locale)
    match answer.decision:
        case "block":
            names = dict.fromkeys(one.budget_name for one in answer.reasons)
            by = " and ".join(filter(None, names))
            said = f"The request would be blocked{f' by {by}' if by else ''}."
            return DecisionWords("EXCEEDED", "Blocked", said)
        case "rate_limit":
            wait = answer.retry_after_s
            when = f"try again in {lasting(timedelta(seconds=wait))}" if wait else ""
            said = f"The request would have to wait{': ' + when if when else ''}."
            return DecisionWords("CRITICAL", "Rate limited", said)
    if not answer.priced:
        aside = "no price is known, so nothing would be set aside"
    elif plan.hard:
        aside = f"{cost} would be set aside"
    else:
        aside = (
            f"it may cost {cost}; no hard limit is on its way, so nothing is set aside"
        )
    if answer.decision == "downgrade":
        said = f"The request would go on with {answer.model} instead of {ask.model}; "
        return DecisionWords("WARNING", "Cheaper model", f"{said}{aside}.")
    return DecisionWords(
        "OK", "Allowed", f"The request would be allowed with {answer.model}; {aside}."
    )


def steps_of(
    organization: Organization, answer: CallAnswer, plan: Plan, tokens: int = 0
) -> list[TryStep]:
    """Return the budgets a request is charged to, the topmost first. Two queries."""
    targets: list[PeriodRef] = list(plan.span.targets)
    rows = Budget.objects.filter(pk__in=[one.budget.id for one in targets])
    standing = statuses(rows, organization, at=timezone.now())
    said: dict[str, list[str]] = {}
    for reason in answer.reasons:
        said.setdefault(reason.budget, []).append(reason.message)
    steps = []
    for target in reversed(targets):
        found = standing[target.budget.id]
        is_hard = target in plan.hard
        taken = needed(plan.span, target, answer.units, tokens) if is_hard else 0
        steps.append(
            TryStep(
                budget=found.budget,
                position=found.position,
                is_hard=is_hard,
                takes=from_units(taken),
                blocked=tuple(said.get(str(found.budget.uid), ())),
            )
        )
    return steps


def _reasons_beside(answer: CallAnswer, steps: list[TryStep]) -> list[str]:
    """Return the reasons that belong to no budget on the way."""
    named = {str(step.budget.uid) for step in steps}
    return [one.message for one in answer.reasons if one.budget not in named]
