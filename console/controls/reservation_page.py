"""The page of one authorization or lease, and the one that asks before its release."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.permissions import Action, Relation, relations_for
from accounts.tenants import person
from budgets.models import Budget, Reservation
from budgets.permissions import budgets_for
from budgets.reservations.lines import lines_of
from budgets.reservations.release import release
from console.pages import Pages, row_or_404
from console.templatetags.console import status
from controls.decisions.release import release_call
from lib.humanize import ahead, exact_clock, locale_of
from lib.money import format_money, from_units

_STATES = {
    Reservation.State.OPEN: ("NONE", "Open"),
    Reservation.State.SETTLED: ("OK", "Settled"),
    Reservation.State.RELEASED: ("OK", "Released"),
    Reservation.State.EXPIRED: ("WARNING", "Expired"),
}
_PLACES = ("project", "team", "department", "environment", "user")
_TEMPLATE = "console/controls/reservation.html"


def reservation_page(request: HttpRequest, pages: Pages, asked: str) -> HttpResponse:
    row = _row(request, pages, asked)
    return TemplateResponse(request, _TEMPLATE, _context(request, pages, row))


def release_page(
    request: HttpRequest, pages: Pages, reservation_id: int
) -> HttpResponse:
    """Ask before money is given back, and then do it."""
    row = _row(request, pages, reservation_id)
    if not _may_release(request, row):
        raise PermissionDenied
    if request.method != "POST":
        context = _context(request, pages, row)
        context |= {"is_asking": True, "here": "Release"}
        return TemplateResponse(request, _TEMPLATE, context)
    _release(request, pages, row)
    return redirect("admin:budgets_reservation_change", row.pk)


def _release(request: HttpRequest, pages: Pages, row: Reservation) -> None:
    held = format_money(row.held, row.organization.currency, locale_of(request))
    if row.state != Reservation.State.OPEN or not _given_back(row):
        messages.warning(request, "It had ended already: nothing was given back.")
        return
    pages.log_change(request, row, "Released")
    messages.success(request, f"Released: {held} may be spent on other calls.")


def _row(request: HttpRequest, pages: Pages, asked: int | str) -> Reservation:
    rows = pages.get_queryset(request).select_related("organization")
    row: Reservation = row_or_404(rows, asked, "authorization or lease")
    return row


def _may_release(request: HttpRequest, row: Reservation) -> bool:
    """Tell whether the person may release *row*: one of its budgets is theirs to."""
    allowed = budgets_for(person(request), Action.RELEASE)
    held = [line.budget_id for line in lines_of(row)]
    if held:
        return allowed.filter(pk__in=held).exists()
    # It holds money of no budget, so it is the organization's.
    of_all = relations_for(person(request), Action.RELEASE, row.organization)
    return Relation.ELSEWHERE in of_all


def _context(request: HttpRequest, pages: Pages, row: Reservation) -> dict[str, Any]:
    locale, currency = locale_of(request), row.organization.currency
    is_open = row.state == Reservation.State.OPEN

    def money(amount: Decimal) -> str:
        return format_money(amount, currency, locale)

    title = row.get_kind_display()
    return pages.page(
        request,
        title=title,
        way=[(row.pk, title)],
        here="",
        row=row,
        state=state_of(row),
        sentence=_sentence(row, money),
        figures=[
            ("Granted", money(row.granted)),
            ("Held", money(row.held)),
            ("Settled", money(row.settled)),
            ("Usage records that named it", row.records),
        ],
        path=_path(row.path),
        lines=_lines(row),
        decision=_decision(row),
        reasons=row.details.get("reasons", ()),
        may_release=is_open and _may_release(request, row),
        is_lease=row.kind == Reservation.Kind.LEASE,
    )


def _decision(row: Reservation) -> Iterator[tuple[str, str]]:
    """Yield what was decided, and when it was made and ends."""
    asked = row.details.get("asked")
    if decided := row.details.get("decision"):
        other = asked and asked != row.path.get("model")
        yield "Decided", f"{decided}: asked for {asked}" if other else decided
    yield "Made (UTC)", _instant(row.at)
    ended = row.ended_at
    yield f"{'Ended' if ended else 'Expires'} (UTC)", _instant(ended or row.expires_at)


def _instant(at: datetime) -> str:
    return exact_clock(at, ZoneInfo("UTC"))


def state_of(row: Reservation) -> SafeString:
    return status(*_STATES[Reservation.State(row.state)])


def places_of(row: Reservation) -> list[str]:
    """Return what it belongs to, the smallest first."""
    return [value for name in _PLACES if (value := row.path.get(name))]


def what_of(row: Reservation) -> str:
    """Say what it is for: "gpt-4o for search"."""
    place = next(iter(places_of(row)), "")
    return f"{row.path['model']} for {place}" if place else str(row.path["model"])


def _given_back(row: Reservation) -> bool:
    """Release *row*; tell whether it was this that ended it."""
    now = timezone.now()
    if row.kind == Reservation.Kind.LEASE:
        ended = release(row.organization_id, row.uid, now=now)
    else:
        ended = release_call(row, now=now)
    return (
        ended is not None
        and ended.state == Reservation.State.RELEASED
        and ended.ended_at == now
    )


def _sentence(row: Reservation, money: Callable[[Decimal], str]) -> str:
    what, granted = what_of(row), money(row.granted)
    match row.state:
        case Reservation.State.OPEN:
            until = ahead(row.expires_at, timezone.now())
            return f"{money(row.held)} is set aside for {what}; expires {until}."
        case Reservation.State.SETTLED:
            return f"{what} cost {money(row.settled)} of the {granted} set aside."
        case Reservation.State.RELEASED:
            return f"The {granted} for {what} was given back{_beside(row, money)}."
    return (
        f"Nothing more came for {what} in time, so what was left of {granted} "
        f"went back{_beside(row, money)}."
    )


def _beside(row: Reservation, money: Callable[[Decimal], str]) -> str:
    return f", but for {money(row.settled)} that was spent" if row.settled else ""


def _path(path: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what it is for: name and value, without what was not said."""
    said = {name: value for name, value in path.items() if value}
    if isinstance(tags := said.get("tags"), Mapping):
        said["tags"] = ", ".join(f"{k}={v}" if v else str(k) for k, v in tags.items())
    elif isinstance(tags, Sequence) and not isinstance(tags, str):
        said["tags"] = ", ".join(str(tag) for tag in tags)
    names = {"tier": "service tier"}
    return [(names.get(name, name).capitalize(), str(v)) for name, v in said.items()]


def _lines(row: Reservation) -> list[tuple[Budget, Decimal]]:
    """Return the budgets it holds money of, the topmost first. One query."""
    held = {line.budget_id: line.units for line in lines_of(row)}
    budgets = Budget.objects.filter(pk__in=held, organization=row.organization_id)
    return [
        (one, from_units(held[one.pk])) for one in budgets.order_by("level", "name")
    ]
