"""What the links in a feed's mails and manifests lead to: its file, and its end."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from console.mailed_link_page import MailedLinkPage
from lib.errors import NotFound
from lib.web import status_of
from notifications.mailed_links import BadLink, link_of
from notifications.models import MailedLink
from reports.feeds.downloads import downloaded
from reports.feeds.notices import FILE_PURPOSE, STOP_PURPOSE
from reports.feeds.services import stop_mail
from reports.models import Feed, FeedRun

_ONE_CLICK = "List-Unsubscribe"  # what a mail program's own button posts (RFC 8058)


@require_safe
def file_by_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Answer with the file of a run, as it was made when the link was."""
    try:
        link = link_of(token, purpose=FILE_PURPOSE, now=timezone.now())
        rows = FeedRun.objects.filter(organization=link.organization_id)
        run = rows.filter(uid=link.subject, revision=link.revision).first()
        if run is None:
            raise BadLink
        answer: HttpResponseBase = downloaded(run)
    except NotFound as refusal:
        context = {"refusal": refusal}
        answer = render(request, "refused.html", context, status=status_of(refusal))
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer


class StopFeedPage(MailedLinkPage):
    """Shows who gets a feed by this link, and takes that they want it no more."""

    purpose = STOP_PURPOSE
    template_name = "console/feeds/stop.html"

    def context_of(self, link: MailedLink, now: datetime) -> dict[str, Any]:
        feed = _feed_of(link)
        comes = link.person in feed.config.get("recipients", [])
        return {
            "title": feed.name if comes else f"{feed.name} comes no more",
            "text": f"{feed.organization.name} mails “{feed.name}” to {link.person}.",
            "standing": "It comes on its schedule."
            if comes
            else "It is not mailed to you any more. Somebody at "
            f"{feed.organization.name} can name you again.",
            "comes": comes,
            "is_open": comes,
        }

    def act(self, link: MailedLink, form: QueryDict, now: datetime) -> None:
        """Take the reader out, whichever button it was."""
        stop_mail(_feed_of(link), link.person, now=now)

    def acted(self) -> HttpResponse:
        """Answer mail programs without a redirect, which they don't follow."""
        if self.request.POST.get(_ONE_CLICK) == "One-Click":
            return HttpResponse("Stopped.", content_type="text/plain")
        return super().acted()


def _feed_of(link: MailedLink) -> Feed:
    rows = Feed.objects.filter(organization=link.organization_id, uid=link.subject)
    feed = rows.select_related("organization").first()
    if feed is None:
        raise BadLink
    return feed


stop_by_link = StopFeedPage.as_view()
