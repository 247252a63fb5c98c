"""Which kinds of sheets there are, and what is looked at for a change."""

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime

from bulk.alert_rules import AlertRuleSheet
from bulk.budgets import BudgetSheet
from bulk.channels import ChannelSheet
from bulk.columns import check_names
from bulk.kinds import SheetKind, Tell
from bulk.models import BulkChange, BulkKind, BulkSource
from bulk.prices import PriceSheet
from bulk.rules import RuleSheet
from bulk.sheets import read_sheet
from bulk.types import DraftStep
from bulk.wishes import lines_of_copy, lines_of_edit

_KINDS: Mapping[str, SheetKind] = {
    one.kind: one
    for one in (
        BudgetSheet(),
        PriceSheet(),
        ChannelSheet(),
        RuleSheet(),
        AlertRuleSheet(),
    )
}


def kind_of(name: str) -> SheetKind:
    """Return the kind of sheets that is called *name*."""
    return _KINDS[name]


def planned_by(change: BulkChange, *, now: datetime, tell: Tell) -> list[DraftStep]:
    """Return what *change* would do.

    Raises:
        Refusal: what is wanted can't be read.
    """
    kind = kind_of(change.kind)
    if change.source == BulkSource.FILE:
        lines = read_sheet(b64decode(change.content), change.title)
    elif change.source == BulkSource.COPY:
        lines = lines_of_copy(change.organization, change.asked, now=now)
    else:
        lines = lines_of_edit(change.organization, change.asked)
    check_names(lines, kind.columns, kind.key)
    return kind.plan(
        change.organization, lines, locale=change.locale, now=now, tell=tell
    )


KINDS = tuple(BulkKind(name) for name in _KINDS)
