"""What people write to the rows of a draft."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import F

from accounts.permissions import Action, Actor
from accounts.versions import ChangedMeanwhile, Seen
from budgets.models import Budget
from budgets.permissions import require
from lib.errors import Invalid
from reports.models import Report, ReportComment, ReportState
from reports.monthly.errors import NotADraft
from reports.monthly.frozen import thawed

MOST_TEXT = 2_000  # characters
MOST_NAME = 200


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to stand beside one row; no *text* takes it away."""

    budget: Budget
    text: str
    driver: str = ""
    owner: str = ""
    action: str = ""
    due: date | None = None


@transaction.atomic
def write_comments(
    report: Report,
    remarks: Sequence[Remark],
    *,
    actor: Actor,
    by: str,
    now: datetime,
    seen: Seen | None = None,
) -> Report:
    """Write *remarks*, each beside its row; other rows keep what they have.

    *seen*: the versions of the commentary (`Report.commentary`) that will do.

    Raises:
        NotYours: a row is not theirs to comment.
        NotADraft: the report is final, or not made yet.
        Invalid: a budget is not in the report, or a text is too long.
        ChangedMeanwhile: somebody else has commented since it was *seen*.
    """
    rows = Report.objects.filter(pk=report.pk, state=ReportState.DRAFT)
    if seen is not None:
        rows = rows.filter(commentary__in=[int(one) for one in seen if one.isdigit()])
    # The row is held from here on: whoever signs the draft is before or after.
    if not rows.update(commentary=F("commentary") + 1):
        _refuse(report)
    held = Report.objects.get(pk=report.pk)
    told = {row.budget for row in thawed(held.figures).rows}
    for place, remark in enumerate(remarks):
        if remark.budget.uid not in told:
            raise Invalid.field(
                f"{place}.budget", f"“{remark.budget.name}” is not in this report."
            )
        require(actor, Action.CHANGE, remark.budget)
        _write(held, remark, by, now)
    return held


def _refuse(report: Report) -> None:
    report.refresh_from_db(fields=["state", "commentary"])
    if report.state == ReportState.DRAFT:
        raise ChangedMeanwhile(
            "Somebody else has commented since you read it. Read it again, and send "
            "your change with the new ETag."
        )
    raise NotADraft(
        f"The report of {report.month:%B %Y} is {report.get_state_display().lower()}: "
        "only a draft is commented."
    )


def _write(report: Report, remark: Remark, by: str, now: datetime) -> None:
    there = ReportComment.objects.filter(report=report, budget=remark.budget).first()
    text = remark.text.strip()
    if not text:
        if there is not None:
            there.delete()
        return
    comment = there or ReportComment(
        organization_id=report.organization_id, report=report, budget=remark.budget
    )
    said = (text, remark.driver, remark.owner, remark.action, remark.due)
    before = (
        comment.text,
        comment.driver,
        comment.owner,
        comment.action,
        comment.due,
    )
    if said == before:
        return
    comment.text, comment.driver, comment.owner, comment.action, comment.due = said
    comment.writer, comment.written_at = by, now
    comment.save()
