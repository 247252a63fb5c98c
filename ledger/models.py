"""The ledger: what was used, what it cost, and for whom."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.audit import current_actor, history
from accounts.models import Organization, validate_currency_code
from ledger.overrides import Override
from ledger.querysets import (
    AttributionQuerySet,
    CostRecordQuerySet,
    DailySpendQuerySet,
    ExchangeRateQuerySet,
    PriceQuerySet,
)
from lib.fields import MoneyField, RateField

# The dimensions of an attribution, in the order everything that lists them follows.
DIMENSIONS = (
    "department",
    "team",
    "project",
    "environment",
    "user",
    "provider",
    "model",
)


class Attribution(models.Model):
    """One distinct combination of dimensions that costs belong to.

    A dimension that was not given is "". Tags are a list of strings, sorted, or an
    object of strings. User, provider and model are filed under their one name
    (`ledger.identity`), so several rows may have all dimensions in common; what was
    sent is kept beside it, and is what the digest tells apart. Rows are never deleted,
    for cost records point at them, and changed only where a name comes to mean
    something else (`budgets.refiling`).
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    digest = models.BinaryField(max_length=16)  # of what was sent, with the tags
    department = models.CharField(max_length=200, blank=True)
    team = models.CharField(max_length=200, blank=True)
    project = models.CharField(max_length=200, blank=True)
    environment = models.CharField(max_length=200, blank=True)
    # Small letters may be more of them, and so may a date with its dashes.
    user = models.CharField(max_length=500, blank=True)
    provider = models.CharField(max_length=500)
    model = models.CharField(max_length=500)
    model_version = models.CharField(max_length=500, blank=True)
    sent_user = models.CharField(max_length=200, blank=True)
    sent_provider = models.CharField(max_length=200)
    sent_model = models.CharField(max_length=200)
    tags = models.JSONField(default=dict)

    objects = AttributionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "digest"], name="one_attribution_per_digest"
            )
        ]

    def __str__(self) -> str:
        named = [getattr(self, name) for name in DIMENSIONS]
        return " / ".join(value for value in named if value)


class Repricing(models.Model):
    """One audited correction of what is booked: who, why, and by how much.

    Of what usage was charged at, or of what was reported of it.
    """

    class Kind(models.TextChoices):
        PRICES = "prices", "Prices"
        USAGE = "usage", "Usage"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    actor = models.CharField(max_length=200, default=current_actor)
    kind = models.CharField(
        max_length=6, choices=Kind.choices, default=Kind.PRICES, db_default=Kind.PRICES
    )
    filters = models.JSONField(default=dict)  # what was corrected
    records = models.PositiveIntegerField(default=0)
    difference = MoneyField(default=0)  # organization's currency
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "correction"

    def __str__(self) -> str:
        what = "Repricing" if self.kind == self.Kind.PRICES else "Correction"
        return f"{what} of {self.created_at:%Y-%m-%d %H:%M}: {self.reason}"


class CostRecord(models.Model):
    """What one use of a model cost. Append-only: a correction is a record of its own.

    Amounts are in the organization's currency as it was when the record was booked;
    `total_cost` is what is charged. Null costs mean that no price is known. Foreign
    keys are not checked by the database, for that would cost more than the insert
    itself; what they point at is never deleted, and `verify` looks.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    attribution = models.ForeignKey(
        Attribution,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="cost_records",
    )
    usage_id = models.CharField(max_length=255)  # the sender's id
    # 0: as first booked. Below 0: takes off what counted before the one above it.
    correction = models.SmallIntegerField(default=0)
    timestamp = models.DateTimeField()
    input_tokens = models.BigIntegerField(default=0)  # cached ones included
    cached_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)  # reasoning included
    reasoning_tokens = models.BigIntegerField(default=0)
    latency_ms = models.IntegerField(null=True)
    service_tier = models.CharField(max_length=50, blank=True)
    # By the price list; a fee per request is part of the input.
    input_cost = MoneyField(null=True)
    output_cost = MoneyField(null=True)
    total_cost = MoneyField(null=True)
    # What the sender was billed, or the price list's amount, in another currency.
    source_cost = MoneyField(null=True)
    source_currency = models.CharField(max_length=3, blank=True)
    exchange_rate = RateField(null=True)
    reported = models.BooleanField(default=False)  # the sender named the cost
    metadata = models.JSONField(null=True)
    repricing = models.ForeignKey(
        Repricing,
        models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="cost_records",
    )
    recorded_at = models.DateTimeField(db_default=Now())
    # What few records have: a row without any of it leaves these columns out.
    requests = models.IntegerField(db_default=1)  # what it adds to the count of them
    unpriced = models.SmallIntegerField(db_default=0)  # 1: no price; -1: takes one off
    quantities = models.JSONField(null=True)  # by kind, those without a column
    other_cost = MoneyField(null=True)  # of what is neither input nor output
    unpriced_kinds = models.JSONField(null=True)  # for want of which nothing is priced
    assumed_kinds = models.JSONField(null=True)  # priced by what stands in for a price
    said = models.JSONField(null=True)  # named otherwise than where it is charged
    response_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null leaves an index of them small
    settles = models.UUIDField(null=True)  # the reservation it names

    objects = CostRecordQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "usage_id", "correction"],
                name="one_cost_record_per_usage_id",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "timestamp"], name="cost_record_time"),
            models.Index(
                fields=["organization", "id"],
                condition=Q(total_cost=None),
                name="cost_record_unpriced",
            ),
            models.Index(
                fields=["organization", "timestamp"],
                condition=Q(said__isnull=False),
                name="cost_record_said",
            ),
            models.Index(
                fields=["organization", "timestamp"],
                condition=~Q(correction=0),
                name="cost_record_change",
            ),
        ]

    def __str__(self) -> str:
        return self.usage_id

    @property
    def priced(self) -> bool:
        return self.total_cost is not None


class Response(models.Model):
    """A provider's response, and the usage it is booked for: any other repeats it."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    provider = models.CharField(max_length=500)  # its one name
    digest = models.BinaryField(max_length=16)  # of the provider's id
    usage_id = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "provider", "digest"],
                name="one_usage_per_response",
            )
        ]

    def __str__(self) -> str:
        return f"A response of {self.provider}"


class ConvertedCost(models.Model):
    """A cost record's amount in the currency of a budget that has another one.

    Kept when the record is booked, with the rate that was used: later rates change
    nothing that is booked.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    usage_id = models.CharField(max_length=255)
    correction = models.SmallIntegerField(default=0)
    currency = models.CharField(max_length=3)
    rate = RateField()
    amount = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "usage_id", "correction", "currency"],
                name="one_converted_cost_per_currency",
            )
        ]

    def __str__(self) -> str:
        return f"{self.usage_id} in {self.currency}"


class SpendBatch(models.Model):
    """The spend deltas of one batch on PostgreSQL, where arrays hold them in one row.

    A batch of a thousand records brings hundreds of deltas; rows of their own would
    cost a third of what its records do. `SpendDelta` is the view of them as rows.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, related_name="+"
    )
    # One element a delta, each array in the same order.
    attribution_ids = ArrayField(models.BigIntegerField())
    starts_at = ArrayField(models.DateTimeField())
    currency = ArrayField(models.CharField(max_length=3, blank=True))
    requests = ArrayField(models.IntegerField())
    unpriced = ArrayField(models.IntegerField())
    input_tokens = ArrayField(models.BigIntegerField())
    cached_tokens = ArrayField(models.BigIntegerField())
    output_tokens = ArrayField(models.BigIntegerField())
    cost = ArrayField(MoneyField())

    class Meta:
        required_db_vendor = "postgresql"

    def __str__(self) -> str:
        return f"{len(self.cost)} spend deltas"


class SpendDelta(models.Model):
    """Spend not yet folded into daily spend and budget hours: one batch's share.

    `starts_at` begins a stretch of time in which nothing changes: not the price, not
    the UTC day, not the clock hour or the period of any budget that is charged.

    A table on SQLite, on PostgreSQL a view of `SpendBatch`: read it, don't write it.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    attribution = models.ForeignKey(
        Attribution, models.PROTECT, db_constraint=False, db_index=False
    )
    starts_at = models.DateTimeField()
    # "" is the organization's own; another one repeats the amount for those budgets.
    currency = models.CharField(max_length=3, blank=True)
    requests = models.IntegerField()
    unpriced = models.IntegerField()
    input_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cost = MoneyField()

    class Meta:
        indexes = [models.Index(fields=["organization"], name="spend_delta_owner")]

    def __str__(self) -> str:
        return f"{self.cost} at {self.starts_at}"


class DailySpend(models.Model):
    """What one attribution used and cost on one UTC day, in organization's currency."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, db_constraint=False, db_index=False
    )
    attribution = models.ForeignKey(
        Attribution, models.PROTECT, db_constraint=False, db_index=False
    )
    day = models.DateField()
    requests = models.BigIntegerField(default=0)
    unpriced = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost = MoneyField(default=0)

    objects = DailySpendQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "day", "attribution"],
                name="one_daily_spend_per_attribution",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.cost}"


class Price(models.Model):
    """An override of the bundled catalogue, good for a stretch of time.

    Amounts are per million tokens, in `currency`; what is null is the catalogue's. An
    organization's own price beats one for all, a version beats a model, a model a
    pattern, and a longer pattern a shorter one.
    """

    organization = models.ForeignKey(
        Organization,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="prices",
        help_text="Empty: for every organization.",
    )
    provider = models.CharField(max_length=200)
    model = models.CharField(
        max_length=200,
        help_text="Under all its names and versions; a version is that one, “gpt-4*” "
        "what goes on at a dash, “ft:gpt-4o” what is fine-tuned.",
    )
    service_tier = models.CharField(max_length=50, blank=True)
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(
        null=True, blank=True, help_text="Exclusive. Empty: open."
    )
    currency = models.CharField(
        max_length=3, default="USD", validators=[validate_currency_code]
    )
    input_per_million = MoneyField(
        null=True, blank=True, help_text="Empty, as all of these: as in the catalogue."
    )
    cached_input_per_million = MoneyField(null=True, blank=True)
    output_per_million = MoneyField(null=True, blank=True)
    per_request = MoneyField(null=True, blank=True)
    quantities = models.JSONField(
        default=dict,
        blank=True,
        help_text="Other kinds: the price of one, or of a million tokens, as "
        '{"cache_write_1h_tokens": "10", "searches": "0.01"}.',
    )
    tiers = models.JSONField(
        default=list,
        blank=True,
        help_text="Other prices of long requests, as "
        '[{"above_input_tokens": 200000, "prices": {"input_tokens": "6"}}].',
    )
    percent_of_list = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Instead of prices: 90 is 10 % off all that the catalogue has.",
    )
    provisional = models.BooleanField(
        default=False, help_text="An estimate, until the real price is known."
    )
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PriceQuerySet.as_manager()
    history = history()

    class Meta:
        ordering = ["provider", "model", "-effective_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_to=None)
                | Q(effective_to__gt=F("effective_from")),
                name="price_ends_after_it_begins",
            ),
            models.CheckConstraint(
                # What is null is not negative.
                condition=Q(input_per_million__gte=0)
                & Q(output_per_million__gte=0)
                & Q(per_request__gte=0)
                & Q(cached_input_per_million__gte=0)
                & Q(percent_of_list__gte=0),
                name="price_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(percent_of_list=None)
                | Q(
                    input_per_million=None,
                    cached_input_per_million=None,
                    output_per_million=None,
                    per_request=None,
                    currency="USD",
                ),
                name="percent_of_list_stands_instead_of_prices",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} from {self.effective_from:%Y-%m-%d}"

    def clean(self) -> None:
        super().clean()
        if "*" in self.model[:-1]:
            raise ValidationError({"model": "A * may stand at the end only."})
        if self.effective_to and self.effective_from >= self.effective_to:
            raise ValidationError({"effective_to": "Must be after effective_from."})

    def override(self) -> Override:
        """Return what it makes of the catalogue's price."""
        return Override(
            currency=self.currency,
            source=f"override:{self.pk}",
            price_ref=self.pk,
            prices=self.prices(),
            tiers=[
                (tier["above_input_tokens"], _decimals(tier["prices"]))
                for tier in self.tiers
            ],
            percent=self.percent_of_list,
        )

    def prices(self) -> dict[str, Decimal]:
        """Return what it sets, by kind."""
        named = {
            "input_tokens": self.input_per_million,
            "cached_tokens": self.cached_input_per_million,
            "output_tokens": self.output_per_million,
            "requests": self.per_request,
        }
        set_here = {
            kind: amount for kind, amount in named.items() if amount is not None
        }
        return set_here | _decimals(self.quantities)


def _decimals(prices: dict[str, str]) -> dict[str, Decimal]:
    return {kind: Decimal(amount) for kind, amount in prices.items()}


class ExchangeRate(models.Model):
    """A manual daily rate, which beats the bundled one: 1 base = `rate` quote."""

    organization = models.ForeignKey(
        Organization,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="exchange_rates",
        help_text="Empty: for every organization.",
    )
    base = models.CharField(max_length=3, validators=[validate_currency_code])
    quote = models.CharField(max_length=3, validators=[validate_currency_code])
    rate = RateField()
    date = models.DateField(help_text="Good from this UTC day until the next rate.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ExchangeRateQuerySet.as_manager()
    history = history()

    class Meta:
        ordering = ["-date", "base", "quote"]
        constraints = [
            models.CheckConstraint(
                condition=Q(rate__gt=0), name="exchange_rate_is_positive"
            ),
            models.UniqueConstraint(
                fields=["organization", "base", "quote", "date"],
                name="one_manual_rate_a_day",
            ),
            models.UniqueConstraint(
                fields=["base", "quote", "date"],
                condition=Q(organization=None),
                name="one_common_manual_rate_a_day",
            ),
        ]

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate:f} {self.quote} on {self.date}"
