"""The page of one cost record: what it cost and why, where it counts, what became of
it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.columns import chips, number_words
from budgets.models import Reservation, Run
from console.controls.reservation_page import state_of
from console.costs.charged import PriceThen, price_then, reasons_of
from console.drawings import Fact
from console.pages import Pages, row_or_404
from ledger.admin import CostRecordAdmin
from ledger.lists import sent_as
from ledger.models import CostRecord
from ledger.quantities import is_tokens, restored
from lib.humanize import exact_clock, locale_of
from lib.money import format_money

_UTC = ZoneInfo("UTC")
# Of what is metered in columns: what it is called, and whether it is part of another.
_PLAIN = {
    "input_tokens": ("Input tokens", False),
    "cached_tokens": ("of them cached", True),
    "cache_write_tokens": ("of them written to a cache", True),
    "output_tokens": ("Output tokens", False),
    "reasoning_tokens": ("of them reasoning", True),
}


@dataclass(frozen=True, slots=True)
class QuantityLine:
    """How much of one kind was used, and its price."""

    name: str
    amount: str
    price: str  # "$2.50 a million"; "": none is known
    is_part: bool


class RecordPages(Pages, CostRecordAdmin):
    """The pages of cost records, which say in a remark what is to know of one."""


def record_page(request: HttpRequest, pages: RecordPages, asked: str) -> HttpResponse:
    """Answer what one record is about. Eight queries at most, however many budgets."""
    rows = pages.get_queryset(request).select_related(
        "organization", "attribution", "repricing"
    )
    record: CostRecord = row_or_404(rows, asked, "cost record")
    locale = locale_of(request)
    price = price_then(record)
    same = rows.filter(usage_id=record.usage_id, organization=record.organization_id)
    corrections = list(same.order_by("recorded_at", "pk"))
    context = pages.page(
        request,
        title=f"Cost record {record.usage_id}",
        record=record,
        currency=record.organization.currency,
        sentence=sentence_of(record, locale),
        remark=pages.remark(record),
        reasons=reasons_of(record),
        price=price,
        quantities=list(_quantities(record, price, locale)),
        costs=list(_costs(record, locale)),
        corrections=corrections if len(corrections) > 1 else [],
        decision=_decision(record),
        facts=list(_facts(record)),
    )
    return TemplateResponse(request, "console/costs/record.html", context)


def sentence_of(record: CostRecord, locale: str) -> str:
    """Say the answer first."""
    where = record.attribution
    model = f"{where.provider}/{where.model_version or where.model}"
    places = (where.department, where.team, where.project, where.user)
    of = " / ".join(filter(None, places))
    at = f"{exact_clock(record.own_time, _UTC)} UTC"
    whose = f", of {of}" if of else ""
    if record.total_cost is None:
        return f"What {model} cost at {at}{whose} is not known: it has no price."
    cost = format_money(record.total_cost, record.organization.currency, locale)
    return f"{cost} for {model} at {at}{whose}."


def _quantities(
    record: CostRecord, price: PriceThen, locale: str
) -> Iterator[QuantityLine]:
    for kind, (name, is_part) in _PLAIN.items():
        amount = getattr(record, kind)
        if amount or not is_part:
            yield QuantityLine(
                name, number_words(amount), price.words_of(kind, locale), is_part
            )
    for kind, amount in sorted(restored(record.quantities).items()):
        name = kind.replace("_", " ").capitalize()
        shown = number_words(Decimal(amount))
        yield QuantityLine(
            name, shown, price.words_of(kind, locale), is_part=is_tokens(kind)
        )


def _costs(record: CostRecord, locale: str) -> Iterator[Fact]:
    currency = record.organization.currency
    for name, cost in (
        ("Input", record.input_cost),
        ("Output", record.output_cost),
        ("Other", record.other_cost),
        ("In all", record.total_cost),
    ):
        if cost is not None:
            yield Fact(name, format_money(cost, currency, locale))
    if record.source_cost is not None and record.source_currency:
        billed = format_money(record.source_cost, record.source_currency, locale)
        yield Fact("Billed", billed)
    if record.exchange_rate is not None:
        yield Fact("Exchange rate", number_words(record.exchange_rate))


def _decision(record: CostRecord) -> Mapping[str, Any] | None:
    """Return the decision that the usage named; None: it named none. One query."""
    if record.settles is None:
        return None
    rows = Reservation.objects.filter(organization=record.organization_id)
    found = rows.filter(uid=record.settles).first()
    return {"row": found, "state": state_of(found)} if found else None


def _facts(record: CostRecord) -> Iterator[Fact]:
    where = record.attribution
    named = (
        ("Usage id", record.usage_id),
        ("Response id", record.response_id),
        ("Sent as", sent_as(where)),
        ("Environment", where.environment),
        ("Tags", chips(where.tags) if where.tags else ""),
        ("Service tier", record.service_tier),
        ("Latency", f"{record.latency_ms:,} ms" if record.latency_ms else ""),
        ("Requests", number_words(record.requests) if record.requests != 1 else ""),
        ("Used", _moment(record.used_at)),
        ("Recorded", _moment(record.recorded_at)),
        ("Beside", chips(record.metadata) if record.metadata else ""),
    )
    yield from (Fact(name, said) for name, said in named if said)
    if record.run_id:
        yield Fact("Run", record.run_id, _run_url(record))


def _moment(at: Any) -> str:
    return f"{exact_clock(at.astimezone(UTC), _UTC)} UTC" if at else ""


def _run_url(record: CostRecord) -> str:
    """Return the address of the page of its run. One query."""
    rows = Run.objects.filter(organization=record.organization_id)
    found = rows.filter(run_id=record.run_id).values_list("pk", flat=True).first()
    return reverse("admin:budgets_run_change", args=[found]) if found else ""
