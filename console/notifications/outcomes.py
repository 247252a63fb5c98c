"""What became of messages that somebody has just sent, for who waits to see it."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from lib.lookups import uuid_of
from notifications.models import Delivery, DeliveryState
from notifications.samples import is_trial
from notifications.trials import is_left_lying, is_under_way, outcome, sent_with

SENT = "sent"  # in the query of the page that waits: the uid of a delivery
_PART = "console/notifications/outcome.html"


@dataclass(frozen=True, slots=True)
class Shown:
    """How it stands with what was sent, and where to look again."""

    words: str
    level: str  # good, bad, or "" while nothing is known
    is_under_way: bool
    is_left_lying: bool  # nobody seems to send
    place: str  # answers the same part of the page, as it stands by then


def outcome_of(request: HttpRequest, rows: QuerySet[Delivery]) -> Shown | None:
    """Return what a page says of the delivery that its address names; None: of none."""
    uid = uuid_of(request.GET.get(SENT, ""))
    delivery = rows.filter(uid=uid).first() if uid else None
    return shown_of(delivery) if delivery else None


def shown_of(delivery: Delivery) -> Shown:
    now = timezone.now()
    rows = sent_with(delivery)
    found = outcome(rows)
    waits = any(is_under_way(row, now) for row in rows)
    level, words = _words(found["state"], found["error"], waits=waits)
    what = "The test message" if is_trial(delivery.subject) else "It"
    return Shown(
        words=f"{what} {words}".strip(),
        level=level,
        is_under_way=waits,
        is_left_lying=any(is_left_lying(row, now) for row in rows),
        place=reverse("admin:notifications_delivery_outcome", args=[delivery.uid]),
    )


def outcome_part(
    rows: QuerySet[Delivery], request: HttpRequest, uid: UUID
) -> HttpResponse:
    """Answer the part of a page that says what became of a delivery."""
    delivery = rows.filter(uid=uid).first()
    if delivery is None:
        raise Http404("There is no such delivery.")
    return render(request, _PART, {"outcome": shown_of(delivery)})


def _words(state: str, error: str, *, waits: bool) -> tuple[str, str]:
    if waits:
        return "", "is on its way."
    if state == DeliveryState.DELIVERED:
        return "good", f"was delivered. {error}"
    if state == DeliveryState.FAILED:
        return "bad", f"did not arrive. {error}"
    return "bad", f"did not arrive yet. {error}"
