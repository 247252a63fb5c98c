"""One month: what would be posted of it now, and what was, with its files."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.audit import MOST_REASON
from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may
from console.asking import reason_in
from console.journals.accounts_page import accounts_url
from console.journals.months_page import month_url
from console.pages import Pages, organization_or_404, row_or_404
from lib.errors import NotFound, Refusal
from lib.humanize import locale_of
from lib.money import format_money
from lib.periods import day_of
from lib.query_params import month_of
from reports.exports import order_of
from reports.journals.amounts import ZERO, PairKey
from reports.journals.exports import JOURNAL, export_of
from reports.journals.services import JournalDraft, amounts_of, draft_of, post
from reports.journals.spend import is_over
from reports.journals.systems import SYSTEMS
from reports.models import Journal

_MOST_SHOWN = 100  # lines


@dataclass(frozen=True, slots=True)
class PostedLine:
    """A posting on its month's page."""

    journal: Journal
    lines: list[tuple[PairKey, Decimal]]
    files: list[tuple[str, str, str]]  # system, address of its file, of its zip

    @property
    def more(self) -> int:
        return len(self.lines) - _MOST_SHOWN

    @property
    def shown(self) -> list[tuple[PairKey, Decimal]]:
        return self.lines[:_MOST_SHOWN]


def month_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer a month, `?organization=SLUG&month=2025-01`, and post it when told."""
    organization = organization_or_404(request, request.GET.get("organization", ""))
    month = _month(request, organization)
    may_post = may(request, Scope.ADMIN, organization)
    refusal = ""
    if request.method == "POST":
        if not may_post:
            raise PermissionDenied
        try:
            return _posted(request, organization, month)
        except Refusal as refused:
            refusal = str(refused)
    anew = "anew" in request.GET
    draft = draft_of(organization, month, now=timezone.now(), anew=anew)
    journals = Journal.objects.filter(organization=organization).of_month(month)
    amounts = list(draft.facts.amounts.items())
    context = pages.page(
        request,
        title=f"Journal of {month:%B %Y}",
        opts=None,
        organization=organization,
        month=month,
        draft=draft,
        amount=sum((one for _, one in amounts), ZERO),
        lines=amounts[:_MOST_SHOWN],
        more=len(amounts) - _MOST_SHOWN,
        unmapped=draft.spend.unmapped[:_MOST_SHOWN],
        is_over=is_over(organization, month, draft.cut_off),
        postings=[_posting(one) for one in journals.prefetch_related("lines")],
        accounts=accounts_url(organization),
        anew=anew,
        anew_url=f"{month_url(organization, month)}&anew=1",
        kept_url=month_url(organization, month),
        may_post=may_post,
        refusal=refusal,
        most_reason=MOST_REASON,
        sentence=_sentence(draft, locale_of(request)),
    )
    return TemplateResponse(request, "console/journals/month.html", context)


def _month(request: HttpRequest, organization: Organization) -> date:
    zone = ZoneInfo(organization.timezone)
    try:
        window = month_of(request.GET.get("month", ""), "month", zone=zone)
    except Refusal as refusal:
        raise Http404("There is no such month.") from refusal
    return day_of(window.start, zone)


def _posted(
    request: HttpRequest, organization: Organization, month: date
) -> HttpResponse:
    """Post what the page showed.

    Raises:
        Refusal: nothing is posted.
    """
    journal = post(
        organization,
        month,
        now=timezone.now(),
        correct=request.POST.get("what") == "correction",
        anew="anew" in request.GET,
        reason=reason_in(request.POST)[:MOST_REASON],
        seen=request.POST.get("seen", ""),
    )
    messages.success(request, f"{journal.external_id} is posted.")
    return redirect(month_url(organization, month))


def _posting(journal: Journal) -> PostedLine:
    home = reverse("admin:reports_journal_file", args=[journal.pk])
    files = [
        (
            SYSTEMS[name].title,
            f"{home}?{urlencode({'system': name, 'as': 'csv'})}"
            if len(files) == 1
            else "",
            f"{home}?{urlencode({'system': name, 'as': 'zip'})}",
        )
        for name in SYSTEMS
        if (files := journal.files.get(name))
    ]
    return PostedLine(journal, list(amounts_of(journal).items()), files)


def _sentence(draft: JournalDraft, locale: str) -> str:
    """Say the answer first."""
    amounts, currency = draft.facts.amounts, draft.facts.style.currency
    total = sum(amounts.values(), ZERO)
    month = f"{draft.facts.month:%B %Y}"
    if draft.facts.number == 1:
        if not amounts:
            return f"{month} has no amount to post."
        words = format_money(total, currency, locale)
        return f"{month} comes to {words}; it is not posted yet."
    if not amounts:
        return f"{month} is posted, and nothing has changed since."
    change = format_money(total, currency, locale)
    return f"{month} is posted, and has changed by {change} since."


def file_page(request: HttpRequest, pages: Pages, journal_id: int) -> HttpResponse:
    """Answer a file of a posting: `?system=xero&as=csv`, or all of them as zip."""
    rows = pages.get_queryset(request).select_related("organization")
    journal: Journal = row_or_404(rows, journal_id, "journal")
    extension = request.GET.get("as", "zip")
    if extension not in JOURNAL.formats:
        raise Http404("There is no such file.")
    asked: dict[str, Any] = {
        "system": request.GET.get("system", ""),
        "month": f"{journal.month:%Y-%m}",
        "posting": str(journal.number),
    }
    try:
        order = order_of(JOURNAL, journal.organization, asked, now=timezone.now())
        found = export_of(order)
    except NotFound as refusal:
        raise Http404("There is no such file.") from refusal
    kind = JOURNAL.formats[extension].content_type
    response = HttpResponse(found.content(extension), content_type=kind)
    name = found.name(extension)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
