"""What a process remembers of one organization, so that booking asks nothing twice."""

from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Generic, NamedTuple, Self

import msgspec
from django.db import transaction

from accounts.models import LateRecords, Organization, ResponseIds
from ledger.closed_months import ClosedMonths
from ledger.models import Attribution, MonthLock
from ledger.pricing import PriceBook
from ledger.sql import insert_attributions
from ledger.subscriptions import PaidSpan, paid_at, subscriptions_of
from ledger.types import (
    ChargedSpan,
    Charger,
    ChargesT,
    Dimensions,
    Sent,
    Tags,
    TargetT,
)
from ledger.usage import Usage, parse_tags
from lib.measures import is_mark

_DAY = timedelta(days=1)
_MOST_ENTRIES = 100_000  # attributions remembered for one organization
_MOST_SPANS = 100  # remembered for one attribution

AttributionKey = bytes  # Usage.attribution_key
_Name = str | None
# In one order of keys: PostgreSQL gives tags back in another than they came in.
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode_key = msgspec.json.Decoder(
    # department, team, project, environment, user, provider, model, tier; tags
    tuple[_Name, _Name, _Name, _Name, _Name, _Name, _Name, _Name, msgspec.Raw]
).decode


class KnownAttribution(Generic[ChargesT, TargetT]):
    """An attribution and service tier, with the stretches of time used so far."""

    __slots__ = ("attribution_id", "charges", "dimensions", "last", "spans", "tier")

    def __init__(
        self, attribution_id: int, dimensions: Dimensions, tier: str, charges: ChargesT
    ) -> None:
        self.attribution_id = attribution_id
        self.dimensions = dimensions
        self.tier = tier
        self.charges = charges
        self.spans: dict[
            int, list[ChargedSpan[TargetT]]
        ] = {}  # by the hour since year 1
        self.last: ChargedSpan[TargetT] | None = None


class _Found(NamedTuple, Generic[ChargesT]):
    """What a new attribution was sent as, is filed under, and charges."""

    sent: Sent
    tags: Tags
    dimensions: Dimensions
    charges: ChargesT


class Snapshot(Generic[ChargesT, TargetT]):
    """The prices, attributions and charges of an organization at one revision.

    Safe to share between threads: entries are only ever added, and each is complete
    before it can be found.
    """

    def __init__(
        self, organization: Organization, charger: Charger[ChargesT, TargetT]
    ) -> None:
        self.organization_id = organization.pk
        self.revision = organization.revision
        self.currency = organization.currency
        self.counts_responses_once = organization.response_ids == ResponseIds.ONCE
        self.closed = closed_to(organization)
        self.prices = PriceBook(organization.pk)
        self.subscriptions = subscriptions_of(organization)
        self.charger = charger
        self._entries: dict[AttributionKey, KnownAttribution[ChargesT, TargetT]] = {}

    def charged_by(self, charger: Charger[ChargesT, TargetT]) -> Self:
        """Return the same with another charger; what is learned is known to both."""
        other = copy(self)
        other.charger = charger
        return other

    def unknown(self, records: Iterable[Usage]) -> Iterator[tuple[Dimensions, Tags]]:
        """Yield what *records* belong to whose attribution is not known here."""
        for key in {one.attribution_key() for one in records}.difference(self._entries):
            sent, tags, _ = _described(key)
            yield sent.filed(), tags

    def entries_for(
        self, records: Iterable[Usage]
    ) -> Iterator[KnownAttribution[ChargesT, TargetT]]:
        """Return the entry of each of *records*, in their order, found as it is read.

        New attributions are inserted, in one order for every caller, with what charges
        them. They are remembered once the transaction has committed.
        """
        keys = [record.attribution_key() for record in records]
        known = self._entries
        missing = set(keys).difference(known)
        if not missing:
            return map(known.__getitem__, keys)
        new = self._resolve(missing)
        transaction.on_commit(lambda: self._remember(new))
        return (new[key] if key in new else known[key] for key in keys)

    def entry_of(
        self, attribution: Attribution, tier: str
    ) -> KnownAttribution[ChargesT, TargetT]:
        """Return an entry for an attribution that is in the database already."""
        dimensions = dimensions_of(attribution)
        self.charger.meet([(dimensions, attribution.tags)])
        charges = self.charger.charges_of(dimensions, attribution.tags)
        return KnownAttribution(attribution.pk, dimensions, tier, charges)

    def span_at(
        self, entry: KnownAttribution[ChargesT, TargetT], at: datetime
    ) -> ChargedSpan[TargetT]:
        """Return the span that contains *at*, an aware UTC datetime."""
        return self._span(entry, at, self.closed.adjustment_of(at))

    def span_of(
        self,
        entry: KnownAttribution[ChargesT, TargetT],
        used_at: datetime,
        booked_at: datetime,
    ) -> ChargedSpan[TargetT]:
        """Return the span for what corrects a record that is booked at *booked_at*.

        That is where it is booked too, unless its month is closed. Prices are those of
        when it was *used_at*.
        """
        at = self.closed.adjustment_of(booked_at) or booked_at
        return self._span(entry, used_at, None if at == used_at else at)

    def _span(
        self,
        entry: KnownAttribution[ChargesT, TargetT],
        at: datetime,
        booked_at: datetime | None,
    ) -> ChargedSpan[TargetT]:
        hour = at.toordinal() * 24 + at.hour
        spans = entry.spans.get(hour, ())
        for span in spans:
            if span.start <= at < span.end and span.booked_at == booked_at:
                break
        else:
            span = self._new_span(entry, at, booked_at)
            if len(entry.spans) >= _MOST_SPANS:
                entry.spans.clear()
            entry.spans.setdefault(hour, []).append(span)
        entry.last = span
        return span

    def _new_span(
        self,
        entry: KnownAttribution[ChargesT, TargetT],
        at: datetime,
        booked_at: datetime | None,
    ) -> ChargedSpan[TargetT]:
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        where = entry.dimensions
        price = self.prices.span_at(where.provider, where.sent_model, entry.tier, at)
        cut = self.charger.cut(entry.charges, booked_at or at)
        tariff, rate = price.tariff, None
        if tariff is not None and tariff.currency != self.currency:
            known = self.prices.rate(tariff.currency, self.currency, day.date())
            tariff, rate = (tariff, known.rate) if known else (None, None)
        start, end = max(day, price.start), min(day + _DAY, price.end)
        if booked_at is None:
            start, end = max(start, cut.start), min(end, cut.end)
        paid_by = None
        if self.subscriptions:
            around = PaidSpan(None, start, end)
            paid_by, start, end = paid_at(self.subscriptions, where, around, at)
        return ChargedSpan(
            attribution_id=entry.attribution_id,
            start=start,
            end=end,
            tariff=tariff,
            rate=rate,
            targets=cut.targets,
            currencies=tuple(
                (
                    currency,
                    self._foreign_rate(currency, day)
                    if not is_mark(currency)
                    else None,
                )
                for currency in cut.currencies
            ),
            booked_at=booked_at,
            paid_by=paid_by,
        )

    def _foreign_rate(self, currency: str, day: datetime) -> Decimal:
        """Return the rate for a budget in *currency*.

        A budget can't be made in a currency without rates; before the first known day
        the first known rate has to do.
        """
        known = self.prices.rate(self.currency, currency, day.date())
        known = known or self.prices.first_rate(self.currency, currency)
        return known.rate

    def _resolve(
        self, keys: set[AttributionKey]
    ) -> dict[AttributionKey, KnownAttribution[ChargesT, TargetT]]:
        described: dict[bytes, tuple[Sent, Tags, Dimensions]] = {}
        wanted: dict[AttributionKey, tuple[bytes, str]] = {}
        for key in keys:
            sent, tags, tier = _described(key)
            digest = digest_of(sent, tags)
            wanted[key] = digest, tier
            if digest not in described:
                described[digest] = sent, tags, sent.filed()
        self.charger.meet((filed, tags) for _, tags, filed in described.values())
        found = {
            digest: _Found(sent, tags, filed, self.charger.charges_of(filed, tags))
            for digest, (sent, tags, filed) in described.items()
        }
        ids = self._ids_of(found)
        return {
            key: KnownAttribution(
                ids[digest], found[digest].dimensions, tier, found[digest].charges
            )
            for key, (digest, tier) in wanted.items()
        }

    def _ids_of(self, found: dict[bytes, _Found[ChargesT]]) -> dict[bytes, int]:
        ids = self._known_ids(found)
        new = sorted(found.keys() - ids.keys())
        if not new:
            return ids
        self._insert({digest: found[digest] for digest in new})
        added = self._known_ids(new)
        self.charger.cover({added[digest]: found[digest].charges for digest in new})
        return ids | added

    def _insert(self, found: dict[bytes, _Found[ChargesT]]) -> None:
        """Insert attributions, but for those that others have added meanwhile."""
        # Past the ORM, which would take three times as long where all are new.
        insert_attributions(
            [
                (
                    self.organization_id,
                    digest,
                    _encode(one.tags).decode(),
                    one.sent.user,
                    one.sent.provider,
                    *one.dimensions,
                )
                for digest, one in found.items()
            ]
        )

    def _known_ids(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        rows = Attribution.objects.filter(
            organization=self.organization_id, digest__in=list(digests)
        )
        return {bytes(digest): pk for digest, pk in rows.values_list("digest", "pk")}

    def _remember(
        self, entries: dict[AttributionKey, KnownAttribution[ChargesT, TargetT]]
    ) -> None:
        if len(self._entries) + len(entries) > _MOST_ENTRIES:
            self._entries = {}
        self._entries.update(entries)


def closed_to(organization: Organization) -> ClosedMonths:
    """Return the months in which nothing may be booked any more. One query, none for
    an organization that lets late records into them."""
    if organization.late_records != LateRecords.OPEN_MONTH:
        return ClosedMonths()
    locks = MonthLock.objects.filter(organization=organization).standing()
    return ClosedMonths(locks.values_list("month", flat=True))


def digest_of(sent: Sent, tags: Tags) -> bytes:
    """Return 16 bytes that stand for the combination within its organization.

    Of the words that were sent: what they mean may come to be known better.
    """
    return blake2b(_encode([*sent, tags]), digest_size=16).digest()


def dimensions_of(attribution: Attribution) -> Dimensions:
    return Dimensions(*(getattr(attribution, name) for name in Dimensions._fields))


def sent_of(attribution: Attribution) -> Sent:
    """Return the words an attribution was sent with."""
    return Sent(
        attribution.department,
        attribution.team,
        attribution.project,
        attribution.environment,
        attribution.sent_user,
        attribution.sent_provider,
        attribution.sent_model,
    )


def _described(key: AttributionKey) -> tuple[Sent, Tags, str]:
    *names, tags = _decode_key(key)
    *dimensions, tier = (name or "" for name in names)
    return Sent(*dimensions), parse_tags(bytes(tags)), tier
