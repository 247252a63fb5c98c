"""The page behind the link in a mail: it shows a request, and takes a decision."""

from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from approvals import trail
from approvals.decisions import decide
from approvals.errors import AlreadyDecided
from approvals.links import (
    PURPOSE,
    Standing,
    hold,
    note_of,
    note_view,
    standing_of,
)
from approvals.models import How
from approvals.permissions import needs_login
from approvals.types import By
from console.approvals.answers import answer_of
from console.approvals.picture import picture_of, steps_of
from console.mailed_link_page import MailedLinkPage, visit_of
from lib.humanize import locale_of
from notifications.mailed_links import BadLink
from notifications.models import MailedLink


class DecidePage(MailedLinkPage):
    """Shows what is asked for and what it would mean, and takes a decision."""

    purpose = PURPOSE
    template_name = "console/approvals/decide_by_link.html"

    def context_of(self, link: MailedLink, now: datetime) -> dict[str, Any]:
        found = standing_of(link, now)
        said = self.request.POST
        return {
            **picture_of(
                found.request,
                steps_of(found.request),
                now,
                locale_of(self.request),
            ),
            "step": found.step,
            "voice": found.voice,
            "instead_of": _instead_of(found),
            "decision": found.decision,
            "is_open": found.voice is not None and link.used_at is None,
            "log_in": self._log_in(found, now),
            "seen": found.request.revision,
            "comments": said.get("comments", ""),
            "lower": said.get("amount", ""),
        }

    def _log_in(self, found: Standing, now: datetime) -> str:
        """Return where they log in to decide; "": they need not. It names the request's
        page and not this one, whose address is a secret."""
        if found.voice is None or not needs_login(found.request, now):
            return ""
        page = "admin:approvals_budgetrequest_change"
        then = {"next": reverse(page, args=[found.request.pk])}
        return f"{reverse('admin:login')}?{urlencode(then)}"

    def viewed(self, link: MailedLink, visitor: str, now: datetime) -> None:
        by = By("whoever opened the link", How.LINK, visit=visit_of(self.request))
        note_view(link, visitor, by=by, now=now)

    def hold(self, link: MailedLink) -> None:
        hold(link)

    def act(self, link: MailedLink, form: QueryDict, now: datetime) -> None:
        """Decide in the link's name, about what was looked at: its revision."""
        found = standing_of(link, now)
        answer = answer_of(form, locale_of(self.request))
        by = By.someone(found.person, How.LINK, visit_of(self.request))
        if found.voice is None:
            raise AlreadyDecided("There is nothing to decide here any more.")
        decide(
            found.request,
            answer.outcome,
            by=by,
            now=now,
            revision=link.revision,
            step=found.step,
            amount=answer.amount,
            comments=answer.comments,
        )
        self._note("link.used", link, found, by, now)

    def burnt(self, link: MailedLink, now: datetime) -> None:
        try:
            found = standing_of(link, now)
        except BadLink:
            return  # nobody's any more, or burnt at the same moment
        by = By("whoever held the link", How.LINK, visit=visit_of(self.request))
        self._note("link.burnt", link, found, by, now)

    def _note(
        self, event: str, link: MailedLink, found: Standing, by: By, now: datetime
    ) -> None:
        note = note_of(event, found.step, link.person, link.revision)
        trail.append(link.organization_id, note, by=by, now=now)


def _instead_of(found: Standing) -> str:
    """Return whom they stand in for; "": they were asked themselves."""
    if found.voice is None or not found.voice.through:
        return ""
    return str(found.voice.assignment.person.email)


decide_by_link = DecidePage.as_view()
