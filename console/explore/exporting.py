"""Long files: how far they are, and the way to them."""

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse

from accounts.access import visible_to
from accounts.tenants import person
from console.budgets.first_steps import STOP_POLLING
from console.explore.page import as_file
from console.pages import Pages, row_or_404
from reports.models import ExportState, SpendExport
from reports.spending.files import FORMS, name_of
from reports.spending.questions import question_of


def export_of(request: HttpRequest, asked: str) -> SpendExport:
    """Return a file that the person asked for, without its content.

    Raises:
        Http404: they asked for no such one, or it is forgotten.
    """
    user = person(request)
    mine = visible_to(user, SpendExport.objects.filter(person=user))
    rows = mine.defer("content").select_related("organization")
    return row_or_404(rows, asked, "file")


def export_page(
    request: HttpRequest, pages: Pages, spendexport_id: str
) -> HttpResponse:
    """Answer how far a file is; with `?part`, that part of the page alone."""
    export = export_of(request, spendexport_id)
    context = pages.page(request, title="A file of Explore", opts=None, export=export)
    is_over = export.state in {ExportState.DONE, ExportState.FAILED}
    if "part" in request.GET:
        return TemplateResponse(
            request,
            "console/explore/progress.html",
            context | {"is_over": is_over},
            status=STOP_POLLING if is_over else 200,
        )
    return TemplateResponse(
        request, "console/explore/export.html", context | {"is_over": is_over}
    )


def export_file(
    request: HttpRequest, pages: Pages, spendexport_id: str
) -> HttpResponse:
    """Answer the file itself."""
    export = export_of(request, spendexport_id)
    if export.state != ExportState.DONE:
        raise Http404("This file is not written yet.")
    asked = question_of(QueryDict(export.query), export.asked_on)
    name = name_of(asked, export.organization.slug, export.form)
    return HttpResponse(
        bytes(export.content or b""),
        content_type=FORMS[export.form].content_type,
        headers=as_file(name),
    )
