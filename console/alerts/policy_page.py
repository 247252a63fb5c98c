"""The escalation editor: levels as rows, and the ladder they make beside them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.access import organizations_of
from accounts.audit import giving
from accounts.locks import hold_alone
from accounts.meanwhile import FieldClash, Taken, as_of, data_of
from accounts.models import Organization
from accounts.tenants import person
from accounts.versions import VERSION, rows_like
from alerts.models import EscalationPolicy
from budgets.models import Budget
from budgets.paths import ways_of, words_of_way
from console.alerts.consequences import unheard_levels
from console.alerts.forms import MOST_LEVELS, EscalationForm, LadderLevelForm
from console.alerts.ladders import Rung, rungs_from
from console.alerts.wording import step_words
from console.asking import Confirmation, Consequences, confirmation_of, reason_in
from console.notifications.outsiders import warn_of_outsiders
from console.pages import Pages, budget_or_404, organization_or_404
from lib.humanize import lasting
from lib.web import id_of
from lib.zones import zone_names

_FIRST_LEVELS: list[dict[str, Any]] = [{"delay": 0}, {"delay": 1800}, {"delay": 3600}]


def policy_page(
    request: HttpRequest, pages: Pages, policy: EscalationPolicy
) -> HttpResponse:
    """Answer the editor of *policy*, which need not be saved yet."""
    may_change = pages.has_change_permission(request, policy)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    is_asking = data is not None and bool({"more", "preview"} & set(data))
    confirmation = None
    if data is None or is_asking:
        ladder = Ladder.read(policy, data)
    else:
        with transaction.atomic():
            hold_alone(policy.organization_id)
            ladder = Ladder.read(policy, data)
            if ladder.is_whole:
                confirmation = _saved(ladder, data)
        if ladder.is_whole and confirmation is None:
            return _led_on(request, policy)
    form, levels = ladder.form, ladder.levels
    context = pages.page(
        request,
        title=policy.name if policy.pk else "New escalation policy",
        policy=policy,
        place=place_of(policy),
        form=form,
        levels=ladder.kept if data is not None and "more" in data else levels,
        has_room=len(levels) < MOST_LEVELS,
        may_change=may_change,
        rungs=rungs_of(form, ladder.kept, timezone.now()),
        confirmation=confirmation,
        is_asking=is_asking,
        zones=sorted(zone_names()),
    )
    return TemplateResponse(request, "console/alerts/policy.html", context)


class Ladder(NamedTuple):
    """What is filled in: the form of all, those of the levels, and those that stay."""

    form: EscalationForm
    levels: list[LadderLevelForm]
    kept: list[LadderLevelForm]
    is_whole: bool  # it may be saved

    @classmethod
    def read(cls, policy: EscalationPolicy, data: QueryDict | None) -> "Ladder":
        there = rows_like(policy).first()
        if data is not None and there and data.get("keep.levels") == "theirs":
            data = _with_levels(data, there)
        found = cls._read(policy, data)
        if data is None or there is None or found.form.meanwhile is None:
            return found
        was = as_of(there, str(data.get(VERSION, "")))
        mine = [one.level for one in found.kept if one.is_valid()]
        if mine == there.levels or (was and was.levels == there.levels):
            return found
        words = _words_of(there.levels)
        if was and was.levels == mine:
            found.form.meanwhile.taken.append(Taken("Levels", _words_of(mine), words))
            levels = level_forms(_with_levels(data, there), policy)
            return found._replace(levels=levels, kept=levels)
        clash = FieldClash("levels", "Levels", words, _words_of(mine))
        found.form.meanwhile.clashes.append(clash)
        return found

    @classmethod
    def _read(cls, policy: EscalationPolicy, data: QueryDict | None) -> "Ladder":
        form, levels = EscalationForm(data, instance=policy), level_forms(data, policy)
        kept = [one for one in levels if not _is_removed(one)]
        is_whole = form.is_valid() and all(level.is_valid() for level in kept)
        if form.is_bound and not kept:
            form.add_error(None, "A ladder has at least one level.")
            is_whole = False
        return cls(form, levels, kept, is_whole)


def _with_levels(data: QueryDict, policy: EscalationPolicy) -> QueryDict:
    """Return *data* with the levels that *policy* has."""
    shown = data.copy()
    for name in data:
        if name.startswith("level"):
            del shown[name]
    for form in level_forms(None, policy):
        for name, values in data_of(form).lists():
            shown.setlist(name, values)
    return shown


def _words_of(levels: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"after {lasting(timedelta(seconds=one['delay']))} {step_words(one)}"
        for one in levels
    )


def _saved(ladder: Ladder, data: QueryDict) -> Confirmation | None:
    """Save the ladder; where nobody would hear it, return what to ask first."""
    policy: EscalationPolicy = ladder.form.instance
    was = rows_like(policy).first()
    policy.levels = [one.level for one in sorted(ladder.kept, key=_delay_of)]
    asked = unheard_levels(policy, was) if was else Consequences()
    confirmation = confirmation_of(asked, data)
    if confirmation is None:
        with giving(reason_in(data)):
            ladder.form.save()
    return confirmation


def _led_on(request: HttpRequest, policy: EscalationPolicy) -> HttpResponse:
    messages.success(request, f"“{policy.name}” is saved.")
    named = [one for level in policy.levels for one in level["recipients"]]
    warn_of_outsiders(request, policy.organization_id, named)
    return redirect("admin:alerts_escalationpolicy_change", policy.pk)


def _is_removed(level: LadderLevelForm) -> bool:
    """Tell whether it is to go, however it is filled in; every level is checked."""
    level.is_valid()
    return level.is_bound and bool(level.cleaned_data.get("removed"))


def _delay_of(level: LadderLevelForm) -> int:
    return int(level.cleaned_data["delay"])


def level_forms(data: Any, policy: EscalationPolicy) -> list[LadderLevelForm]:
    """Return a form for each level that is sent, or that *policy* has."""
    stored: Sequence[dict[str, Any]] = policy.levels or _FIRST_LEVELS
    if data is None:
        return [
            LadderLevelForm(
                prefix=f"level{n}", organization_id=policy.organization_id, level=one
            )
            for n, one in enumerate(stored)
        ]
    asked = (
        id_of(name.removeprefix("level").removesuffix("-delay"))
        for name in data
        if name.endswith("-delay")
    )
    numbers = sorted(one for one in asked if one is not None)[:MOST_LEVELS]
    forms = [_level_form(data, policy, n, stored) for n in numbers]
    if "more" in data and len(forms) < MOST_LEVELS:
        number = max(numbers, default=-1) + 1
        forms.append(
            LadderLevelForm(
                prefix=f"level{number}", organization_id=policy.organization_id
            )
        )
    return forms


def _level_form(
    data: Any, policy: EscalationPolicy, number: int, stored: Sequence[dict[str, Any]]
) -> LadderLevelForm:
    level = stored[number] if number < len(stored) else None
    return LadderLevelForm(
        data,
        prefix=f"level{number}",
        organization_id=policy.organization_id,
        level=level,
    )


def place_of(policy: EscalationPolicy) -> str:
    """Return for which budgets it is."""
    if policy.budget is None:
        return f"all budgets of {policy.organization.name} that have none of their own"
    (way,) = ways_of([policy.budget]).values()
    return f"{words_of_way(way)} and what is below it"


def rungs_of(
    form: EscalationForm, levels: list[LadderLevelForm], now: datetime
) -> list[Rung]:
    """Return the ladder that is filled in, as far as it is right."""
    if form.is_bound:
        said = form.cleaned_data
        stored = [one.level for one in levels if one.is_valid()]
    else:
        said = {name: getattr(form.instance, name) for name in form.fields}
        stored = list(form.instance.levels)
    zone = said.get("timezone") or form.initial["timezone"]
    return rungs_from(
        stored,
        now,
        timezone=zone,
        holidays=said.get("holidays") or [],
        repeat=said.get("repeat") or 0,
        repeat_after_s=said.get("repeat_after_s") or 0,
    )


def new_policy(request: HttpRequest, pages: Pages) -> EscalationPolicy:
    """Return one that is not saved: `?budget=ID`, or `?organization=SLUG`.

    Raises:
        Http404: that is not the person's.
        PermissionDenied: they may not write there.
    """
    organizations = organizations_of(person(request))
    budget: Budget | None = None
    if "budget" in request.GET:
        budget = budget_or_404(request, request.GET["budget"])
        organization: Organization | None = budget.organization
    elif slug := request.GET.get("organization"):
        organization = organization_or_404(request, slug)
    else:
        taken = EscalationPolicy.objects.filter(budget=None).values("organization")
        free = organizations.exclude(pk__in=taken)
        organization = free.first() or organizations.first()
    if organization is None:
        raise Http404("There is no such organization.")
    policy = EscalationPolicy(
        organization=organization,
        budget=budget,
        name=f"Escalation of {budget or organization}"[:100],
        timezone=budget.timezone if budget else organization.timezone,
    )
    if not pages.has_change_permission(request, policy):
        raise PermissionDenied
    return policy
