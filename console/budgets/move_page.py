"""Moving a budget and archiving it: each a page that says what it does first."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.audit import giving
from accounts.permissions import Action
from accounts.tenants import person, tell_refusal
from accounts.versions import ChangedMeanwhile, seen_by, version_of
from budgets.models import Budget
from budgets.permissions import budgets_for, may, may_at_top, require_move
from budgets.services import archive_budget, move_budget
from console.asking import reason_in
from console.budgets.form_page import (
    outline_of,
    paths,
    shown_budget,
    standing_of,
    trail_to,
    within,
)
from console.budgets.forms import MoveForm
from console.budgets.tree import Outline
from console.pages import Pages
from lib.errors import Refusal


def move_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Ask where to, show what that does to the limits, and then do it."""
    budget = shown_budget(request, budget_id)
    if budget.archived_at or not may(person(request), Action.MOVE, budget):
        raise PermissionDenied
    outline = outline_of(request, budget.organization)
    data: QueryDict | None = request.POST if request.method == "POST" else None
    if data is None and "parent" in request.GET:
        data = request.GET
    form = _form(request, outline, budget, data)
    target: Budget | None = budget.parent
    is_chosen = False
    if data is not None:
        is_whole = form.is_valid()
        is_chosen = "parent" in form.cleaned_data
        if request.method == "GET":
            form.errors.pop("reason", None)  # nobody was asked for it yet
        target = form.cleaned_data.get("parent") if is_chosen else target
        seen = data.get("seen") == _seen(target)
        if request.method == "POST" and is_whole and seen:
            answer = _moved(request, form, budget, target)
            if answer is not None:
                return answer
    context = pages.page(
        request,
        title=f"Move {budget.name}",
        budget=budget,
        form=form,
        trail=trail_to(outline, budget),
        move=_move(outline, budget, target) if is_chosen else None,
        seen=_seen(target),
        version=version_of(budget),
        old_path=_path_words(outline, budget.parent_id, budget.name),
    )
    part = (
        "console/budgets/move_part.html"
        if "part" in request.GET
        else "console/budgets/move.html"
    )
    return TemplateResponse(request, part, context)


def _moved(
    request: HttpRequest, form: MoveForm, budget: Budget, target: Budget | None
) -> HttpResponse | None:
    """Move it, and lead on; None: that was refused, and *form* says why."""
    why, seen = form.cleaned_data["reason"], seen_by(request.POST)
    try:
        require_move(person(request), budget, target)
        move_budget(budget, target, reason=why, seen=seen)
    except ChangedMeanwhile as refusal:
        messages.error(request, refusal.for_people)
        return redirect(f"{request.path}?parent={target.pk if target else ''}")
    except Refusal as refusal:
        tell_refusal(form, refusal)
        return None
    messages.success(request, f"“{budget.name}” is moved.")
    place = reverse("admin:budgets_budget_tree")
    return redirect(f"{place}?organization={budget.organization.slug}")


def _form(
    request: HttpRequest, outline: Outline, budget: Budget, data: QueryDict | None
) -> MoveForm:
    """Return the form, which offers the places where the person may put budgets."""
    someone = person(request)
    mine = budgets_for(someone, Action.MAKE).filter(organization=budget.organization)
    return MoveForm(
        data,
        budget=budget,
        parents=within(paths(outline, without=budget.pk), mine),
        may_top=may_at_top(someone, budget.organization),
    )


def _seen(target: Budget | None) -> str:
    return str(target.pk) if target else "none"


def _move(outline: Outline, budget: Budget, target: Budget | None) -> dict[str, Any]:
    """Return what a move does: both paths, and both parents before and after."""
    old, new = budget.parent_id, target.pk if target else None
    mine = outline.leaves[budget.pk]
    parents = []
    for parent_id, sign in ((old, 1), (new, -1)):
        if parent_id is None or old == new:
            continue
        parent = outline.leaves[parent_id]
        before = outline.unallocated(parent_id)
        alike = (mine.currency, mine.period) == (parent.currency, parent.period)
        after = before + sign * mine.promised if mine.counts_in(parent) else before
        parents.append(
            {
                "role": "Leaves" if sign > 0 else "Joins",
                "name": parent.name,
                "currency": parent.currency,
                "limit": parent.limit,
                "before": before,
                "after": after,
                "is_apart": not alike,
            }
        )
    return {
        "is_same": old == new,
        "old_path": _path_words(outline, old, budget.name),
        "new_path": _path_words(outline, new, budget.name),
        "amount": mine.limit,
        "parents": parents,
        "below": sum(1 for _ in outline.below(budget.pk)) - 1,
    }


def _path_words(outline: Outline, parent_id: int | None, name: str) -> str:
    above = outline.path(parent_id) if parent_id else []
    return " / ".join([*(leaf.name for leaf in above), name])


def archive_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    budget = shown_budget(request, budget_id)
    if not may(person(request), Action.ARCHIVE, budget):
        raise PermissionDenied
    refusal = None
    if request.method == "POST":
        try:
            with giving(reason_in(request.POST)):
                archive_budget(budget, now=timezone.now(), seen=seen_by(request.POST))
        except ChangedMeanwhile as changed:
            messages.error(request, changed.for_people)
            return redirect(request.path)
        except Refusal as refused:
            refusal = refused
        else:
            messages.success(request, f"“{budget.name}” is archived.")
            place = reverse("admin:budgets_budget_tree")
            return redirect(f"{place}?organization={budget.organization.slug}")
    outline = outline_of(request, budget.organization)
    context = pages.page(
        request,
        title=f"Archive {budget.name}",
        budget=budget,
        refusal=refusal,
        version=version_of(budget),
        trail=trail_to(outline, budget),
        **standing_of(outline, budget),
    )
    return TemplateResponse(request, "console/budgets/archive.html", context)
