from django.db import migrations, models
from django.db.models import Q

import lib.fields

KINDS = (
    "Other kinds: the price of one, or of a million tokens, as "
    '{"cache_write_1h_tokens": "10", "searches": "0.01"}.'
)
TIERS = (
    "Other prices of long requests, as "
    '[{"above_input_tokens": 200000, "prices": {"input_tokens": "6"}}].'
)
PERCENT = "Instead of prices: 90 is 10 % off all that the catalogue has."
EMPTY = "Empty, as all of these: as in the catalogue."


def fields_of(model):
    def amount(**options):
        return lib.fields.MoneyField(blank=True, null=True, **options)

    return [
        migrations.AddField(
            model,
            "quantities",
            models.JSONField(blank=True, default=dict, help_text=KINDS),
        ),
        migrations.AddField(
            model, "tiers", models.JSONField(blank=True, default=list, help_text=TIERS)
        ),
        migrations.AddField(
            model,
            "percent_of_list",
            models.DecimalField(
                blank=True,
                decimal_places=4,
                help_text=PERCENT,
                max_digits=7,
                null=True,
            ),
        ),
        migrations.AlterField(model, "input_per_million", amount(help_text=EMPTY)),
        migrations.AlterField(model, "cached_input_per_million", amount()),
        migrations.AlterField(model, "output_per_million", amount()),
        migrations.AlterField(model, "per_request", amount()),
    ]


class Migration(migrations.Migration):
    """Let prices set by hand be of any kind, or of some, or a share of the list."""

    dependencies = [("ledger", "0006_attribution_sent_names")]

    operations = [
        migrations.RemoveConstraint("price", "price_is_not_negative"),
        *fields_of("historicalprice"),
        *fields_of("price"),
        migrations.AddConstraint(
            "price",
            models.CheckConstraint(
                condition=Q(input_per_million__gte=0)
                & Q(output_per_million__gte=0)
                & Q(per_request__gte=0)
                & Q(cached_input_per_million__gte=0)
                & Q(percent_of_list__gte=0),
                name="price_is_not_negative",
            ),
        ),
        migrations.AddConstraint(
            "price",
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
        ),
    ]
