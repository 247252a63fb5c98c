"""From a rule that holds to what is raised."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from alerts.types import EffectiveRule, Facts, Finding, Match
from budgets.models import Budget
from lib.fields import storable
from lib.periods import Window, day_of, start_of


def facts_of_period(
    budget: Budget,
    window: Window,
    *,
    spent: Decimal,
    limit: Decimal,
    reserved: Decimal = Decimal(0),
    now: datetime,
) -> Facts:
    """Return all that thresholds are evaluated by, but for forecasts."""
    zone = ZoneInfo(budget.timezone)
    today = day_of(now, zone)
    return Facts(
        now=now,
        name=budget.name,
        currency=budget.currency,
        zone=zone,
        window=window,
        limit=limit,
        spent=spent,
        reserved=reserved,
        today=today,
        today_began_at=start_of(today, zone),
    )


def finding_of(rule: EffectiveRule, facts: Facts, match: Match) -> Finding:
    """Return what is raised: the rule's words and people, the match's figures."""
    return Finding(
        rule_id=rule.rule_id,
        key=rule.key,
        type=rule.type,
        severity=rule.severity,
        threshold=match.threshold and storable(match.threshold),
        value=storable(match.value),
        spent=facts.spent,
        limit=facts.limit,
        period_starts_at=facts.window.start,
        period_ends_at=facts.window.end,
        message=rule.message or match.sentence,
        details={"sentence": match.sentence, **match.details},
        channels=rule.channels,
        recipients=rule.recipients,
        cooldown_s=rule.cooldown_s,
        basis=rule.basis,
    )
