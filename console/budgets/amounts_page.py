"""What a budget may spend over time: its dated lines, any past moment, and changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.permissions import Action
from accounts.tenants import person, tell_refusal
from accounts.versions import ChangedMeanwhile, seen_by, version_of
from approvals.limits import Wish
from approvals.models import BudgetRequest
from budgets.amounts import Dated
from budgets.carrying import preview_rollover
from budgets.grants import GrantStanding, grants_of
from budgets.models import AmountLine, Budget
from budgets.permissions import may, may_raise
from budgets.phasing import phases_of, year_of
from budgets.seasons import SEASONS
from console.asking import Confirmation, confirmation_of
from console.budgets.amount_forms import (
    ChangeForm,
    GrantForm,
    PhaseForm,
    RaiseForm,
    TransferForm,
    UndoForm,
    season_names,
)
from console.budgets.form_page import outline_of, shown_budget, trail_to
from console.pages import Pages
from lib.errors import Refusal
from lib.humanize import day_words, locale_of
from lib.money import format_money
from lib.periods import Cadence, end_of

FORMS: Mapping[str, type[ChangeForm]] = {
    "transfer": TransferForm,
    "raise": RaiseForm,
    "grant": GrantForm,
    "phase": PhaseForm,
    "undo": UndoForm,
}
AMOUNTS = "admin:budgets_budget_amounts"
MOST_LINES = 200
ZERO = Decimal(0)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DatedRow:
    """One dated line, written out."""

    line: AmountLine
    kind: str
    amount: str
    since: str
    until: str  # "": for good
    counts: bool  # it is in force at the moment that is asked about
    url: str  # of the request that was approved; "": nothing asked for it


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One grant, and what became of it so far."""

    standing: GrantStanding
    until: str  # its last day
    is_over: bool


@dataclass(frozen=True, slots=True)
class AmountThen:
    """What could be spent at the end of one day, or can be now."""

    day: str  # "": now
    amount: str


def amounts_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer what a budget may spend, why, and what it could at `?on=` a day's end."""
    budget, now = shown_budget(request, budget_id), timezone.now()
    locale, zone = locale_of(request), ZoneInfo(budget.timezone)
    lines = list(budget.lines.select_related("counterpart"))
    asked = _day_asked(request)
    at = now if asked is None else min(end_of(asked, zone) - _INSTANT, now)
    counting = [line for line in lines if _dated(line).holds(at)]
    total = sum((line.amount for line in counting), ZERO)
    begun = at >= budget.starts_at
    outline = outline_of(request, budget.organization)
    coming = [line for line in lines if (line.effective_from or at) > now]
    begun_lines = [line for line in lines if line not in coming]
    counted = {one.pk for one in counting} if begun else set()
    context = pages.page(
        request,
        title=f"Amount of {budget.name} over time",
        budget=budget,
        trail=trail_to(outline, budget),
        then=AmountThen(
            day_words(at, zone) if asked else "",
            format_money(total, budget.currency, locale),
        )
        if begun
        else None,
        on=asked.isoformat() if asked else "",
        begins=day_words(budget.starts_at, zone),
        rows=_rows(begun_lines, counted, locale),
        coming=_rows(coming[::-1], counted, locale),
        is_cut=len(begun_lines) > MOST_LINES,
        rollover=preview_rollover(budget, now=now),
        grants=_grants(budget, now),
        seasons=_seasons(budget, locale),
        year=year_of(budget),
        may=_may(request, budget),
        wish=Wish(budget.pk),
    )
    return TemplateResponse(request, "console/budgets/amounts.html", context)


def _day_asked(request: HttpRequest) -> date | None:
    try:
        return date.fromisoformat(request.GET.get("on", ""))
    except ValueError:
        return None


def _dated(line: AmountLine) -> Dated:
    return Dated(line.amount, line.effective_from, line.effective_to)


def _rows(
    lines: Sequence[AmountLine], counting: set[int], locale: str
) -> list[DatedRow]:
    """Write *lines* out, the newest first. One query, where some were asked for."""
    shown = lines[::-1][:MOST_LINES]
    uids = {line.request for line in shown if line.request}
    rows = BudgetRequest.objects.filter(uid__in=uids) if uids else ()
    urls = {
        one.uid: reverse("admin:approvals_budgetrequest_change", args=[one.pk])
        for one in rows
    }
    return [_row(line, counting, urls, locale) for line in shown]


def _row(
    line: AmountLine, counting: set[int], urls: Mapping[Any, str], locale: str
) -> DatedRow:
    zone, end = ZoneInfo(line.budget.timezone), line.effective_to
    sign = "+" if line.amount > 0 and line.kind != AmountLine.Kind.PLANNED else ""
    kind = str(line.get_kind_display())
    if line.counterpart is not None:
        kind += f" {'from' if line.amount > 0 else 'to'} {line.counterpart.name}"
    elif line.kind == AmountLine.Kind.CHANGE and end:
        kind = "Phased"
    elif line.ends_rollover:
        kind = "Taken back"
    return DatedRow(
        line=line,
        kind=kind,
        amount=sign + format_money(line.amount, line.budget.currency, locale),
        since=day_words(line.effective_from or line.budget.starts_at, zone),
        until=day_words(end, zone, is_end=True) if end else "",
        counts=line.pk in counting,
        url=urls.get(line.request, ""),
    )


def _grants(budget: Budget, now: datetime) -> list[GrantRow]:
    """Return what became of grants, those that go on first. Four queries at most,
    and more for those that ended inside a period."""
    zone = ZoneInfo(budget.timezone)
    rows = [
        GrantRow(
            one, day_words(one.grant.until, zone, is_end=True), one.grant.until <= now
        )
        for one in grants_of(budget, now=now)
    ]
    return sorted(rows, key=lambda row: row.is_over)[:MOST_LINES]


def _seasons(budget: Budget, locale: str) -> list[tuple[str, Decimal]]:
    if not budget.phasing or Cadence(budget.period) not in SEASONS:
        return []
    return list(zip(season_names(budget, locale), phases_of(budget), strict=True))


def _may(request: HttpRequest, budget: Budget) -> frozenset[str]:
    """Return which of FORMS are the person's to send for *budget*."""
    someone = person(request)
    if (
        budget.archived_at
        or budget.is_template
        or not may(someone, Action.CHANGE, budget)
    ):
        return frozenset()
    found = {"transfer", "undo"}
    if Cadence(budget.period) in SEASONS and not budget.template_of_id:
        found.add("phase")
    if may_raise(someone, budget):
        found |= {"raise", "grant"}
    return frozenset(found)


def amount_change_page(
    request: HttpRequest, pages: Pages, budget_id: int, *, what: str
) -> HttpResponse:
    """Ask for what a change needs, say what follows, ask why, and do it."""
    budget = shown_budget(request, budget_id)
    if what not in _may(request, budget):
        raise PermissionDenied
    form = FORMS[what](
        request.POST if request.method == "POST" else None,
        budget=budget,
        actor=person(request),
        now=timezone.now(),
        locale=locale_of(request),
    )
    confirm: Confirmation | None = None
    if request.method == "POST" and form.is_valid():
        try:
            confirm = confirmation_of(form.asked(), request.POST)
            if confirm is None:
                form.carry_out(seen_by(request.POST))
                messages.success(request, f"Done: {form.title.lower()}.")
                return redirect(AMOUNTS, budget.pk)
        except ChangedMeanwhile as refusal:
            messages.error(request, refusal.for_people)
            return redirect(request.path)
        except Refusal as refusal:
            tell_refusal(form, refusal)
    return _asking(request, pages, form, confirm)


def _asking(
    request: HttpRequest, pages: Pages, form: ChangeForm, confirm: Confirmation | None
) -> HttpResponse:
    budget, back = form.budget, reverse(AMOUNTS, args=[form.budget.pk])
    trail = trail_to(outline_of(request, budget.organization), budget)
    context = pages.page(
        request,
        title=f"{form.title}: {budget.name}",
        budget=budget,
        form=form,
        lead=form.lead.format(budget.name),
        asked=confirm.asked if confirm else None,
        question="Do it?",
        yes=f"Yes: {form.verb.lower()}",
        leave=back,
        trail=[*trail, ("Amount over time", back)],
        version=version_of(budget),
    )
    return TemplateResponse(request, "console/budgets/amount_change.html", context)


transfer_page = partial(amount_change_page, what="transfer")
raise_page = partial(amount_change_page, what="raise")
grant_page = partial(amount_change_page, what="grant")
phase_page = partial(amount_change_page, what="phase")
undo_page = partial(amount_change_page, what="undo")
