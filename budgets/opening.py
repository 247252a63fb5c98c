"""Opening the budgets that templates make: for values that are met, or were before.

Whoever meets a new value opens its budget in the transaction that charges it. Whatever
process meets the value next finds it there: no revision rises, for nothing that is
known of other values changes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from simple_history.utils import bulk_create_with_history

from accounts.models import Organization
from budgets.charging import Charging
from budgets.index import IndexedBudget, NewValue, indexed
from budgets.models import AmountLine, Budget, Reservation
from budgets.templates import ForEach
from ledger.models import Attribution
from ledger.snapshot import dimensions_of
from ledger.types import Dimensions, Sent, Tags

# What a budget has of the template that made it; its amount may be its own.
FOLLOWED = (
    *("currency", "period", "timezone", "starts_at", "ends_at", "alerts"),
    *("warning_threshold", "critical_threshold", "enforcement"),
    *("rollover_mode", "rollover_cap"),
)


class Opening(Charging):
    """Whom a transaction charges that may open budgets of templates.

    It holds the organization for opening. What it opens is known here at once, and to
    other transactions of the process once it has committed.
    """

    def __init__(self, known: Charging) -> None:
        self.organization = known.organization
        self.organization_id = known.organization_id
        self.index = known.index
        self._known = known
        self.period_ids = known.period_ids  # one memory for both

    def meet(self, attributions: Iterable[tuple[Dimensions, Tags]]) -> None:
        """Open what *attributions* lack."""
        if new := self.new_values(attributions):
            self.open(new)

    def open(self, wanted: Iterable[NewValue]) -> None:
        """Have a budget for each of *wanted*, as far as its template makes more."""
        rows, full = open_budgets(self.organization, wanted)
        made = indexed_of(rows, self.organization)
        self.index = self.index.plus(made, full)
        transaction.on_commit(lambda: self._known.learn(made, full))


def indexed_of(
    rows: Mapping[NewValue, Budget], organization: Organization
) -> dict[NewValue, IndexedBudget]:
    return {value: indexed(row, organization) for value, row in rows.items()}


def open_budgets(
    organization: Organization, wanted: Iterable[NewValue], *, reason: str = ""
) -> tuple[dict[NewValue, Budget], set[int]]:
    """Return the budgets for *wanted*, making those that are not there; and the ids of
    templates that make no more: of these, all budgets.

    Call it with the organization held for opening, or alone. One query for what is
    there; four statements for each template that makes some.
    """
    values: dict[int, dict[str, None]] = defaultdict(dict)
    for template_id, value in wanted:
        values[template_id][value] = None
    found, templates = _there(organization, values)
    full: set[int] = set()
    for template in templates:
        missing = [
            value for value in values[template.pk] if (template.pk, value) not in found
        ]
        room = max(template.template_most - template.in_use, 0)
        if missing and len(missing) >= room:
            full.add(template.pk)
        if part := missing[:room]:
            made = _make(template, part, reason=reason)
            found |= {NewValue(template.pk, one.template_value): one for one in made}
            _shift(templates, template, len(made))
    if full:
        found |= {
            _value_of(one): one for one in Budget.objects.filter(template_of__in=full)
        }
    return found, full


def _there(
    organization: Organization, values: Mapping[int, Collection[str]]
) -> tuple[dict[NewValue, Budget], list[Any]]:
    """Return the budgets that are there, and the templates. One query."""
    below = Budget.objects.filter(template_of=OuterRef("pk"), archived_at=None)
    in_use = below.order_by().values("template_of").values(n=Count("pk"))
    of_values = Q(pk__in=[])
    for template_id, some in values.items():
        of_values |= Q(template_of=template_id, template_value__in=some)
    rows = list(
        Budget.objects.filter(of_values | Q(pk__in=values), organization=organization)
        .order_by("pk")
        .annotate(in_use=Coalesce(Subquery(in_use), 0, output_field=IntegerField()))
    )
    found = {_value_of(row): row for row in rows if row.template_of_id}
    return found, [row for row in rows if row.is_template and not row.archived_at]


def _value_of(row: Budget) -> NewValue:
    return NewValue(row.template_of_id or 0, row.template_value)


def _make(template: Budget, values: Sequence[str], *, reason: str) -> list[Budget]:
    """Make a budget for each of *values*, the last below *template* in its tree.

    Past the tree's own way of inserting, which takes one at a time and a lock that all
    organizations share: here nobody else changes the shape of this tree.
    """
    right, width = template.rght, 2 * len(values)
    Budget.objects.filter(tree_id=template.tree_id, rght__gte=right).update(
        lft=Case(
            When(lft__gt=right, then=F("lft") + width),
            default=F("lft"),
            output_field=IntegerField(),
        ),
        rght=F("rght") + width,
    )
    rows = [
        Budget(
            lft=right + 2 * place,
            rght=right + 2 * place + 1,
            tree_id=template.tree_id,
            level=template.level + 1,
            template_value=value,
            **like(template, value),
        )
        for place, value in enumerate(values)
    ]
    why = reason or f"Made by “{template.name}”"
    made: list[Budget] = bulk_create_with_history(
        rows, Budget, default_change_reason=why[:500]
    )
    now = timezone.now()
    AmountLine.objects.bulk_create(
        AmountLine(
            organization_id=row.organization_id,
            budget=row,
            kind=AmountLine.Kind.PLANNED,
            amount=row.amount,
            reason=why[:500],
            made_at=now,
        )
        for row in made
    )
    return made


def like(template: Budget, value: str) -> dict[str, Any]:
    """Return what a budget that *template* makes for *value* is like."""
    each = ForEach.of(template.template_for_each)
    return {
        "organization_id": template.organization_id,
        "name": value[:200],
        "parent_id": template.pk,
        "template_of_id": template.pk,
        "scope": each.narrowed(template.scope, value),
        "amount": template.amount,
        **{name: getattr(template, name) for name in FOLLOWED},
    }


def _shift(templates: Sequence[Any], grown: Budget, count: int) -> None:
    """Have the other templates of a tree lie where they are by now."""
    right = grown.rght
    for template in templates:
        if template.tree_id == grown.tree_id and template.rght >= right:
            template.rght += 2 * count


def values_before(template: Budget, charging: Charging) -> list[NewValue]:
    """Return the values that *template* has no budgets for, in the order in which they
    were met: booked, or allowed and not settled yet. *charging* is of now."""
    own = [one for one in charging.index.templates if one.budget_id == template.pk]
    if not own:
        return []
    found: dict[str, None] = {}
    attributions = Attribution.objects.filter(organization=template.organization_id)
    for row in attributions.order_by("pk").iterator(chunk_size=5_000):
        found |= dict.fromkeys(own[0].lacking(dimensions_of(row)._asdict(), row.tags))
    reserved = Reservation.objects.filter(
        organization=template.organization_id, state=Reservation.State.OPEN
    )
    for path in reserved.order_by("pk").values_list("path", flat=True):
        sent = Sent(**{name: path[name] for name in Sent._fields})
        found |= dict.fromkeys(own[0].lacking(sent.filed()._asdict(), path["tags"]))
    return [NewValue(template.pk, value) for value in found]
