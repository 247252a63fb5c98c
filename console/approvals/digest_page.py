"""The page behind a digest's link: its reader stops the daily mail, or has it again."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse, QueryDict

from accounts.models import Organization
from approvals.digests import PURPOSE
from console.mailed_link_page import MailedLinkPage
from lib.errors import Invalid
from notifications.models import MailedLink
from notifications.preferences import preference_of, want_daily_requests

_ONE_CLICK = "List-Unsubscribe"  # what a mail program's own button posts (RFC 8058)
_WISHES = {"stop": False, "start": True}


class DigestPage(MailedLinkPage):
    """Shows whether the mail comes, and takes that its reader wants it or not."""

    purpose = PURPOSE
    template_name = "console/approvals/digest.html"

    def context_of(self, link: MailedLink, now: datetime) -> dict[str, Any]:
        organization = _organization_of(link)
        comes = preference_of(organization, link.person).daily_requests
        return {
            "title": "Daily list of requests" if comes else "The daily list is off",
            "text": f"On working days {link.person} is told which requests for money "
            f"of {organization.name} wait.",
            "standing": "It comes when something waits."
            if comes
            else "It comes no more. Who asks for money still asks by mail each time.",
            "comes": comes,
            "is_open": True,
        }

    def act(self, link: MailedLink, form: QueryDict, now: datetime) -> None:
        """Keep what was pressed."""
        pressed = "stop" if self._is_one_click(form) else form.get("answer", "")
        if pressed not in _WISHES:
            raise Invalid.field("answer", "Choose one of the buttons.")
        organization = _organization_of(link)
        want_daily_requests(organization, link.person, wanted=_WISHES[pressed])

    def acted(self) -> HttpResponse:
        """Answer mail programs without a redirect, which they don't follow."""
        if self._is_one_click(self.request.POST):
            return HttpResponse("Stopped.", content_type="text/plain")
        return super().acted()

    def _is_one_click(self, form: QueryDict) -> bool:
        return form.get(_ONE_CLICK) == "One-Click"


def _organization_of(link: MailedLink) -> Organization:
    return Organization.objects.get(pk=link.organization_id)


digest_by_link = DigestPage.as_view()
