"""Keep the names that attributions were sent with beside those they are filed under.

Up to now they were the same. What they are to be filed under is found when an
organization is next opened, by the sweep, or by `manage.py refile`.
"""

from typing import Any

from django.db import migrations
from django.db.models import F


def keep(apps: Any, schema_editor: Any) -> None:
    apps.get_model("ledger", "Attribution").objects.update(
        sent_user=F("user"), sent_provider=F("provider"), sent_model=F("model")
    )


def restore(apps: Any, schema_editor: Any) -> None:
    """Put the names back: by them the digests are right again.

    Budgets keep what they were charged under the others until a change of theirs.
    """
    apps.get_model("ledger", "Attribution").objects.update(
        user=F("sent_user"), provider=F("sent_provider"), model=F("sent_model")
    )


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_attribution_identity")]

    operations = [migrations.RunPython(keep, restore)]
