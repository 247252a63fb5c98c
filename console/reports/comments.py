"""What is filled in beside a row of a report: why it is off, and what comes of it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from budgets.models import Budget
from reports.monthly.commenting import MOST_NAME, MOST_TEXT, Remark
from reports.monthly.figures import ReportRow


class CommentForm(forms.Form):
    """The comment of one row."""

    text = forms.CharField(
        label="Why it is off",
        required=False,
        max_length=MOST_TEXT,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
    )
    driver = forms.CharField(
        label="What drives it",
        required=False,
        max_length=MOST_NAME,
        widget=UnfoldAdminTextInputWidget,
    )
    owner = forms.CharField(
        label="Who sees to it",
        required=False,
        max_length=MOST_NAME,
        widget=UnfoldAdminTextInputWidget,
    )
    action = forms.CharField(
        label="What is done",
        required=False,
        max_length=MOST_TEXT,
        widget=UnfoldAdminTextInputWidget,
    )
    due = forms.DateField(
        label="Until when",
        required=False,
        widget=UnfoldAdminTextInputWidget({"type": "date"}),
    )

    row: ReportRow
    budget: Budget


def forms_of(
    rows: Sequence[ReportRow],
    budgets: Mapping[UUID, Budget],
    data: Mapping[str, Any] | None,
) -> list[CommentForm]:
    """Return a form for each of *rows* whose budget is among *budgets*."""
    found = []
    for row in rows:
        if (budget := budgets.get(row.budget)) is None:
            continue
        said = row.comment
        form = CommentForm(
            data,
            prefix=f"row-{budget.pk}",
            initial={name: getattr(said, name) for name in CommentForm.base_fields}
            if said
            else {},
        )
        form.row, form.budget = row, budget
        found.append(form)
    return found


def remarks_of(forms: Sequence[CommentForm]) -> list[Remark]:
    """Return what was written, all of it valid."""
    return [Remark(form.budget, **form.cleaned_data) for form in forms]
