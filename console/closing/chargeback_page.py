"""Chargeback: a month by department, team, project or customer; freezing, files."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may
from console.budgets.tree_page import organization_asked
from console.closing.months import month_asked, months_to_choose
from console.fields import WhyField
from console.pages import Pages, organizations_to_choose
from lib.errors import Invalid, Refusal
from lib.humanize import locale_of
from reports.chargeback.allocation import AllocationKey
from reports.chargeback.exports import issue_of
from reports.chargeback.figures import ChargebackFigures, only
from reports.chargeback.files import csv_of, key_words, paper_of, sentence_of
from reports.chargeback.reading import DIMENSIONS, TAGGED, by_of, label_of, tags_of
from reports.chargeback.services import charged_back, freeze, last_statement
from reports.models import ChargebackStatement

_TYPES = {"csv": "text/csv", "pdf": "application/pdf"}


class FreezeForm(forms.Form):
    """Keeps the figures as they are."""

    reason = WhyField(
        required=False, help_text="Required where it replaces another one."
    )


@dataclass(frozen=True, slots=True)
class ChargebackAsked:
    """What a page or a file is about."""

    organization: Organization
    month: date
    by: str
    key: AllocationKey

    @classmethod
    def of(cls, request: HttpRequest, organization: Organization) -> "ChargebackAsked":
        """Read an address.

        Raises:
            Http404: it names what is not there.
        """
        query, today = request.GET, timezone.now().date()
        try:
            by = by_of(query.get("by") or DIMENSIONS[0])
            key = AllocationKey(query.get("key") or AllocationKey.SPEND)
        except (Invalid, ValueError) as error:
            raise Http404("There is no such chargeback.") from error
        return cls(organization, month_asked(query.get("month", ""), today), by, key)

    @property
    def query(self) -> str:
        return urlencode(
            {
                "organization": self.organization.slug,
                "month": f"{self.month:%Y-%m}",
                "by": self.by,
                "key": self.key.value,
            }
        )

    def figures(self) -> ChargebackFigures:
        return charged_back(self.organization, self.month, self.by, self.key)

    def last(self) -> ChargebackStatement | None:
        return last_statement(self.organization, self.month, self.by, self.key)


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """One line of the page."""

    name: str
    direct: Decimal
    allocated: Decimal
    total: Decimal
    file: str  # the address of its own statement, but for the format


def chargeback_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Show a month's chargeback, and freeze it when told."""
    organization = organization_asked(request)
    if organization is None:
        context = pages.page(request, title="Chargeback", opts=None)
        return TemplateResponse(request, "console/closing/chargeback.html", context)
    asked = ChargebackAsked.of(request, organization)
    may_freeze = may(request, Scope.ADMIN, organization)
    form = FreezeForm(request.POST or None)
    if request.method == "POST":
        if not may_freeze:
            raise PermissionDenied
        if form.is_valid() and (done := _frozen(request, asked, form)):
            return done
    figures, last = asked.figures(), asked.last()
    issue = issue_of(figures, last, locale_of(request), now=timezone.now())
    today = timezone.now().date()
    context = pages.page(
        request,
        title="Chargeback",
        opts=None,
        organization=organization,
        organizations=organizations_to_choose(request),
        asked=asked,
        month=f"{asked.month:%Y-%m}",
        months=months_to_choose(asked.month, today),
        units=_units_to_choose(asked),
        keys=[(key.value, key_words(key).capitalize()) for key in AllocationKey],
        sentence=sentence_of(figures, locale_of(request)),
        label=label_of(asked.by),
        lines=_lines(figures, asked),
        unallocated=Decimal(figures.unallocated),
        total=Decimal(figures.total),
        last=last,
        is_frozen=bool(issue.sha256),
        form=form,
        may_freeze=may_freeze,
    )
    return TemplateResponse(request, "console/closing/chargeback.html", context)


def chargeback_file(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer a month's chargeback as a file, or the statement of one unit."""
    organization = organization_asked(request)
    form, name = request.GET.get("format", ""), request.GET.get("name", "")
    if organization is None or form not in _TYPES:
        raise Http404("There is no such file.")
    asked = ChargebackAsked.of(request, organization)
    whole = asked.figures()
    shown = only(whole, name) if name else whole
    if shown is None:
        raise Http404("There is no such statement.")
    issue = issue_of(whole, asked.last(), locale_of(request), now=timezone.now())
    try:
        body = csv_of(shown) if form == "csv" else paper_of(shown, issue, unit=name)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return _back(asked)
    response = HttpResponse(body, content_type=_TYPES[form])
    file_name = f"chargeback-{organization.slug}-{asked.month:%Y-%m}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _frozen(
    request: HttpRequest, asked: ChargebackAsked, form: FreezeForm
) -> HttpResponse | None:
    try:
        made, is_new = freeze(
            asked.organization,
            asked.month,
            asked.by,
            asked.key,
            reason=form.cleaned_data["reason"],
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return None
    words = "frozen" if is_new else "frozen already, with the same figures"
    messages.success(request, f"Revision {made.revision} is {words}.")
    return _back(asked)


def _back(asked: ChargebackAsked) -> HttpResponse:
    place = reverse("admin:reports_chargebackstatement_changelist")
    return redirect(f"{place}?{asked.query}")


def _lines(figures: ChargebackFigures, asked: ChargebackAsked) -> list[ChargedLine]:
    place = reverse("admin:reports_chargebackstatement_file")
    return [
        ChargedLine(
            line.name,
            Decimal(line.direct),
            Decimal(line.allocated),
            Decimal(line.total),
            f"{place}?{asked.query}&{urlencode({'name': line.name})}",
        )
        for line in figures.lines
    ]


def _units_to_choose(asked: ChargebackAsked) -> list[tuple[str, str]]:
    tags = [f"{TAGGED}{name}" for name in tags_of(asked.organization)]
    if asked.by not in (*DIMENSIONS, *tags):
        tags.append(asked.by)
    return [
        *((name, name.capitalize()) for name in DIMENSIONS),
        *((tag, f"Tag {label_of(tag)}") for tag in tags),
    ]
