"""What opens links before people do: it decides nothing and spends nothing."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPConnection
from itertools import cycle, islice
from typing import Any

from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.models import Organization
from accounts.scopes import Role
from approvals.models import BudgetRequest, Decision
from notifications import outbox
from notifications.models import MailedLink
from tests.approvals.factories import asks, person_in
from tests.factories import make_budget
from tests.journeys.browser import in_browser
from tests.notifications.receivers import MailServer
from tests.sizes import size

pytestmark = in_browser
VISITS = size(12, 1_000)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0"
)
# How a visit is made: by what method, saying what of itself.
PLAIN: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("HEAD", {"User-Agent": EDGE}),
    ("GET", {"User-Agent": EDGE}),
    ("GET", {"User-Agent": EDGE, "Purpose": "prefetch"}),
    ("GET", {"User-Agent": EDGE, "Sec-Purpose": "prefetch;prerender"}),
    (
        "GET",
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    ),
    (
        "GET",
        {
            "User-Agent": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview "
            "Preview/0.5 skype-url-preview@microsoft.com"
        },
    ),
    ("GET", {"User-Agent": "WhatsApp/2.23.20.0 A"}),
    ("GET", {"User-Agent": "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1)"}),
)


def asked_plainly(
    server: LiveServer, method: str, headers: Mapping[str, str], path: str
) -> int:
    connection = HTTPConnection(server.thread.host, server.thread.port, timeout=30)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def looked_at(tab: Any, path: str) -> int:
    """Open *path* with JavaScript on, look at all of it, and press nothing."""
    answer = tab.goto(path, wait_until="networkidle")
    tab.mouse.wheel(0, 4_000)
    tab.get_by_role("button", name="Reject").hover()
    tab.evaluate("document.querySelectorAll('button, input').forEach(x => x.focus())")
    return int(answer.status)


def test_what_opens_links_before_people_do_decides_nothing(
    tab: Any, acme: Organization, mail_server: MailServer, live_server: LiveServer
) -> None:
    pm, lead = person_in(acme, "pm", Role.BUDGET_OWNER), person_in(acme, "lead")
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    team = make_budget(acme, "Team", "900")
    request = asks(pm, team, approvers=[lead.email, cfo.email])
    outbox.deliver(now=timezone.now())
    paths = [
        re.findall(r"http://testserver(/approvals/\S+)", mail.text)[0]
        for person in (lead, cfo)
        for mail in mail_server.to(person.email)
    ]
    ways: list[Callable[[str], int]] = [
        *(partial(asked_plainly, live_server, *way) for way in PLAIN),
        *[partial(looked_at, tab)] * 2,
    ]
    visits = zip(cycle(ways), cycle([*paths, f"{paths[0]}/"]), strict=False)

    statuses = [way(path) for way, path in islice(visits, VISITS)]

    assert statuses == [200] * VISITS
    assert Decision.objects.count() == 0
    links = MailedLink.objects.filter(purpose="approval")
    assert set(links.values_list("used_at", "burnt_at", "voided_at")) == {
        (None, None, None)
    }
    for path in paths:  # they are still good, for who they are for
        tab.goto(path)
        tab.get_by_role("button", name="Approve $200.00").click()
        tab.get_by_role("status").get_by_text("has decided: approved.").wait_for()
    request.refresh_from_db()
    assert request.state == "approved"
    assert BudgetRequest.objects.count() == 1
