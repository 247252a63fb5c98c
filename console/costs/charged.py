"""Why a cost record is where it is: the budgets it is charged to, and its price."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from budgets.models import Budget, Coverage
from budgets.scopes import BudgetScope
from console.budgets.forms import scope_words
from ledger.models import DIMENSIONS, CostRecord, Price
from ledger.pricing import PriceBook
from ledger.quantities import is_tokens
from ledger.tariffs import Rates, Tariff
from lib.money import format_money

_CATALOGUE = "catalogue"  # what the source of a bundled price begins with


@dataclass(frozen=True, slots=True)
class ChargeReason:
    """Why a record is charged to one budget."""

    budget: Budget
    words: str  # "its scope is team ml", "it is above ML"


def reasons_of(record: CostRecord) -> list[ChargeReason]:
    """Return the budgets a record is charged to, from the top down, and why. One
    query."""
    covered = Coverage.objects.filter(
        organization=record.organization_id,
        attribution=record.attribution_id,
        starts_at__lte=record.timestamp,
        ends_at__gt=record.timestamp,
    )
    budgets = Budget.objects.filter(pk__in=covered.values("budget"))
    found = list(budgets.order_by("tree_id", "lft"))
    return [ChargeReason(one, _reason(one, found, record)) for one in found]


def row_of_usage(organization_id: int, usage_id: str) -> CostRecord | None:
    """Return the record of a usage as it was first booked. One query."""
    rows = CostRecord.objects.select_related("organization", "attribution")
    return rows.filter(
        organization=organization_id, usage_id=usage_id, correction=0
    ).first()


def _reason(budget: Budget, charged: list[Budget], record: CostRecord) -> str:
    scope = BudgetScope.of(budget.scope)
    where = record.attribution
    dimensions = {name: getattr(where, name) for name in (*DIMENSIONS, "model_version")}
    if scope.matches(dimensions, where.tags):
        return f"its scope is {scope_words(budget.scope)}"
    below = [one.name for one in charged if one.parent_id == budget.pk]
    return f"it is above {', '.join(below) or 'one that is charged'}"


@dataclass(frozen=True, slots=True)
class PriceThen:
    """The price that is known of the time of use."""

    tariff: Tariff | None  # None: there is none
    rates: Rates | None
    words: SafeString  # where it comes from, or why there is none

    def words_of(self, kind: str, locale: str) -> str:
        """Write the price of *kind*: "$2.50 a million"; "": it has none."""
        if self.tariff is None or self.rates is None:
            return ""
        price = self.tariff.price_of(kind, self.rates)
        if price is None:
            return ""
        shown = format_money(price.amount, self.tariff.currency, locale)
        return f"{shown} {'a million' if is_tokens(kind) else 'each'}"


def price_then(record: CostRecord) -> PriceThen:
    """Return which price is known of the time of use. Three queries at most."""
    if record.reported:
        named = SafeString("none: the sender named what it cost")
        return PriceThen(None, None, named)
    where = record.attribution
    tariff = (
        PriceBook(record.organization_id)
        .span_at(where.provider, where.sent_model, record.service_tier, record.own_time)
        .tariff
    )
    if tariff is None:
        return PriceThen(None, None, _unknown(record))
    rates = tariff.rates_for(record.input_tokens, record.requests or 1)
    return PriceThen(tariff, rates, _source(tariff))


def _source(tariff: Tariff) -> SafeString:
    if tariff.price_ref is not None:
        url = reverse("admin:ledger_price_change", args=[tariff.price_ref])
        own = Price.objects.filter(pk=tariff.price_ref).first()
        kind = "a provisional price" if own and own.provisional else "a price"
        return format_html('<a href="{}">{} of your own</a>', url, kind)
    kind, _, name = tariff.source.partition(":")
    words = f"of the bundled price list, as {name}" if kind == _CATALOGUE else kind
    return format_html('<span class="co-note">{}</span>', words)


def _unknown(record: CostRecord) -> SafeString:
    url = reverse("admin:ledger_costrecord_unpriced")
    asked = f"{url}?organization={record.organization.slug}"
    return format_html('none is known: <a href="{}">set one</a>', asked)
