"""The page behind a mailed link: GET shows, POST acts, and nothing of it leaks."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.audit import acting_as
from lib.errors import Refusal
from lib.web import address_of, status_of
from notifications.mailed_links import BadLink, Visit, burn, link_of, use
from notifications.models import MailedLink

_SCANNER = re.compile(r"bot|crawl|spider|scan|preview|unfurl|safelink", re.IGNORECASE)
NOT_ME = "not-me"  # the button's value
# Nothing of the address leaves this page: it is all that is needed to act.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


# The token in the address is the proof that a form of ours could carry besides: who
# doesn't know it can't forge the POST, and browsers that hide where they come from
# (no-referrer) send an Origin that Django's own check refuses.
@method_decorator(csrf_exempt, name="dispatch")
class MailedLinkPage(View):
    """What the pages of all purposes share. Scanners open every link: only POST acts.

    A page says what it shows (`context_of`) and what it does (`act`). Its template
    extends console/mailed_link.html and gets `link` and `refusal` besides.
    """

    http_method_names = ("get", "head", "post")
    purpose: ClassVar[str]
    template_name: ClassVar[str]

    def context_of(self, link: MailedLink, now: datetime) -> dict[str, Any]:
        """Return what the page shows. Changes nothing.

        Raises:
            BadLink: what the link is for is gone.
        """
        raise NotImplementedError

    def viewed(self, link: MailedLink, visitor: str, now: datetime) -> None:
        """Note that it was shown to a kind of visitor, where that is kept. Changes
        nothing else."""

    def hold(self, link: MailedLink) -> None:
        """Lock what others hold before they take *link* back. Nothing, usually."""

    def act(self, link: MailedLink, form: QueryDict, now: datetime) -> None:
        """Do what the person chose, in the transaction that uses the link.

        Raises:
            Refusal: it can't be done; the page shows it, and nothing is kept.
        """
        raise NotImplementedError

    def acted(self) -> HttpResponse:
        """Return the answer to a POST that was taken: the page, as it is since."""
        return HttpResponseRedirect(self.request.path, status=HTTPStatus.SEE_OTHER)

    def burnt(self, link: MailedLink, now: datetime) -> None:
        """Do what follows when its reader says that it isn't for them."""

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except BadLink as refusal:
            response = _refused(request, refusal)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        now = timezone.now()
        link = link_of(token, purpose=self.purpose, now=now)
        shown = self._shown(link, now)
        if (visitor := visitor_of(request)) is not None:
            self.viewed(link, visitor, now)
        return shown

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        now = timezone.now()
        link = link_of(token, purpose=self.purpose, now=now)
        if request.POST.get("answer") == NOT_ME:
            with transaction.atomic():
                burn(link, now=now, visit=visit_of(request))
                self.burnt(link, now)
            return render(request, "console/mailed_link_burnt.html")
        try:
            with transaction.atomic(), acting_as(link.person):
                self.hold(link)
                use(link, now=now, visit=visit_of(request))
                self.act(link, request.POST, now)
        except BadLink:
            raise
        except Refusal as refusal:
            return self._shown(link, now, str(refusal), status_of(refusal))
        return self.acted()

    def _shown(
        self,
        link: MailedLink,
        now: datetime,
        refusal: str = "",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        context = {
            **self.context_of(link, now),
            "link": link,
            "refusal": refusal,
            "not_me": NOT_ME,
        }
        return render(self.request, self.template_name, context, status=status)


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    context = {"refusal": refusal}
    return render(request, "refused.html", context, status=status_of(refusal))


def visitor_of(request: HttpRequest) -> str | None:
    """Return what kind of program looks at a link: "browser" or "program"; None: it
    only fetches it in advance, or asks whether it is there."""
    purpose = request.headers.get("Sec-Purpose") or request.headers.get("Purpose", "")
    if request.method != "GET" or "prefetch" in purpose.lower():
        return None
    agent = request.headers.get("User-Agent", "")
    is_browser = agent.startswith("Mozilla/") and not _SCANNER.search(agent)
    return "browser" if is_browser else "program"


def visit_of(request: HttpRequest) -> Visit:
    """Return where *request* came from, to be kept with what it does."""
    agent = request.headers.get("User-Agent", "")
    return Visit(address_of(request), agent)
