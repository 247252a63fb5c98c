"""The door of buttons in Slack: a plain view, its signature is the key."""

import time

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from approvals.models import SlackApp
from approvals.presses import press_of, take, verify
from lib.errors import Refusal, TooLarge
from lib.web import address_of, status_of
from notifications.mailed_links import Visit

MOST_BYTES = 256 * 2**10  # Slack sends the whole message along


@csrf_exempt  # the signature proves where it comes from, and there is no session
@require_POST
def press(request: HttpRequest, organization: str) -> HttpResponse:
    """Take what was pressed. Slack shows who pressed an error for all but a 200, and
    what became of it is told by the address that it sends along."""
    try:
        _take(request, organization)
    except Refusal as refusal:
        status = status_of(refusal)
        return HttpResponse(str(refusal), status=status, content_type="text/plain")
    return HttpResponse()


def _take(request: HttpRequest, slug: str) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MOST_BYTES:
        raise TooLarge(f"At most {MOST_BYTES // 2**10} KiB are taken.")
    body = request.body
    rows = SlackApp.objects.select_related("organization")
    found = rows.filter(organization__slug=slug).first()
    app, signature = verify(found, request.headers, body, at_s=time.time())
    visit = Visit(address_of(request), request.headers.get("User-Agent", ""))
    now = timezone.now()
    take(app, press_of(body), signature=signature, visit=visit, now=now)
