"""The kill switch of a budget: how it stands, and the page that asks before it acts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.audit import giving
from accounts.permissions import Action
from accounts.tenants import tell_refusal
from accounts.versions import ChangedMeanwhile, newest, seen_by
from budgets.models import Budget
from console.controls.access import require_write
from console.controls.budgets import below, of_and_below, path_to
from console.controls.consequences import used_lately
from console.controls.forms import SwitchForm
from console.pages import Pages, budget_or_404, names_of
from controls.api.lease_answers import REFRESH_S
from controls.configuration import (
    history_of_switch,
    kill_switch_of,
    switch_off,
    switch_on,
)
from lib.errors import Refusal
from lib.humanize import ago, clock


def switch_words(budget: Budget, path: Sequence[Budget]) -> dict[str, Any]:
    """Say how the switch of *budget* stands, and those above it on its *path*."""
    found = kill_switch_of(budget)
    zone, now = ZoneInfo(budget.timezone), timezone.now()
    ids = {str(one.uid): one.pk for one in path}
    above = [
        {**_off_words(one, zone, now), "pk": ids[one["from"]["id"]]}
        for one in found["inherited"]
    ]
    own = _off_words(found, zone, now) if found["active"] else None
    return {
        "own": own,
        "above": above,
        "is_off": bool(own or above),
        "sentence": _sentence(budget, above, is_own=own is not None),
    }


def _sentence(budget: Budget, above: list[dict[str, Any]], *, is_own: bool) -> str:
    if is_own:
        return f"{budget.name} is switched off: all its calls are blocked."
    if above:
        names = " and ".join(one["from"]["name"] for one in above)
        verb = "is" if len(above) == 1 else "are"
        return f"All calls of {budget.name} are blocked: {names} {verb} switched off."
    return "Calls go through, where no rule or limit stops them."


def _off_words(switch: dict[str, Any], zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    since: datetime = switch["since"]
    return {**switch, "ago": ago(since, now), "since": clock(since, zone)}


def switch_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Ask before calls are stopped, or let through again; then do it."""
    budget = budget_or_404(request, budget_id)
    require_write(request, budget, Action.SWITCH)
    path = path_to(budget)
    words = switch_words(budget, path)
    if request.method == "POST" and request.POST.get("what") not in {"on", "off"}:
        raise Http404("A switch is on or off.")
    form = SwitchForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with giving(form.why):
                said = _switched(budget, request.POST, form)
        except ChangedMeanwhile as refusal:
            messages.error(request, refusal.for_people)
            return redirect("admin:controls_controlrule_switch", budget.pk)
        except Refusal as refusal:
            tell_refusal(form, refusal)
        else:
            messages.success(request, said)
            return redirect("admin:controls_controlrule_budget", budget.pk)
    context = pages.page(
        request,
        title=f"Kill switch of {budget.name}",
        budget=budget,
        way=names_of(path),
        switch=words,
        form=form,
        why={"reason": form.why, "error": form.errors.get("reason", [""])[0]},
        whom=of_and_below(budget, below(budget)),
        lately=used_lately(budget, timezone.now()),
        version=newest(history_of_switch(budget)),
        refresh=REFRESH_S,
    )
    return TemplateResponse(request, "console/controls/switch.html", context)


def _switched(budget: Budget, data: QueryDict, form: SwitchForm) -> str:
    """Do it and say so.

    Raises:
        Refusal: nothing is changed.
    """
    seen = seen_by(data)
    if data["what"] == "on":
        switch_on(budget, seen=seen)
        return f"{budget.name} is switched on again."
    message = form.cleaned_data["message"]
    switch_off(budget, message, now=timezone.now(), seen=seen)
    return f"{budget.name} is switched off: its calls are blocked from now on."
