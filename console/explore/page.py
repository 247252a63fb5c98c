"""The page of Explore, and the files of what it shows."""

from datetime import UTC, datetime
from typing import Any

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    QueryDict,
)
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may, person
from console.budgets.tree_page import organization_asked
from console.explore.saving import views_of
from console.explore.writing import MEASURED, MOST_LINES, WORDS, ExploreWriter
from console.pages import Pages, organization_or_404, organizations_to_choose
from ledger.analytics import TAG
from lib.errors import Invalid
from lib.humanize import locale_of
from reports.spending.exports import MOST_AT_ONCE, ask_export
from reports.spending.files import FORMS, header_of, name_of, rows_of
from reports.spending.questions import (
    FILTERS,
    LONGEST,
    SPANS,
    SpendQuestion,
    question_of,
)
from reports.spending.tables import course_of, is_long, table_of

_TEMPLATE = "console/explore/explore.html"
_ANSWER = "console/explore/later.html"  # what is loaded after the page
_USUAL = "span=30&compare=1"  # of who asks for nothing


def explore_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer what was spent as the address asks; what it can't mean is said."""
    organization = organization_asked(request)
    context = pages.page(request, title="Explore", opts=None, organization=organization)
    if organization is None:
        return TemplateResponse(request, _TEMPLATE, context)
    now = timezone.now()
    context |= {
        "organizations": organizations_to_choose(request),
        "views": views_of(person(request), organization),
        "may_share": may(request, Scope.BUDGETS_WRITE, organization),
    }
    try:
        asked = asked_in(request.GET, now)
        if "add" in request.GET:
            narrowed = _with_filter(request, organization, asked)
            return redirect(request.path + narrowed)
    except Invalid as refusal:
        usual = question_of(QueryDict(_USUAL), now.astimezone(UTC).date())
        context |= _choices(usual) | {"asked": usual, "refusal": refusal}
        return TemplateResponse(request, _TEMPLATE, context, status=400)
    part = request.GET.get("part", "")
    if not part and is_long(asked, organization):
        context |= _choices(asked) | {"asked": asked, "is_later": True}
        return TemplateResponse(request, _TEMPLATE, context)
    context |= _answer(request, organization, asked)
    template = _ANSWER if part == "answer" else _TEMPLATE
    return TemplateResponse(request, template, context)


def asked_in(query: QueryDict, now: datetime) -> SpendQuestion:
    """Return what is asked; a bare address asks for the last days, compared.

    Raises:
        Invalid: it means nothing.
    """
    said = {name for name in query if name not in {"organization", "view", "part"}}
    return question_of(query if said else QueryDict(_USUAL), now.astimezone(UTC).date())


def _with_filter(
    request: HttpRequest, organization: Organization, asked: SpendQuestion
) -> str:
    """Return the address that asks what the bar of controls adds.

    Raises:
        Invalid: it adds by what is no dimension.
    """
    dimension, value = request.GET.get("add", ""), request.GET.get("is", "").strip()
    writer = ExploreWriter(asked, organization, locale_of(request))
    if not value:
        return writer.address(asked)
    if dimension not in WORDS:
        raise Invalid.field("add", f"“{dimension[:40]}” is nothing to narrow by.")
    query = QueryDict(asked.query(), mutable=True)
    query.appendlist(TAG if dimension == TAG else dimension, value)
    now = timezone.now().astimezone(UTC).date()
    return writer.address(question_of(query, now))


def _answer(
    request: HttpRequest, organization: Organization, asked: SpendQuestion
) -> dict[str, Any]:
    writer = ExploreWriter(asked, organization, locale_of(request))
    table, course = table_of(asked, organization), course_of(asked, organization)
    return _choices(asked) | {
        "asked": asked,
        "lead": writer.lead(table),
        "chips": writer.chips(),
        "picture": writer.picture(course) if course.any else None,
        "headings": [WORDS[name].capitalize() for name in asked.by],
        "columns": writer.columns(table),
        "rows": writer.rows(table),
        "total": writer.total(table),
        "measured": MEASURED[asked.measure],
        "count": len(table.lines),
        "more": max(len(table.lines) - MOST_LINES, 0),
        "offers": sorted({line.names[0] for line in table.lines[:MOST_LINES]} - {""}),
        "is_tagged": TAG in asked.by,
    }


def _choices(asked: SpendQuestion) -> dict[str, Any]:
    """Return what the bar of controls offers."""
    dimensions = [(name, word.capitalize()) for name, word in WORDS.items()]
    chosen = [*asked.by, "", ""][:3]
    return {
        "spans": SPANS.items(),
        "dimensions": dimensions,
        "by": list(zip(("By", "Then by", "And by"), chosen, strict=True)),
        "acrosses": [
            *((name, f"By {name}") for name in LONGEST),
            *dimensions,
        ],
        "measures": MEASURED.items(),
        "kept": [one for one in asked.filters if one[0] in {*FILTERS, TAG}],
        "forms": [(form, form.upper()) for form in FORMS],
    }


def file_view(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer a file of what is seen; a long one is left to a worker."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    asked_by = person(request)
    organization = organization_or_404(request, request.POST.get("organization", ""))
    form = request.POST.get("form", "")
    now = timezone.now()
    try:
        asked = question_of(
            QueryDict(request.POST.get("query", "")), now.astimezone(UTC).date()
        )
        if form not in FORMS:
            raise Invalid.field("form", f"There are {' and '.join(FORMS)}.")
    except Invalid as refusal:
        return _refused(request, pages, organization, refusal)
    table = table_of(asked, organization)
    if len(table.lines) > MOST_AT_ONCE:
        made = ask_export(organization, asked_by, asked, form, now=now)
        return redirect("admin:reports_spendview_export", made.pk)
    header = header_of(table, organization.currency)
    return HttpResponse(
        b"".join(FORMS[form].pieces(header, rows_of(table))),
        content_type=FORMS[form].content_type,
        headers=as_file(name_of(asked, organization.slug, form)),
    )


def as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _refused(
    request: HttpRequest, pages: Pages, organization: Organization, refusal: Invalid
) -> HttpResponse:
    now = timezone.now()
    usual = asked_in(QueryDict(), now)
    context = pages.page(
        request,
        title="Explore",
        opts=None,
        organization=organization,
        asked=usual,
        refusal=refusal,
        views=views_of(person(request), organization),
        **_choices(usual),
    )
    return TemplateResponse(request, _TEMPLATE, context, status=400)
