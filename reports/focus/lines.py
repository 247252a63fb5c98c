"""Lines of a FOCUS file, made of what the ledger has."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from accounts.models import Organization
from ledger.amortization import ChargeInterval
from ledger.identity import bundled_providers, maker_of
from ledger.models import Attribution, FixedCharge
from ledger.usage import sender_in
from reports.focus.cells import flat_tags, json_text, row_of, text_cell, time_cells
from reports.focus.charges import (
    BY_USAGE,
    CREDIT,
    ONE_TIME,
    PURCHASE,
    RECURRING,
    USAGE,
    ChargeTerms,
    SoldModel,
    amount_cells,
    model_cells,
    price_cells,
)
from reports.focus.prices import PriceList, Prices, SoldAs
from reports.focus.principals import Principals
from reports.focus.splits import Booked, CostShare, shares_of

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_MOST_DESCRIBED = 20_000  # attributions that are remembered
_MOST_PIECES = 50_000  # texts of prices that are remembered


class Owner(NamedTuple):
    """What one attribution says about a line."""

    sold: SoldAs  # without a tier
    model: str
    version: str
    cells: str


class _Piece(NamedTuple):
    """The cells that lines of one price have in common."""

    price: str
    model: str


class Lines:
    """Makes the lines of one organization's file; remembers what many have in common.

    Call `describe` for the attributions of some records before their lines are made.
    """

    def __init__(self, organization: Organization, principals: Principals) -> None:
        self._organization = organization
        self._principals = principals
        self._prices = PriceList(organization.pk)
        self._owners: dict[int, Owner] = {}
        self._models: dict[tuple[SoldAs, str, str], SoldModel] = {}
        self._pieces: dict[tuple[Any, ...], _Piece] = {}
        self._names = {one.id: one.name for one in bundled_providers()}

    def describe(self, ids: Iterable[int]) -> None:
        """Get to know attributions; one query if any are new."""
        wanted = set(ids)
        if len(self._owners) > _MOST_DESCRIBED:
            self._owners.clear()
        if missing := wanted - self._owners.keys():
            for row in Attribution.objects.filter(pk__in=list(missing)):
                self._owners[row.pk] = self._owner(row)

    def of(
        self,
        booked: Booked,
        billed: datetime,
        *,
        takes_off: bool = False,
        corrects: bool = False,
    ) -> Iterator[str]:
        """Yield the lines of one record, a line for each kind that it used.

        They are in the month of *billed*. *takes_off*: what it was is taken back.
        *corrects*: it changes a billing period that was over by then.
        """
        if booked.is_purchase and (booked.total_cost or 0) < 0:
            booked, takes_off = _negated(booked), not takes_off
        owner = self._owners[booked.attribution_id]
        prices = self._prices_of(owner, booked)
        shares = shares_of(booked, None if prices is None else prices.of)
        if not shares:
            return
        rate = booked.exchange_rate
        lasts = _DAY if booked.is_purchase else _SECOND
        head = time_cells(booked.own_time, billed, lasts)
        tail = _tail(booked)
        for share in shares:
            terms = self._terms(booked, share, prices, corrects=corrects)
            amounts = amount_cells(
                share, rate, takes_off=takes_off, category=terms.category
            )
            piece = self._piece(owner, booked.service_tier, share, terms)
            yield f"{head},{amounts},{piece.price},{owner.cells},{piece.model},{tail}\n"

    @cached_property
    def _once(self) -> frozenset[int]:
        """The fixed charges that fall due once."""
        rows = FixedCharge.objects.filter(
            organization=self._organization, interval=ChargeInterval.ONCE
        )
        return frozenset(rows.values_list("pk", flat=True))

    def _prices_of(self, owner: Owner, booked: Booked) -> Prices | None:
        """Return the prices that may have made the cost: in its currency."""
        sold = owner.sold._replace(tier=booked.service_tier)
        span = self._prices.span_at(sold, booked.own_time)
        found = span.prices_for(booked.input_tokens, booked.requests)
        currency = booked.source_currency or self._organization.currency
        return found if found and found.currency == currency else None

    def _terms(
        self, booked: Booked, share: CostShare, prices: Prices | None, *, corrects: bool
    ) -> ChargeTerms:
        currency = booked.source_currency or self._organization.currency
        rate = booked.exchange_rate
        if share.price is not None and prices is not None:
            variant = f"above-{prices.above}" if prices.above else "standard"
            return ChargeTerms(currency, prices.source, variant, rate, corrects)
        if booked.is_purchase:
            often = ONE_TIME if booked.charge_id in self._once else RECURRING
            return ChargeTerms(
                *(currency, "fixed-charge", "as-billed", rate, corrects),
                *(PURCHASE, often),
            )
        if booked.reported:
            is_credit = (booked.total_cost or 0) < 0
            what = (CREDIT, ONE_TIME) if is_credit else (USAGE, BY_USAGE)
            return ChargeTerms(currency, "reported", "as-billed", rate, corrects, *what)
        return ChargeTerms(currency, "average", "average", rate, corrects)

    def _piece(
        self, owner: Owner, tier: str, share: CostShare, terms: ChargeTerms
    ) -> _Piece:
        if share.price is None:  # each has a price of its own
            return _made(self._model(owner, tier), share, terms)
        key = owner.sold, owner.version, tier, share.kind, share.price, terms
        piece = self._pieces.get(key)
        if piece is None:
            if len(self._pieces) >= _MOST_PIECES:
                self._pieces.clear()
            piece = _made(self._model(owner, tier), share, terms)
            self._pieces[key] = piece
        return piece

    def _model(self, owner: Owner, tier: str) -> SoldModel:
        key = owner.sold, owner.version, tier
        if key not in self._models:
            if len(self._models) >= _MOST_PIECES:
                self._models.clear()
            provider = owner.sold.provider
            developer = maker_of(owner.model) or ""
            self._models[key] = SoldModel(
                provider=provider,
                provider_name=self._names.get(provider, provider),
                developer=developer,
                developer_name=self._names.get(developer, developer),
                model=owner.model,
                version=owner.version,
                tier=tier,
            )
        return self._models[key]

    def _owner(self, row: Attribution) -> Owner:
        organization = self._organization
        cells = (
            organization.slug,
            organization.name,
            organization.currency,
            None,  # which invoice it is on, nobody told
            row.team,
            row.team,
            json_text(flat_tags(row.tags)),
            sender_in(row.tags),
            row.department,
            row.environment,
            self._principals.named(row.user),
            row.project,
            row.team,
        )
        sold = SoldAs(row.provider, row.sent_model, "")
        return Owner(sold, row.model, row.model_version, row_of(cells))


def _negated(booked: Booked) -> Booked:
    """Return the day of a fixed charge that *booked* takes off."""
    source = booked.source_cost
    return booked._replace(
        total_cost=-(booked.total_cost or 0),
        source_cost=None if source is None else -source,
    )


def _made(model: SoldModel, share: CostShare, terms: ChargeTerms) -> _Piece:
    return _Piece(price_cells(model, share, terms), model_cells(model, share, terms))


def _tail(booked: Booked) -> str:
    rate = booked.exchange_rate
    shown = "" if rate is None else f"{rate:f}"
    return f"{shown},{text_cell(booked.run_id)},{text_cell(booked.usage_id)}"
