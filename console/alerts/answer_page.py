"""The page behind the link in a message: it shows an alert, and takes an answer."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.http import QueryDict

from alerts import services
from alerts.errors import AnsweredMeanwhile
from alerts.figures import figures_of
from alerts.links import PURPOSE, alert_of
from alerts.messages import budget_url, text_of, title_of
from alerts.models import Alert, AlertState
from console.mailed_link_page import MailedLinkPage
from lib.errors import Invalid
from notifications.models import MailedLink

# Minutes, and what the button says.
SPANS = {"60": "1 hour", "240": "4 hours", "1440": "1 day"}


class AnswerPage(MailedLinkPage):
    """Shows the alert of a link, and takes what its reader does about it."""

    purpose = PURPOSE
    template_name = "console/alerts/answer_by_link.html"

    def context_of(self, link: MailedLink, now: datetime) -> dict[str, Any]:
        alert = alert_of(link)
        return {
            "alert": alert,
            "title": title_of(alert, "fired", figures_of(alert, "fired", now)),
            "text": text_of(alert),
            "standing": services.standing_of(alert),
            "budget_url": budget_url(alert),
            "is_open": alert.state != AlertState.RESOLVED,
            "seen": seen_as(alert),
            "spans": SPANS.items(),
        }

    def act(self, link: MailedLink, form: QueryDict, now: datetime) -> None:
        """Do what the person chose, if the alert is still as they saw it."""
        alert = alert_of(link)
        if form.get("seen") != seen_as(alert):
            raise AnsweredMeanwhile(services.standing_of(alert))
        answer = form.get("answer", "")
        if answer == "resolve":
            services.resolve(alert, by=link.person, now=now)
        elif answer in SPANS:
            until = now + timedelta(minutes=int(answer))
            services.acknowledge(alert, by=link.person, until=until, now=now)
        else:
            raise Invalid.field("answer", "Choose one of the buttons.")


answer_by_link = AnswerPage.as_view()


def seen_as(alert: Alert) -> str:
    """Return a short text that is another one once somebody has answered."""
    told = [
        alert.state,
        alert.acknowledged_by,
        alert.acknowledged_until,
        alert.snoozed_until,
        alert.resolved_at,
    ]
    return sha256(repr(told).encode()).hexdigest()[:16]
