"""The page of one budget: where it stands, and its form with the preview."""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.meanwhile import Meanwhile, chosen, meanwhile_of
from accounts.models import Organization
from accounts.permissions import Action
from accounts.tenants import person, tell_refusal
from accounts.versions import VERSION, ChangedMeanwhile, seen_by, version_of
from approvals.limits import askable
from budgets.models import Budget, Enforcement
from budgets.permissions import (
    budgets_for,
    may,
    may_at_top,
    may_somewhere,
    require_change,
    require_new,
    whom_to_ask,
)
from budgets.reservations.settlements import without_leave
from budgets.services import change_budget, create_budget
from console.asking import SAY_WHY, Consequences
from console.budgets.consequences import consequences_of
from console.budgets.drafts import draft_of, values_met
from console.budgets.forms import CURRENCIES, BudgetForm, begun_below
from console.budgets.lines import Branch, BudgetRow, Writer
from console.budgets.preview import Preview, offers_of, preview_of
from console.budgets.templates import FIELDS as TEMPLATE_FIELDS
from console.budgets.templates import consequences_of_new, made_of
from console.budgets.tree import Outline
from console.budgets.tree_page import organization_asked
from console.budgets.wishes import wish_for
from console.pages import Pages, budget_or_404
from lib.errors import Refusal
from lib.humanize import day_words, locale_of, stretch
from lib.web import id_of
from lib.zones import zone_names

MOST_LINES = 50  # of the amount's history, shown


def add_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    organization = organization_asked(request)
    if organization is None:
        raise Http404("There is no organization yet.")
    if not may_somewhere(person(request), Action.MAKE, organization):
        raise PermissionDenied
    outline = outline_of(request, organization)
    form, asked = _form(request, outline, None), Consequences()
    if request.method == "POST" and "preview" not in request.POST and form.is_valid():
        asked = _asked_of_new(form, outline)
        if asked.token == request.POST.get("confirm", ""):
            try:
                require_new(person(request), organization, form.plan())
                budget = create_budget(
                    organization, form.plan(), now=outline.now, reason=form.why
                )
            except Refusal as refusal:
                tell_refusal(form, refusal)
                asked = Consequences()
            else:
                messages.success(request, f"“{budget.name}” is made.")
                return redirect("admin:budgets_budget_change", budget.pk)
    context = pages.page(
        request,
        title="New budget",
        organization=organization,
        form=form,
        may_change=True,
        asked=asked,
        **_around(outline, form, None),
    )
    return TemplateResponse(request, "console/budgets/budget.html", context)


def _asked_of_new(form: BudgetForm, outline: Outline) -> Consequences:
    """Return what a new budget does to calls: a template may stop many at once."""
    plan, draft = form.plan(), draft_of(form, outline)
    if not plan.template_for_each or plan.enforcement != Enforcement.HARD:
        return Consequences()
    try:
        met = values_met(draft, outline.now)
    except ValueError:  # the service says what is wrong
        return Consequences()
    shown = outline.money(plan.amount, plan.currency)
    return consequences_of_new(plan, met, shown)


def change_page(request: HttpRequest, pages: Pages, budget_id: str) -> HttpResponse:
    """Answer the page of one budget; who may not change it reads it."""
    budget = shown_budget(request, budget_id)
    may_change = may(person(request), Action.CHANGE, budget)
    editable = may_change and not budget.archived_at
    if request.method == "POST" and not editable:
        raise PermissionDenied
    outline = outline_of(request, budget.organization)
    answer = _answer(request, outline, budget)
    if answer.is_saved:
        messages.success(request, f"“{answer.form.plan().name}” is saved.")
        return redirect("admin:budgets_budget_change", budget.pk)
    context = pages.page(
        request,
        title=budget.name,
        organization=budget.organization,
        budget=budget,
        form=answer.form,
        version=answer.version,
        meanwhile=answer.meanwhile,
        may_change=editable,
        tools=tools_of(request, budget),
        ask="" if may_change else whom_to_ask(budget, person(request)),
        asked=answer.asked,
        confirm=answer.asked.token,
        **_around(outline, answer.form, budget),
        **shown_standing(request, outline, budget),
        **made_of(budget),
        lines=lines_of(outline, budget),
    )
    return TemplateResponse(request, "console/budgets/budget.html", context)


def shown_standing(
    request: HttpRequest, outline: Outline, budget: Budget
) -> dict[str, Any]:
    """Return where *budget* stands, and what the person has to ask for."""
    standing = standing_of(outline, budget)
    row, asker = standing["row"], person(request)
    may_ask = bool(askable(asker, budget.organization, [budget.pk]))
    shown = may_ask and not (budget.archived_at or budget.is_template)
    return standing | {"wish": wish_for(row) if shown else None}


class _Answer(NamedTuple):
    """What is to be shown of a form that was opened or sent."""

    form: BudgetForm
    version: str  # that it shows
    asked: Consequences = Consequences()
    meanwhile: Meanwhile | None = None
    is_saved: bool = False


def _answer(request: HttpRequest, outline: Outline, budget: Budget) -> _Answer:
    """Save what is sent, unless something has to be asked or told first."""
    if request.method != "POST":
        return _Answer(_form(request, outline, budget), version_of(budget))
    data = chosen(request.POST, _kept(budget))
    if meanwhile := meanwhile_of(budget, data, _kept):
        form = _form(request, outline, budget, meanwhile.data)
        return _Answer(form, str(meanwhile.data[VERSION]), meanwhile=meanwhile)
    version = str(data.get(VERSION, ""))
    form = _form(request, outline, budget, data)
    if "preview" in data or not form.is_valid():
        return _Answer(form, version)
    asked = consequences_of(budget, form.plan(), outline)
    if asked.needs_reason and not form.why:
        form.add_error("reason", SAY_WHY)
        return _Answer(form, version, asked)
    if asked.token and data.get("confirm") != asked.token:
        return _Answer(form, version, asked)
    try:
        require_change(person(request), budget, form.plan())
        change_budget(
            budget,
            form.plan(),
            now=outline.now,
            reason=form.why,
            seen=seen_by(data),
        )
    except ChangedMeanwhile:  # between the look above and the lock
        return _answer(request, outline, shown_budget(request, budget.pk))
    except Refusal as refusal:
        tell_refusal(form, refusal)
        return _Answer(form, version)
    return _Answer(form, version, is_saved=True)


def _kept(budget: Budget) -> BudgetForm:
    """Return the form of what is kept of *budget*."""
    form = BudgetForm(organization=budget.organization, budget=budget)
    del form.fields["reason"]
    return form


def tools_of(request: HttpRequest, budget: Budget) -> frozenset[str]:
    """Return what the person may do to *budget* on pages of its own."""
    if budget.archived_at:
        return frozenset()
    actions = (Action.MOVE, Action.ARCHIVE)
    someone = person(request)
    tools = {one.value for one in actions if may(someone, one, budget)}
    if may_at_top(someone, budget.organization) and budget.template_of_id is None:
        tools.add("copy")
    return frozenset(tools)


def preview_part(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the panel beside the form, from its fields as they are now."""
    budget = None
    if request.GET.get("budget"):
        budget = shown_budget(request, request.GET["budget"])
        organization: Organization | None = budget.organization
    else:
        organization = organization_asked(request)
    if organization is None:
        raise Http404("There is no organization yet.")
    outline = outline_of(request, organization)
    form = BudgetForm(request.GET, organization=organization, budget=budget)
    form.is_valid()
    context = {
        "preview": preview_of(draft_of(form, outline), outline),
        "budget": budget,
    }
    return TemplateResponse(request, "console/budgets/preview.html", context)


def _form(
    request: HttpRequest,
    outline: Outline,
    budget: Budget | None,
    data: QueryDict | None = None,
) -> BudgetForm:
    if data is None and request.method == "POST":
        data = request.POST
    return BudgetForm(
        data,
        organization=outline.organization,
        budget=budget,
        parents=_parents(request, outline) if budget is None else (),
        may_top=budget is not None or may_at_top(person(request), outline.organization),
        offers=offers_of(outline.organization, outline.now, outline.locale),
        first=begun_below(outline.leaves.get(id_of(request.GET.get("parent")) or 0)),
    )


def _parents(request: HttpRequest, outline: Outline) -> list[tuple[int, str]]:
    """Return the budgets the person may put another below, with their paths."""
    mine = budgets_for(person(request), Action.MAKE).filter(
        organization=outline.organization, archived_at=None
    )
    return within(paths(outline), mine)


def within(
    lines: list[tuple[int, str]], budgets: QuerySet[Budget]
) -> list[tuple[int, str]]:
    """Keep those *lines* that are of *budgets*. One query."""
    kept = set(budgets.values_list("pk", flat=True))
    return [line for line in lines if line[0] in kept]


def paths(outline: Outline, without: int | None = None) -> list[tuple[int, str]]:
    """Return the budgets in use with their paths, but for *without* and below it."""
    barred = set(outline.below(without)) if without in outline.leaves else set()
    return sorted(
        (
            (leaf.id, " / ".join(step.name for step in outline.path(leaf.id)))
            for leaf in outline.leaves.values()
            if leaf.id not in barred and leaf.archived_at is None
        ),
        key=lambda pair: pair[1].casefold(),
    )


def _around(
    outline: Outline, form: BudgetForm, budget: Budget | None
) -> dict[str, Any]:
    form.is_valid()
    preview: Preview = preview_of(draft_of(form, outline), outline)
    return {
        "preview": preview,
        "currencies": CURRENCIES,
        "zones": sorted(zone_names()),
        "trail": trail_to(outline, budget),
        "where": [form[name] for name in form.fields if name.startswith("scope.")],
        "makes": [form[name] for name in TEMPLATE_FIELDS if name in form.fields],
    }


def trail_to(outline: Outline, budget: Budget | None) -> list[tuple[str, str]]:
    """Return the way from the tree down to the budget: names and addresses."""
    tree = reverse("admin:budgets_budget_tree")
    home = f"{tree}?{urlencode({'organization': outline.organization.slug})}"
    way = outline.path(budget.pk) if budget else []
    return [
        ("Budget tree", home),
        *(
            (leaf.name, reverse("admin:budgets_budget_page", args=[leaf.id]))
            for leaf in way
        ),
    ]


def standing_of(outline: Outline, budget: Budget) -> dict[str, Any]:
    """Return where the budget stands, with its thresholds as share and amount."""
    found = outline.foreseen([budget.pk])[budget.pk]
    writer = Writer(outline.now, outline.locale, found.window, budget.organization.slug)
    place = Branch(budget.pk, 1, 1, 1, budget.name, 0)
    row: BudgetRow = writer.row(place, found)
    return {
        "row": row,
        "advice": found.status.recommended_action(budget.currency, outline.locale),
        "period": stretch(found.window, ZoneInfo(budget.timezone)),
        "thresholds": [
            (word, share, share * found.status.limit)
            for word, share in (
                ("Warning", budget.warning_threshold),
                ("Critical", budget.critical_threshold),
            )
        ],
        "without_leave": without_leave(budget, since=found.window.start),
    }


class LineRow(NamedTuple):
    """One reason for the amount, written out."""

    since: str
    kind: str
    amount: str
    actor: str
    reason: str


def lines_of(outline: Outline, budget: Budget) -> list[LineRow]:
    """Return why the budget may spend what it may, newest first. One query."""
    zone = ZoneInfo(budget.timezone)
    return [
        LineRow(
            day_words(line.effective_from or budget.starts_at, zone),
            line.get_kind_display(),
            ("+" if line.amount > 0 else "")
            + outline.money(line.amount, budget.currency),
            line.actor,
            line.reason,
        )
        for line in budget.lines.order_by("-made_at", "-pk")[:MOST_LINES]
    ]


def outline_of(request: HttpRequest, organization: Organization) -> Outline:
    now = timezone.now()
    return Outline(organization, now, now, locale_of(request), archived=True)


def shown_budget(request: HttpRequest, asked: int | str) -> Budget:
    """Return a budget that the person may see, with all that its pages say.

    Raises:
        Http404: there is none with the id *asked*.
    """
    return budget_or_404(request, asked, "owner", "parent", "backfill")


def progress_part(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer how far a backfill is: a share, or null when it is done."""
    budget = shown_budget(request, budget_id)
    share = budget.backfill.share_done if budget.backfill else None
    return JsonResponse({"done": share})
