"""A FOCUS file made slowly and plainly, for comparison: one dict a line, fractions for
amounts, nothing remembered."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from io import StringIO
from typing import Any

from accounts.models import Organization
from ledger.catalogue import span_at
from ledger.identity import bundled_providers, maker_of
from ledger.models import CostRecord
from ledger.pricing import PriceBook
from ledger.tariffs import Tariff
from reports.focus.columns import NAMES

Row = dict[str, Any]
_UNIT = Fraction(1, 10**10)
_METERS = {
    "requests": "Requests",
    "input_tokens": "Input Tokens",
    "cached_tokens": "Cached Input Tokens",
    "cache_write_tokens": "Cache Write Tokens",
    "output_tokens": "Output Tokens",
    "reasoning_tokens": "Reasoning Tokens",
    "audio_input_tokens": "Audio Input Tokens",
    "searches": "Searches",
    "all_input_tokens": "Input Tokens (All Kinds)",
    "all_output_tokens": "Output Tokens (All Kinds)",
}
_DIRECTIONS = {
    "input_tokens": ("Input", "Uncached"),
    "audio_input_tokens": ("Input", "Uncached"),
    "all_input_tokens": ("Input", "Other"),
    "cached_tokens": ("Input", "Read"),
    "cache_write_tokens": ("Input", "Write"),
    "output_tokens": ("Output", None),
    "reasoning_tokens": ("Output", None),
    "all_output_tokens": ("Output", None),
}


def file_of(organization: Organization) -> bytes:
    """Return the whole file of *organization*."""
    text = StringIO()
    writer = csv.DictWriter(text, NAMES, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(organization))
    return text.getvalue().encode()


def _rows(organization: Organization) -> Iterator[Row]:
    booked = CostRecord.objects.filter(organization=organization)
    for record in booked.order_by("timestamp", "id"):
        history = list(booked.filter(usage_id=record.usage_id))
        number = record.correction
        if number == 0:
            late = "Correction" if record.used_at else None
            for row in _lines(organization, _standing(history, 0)):
                yield {**row, "ChargeClass": late}
        elif number < 0:
            before = _standing(history, -number - 1)
            yield from _corrected(_lines(organization, before), record, -1)
        else:
            if not record.requests:
                before = _standing(history, number - 1)
                yield from _corrected(_lines(organization, before), record, -1)
            now = _standing(history, number)
            yield from _corrected(_lines(organization, now), record, 1)


def _standing(history: list[CostRecord], upto: int) -> CostRecord:
    """Return what counted of a usage once what is numbered *upto* was booked."""
    booked = {row.correction: row for row in history if 0 <= row.correction <= upto}
    content = max(n for n, row in booked.items() if row.requests > 0)
    found = CostRecord.objects.get(pk=booked[content].pk)
    for number in sorted(booked):
        if number <= content:
            continue
        for name in (
            "input_cost",
            "output_cost",
            "other_cost",
            "total_cost",
            "source_cost",
        ):
            more = getattr(booked[number], name)
            if more is not None:
                setattr(found, name, (getattr(found, name) or 0) + more)
        found.source_currency = booked[number].source_currency or found.source_currency
        found.exchange_rate = booked[number].exchange_rate or found.exchange_rate
    return found


def _corrected(rows: list[Row], record: CostRecord, sign: int) -> list[Row]:
    for row in rows:
        start, end = _month(record.timestamp)
        row |= {"BillingPeriodStart": _time(start), "BillingPeriodEnd": _time(end)}
        month_over = record.used_at or end <= record.recorded_at
        row["ChargeClass"] = "Correction" if month_over else None
        for name in row:
            is_amount = name.endswith(("Cost", "Quantity")) and row[name] is not None
            if is_amount and sign < 0:
                row[name] = row[name][1:] if row[name][0] == "-" else f"-{row[name]}"
                if not Decimal(row[name]):
                    row[name] = row[name].removeprefix("-")
    return rows


def _lines(organization: Organization, record: CostRecord) -> list[Row]:
    if record.total_cost is None:
        return []
    tariff, listed = _tariffs(organization, record)
    if tariff and not record.reported:
        shares = _by_price(record, tariff, listed)
        if shares is not None:
            return [_row(organization, record, share, tariff) for share in shares]
    if not record.reported:
        return [_row(organization, record, one, None) for one in _by_side(record)]
    whole = {
        "kind": "requests",
        "amount": record.requests,
        "cost": record.total_cost,
        "source": record.total_cost
        if record.source_cost is None
        else record.source_cost,
    }
    return [_row(organization, record, whole, None)]


def _tariffs(
    organization: Organization, record: CostRecord
) -> tuple[Tariff | None, Tariff | None]:
    owner, at = record.attribution, record.own_time
    sold = owner.provider, owner.sent_model
    found = PriceBook(organization.pk).span_at(*sold, record.service_tier, at).tariff
    listed = span_at(*sold, at, record.service_tier).tariff
    currency = record.source_currency or organization.currency
    if found is None or found.currency != currency:
        return None, None
    return found, listed if listed and listed.currency == currency else None


def _used(record: CostRecord) -> dict[str, Any]:
    """Return what was used, in the order of the file's lines."""
    others = {
        kind: amount if isinstance(amount, int) else Decimal(amount)
        for kind, amount in (record.quantities or {}).items()
    }
    audio = others.pop("audio_input_tokens", 0)
    plain = record.input_tokens - record.cached_tokens - record.cache_write_tokens
    used: dict[str, Any] = {"requests": record.requests, **others}
    used_input = {
        "input_tokens": plain - audio,
        "cached_tokens": record.cached_tokens,
        "cache_write_tokens": record.cache_write_tokens,
    }
    used_output = {
        "reasoning_tokens": record.reasoning_tokens,
        "output_tokens": record.output_tokens - record.reasoning_tokens,
    }
    if record.quantities is None:
        used_input = dict(reversed(used_input.items()))
        used_input = {
            kind: used_input[kind]
            for kind in ("cache_write_tokens", "cached_tokens", "input_tokens")
        }
    else:
        used["audio_input_tokens"] = audio
        used_output = dict(reversed(used_output.items()))
    return {**used, **used_input, **used_output}


def _price(tariff: Tariff | None, kind: str, record: CostRecord) -> Fraction | None:
    """Return the price of one."""
    if tariff is None:
        return None
    rates = tariff.rates_for(record.input_tokens, record.requests)
    if kind == "requests":
        return Fraction(rates.per_request, 10**10)
    rate, _ = tariff.rate_of(kind, rates)
    return None if rate is None else Fraction(rate) / 10**16


def _by_price(
    record: CostRecord, tariff: Tariff, listed: Tariff | None
) -> list[Row] | None:
    rate = Fraction(record.exchange_rate or 1)
    shares: list[Row] = []
    for kind, amount in _used(record).items():
        price = _price(tariff, kind, record)
        if not amount or (kind == "requests" and not price):
            continue
        if price is None:
            return None
        exact = Fraction(amount) * price
        list_price = _price(listed, kind, record)
        shares.append(
            {
                "kind": kind,
                "amount": amount,
                "price": price,
                "list_price": price if list_price is None else list_price,
                "cost": _cut(exact * rate),
                "source": _cut(exact),
            }
        )
    left = Fraction(record.total_cost or 0) - sum(
        Fraction(one["cost"]) for one in shares
    )
    if abs(left) > (60 + Fraction(record.exchange_rate or 0)) * _UNIT:
        return None
    if not shares:
        return [] if not record.total_cost else None
    source = record.source_cost if record.exchange_rate else record.total_cost
    source_left = Fraction(source or 0) - sum(Fraction(one["source"]) for one in shares)
    shares[-1]["cost"] += _decimal(left)
    if abs(source_left) <= 60 * _UNIT:
        shares[-1]["source"] += _decimal(source_left)
    return shares


def _by_side(record: CostRecord) -> list[Row]:
    assert record.total_cost is not None
    sides = [
        ("all_input_tokens", record.input_tokens, record.input_cost),
        ("all_output_tokens", record.output_tokens, record.output_cost),
        ("requests", 0, record.other_cost or Decimal(0)),
    ]
    shares: list[Row] = []
    for kind, amount, cost in sides:
        if amount:
            shares.append({"kind": kind, "amount": amount, "cost": cost})
        elif cost:
            shares.append({"kind": "requests", "amount": record.requests, "cost": cost})
    total, source = record.total_cost, record.source_cost
    left = total if source is None else source
    for share in shares:
        own = left
        if share is not shares[-1]:
            part = Fraction(share["cost"]) / Fraction(total) if total else Fraction(0)
            own = _cut(Fraction(total if source is None else source) * part)
        share["source"] = own
        left -= own
    return shares


def _row(
    organization: Organization, record: CostRecord, share: Row, tariff: Tariff | None
) -> Row:
    owner, kind = record.attribution, share["kind"]
    names = {one.id: one.name for one in bundled_providers()}
    provider = names.get(owner.provider, owner.provider)
    developer = maker_of(owner.model)
    developer_name = names.get(developer or "", developer)
    start, end = _month(record.timestamp)
    direction, action = _DIRECTIONS.get(kind, (None, None))
    is_credit = record.reported and (record.total_cost or 0) < 0
    is_tokens = kind.endswith("_tokens")
    rate = Fraction(record.exchange_rate or 1)
    list_cost = share["cost"]
    if share.get("list_price", share.get("price")) != share.get("price"):
        list_cost = _cut(Fraction(share["amount"]) * share["list_price"] * rate)
    sku = "/".join(
        part
        for part in (
            owner.provider,
            owner.model_version or owner.model,
            record.service_tier,
            kind,
        )
        if part
    )
    details = {
        "x_ModelDeveloper": developer_name,
        "x_ModelId": owner.model,
        "x_ModelVersion": owner.model_version,
        "x_TokenCacheAction": action,
        "x_TokenDirection": direction,
    }
    row = {
        "BillingPeriodStart": _time(start),
        "BillingPeriodEnd": _time(end),
        "ChargePeriodStart": _time(record.own_time),
        "ChargePeriodEnd": _time(record.own_time + timedelta(seconds=1)),
        "BilledCost": f"{share['cost']:.10f}",
        "ContractedCost": f"{share['cost']:.10f}",
        "EffectiveCost": f"{share['cost']:.10f}",
        "ListCost": f"{list_cost:.10f}",
        "PricingCurrencyEffectiveCost": f"{share['source']:.10f}",
        "ConsumedQuantity": _quantity(share["amount"]),
        "PricingQuantity": f"{Decimal(share['amount']) / 1_000_000:.6f}"
        if is_tokens
        else _quantity(share["amount"]),
        "ChargeCategory": "Credit" if is_credit else "Usage",
        "ChargeDescription": f"{owner.model} "
        + ("credit" if is_credit else _METERS[kind].lower()),
        "ChargeFrequency": "One-Time" if is_credit else "Usage-Based",
        "ConsumedUnit": "Tokens" if is_tokens else _METERS[kind],
        "HostProviderName": provider,
        "InvoiceIssuerName": provider,
        "PricingCategory": "Standard",
        "PricingCurrency": record.source_currency or organization.currency,
        "PricingUnit": "1000000 Tokens" if is_tokens else _METERS[kind],
        "ProviderName": provider,
        "PublisherName": developer_name or provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": provider,
        "ServiceProviderName": provider,
        "ServiceSubcategory": "Generative AI",
        "SkuId": sku,
        "SkuMeter": _METERS[kind],
        "SkuPriceDetails": _json({key: one for key, one in details.items() if one}),
        "SkuPriceId": f"{sku}:{_variant(record, tariff)}",
        "BillingAccountId": organization.slug,
        "BillingAccountName": organization.name,
        "BillingCurrency": organization.currency,
        "SubAccountId": owner.team,
        "SubAccountName": owner.team,
        "Tags": _json(owner.tags) if owner.tags else None,
        "x_Department": owner.department,
        "x_Environment": owner.environment,
        "x_PrincipalId": owner.user,
        "x_Project": owner.project,
        "x_Team": owner.team,
        "x_ModelDeveloper": developer,
        "x_ModelId": owner.model,
        "x_ModelVersion": owner.model_version,
        "x_PriceSource": tariff.source
        if tariff
        else "reported"
        if record.reported
        else "average",
        "x_ServiceTier": record.service_tier,
        "x_TokenCacheAction": action,
        "x_TokenDirection": direction,
        "x_ExchangeRate": record.exchange_rate and f"{record.exchange_rate:.12f}",
        "x_RunId": record.run_id,
        "x_UsageId": record.usage_id,
    }
    return (
        row | _prices(share, rate, is_tokens=is_tokens) | (_NO_SKU if is_credit else {})
    )


_NO_SKU = dict.fromkeys(
    (
        "ConsumedQuantity",
        "ConsumedUnit",
        "ContractedUnitPrice",
        "ListUnitPrice",
        "PricingCategory",
        "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyListUnitPrice",
        "PricingQuantity",
        "PricingUnit",
        "SkuId",
        "SkuMeter",
        "SkuPriceDetails",
        "SkuPriceId",
    )
)


def _prices(share: Row, rate: Fraction, *, is_tokens: bool) -> Row:
    per = 1_000_000 if is_tokens else 1
    if "price" in share:
        own, listed = share["price"] * per, share["list_price"] * per
        billed, billed_list = own * rate, listed * rate
    else:
        own = listed = Fraction(share["source"]) * per / Fraction(share["amount"])
        billed = billed_list = Fraction(share["cost"]) * per / Fraction(share["amount"])
    return {
        "ContractedUnitPrice": _rounded(billed),
        "ListUnitPrice": _rounded(billed_list),
        "PricingCurrencyContractedUnitPrice": _rounded(own),
        "PricingCurrencyListUnitPrice": _rounded(listed),
    }


def _variant(record: CostRecord, tariff: Tariff | None) -> str:
    if tariff is None:
        return "as-billed" if record.reported else "average"
    above = 0
    for start, _ in tariff.tiers:
        if record.input_tokens > start * record.requests:
            above = start
    return f"above-{above}" if above else "standard"


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _quantity(amount: Any) -> str:
    text = f"{Decimal(amount).normalize():f}"
    return text if "." in text else f"{text}.0"


def _month(moment: datetime) -> tuple[datetime, datetime]:
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + timedelta(days=32)).replace(day=1)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _cut(amount: Fraction) -> Decimal:
    return _decimal(Fraction(int(amount / _UNIT)) * _UNIT)


def _decimal(amount: Fraction) -> Decimal:
    return Decimal(int(amount / _UNIT)).scaleb(-10)


def _rounded(amount: Fraction) -> str:
    return f"{Decimal(round(amount / _UNIT)).scaleb(-10):.10f}"
