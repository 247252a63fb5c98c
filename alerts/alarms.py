"""Telling that telling went wrong."""

import logging
from datetime import datetime

from accounts.people import finance_admins
from alerts import messages
from alerts.models import Alert
from alerts.steps import step_key
from notifications.models import ChannelType
from notifications.services import notify
from notifications.types import Message, Target

logger = logging.getLogger("alerts")


def alarm(alert: Alert, number: int, what: str, now: datetime) -> None:
    """Tell the organization's finance admins that a step did not run as it should."""
    step = alert.steps[number]
    level = f"level {step['level']}" if step["level"] else "the first step"
    text = f"Escalation: {level} of “{alert}” {what}."
    logger.error("%s Due at %s.", text, step["at"])
    people = finance_admins(alert.organization_id)
    targets = [Target(ChannelType.EMAIL, recipient=person) for person in people]
    base = messages.message_of(alert, "escalated", now=now)
    message = Message(
        event="escalated",
        subject=base.subject,
        severity="critical",
        title=f"Escalation ran late: {base.title}",
        text=text,
        facts=(("Due", step["at"]), ("Told", ", ".join(step["recipients"]) or "-")),
        links=base.links,
        reason="You get this because you are a finance admin: alerts may come late.",
        payload=base.payload,
        variables=base.variables,
    )
    key = f"{step_key(alert.uid, number)}:late"
    notify(alert.organization_id, targets, lambda _: message, key=key, now=now)
