from django.db import migrations
from django.db.models import Q

NEEDED = ("input_per_million", "output_per_million", "per_request")


def keep(apps, schema_editor):
    """Write down what was left out so far: cached and written input cost as other."""
    prices = apps.get_model("ledger", "Price").objects
    for price in prices.all():
        if price.cached_input_per_million is None:
            price.cached_input_per_million = price.input_per_million
        price.quantities = {"cache_write_tokens": f"{price.input_per_million:f}"}
        price.save(update_fields=["cached_input_per_million", "quantities"])


def forget(apps, schema_editor):
    """Leave to the catalogue what was in part, or a share, of what it has."""
    prices = apps.get_model("ledger", "Price").objects
    partial = Q(*((name, None) for name in NEEDED), _connector=Q.OR)
    prices.filter(partial).delete()
    past = apps.get_model("ledger", "HistoricalPrice").objects
    for name in NEEDED:
        past.filter(**{name: None}).update(**{name: 0})


class Migration(migrations.Migration):
    """Keep what the prices cost that were set by hand so far."""

    dependencies = [("ledger", "0007_price_kinds")]

    operations = [migrations.RunPython(keep, forget)]
