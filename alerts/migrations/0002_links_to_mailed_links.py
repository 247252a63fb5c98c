"""Take the links of alerts to where all mailed links are, and back.

Links in mails that were sent before go on working: address and digest stay.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.db import migrations

PURPOSE = "alert"
AT_ONCE = 1_000  # rows


def forwards(apps: Any, schema_editor: Any) -> None:
    mailed = apps.get_model("notifications", "MailedLink")
    links = apps.get_model("alerts", "AcknowledgeLink").objects.order_by("pk")
    rows = (
        mailed(
            organization_id=link.organization_id,
            purpose=PURPOSE,
            subject=link.alert.uid,
            person=link.person,
            digest=bytes(link.digest),
            once=False,
            expires_at=link.expires_at,
            used_at=link.used_at,
        )
        for link in links.select_related("alert").iterator(AT_ONCE)
    )
    for some in _chunks(rows):
        mailed.objects.bulk_create(some)


def backwards(apps: Any, schema_editor: Any) -> None:
    """Burnt links and those taken back must not come back to life: they stay out."""
    own = apps.get_model("alerts", "AcknowledgeLink")
    alerts = apps.get_model("alerts", "Alert").objects
    mailed = apps.get_model("notifications", "MailedLink").objects.filter(
        purpose=PURPOSE
    )
    good = mailed.filter(burnt_at=None, voided_at=None).order_by("pk")
    for some in _chunks(good.iterator(AT_ONCE)):
        uids = {link.subject for link in some}
        ids = dict(alerts.filter(uid__in=uids).values_list("uid", "pk"))
        own.objects.bulk_create(
            own(
                organization_id=link.organization_id,
                alert_id=ids[link.subject],
                person=link.person,
                digest=bytes(link.digest),
                expires_at=link.expires_at,
                used_at=link.used_at,
            )
            for link in some
            if link.subject in ids
        )
    mailed.delete()


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    going = iter(rows)
    while some := list(islice(going, AT_ONCE)):
        yield some


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0001_initial"),
        ("notifications", "0003_mailed_link"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
