"""Let the trail say that somebody pressed a button in Slack.

SQLite makes the table anew for another constraint, and forgets its trigger by that.
"""

from django.db import migrations, models

_GUARD = """
CREATE TRIGGER approvals_trail_stays BEFORE UPDATE ON approvals_trailentry
BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END
"""
_CHOICES = [
    ("session", "Logged in"),
    ("key", "API key"),
    ("link", "Mailed link"),
    ("slack", "Button in Slack"),
    ("system", "By the clock"),
]


def guard_anew(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(_GUARD)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0004_slack")]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, guard_anew),
        migrations.RemoveConstraint(
            model_name="trailentry", name="trail_knows_how_it_was_told"
        ),
        migrations.AlterField(
            model_name="decision",
            name="how",
            field=models.CharField(choices=_CHOICES, max_length=16),
        ),
        migrations.AlterField(
            model_name="trailentry",
            name="how",
            field=models.CharField(choices=_CHOICES, max_length=16),
        ),
        migrations.AddConstraint(
            model_name="trailentry",
            constraint=models.CheckConstraint(
                condition=models.Q(how__in=[one for one, _ in _CHOICES]),
                name="trail_knows_how_it_was_told",
            ),
        ),
        migrations.RunPython(guard_anew, migrations.RunPython.noop),
    ]
