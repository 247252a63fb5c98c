"""Files that take too long to wait for: asked for, written by a worker, fetched."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.http import QueryDict

from accounts.models import Organization, User
from lib.errors import Refusal
from lib.queue import enqueue
from reports.models import ExportState, SpendExport
from reports.spending.files import FORMS, Row, header_of, rows_of
from reports.spending.questions import SpendQuestion, question_of
from reports.spending.tables import table_of

MOST_AT_ONCE = 5_000  # rows that are written while one waits
KEPT = timedelta(days=1)
WRITE = "reports.spending.exports.write_export"
_TELL_EVERY = 1_000  # rows


@transaction.atomic
def ask_export(
    organization: Organization,
    person: User,
    question: SpendQuestion,
    form: str,
    *,
    now: datetime,
) -> SpendExport:
    """Have a worker write a file, and forget those that were kept long enough."""
    rows = SpendExport.objects.filter(organization=organization)
    rows.filter(created_at__lt=now - KEPT).delete()
    made = SpendExport.objects.create(
        organization=organization,
        person=person,
        query=question.query(),
        asked_on=now.astimezone(UTC).date(),
        form=form,
        created_at=now,
    )
    enqueue(WRITE, made.pk)
    return made


def write_export(pk: int) -> str:
    """Write the file of one export, unless that is done.

    A worker that dies leaves it to the next one, who begins anew: of two that write at
    the same time the first to end is kept.
    """
    waiting = SpendExport.objects.filter(pk=pk).exclude(state=ExportState.DONE)
    if not waiting.update(state=ExportState.WRITING, done=0, error=""):
        return "There is nothing to write."
    export = SpendExport.objects.select_related("organization").get(pk=pk)
    try:
        content = _written(export)
    except Refusal as refusal:
        error = str(refusal)[:200]
        waiting.update(state=ExportState.FAILED, error=error)
        return error
    waiting.update(state=ExportState.DONE, done=100, content=content)
    return f"Wrote {len(content):,} bytes."


def _written(export: SpendExport) -> bytes:
    organization = export.organization
    question = question_of(QueryDict(export.query), export.asked_on)
    table = table_of(question, organization)
    header = header_of(table, organization.currency)
    rows = _telling(export.pk, rows_of(table), len(table.lines))
    return b"".join(FORMS[export.form].pieces(header, rows))


def _telling(pk: int, rows: Iterator[Row], count: int) -> Iterator[Row]:
    """Pass *rows* on, and note every now and then how many of them are done."""
    for number, row in enumerate(rows):
        if number % _TELL_EVERY == 0:
            done = 10 + 80 * number // max(count, 1)  # the rows are read by now
            SpendExport.objects.filter(pk=pk, state=ExportState.WRITING).update(
                done=done
            )
        yield row
