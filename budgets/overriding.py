"""Giving one value of a template another amount than the others have."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from budgets.amounts import change_amount
from budgets.errors import IsArchived, NoTemplate, TemplateFull
from budgets.index import NewValue
from budgets.models import Budget
from budgets.opening import open_budgets
from budgets.reshaping import reshape
from budgets.services import held_budget
from budgets.templates import LONGEST_VALUE, ForEach
from budgets.validation import path_of, sound_amount
from lib.errors import Invalid
from lib.queue import announce


@transaction.atomic
def override(
    template: Budget,
    value: str,
    amount: Decimal | None,
    *,
    now: datetime,
    reason: str = "",
) -> Budget:
    """Give the budget that *template* makes for *value* its own *amount*, and return
    it; None: the template's again. Where there is none yet it is made.

    Raises:
        NoTemplate: the budget is none.
        TemplateFull: it makes no more budgets.
        IsArchived: the template is over, or the value's budget is.
        Invalid: the value is none, or the amount is.
    """
    template = held_budget(template)
    if not template.is_template:
        raise NoTemplate(f"“{template.name}” makes no budgets, so none differs.")
    if template.archived_at:
        raise IsArchived(f"“{template.name}” is archived and can't be changed.")
    wanted = NewValue(template.pk, _sound_value(template, value))
    is_new = not Budget.objects.filter(
        template_of=template, template_value=wanted.value
    ).exists()
    rows, _ = open_budgets(template.organization, [wanted], reason=reason)
    row = rows.get(wanted)
    if row is None:
        raise TemplateFull(
            f"“{template.name}” has {template.template_most:,} budgets, as many as it "
            "may make. Have it make more, or archive some of them."
        )
    if row.archived_at:
        raise IsArchived(f"“{row.name}” is archived and can't be changed.")
    row.is_override = amount is not None
    row.amount = template.amount if amount is None else sound_amount(amount)
    row.give_reason(reason)
    row.save(update_fields=["amount", "is_override"])
    change_amount(row, row.currency, now=now, reason=reason)
    if is_new:  # maybe met while the template had as many as it may make
        reshape(row.organization, {*path_of(row)}, redated=[row.pk])
    else:
        row.organization.touch()
    announce("budgets.watched_amounts", row.organization_id)
    row.refresh_from_db()
    return row


def _sound_value(template: Budget, value: str) -> str:
    name = ForEach.of(template.template_for_each).one_name(value)
    if not 0 < len(name) <= LONGEST_VALUE or "\x00" in name:
        raise Invalid.field("value", f"Must have 1 to {LONGEST_VALUE} characters.")
    return name
