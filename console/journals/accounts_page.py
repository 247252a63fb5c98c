"""The editor of account mappings, with where last month's spend would go by them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import Organization
from accounts.scopes import Scope
from accounts.tenants import may
from accounts.versions import ChangedMeanwhile, last_change_of, seen_by
from console.budgets.tree_page import organization_asked
from console.journals.forms import COLUMNS, LABELS, MappingTable, SettingsForm
from console.pages import Pages, organizations_to_choose
from ledger.analytics import DAY
from lib.errors import Invalid, Refusal
from lib.periods import day_of
from reports.journals.mappings import AccountMapping, Accounts, Mappings, read_mappings
from reports.journals.setups import set_up, setup_of, setup_version
from reports.journals.spend import MonthSpend, spend_of
from reports.models import JournalSetup

_ASKING = "preview"  # the button that saves nothing
_MOST_SHOWN = 50


def accounts_url(organization: Organization) -> str:
    slug = urlencode({"organization": organization.slug})
    return f"{reverse('admin:reports_journalsetup_accounts')}?{slug}"


def accounts_page(request: HttpRequest, pages: Pages) -> HttpResponse:
    """Answer the editor of one organization's mappings, `?organization=SLUG`."""
    organization = organization_asked(request)
    if organization is None:
        context = pages.page(request, title="Accounts of journals")
        return TemplateResponse(request, "console/journals/accounts.html", context)
    may_change = may(request, Scope.ADMIN, organization)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    setup = setup_of(organization)
    data = request.POST if request.method == "POST" else None
    table, form = MappingTable(data, setup), SettingsForm(data, setup)
    is_asking = data is not None and _ASKING in data
    meanwhile = ""
    if data is not None and not is_asking:
        try:
            if _is_saved(request, organization, table, form):
                messages.success(request, "Accounts are saved.")
                return redirect(accounts_url(organization))
        except ChangedMeanwhile:
            last = last_change_of(setup) if setup.pk else None
            meanwhile = last.words if last else "Changed"
    context = pages.page(
        request,
        title="Accounts of journals",
        organization=organization,
        organizations=organizations_to_choose(request),
        setup=setup,
        table=table,
        form=form,
        columns=[LABELS[name] for name in COLUMNS],
        may_change=may_change,
        is_asking=is_asking,
        meanwhile=meanwhile,
        version=data.get("version", "") if is_asking and data else setup_version(setup),
        **_covered(organization, table),
    )
    return TemplateResponse(request, "console/journals/accounts.html", context)


def _is_saved(
    request: HttpRequest,
    organization: Organization,
    table: MappingTable,
    form: SettingsForm,
) -> bool:
    """Save what is filled in; False: something in it is wrong, and is told.

    Raises:
        ChangedMeanwhile: somebody else saved since the page was opened.
    """
    given = table.given()
    if not form.is_valid() or table.errors:
        form.add_error(None, _wrong(table, form))
        return False
    try:
        set_up(organization, given, form.cleaned_data, seen=seen_by(request.POST))
    except ChangedMeanwhile:
        raise
    except Refusal as refusal:
        table.tell(refusal)
        form.tell(refusal)
        form.add_error(None, _wrong(table, form) or f"Not saved: {refusal}")
        return False
    return True


def _wrong(table: MappingTable, form: SettingsForm) -> str:
    """Say how much there is to look at."""
    count = len(table.errors) + len([name for name in form.errors if name != "__all__"])
    if not count:
        return ""
    fields = "1 field needs" if count == 1 else f"{count} fields need"
    return f"Not saved: {fields} another look."


def _covered(organization: Organization, table: MappingTable) -> dict[str, Any]:
    """Return where last month's spend goes by what is filled in."""
    month = last_month(organization)
    mappings: Sequence[AccountMapping] = ()
    unread = ""
    try:
        mappings = read_mappings(table.given())
    except Invalid as refusal:
        table.tell(refusal)
        unread = str(refusal)
    spend = spend_of(organization, month, [Mappings(mappings)])
    return {
        "month": month,
        "unread": unread,
        "spend": spend,
        "unmapped": spend.unmapped[:_MOST_SHOWN],
        "more": len(spend.unmapped) - _MOST_SHOWN,
        "lines": _lines(spend),
    }


def _lines(spend: MonthSpend) -> list[tuple[Accounts, Decimal]]:
    """Return what goes where, the dearest first."""
    return sorted(spend.exact.items(), key=lambda one: (-abs(one[1]), one[0]))


def last_month(organization: Organization) -> date:
    """Return the first day of the month that was over last there."""
    today = day_of(timezone.now(), ZoneInfo(organization.timezone))
    return (today.replace(day=1) - DAY).replace(day=1)


def has_setup(organization: Organization) -> bool:
    """Tell whether somebody said which accounts costs go to."""
    rows = JournalSetup.objects.filter(organization=organization)
    return rows.exclude(mappings=[]).exists()
