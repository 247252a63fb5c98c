"""The page of a fixed charge: what it charged, what it still will, and ending it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.scopes import Scope
from accounts.tenants import may
from console.drawings import Fact
from console.fields import WhyField
from console.pages import Pages, row_or_404
from intake.fixed_charges import cancel
from ledger.amortization import ChargeInterval, months_after
from ledger.models import FixedCharge
from lib.errors import Refusal
from lib.humanize import date_words, locale_of, month_words
from lib.money import format_money
from lib.periods import day_of

MOST_MONTHS = 18  # that the page lists
_EACH = {
    ChargeInterval.ONCE: "once",
    ChargeInterval.MONTHLY: "a month",
    ChargeInterval.ANNUAL: "a year",
}
STATES = {  # of charges: status, word
    "planned": ("NONE", "planned"),
    "running": ("OK", "running"),
    "ended": ("NONE", "ended"),
    "cancelled": ("WARNING", "cancelled"),
}


class EndForm(forms.Form):
    """Ends a charge from a day on."""

    from_date = forms.DateField(
        label="From",
        widget=UnfoldAdminTextInputWidget({"type": "date"}),
        help_text="The first day that is not charged; what was booked since is off.",
    )
    reason = WhyField(help_text="Kept beside the money.")


@dataclass(frozen=True, slots=True)
class ChargedMonth:
    """What a charge has of one month."""

    name: str
    amount: Decimal
    booked: Decimal

    @property
    def to_come(self) -> Decimal:
        return self.amount - self.booked


def price_words(charge: FixedCharge, locale: str) -> str:
    """Return an amount and how often it falls due: “$310.00 a month”."""
    amount = format_money(charge.amount, charge.currency, locale)
    return f"{amount} {_EACH[ChargeInterval(charge.interval)]}"


def days_words(charge: FixedCharge) -> str:
    begins = date_words(charge.start_date)
    if charge.last_day is None:
        return f"from {begins} on"
    return f"{begins} to {date_words(charge.last_day)}"


def today_of(charge: FixedCharge) -> date:
    return day_of(timezone.now(), ZoneInfo(charge.organization.timezone))


def charge_page(request: HttpRequest, pages: Pages, asked: str) -> HttpResponse:
    """Answer what a charge comes to, and how to end it. Two queries."""
    charge = _charge_of(request, pages, asked)
    may_end = charge.cancelled_from is None and _may_end(request, charge)
    return _page(request, pages, charge, EndForm() if may_end else None)


def end_page(request: HttpRequest, pages: Pages, fixedcharge_id: int) -> HttpResponse:
    """End a charge by a POST; else lead to its page."""
    charge = _charge_of(request, pages, str(fixedcharge_id))
    if not _may_end(request, charge):
        raise PermissionDenied
    form = EndForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            ended = cancel(
                charge,
                day=form.cleaned_data["from_date"],
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                f"“{charge}” is not charged from {_words(ended.cancelled_from)} on.",
            )
            return redirect(_url(charge))
    return _page(request, pages, charge, form)


def _charge_of(request: HttpRequest, pages: Pages, asked: str) -> FixedCharge:
    rows = pages.get_queryset(request).select_related(
        "organization", "replaces", "replacement"
    )
    found: FixedCharge = row_or_404(rows, asked, "fixed charge")
    return found


def _may_end(request: HttpRequest, charge: FixedCharge) -> bool:
    return may(request, Scope.ADMIN, charge.organization)


def _page(
    request: HttpRequest, pages: Pages, charge: FixedCharge, form: EndForm | None
) -> HttpResponse:
    months = list(_months(charge, today_of(charge)))
    records = reverse("admin:ledger_costrecord_changelist")
    asked = {"model": charge.model, "since": charge.start_date.isoformat()}
    context = pages.page(
        request,
        title=f"Fixed charge {charge.name}",
        charge=charge,
        state=STATES[charge.state_on(today_of(charge))],
        sentence=_sentence(charge, locale_of(request)),
        months=months[:MOST_MONTHS],
        more=len(months) - MOST_MONTHS,
        facts=list(_facts(charge)),
        records=f"{records}?{urlencode(asked)}",
        form=form,
        may_correct=charge.cancelled_from is None and _may_end(request, charge),
        replacement=getattr(charge, "replacement", None),
    )
    return TemplateResponse(request, "console/charges/charge.html", context)


def _sentence(charge: FixedCharge, locale: str) -> str:
    """Say the answer first."""
    booked = format_money(charge.booked, charge.currency, locale)
    price = price_words(charge, locale)
    told = f"{charge.name} costs {price}, {days_words(charge)}: {booked} is booked"
    if charge.to_come is None:
        return f"{told}, and it goes on."
    if not charge.to_come:
        return f"{told}, and nothing is to come."
    return f"{told}, {format_money(charge.to_come, charge.currency, locale)} to come."


def _months(charge: FixedCharge, today: date) -> Iterator[ChargedMonth]:
    """Yield the months of a charge, those around today where it has many."""
    ends = charge.ends_before
    first = charge.start_date.replace(day=1)
    if ends is None or ends > months_after(today, MOST_MONTHS):
        first = max(first, months_after(today.replace(day=1), -6))
        ends = months_after(first, MOST_MONTHS)
    while first < ends:
        after = months_after(first, 1)
        last = min(after, ends)
        booked = charge.terms.between(first, min(last, charge.booked_to))
        yield ChargedMonth(
            month_words(first), charge.terms.between(first, last), booked
        )
        first = after


def _facts(charge: FixedCharge) -> Iterator[Fact]:
    yield Fact("Organization", charge.organization.name)
    yield Fact("Kind", charge.get_kind_display())
    yield Fact("Provider", charge.provider)
    for name in ("department", "team", "project", "environment", "user"):
        if value := getattr(charge, name):
            yield Fact(name.capitalize(), value)
    if charge.tags:
        yield Fact("Tags", _tags_words(charge))
    if charge.covers:
        yield Fact("Pays for usage of", ", ".join(charge.covers))
    until = charge.booked_to - timedelta(days=1)
    if until >= charge.start_date:
        yield Fact("Booked until", date_words(until))
    yield Fact("Kept by", charge.created_by)
    yield Fact("Why", charge.reason)
    if charge.cancelled_from is not None:
        yield Fact("Not charged from", date_words(charge.cancelled_from))
        yield Fact("Ended by", charge.cancelled_by)
        yield Fact("Why it ended", charge.cancel_reason)
    if charge.replaces:
        yield Fact("Stands instead of", charge.replaces.name, _url(charge.replaces))


def _tags_words(charge: FixedCharge) -> str:
    if isinstance(charge.tags, dict):
        return ", ".join(f"{name}={value}" for name, value in charge.tags.items())
    return ", ".join(charge.tags)


def _words(day: date | None) -> str:
    return "" if day is None else date_words(day)


def _url(charge: FixedCharge) -> str:
    return reverse("admin:ledger_fixedcharge_change", args=[charge.pk])
