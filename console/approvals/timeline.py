"""What happened to a request, as its trail has it, in words."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from approvals.models import BudgetRequest, How, TrailEntry
from lib.money import format_money

MOST = 100  # entries that a page shows, the latest
_TITLES = {
    "request.drafted": "Written down",
    "request.submitted": "Asked for",
    "request.resubmitted": "Asked for anew",
    "request.edited": "Changed",
    "request.joined": "Asked for once more",
    "request.approved": "Approved",
    "request.rejected": "Rejected",
    "request.changes_requested": "Sent back",
    "request.withdrawn": "Taken back",
    "request.expired": "Expired: nobody decided in time",
    "step.opened": "People were asked",
    "step.reassigned": "Somebody else is asked",
    "reminder.sent": "Reminded",
    "reminder.escalated": "Told further up",
    "link.burnt": "A link was burnt: its reader is not who it is for",
}
_DECISIONS = {
    "approved": "Approved",
    "rejected": "Rejected",
    "changes_requested": "Changes requested",
}
_ENDS = {"request.approved": "ended", "request.rejected": "fired"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; "" stands for what there is nothing to say."""

    kind: str  # fired, ended, said: how it is marked
    at: datetime
    title: str
    text: str = ""
    by: str = ""


def timeline_of(request: BudgetRequest) -> list[Entry]:
    """Return what happened, in order: no more than people are to know. One query."""
    rows = TrailEntry.objects.filter(
        organization=request.organization_id,
        subject=request.uid,
        event__in=[*_TITLES, "request.decided"],
    )
    latest = list(rows.order_by("-number")[:MOST])
    return [_entry(row, request) for row in reversed(latest)]


def _entry(row: TrailEntry, request: BudgetRequest) -> Entry:
    details: dict[str, Any] = row.details
    if row.event == "request.decided":
        title = f"{_DECISIONS.get(str(details.get('outcome')), 'Decided')}, "
        title += f"“{details.get('step', '')}”"
    else:
        title = _TITLES[row.event]
    return Entry(
        kind=_ENDS.get(row.event, "said"),
        at=row.at,
        title=title,
        text=_text(row.event, details, request),
        by=""
        if row.how == "system" or row.event == "step.opened"
        else _by(row, details),
    )


def _by(row: TrailEntry, details: dict[str, Any]) -> str:
    if row.how == How.SYSTEM or row.event == "step.opened":
        return ""
    whose = details.get("for")
    instead = f" for {whose}" if whose and whose != row.actor else ""
    how = ", by the link in their mail" if row.how == How.LINK else ""
    return f"{row.actor}{instead}{how}"


def _text(event: str, details: dict[str, Any], request: BudgetRequest) -> str:
    if event == "step.opened":
        people = [str(one.get("person", "")) for one in details.get("asked", ())]
        return f"“{details.get('step', '')}”: {', '.join(people)}"
    if event == "step.reassigned":
        return f"{details['to']} instead of {details['from']}: {details['reason']}"
    if event.startswith("reminder."):
        return ", ".join(map(str, details.get("told", ())))
    if event == "request.edited" and details.get("voided"):
        return "Approvals given before count no longer."
    if event in {"request.submitted", "request.approved", "request.resubmitted"}:
        amount = Decimal(str(details["amount"]))
        return format_money(amount, request.currency) if amount else ""
    words = str(details.get("comments") or details.get("reason") or "")
    return f"“{words}”" if words else ""
