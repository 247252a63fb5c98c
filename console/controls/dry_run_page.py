"""The dry run of a budget: what rules and an amount would have done to the past."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from budgets.models import Budget, Enforcement
from budgets.status import MOMENT, calendar_of, window_near
from console.controls.access import may_write
from console.controls.budgets import path_to
from console.controls.dry_run_form import DryRunForm
from console.controls.edits import given_of, own_rows
from console.controls.presets import PRESETS
from console.controls.trials import (
    AT_ONCE,
    MOST_USES,
    Trial,
    lasting_words,
    tried,
    uses_in,
)
from console.pages import Pages, budget_or_404, names_of
from controls.configuration import proposed
from controls.replay import Effect, Proposal, Replay, last_period
from lib.humanize import clock, stretch
from lib.money import from_units
from lib.periods import Window

MOST_PERIODS = 13
_OUTCOMES = {
    "stopped": ("EXCEEDED", "Stopped"),
    "downgraded": ("WARNING", "Cheaper model"),
    "limited": ("CRITICAL", "Had to wait"),
    "told": ("NONE", "People told"),
}


def dry_run_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer the form, and what came of it; `&run=1` waits for however much it is."""
    budget = budget_or_404(request, budget_id)
    now = timezone.now()
    form = _form(request, budget, now)
    uses, trial = None, None
    if form.is_valid():
        window = form.window
        uses = uses_in(budget, window)
        if uses <= AT_ONCE or "run" in request.GET or uses > MOST_USES:
            trial = tried(budget, _plan(budget, form), window)
    query = request.GET.copy()
    query["run"] = "1"
    context = pages.page(
        request,
        title=f"Dry run of {budget.name}",
        budget=budget,
        way=names_of(path_to(budget)),
        form=form,
        waits=lasting_words(uses) if uses is not None and trial is None else "",
        uses=f"{uses or 0:,}",
        query=query.urlencode(),
        trial=trial,
        found=_found(trial.found) if trial and trial.found else None,
        narrower=_narrower(trial, budget),
        most=f"{MOST_USES:,}",
        may_change=may_write(request, budget),
    )
    return TemplateResponse(request, "console/controls/dry_run.html", context)


def _form(request: HttpRequest, budget: Budget, now: datetime) -> DryRunForm:
    rows = own_rows(budget)
    windows = windows_of(budget, now)
    usual: dict[str, Any] = {
        "period": _key(last_period(budget, now)),
        "enforcement": budget.enforcement,
        "rules": [str(row.uid) for row in rows],
    }
    return DryRunForm(
        request.GET if "period" in request.GET else usual,
        budget=budget,
        rows=rows,
        windows={_key(window): window for window in windows},
        labels=_labels(windows, budget, now),
    )


def windows_of(budget: Budget, now: datetime) -> list[Window]:
    """Return the latest periods, the present one up to *now* first."""
    calendar = calendar_of(budget, budget.organization)
    present = window_near(calendar, now)
    if present.start >= now:
        return [present]
    windows = [Window(present.start, min(present.end, now))]
    while len(windows) < MOST_PERIODS:
        before = calendar.window_at(windows[-1].start - MOMENT)
        if before is None:
            break
        windows.append(before)
    return windows


def _key(window: Window) -> str:
    return window.start.isoformat()


def _labels(
    windows: list[Window], budget: Budget, now: datetime
) -> list[tuple[str, str]]:
    zone = ZoneInfo(budget.timezone)
    return [
        (
            _key(window),
            stretch(window, zone) + (", so far" if window.end == now else ""),
        )
        for window in windows
    ]


def _plan(budget: Budget, form: DryRunForm) -> Proposal:
    said = form.cleaned_data
    rules = [given_of(row) for row in form.rows if str(row.uid) in said["rules"]]
    rules += [PRESETS[key].given for key in said["presets"]]
    return Proposal(
        rules=proposed(budget, rules),
        amount=said["amount"],
        is_hard=said["enforcement"] == Enforcement.HARD,
    )


def _narrower(trial: Trial | None, budget: Budget) -> str:
    """Say which days would not be too much; "" where there are none."""
    if trial is None or trial.until is None:
        return ""
    whole = Window(trial.until.start, trial.until.end - timedelta(days=1))
    return stretch(whole, ZoneInfo(budget.timezone)) if whole.end > whole.start else ""


def _found(found: Replay) -> dict[str, Any]:
    """Return what a dry run came to, in the budget's currency."""
    budget = found.budget
    return {
        "sentence": found.sentence,
        "calls": found.calls,
        "spent": from_units(found.spent),
        "would": from_units(found.spent - found.saved),
        "saved": from_units(found.saved),
        "effects": [
            {
                "kind": _OUTCOMES[one.outcome][0],
                "word": _OUTCOMES[one.outcome][1],
                "summary": one.summary,
                "calls": one.calls,
                "cost": from_units(one.cost),
                "saved": from_units(one.saved),
                "first": _first(one, budget),
            }
            for one in found.effects.values()
        ],
    }


def _first(effect: Effect, budget: Budget) -> str:
    if effect.first_at is None:
        return ""
    return clock(effect.first_at, ZoneInfo(budget.timezone))
