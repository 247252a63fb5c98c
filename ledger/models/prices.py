"""Prices and exchange rates that people set, which beat the bundled ones."""

from datetime import datetime
from decimal import Decimal
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.audit import history
from accounts.models import Organization, validate_currency_code
from ledger.overrides import Override
from lib.fields import MoneyField, RateField
from lib.humanize import date_words


class PriceQuerySet(models.QuerySet["Price"]):
    def for_organization(self, organization: Organization | int) -> Self:
        """Keep its own prices and those for all."""
        return self.filter(Q(organization=organization) | Q(organization=None))

    def overlapping(self, start: datetime, end: datetime | None) -> Self:
        """Keep the prices that are in force at some moment of [*start*, *end*)."""
        rows = self.filter(Q(effective_to=None) | Q(effective_to__gt=start))
        return rows if end is None else rows.filter(effective_from__lt=end)


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
        return f"{self.provider}/{self.model} from {date_words(self.effective_from)}"

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


class ExchangeRateQuerySet(models.QuerySet["ExchangeRate"]):
    def for_organization(self, organization: Organization | int) -> Self:
        """Keep its own rates and those for all."""
        return self.filter(Q(organization=organization) | Q(organization=None))


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
        return f"1 {self.base} in {self.quote} on {date_words(self.date)}"
