"""The pages of bulk changes: what is wanted, what it would do, what it did."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may, person
from bulk.errors import NotReady
from bulk.models import UNDER_WAY, BulkChange, BulkKind, BulkSource, BulkState
from bulk.registry import KINDS, kind_of
from bulk.services import ask_file, confirm, discard
from bulk.types import StepAction
from bulk.writing import CONTENT_TYPES, sheet_of
from console.budgets.first_steps import STOP_POLLING
from console.budgets.tree_page import organization_asked
from console.bulk.forms import LastWordForm, SheetForm
from console.bulk.words import ACTIONS, counts_of, sentence_of, shown_steps
from console.pages import (
    Pages,
    organization_or_404,
    organizations_to_choose,
    row_or_404,
)
from lib.errors import Refusal
from lib.humanize import locale_of

_AT_ONCE = 100  # steps on a page
_AFTERWARDS = {
    BulkKind.BUDGETS: ("admin:budgets_budget_tree", "See the tree"),
    BulkKind.PRICES: ("admin:ledger_price_changelist", "See the prices"),
    BulkKind.CHANNELS: ("admin:notifications_channel_changelist", "See the channels"),
    BulkKind.RULES: ("admin:controls_controlrule_changelist", "See the guardrails"),
    BulkKind.ALERT_RULES: ("admin:alerts_alertrule_changelist", "See the alert rules"),
}


def organization_managed(request: HttpRequest) -> Organization | None:
    """Return the organization that is asked about, which the person manages.

    Raises:
        PermissionDenied: they don't.
    """
    if request.method == "POST":
        slug = request.POST.get("organization", "")
        organization: Organization | None = organization_or_404(request, slug)
    else:
        organization = organization_asked(request)
    if organization is not None:
        require_managed(request, organization)
    return organization


def require_managed(request: HttpRequest, organization: Organization) -> None:
    """Refuse who is no finance admin of *organization*.

    Raises:
        PermissionDenied: they are not.
    """
    if not may(request, Scope.ADMIN, organization):
        raise PermissionDenied


def import_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Take a file, and show what may stand in one."""
    organization = organization_managed(request)
    asked = request.GET.get("kind", "")
    kind = BulkKind(asked) if asked in BulkKind.values else BulkKind.BUDGETS
    form = SheetForm(initial={"kind": kind})
    if request.method == "POST" and organization is not None:
        form = SheetForm(request.POST, request.FILES)
        if form.is_valid():
            kind = BulkKind(form.cleaned_data["kind"])
            try:
                change = _asked(request, organization, kind, form)
            except Refusal as refusal:
                form.add_error("file", str(refusal))
            else:
                return redirect("admin:bulk_bulkchange_page", change.pk)
    context = pages.page(
        request,
        title="Import and export",
        opts=None,
        organization=organization,
        organizations=organizations_to_choose(request),
        form=form,
        kind=kind,
        kinds=[(one.value, one.label) for one in KINDS],
        sheet=kind_of(kind),
        forms=[(form_name, form_name.upper()) for form_name in CONTENT_TYPES],
    )
    status = 400 if form.errors else 200
    return TemplateResponse(request, "console/bulk/import.html", context, status=status)


def _asked(
    request: HttpRequest, organization: Organization, kind: BulkKind, form: SheetForm
) -> BulkChange:
    file = form.cleaned_data["file"]
    return ask_file(
        organization,
        kind,
        file.read(),
        file.name,
        person=person(request),
        locale=locale_of(request),
        now=timezone.now(),
    )


def sheet_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer what is there, as a sheet."""
    organization = organization_managed(request)
    kind, form = request.GET.get("kind", ""), request.GET.get("form", "")
    if organization is None or kind not in BulkKind.values or form not in CONTENT_TYPES:
        raise Http404("There is no such sheet.")
    name = f"{kind.replace('_', '-')}-{organization.slug}.{form}"
    return HttpResponse(
        sheet_of(kind_of(kind), organization, form),
        content_type=CONTENT_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def change_of(request: HttpRequest, asked: int) -> BulkChange:
    """Return a bulk change of an organization that the person manages.

    Raises:
        Http404, PermissionDenied: there is none, or they don't.
    """
    rows = BulkChange.objects.select_related("organization")
    change = row_or_404(rows, asked, "bulk change")
    require_managed(request, organization_or_404(request, change.organization.slug))
    return change


def change_page(request: HttpRequest, pages: Pages, bulkchange_id: int) -> HttpResponse:
    """Show what a change would do, and do it when told."""
    change = change_of(request, bulkchange_id)
    form = LastWordForm()
    if request.method == "POST":
        form = LastWordForm(request.POST)
        answer = _answered(request, change, form)
        if answer is not None:
            return answer
    context = pages.page(request, title=change.title, change=change, form=form)
    context |= _standing(change)
    if not context["is_under_way"]:
        context |= _steps(request, change)
    status = 400 if form.errors else 200
    return TemplateResponse(request, "console/bulk/change.html", context, status=status)


def _answered(
    request: HttpRequest, change: BulkChange, form: LastWordForm
) -> HttpResponse | None:
    here = redirect("admin:bulk_bulkchange_page", change.pk)
    now = timezone.now()
    try:
        if "discard" in request.POST:
            discard(change, now=now)
            messages.info(request, f"“{change.title}” is discarded. Nothing changed.")
            return redirect("admin:bulk_bulkchange_changelist")
        if not form.is_valid():
            return None
        confirm(
            change,
            skips_faulty=form.cleaned_data["skips_faulty"] == "yes",
            reason=form.cleaned_data["reason"],
            by=person(request).email,
            now=now,
        )
    except NotReady as refusal:
        messages.error(request, str(refusal))
        return here
    except Refusal as refusal:
        form.add_error("skips_faulty", str(refusal))
        return None
    return here


def part_page(request: HttpRequest, pages: Pages, bulkchange_id: int) -> HttpResponse:
    """Answer how far a change is; once it is over, the page is loaded anew."""
    change = change_of(request, bulkchange_id)
    standing = _standing(change)
    if not standing["is_under_way"]:
        return HttpResponse(status=STOP_POLLING, headers={"HX-Refresh": "true"})
    context = {"change": change, **standing}
    return TemplateResponse(request, "console/bulk/progress.html", context)


def _standing(change: BulkChange) -> dict[str, Any]:
    counts = counts_of(change)
    place, words = _AFTERWARDS[BulkKind(change.kind)]
    return {
        "is_under_way": change.state in UNDER_WAY,
        "is_ready": change.state == BulkState.READY,
        "is_file": change.source == BulkSource.FILE,
        "counts": counts,
        "has_faulty": bool(counts.get(StepAction.FAULTY)),
        "does_something": bool(
            counts.get(StepAction.MAKE) or counts.get(StepAction.CHANGE)
        ),
        "sentence": sentence_of(change, counts),
        "afterwards": place,
        "afterwards_words": words,
    }


def _steps(request: HttpRequest, change: BulkChange) -> dict[str, Any]:
    counts = counts_of(change)
    asked = request.GET.get("show", "")
    usual = StepAction.FAULTY if counts.get(StepAction.FAULTY) else ""
    shown = asked if asked in counts or asked == "all" else usual
    steps = change.steps.all()
    if shown and shown != "all":
        steps = steps.filter(action=shown)
    page = Paginator(steps, _AT_ONCE).get_page(request.GET.get("page"))
    is_file = change.source == BulkSource.FILE
    lines = shown_steps(
        list(page.object_list),
        kind_of(change.kind),
        locale_of(request),
        is_file=is_file,
    )
    tabs = [("all", "All", sum(counts.values()))]
    tabs += [
        (action, ACTIONS[action][1], counts[action])
        for action in ACTIONS
        if counts.get(action)
    ]
    return {"page": page, "lines": list(lines), "shown": shown or "all", "tabs": tabs}
