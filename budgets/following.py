"""Budgets that follow the template that made them, and those it makes of what was."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Max, Value
from simple_history.utils import bulk_update_with_history

from accounts.audit import MOST_REASON
from budgets.amounts import amounts_of, change_amount, rate_between
from budgets.charging import Charging
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.opening import FOLLOWED, open_budgets, values_before
from budgets.templates import ForEach
from lib.errors import Invalid
from lib.fields import MoneyField
from lib.money import quantize

_AT_ONCE = 500  # rows in one statement


def followed_by(plan: Any) -> dict[str, Any]:
    """Return what a *plan* says of what a budget has of its template."""
    return {
        **{name: getattr(plan, name) for name in FOLLOWED},
        "parent_id": plan.parent and plan.parent.pk,
        "template_for_each": plan.template_for_each,
    }


def open_before(template: Budget, *, must_fit: bool) -> list[int]:
    """Make the budgets for values that were met before; return their ids.

    As many as it may make, in the order in which they were met. Call it with the
    organization held alone, and charge them for the past.

    Raises:
        Invalid: they *must_fit*, and are more.
    """
    if not template.is_template or template.archived_at:
        return []
    wanted = values_before(template, Charging(template.organization))
    room = (template.template_most or 0) - template.made_in_use
    if must_fit and len(wanted) > room:
        raise Invalid.field(
            "template.most",
            f"{len(wanted):,} were met already, and it may make {max(room, 0):,} "
            "budgets for them. Let it make more, or narrow its scope.",
            code="too_many",
        )
    rows, _ = open_budgets(template.organization, wanted)
    return [rows[one].pk for one in wanted if one in rows]


def follow(template: Budget, *, now: datetime, reason: str) -> list[int]:
    """Have what *template* made be as it is by now, and return the ids of these.

    An amount of its own stays. Call it with the organization held alone; who is charged
    may be others then.
    """
    if not template.is_template:
        return []
    rows = list(Budget.objects.active().filter(template_of=template))
    before = {row.pk: (row.amount, row.currency) for row in rows}
    changed = [row for row in rows if _adapt(row, template)]
    if changed:
        bulk_update_with_history(
            changed,
            Budget,
            ["amount", "scope", *FOLLOWED],
            batch_size=_AT_ONCE,
            default_change_reason=_why(template, reason)[:MOST_REASON],
        )
        _change_amounts(changed, before, now=now, reason=_why(template, reason))
    return [row.pk for row in rows]


def _adapt(row: Budget, template: Budget) -> bool:
    """Make *row* like its template; tell whether it was otherwise."""
    each = ForEach.of(template.template_for_each)
    wanted = {name: getattr(template, name) for name in FOLLOWED}
    wanted["scope"] = each.narrowed(template.scope, row.template_value)
    if not row.is_override:
        wanted["amount"] = template.amount
    differs = {name for name, value in wanted.items() if getattr(row, name) != value}
    for name in differs:
        setattr(row, name, wanted[name])
    return bool(differs)


def _why(template: Budget, reason: str) -> str:
    return reason or f"As “{template.name}”"


def _change_amounts(
    rows: Sequence[Budget],
    before: Mapping[int, tuple[Decimal, str]],
    *,
    now: datetime,
    reason: str,
) -> None:
    """Write down what *rows* may spend now. Five statements where all are alike, and
    more for each row in another currency than *before*."""
    alike = []
    for row in rows:
        amount, currency = before[row.pk]
        if row.currency != currency:
            _restate(row, currency, now=now, reason=reason)
        elif row.amount != amount:
            alike.append(row)
    if not alike:
        return
    known = amounts_of([row.pk for row in alike])
    lines = AmountLine.objects.filter(budget__in=alike, effective_to=None)
    last = lines.aggregate(last=Max("effective_from"))["last"]
    since = max(now, last or now)  # a change never comes before another
    more = {row.pk: row.amount - known[row.pk].for_good for row in alike}
    AmountLine.objects.bulk_create(
        [
            AmountLine(
                organization_id=row.organization_id,
                budget=row,
                kind=AmountLine.Kind.CHANGE,
                amount=more[row.pk],
                effective_from=since,
                reason=reason[:MOST_REASON],
                made_at=now,
            )
            for row in alike
            if more[row.pk]
        ],
        batch_size=_AT_ONCE,
    )
    for difference, ids in _by_value(more):
        BudgetPeriod.objects.filter(budget__in=ids, ends_at__gt=since).update(
            amount=F("amount") + Value(difference, output_field=MoneyField())
        )


def _by_value(more: Mapping[int, Decimal]) -> Iterable[tuple[Decimal, list[int]]]:
    found: dict[Decimal, list[int]] = defaultdict(list)
    for pk, difference in more.items():
        found[difference].append(pk)
    return found.items()


def _restate(row: Budget, currency: str, *, now: datetime, reason: str) -> None:
    """Have a row mean the same in its new currency, or follow its template there."""
    if row.is_override:
        row.amount = quantize(row.amount * rate_between(row, currency, now))
        row.save(update_fields=["amount"])
    change_amount(row, currency, now=now, reason=reason)


def wrong_templates(charging: Charging, budgets: Sequence[Budget]) -> Iterator[str]:
    """Yield, in sentences, where templates of an organization and what they made are
    not as they should be. *budgets* are all of it."""
    made: dict[int, list[Budget]] = defaultdict(list)
    for row in budgets:
        if row.template_of_id and not row.archived_at:
            made[row.template_of_id].append(row)
    for template in budgets:
        if template.is_template and not template.archived_at:
            yield from _wrong(template, made[template.pk], charging)


def _wrong(
    template: Budget, made: Sequence[Budget], charging: Charging
) -> Iterator[str]:
    for row in made:
        if _adapt(row, template):
            yield f"“{row}” is not as its template “{template}” is."
    most = template.template_most or 0
    if len(made) > most:
        yield f"“{template}” has made {len(made)} budgets, and may make {most}."
    elif len(made) < most:
        for _, value in values_before(template, charging):
            yield f"“{template}” has no budget for “{value}”."
