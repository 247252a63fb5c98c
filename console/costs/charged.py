"""Why a cost record is where it is: the budgets it is charged to, and its price."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from budgets.models import Budget, Coverage
from budgets.scopes import BudgetScope
from console.budgets.forms import scope_words
from ledger.models import DIMENSIONS, CostRecord
from ledger.pricing import PriceBook
from ledger.tariffs import Rates, Tariff
from lib.money import format_money

_PER_MILLION = "{} a million"
_SHOWN = (
    ("input_tokens", "input"),
    ("cached_tokens", "cached input"),
    ("output_tokens", "output"),
)
_CATALOGUE = "catalogue"  # what the source of a bundled price begins with


def charged_budgets(record: CostRecord) -> SafeString:
    """Say which budgets a record is charged to, from the top down, and why. Two
    queries."""
    covered = Coverage.objects.filter(
        organization=record.organization_id,
        attribution=record.attribution_id,
        starts_at__lte=record.timestamp,
        ends_at__gt=record.timestamp,
    )
    budgets = Budget.objects.filter(pk__in=covered.values("budget"))
    found = list(budgets.order_by("tree_id", "lft"))
    if not found:
        return SafeString("none: no budget's scope has what it was for, then")
    return format_html(
        '<ul class="co-reasons">{}</ul>',
        format_html_join(
            "",
            '<li><a href="{}">{}</a> <span class="co-note">{}</span></li>',
            (
                (
                    reverse("admin:budgets_budget_change", args=[one.pk]),
                    one.name,
                    _reason(one, found, record),
                )
                for one in found
            ),
        ),
    )


def _reason(budget: Budget, charged: list[Budget], record: CostRecord) -> str:
    scope = BudgetScope.of(budget.scope)
    where = record.attribution
    dimensions = {name: getattr(where, name) for name in (*DIMENSIONS, "model_version")}
    if scope.matches(dimensions, where.tags):
        return f"its scope is {scope_words(budget.scope)}"
    below = [one.name for one in charged if one.parent_id == budget.pk]
    return f"it is above {', '.join(below) or 'one that is charged'}"


def price_then(record: CostRecord, locale: str) -> SafeString:
    """Say which price is known of the time of use. Two queries."""
    if record.reported:
        return SafeString("none: the sender named what it cost")
    where = record.attribution
    tariff = (
        PriceBook(record.organization_id)
        .span_at(where.provider, where.sent_model, record.service_tier, record.own_time)
        .tariff
    )
    if tariff is None:
        return _unknown(record)
    rates = tariff.rates_for(record.input_tokens, record.requests or 1)
    amounts = ", ".join(_amounts(tariff, rates, locale)) or "nothing for plain tokens"
    return format_html("{} {}", amounts, _source(tariff))


def _amounts(tariff: Tariff, rates: Rates, locale: str) -> Iterator[str]:
    for kind, words in _SHOWN:
        if price := tariff.price_of(kind, rates):
            shown = format_money(price.amount, tariff.currency, locale)
            yield f"{words} {_PER_MILLION.format(shown)}"


def _source(tariff: Tariff) -> SafeString:
    if tariff.price_ref is not None:
        url = reverse("admin:ledger_price_change", args=[tariff.price_ref])
        return format_html('<a href="{}">a price of your own</a>', url)
    kind, _, name = tariff.source.partition(":")
    words = f"of the bundled price list, as {name}" if kind == _CATALOGUE else kind
    return format_html('<span class="co-note">{}</span>', words)


def _unknown(record: CostRecord) -> SafeString:
    url = reverse("admin:ledger_costrecord_unpriced")
    asked = f"{url}?organization={record.organization.slug}"
    return format_html('none is known: <a href="{}">set one</a>', asked)
