"""The statements of guardrails, which both databases take in the same words."""

from datetime import datetime

from django.db import connection

_INSERT_INTERVENTION = """
INSERT INTO controls_intervention
    (organization_id, rule_id, period_starts_at, first_at)
VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


def insert_intervention(
    organization_id: int, rule_id: int, period_starts_at: datetime, first_at: datetime
) -> bool:
    """Keep that a rule had an effect in a period; False: that is known already."""
    adapt = connection.ops.adapt_datetimefield_value
    given = [organization_id, rule_id, adapt(period_starts_at), adapt(first_at)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_INTERVENTION, given)
        return bool(cursor.rowcount)
