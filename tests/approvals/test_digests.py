"""The daily mail of what waits: when it comes, what it lists, how one stops it."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Organization, User
from approvals.delegations import delegate
from approvals.digests import send_due
from approvals.models import Decision
from notifications import outbox
from notifications.models import MailedLink, Preference
from notifications.preferences import set_preference
from tests.approvals.factories import NOW, approve, by, make_request, person_in
from tests.notifications.receivers import Mail, MailServer

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EIGHT = datetime.fromisoformat("2026-12-01T08:00:00+00:00")  # a Tuesday; NOW: Monday
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def wish(acme: Organization, person: User, **more: Any) -> None:
    quiet = {"quiet_from": None, "quiet_until": None, "critical_at_once": True}
    wanted = {"digest": "none", "timezone": "UTC", **quiet, **more}
    set_preference(acme, person.email, **wanted)


def digest_to(mails: MailServer, person: User, now: datetime) -> Mail:
    outbox.deliver(now=now)
    (mail,) = [one for one in mails.to(person.email) if "wait" in one["Subject"]]
    return mail


def path_of(header: str) -> str:
    found = re.fullmatch(r"<http://testserver(/digests/\S+)>", header.strip())
    assert found is not None
    return found[1]


def test_it_lists_what_waits_once_a_day_and_its_links_decide(
    mail_server: MailServer, acme: Organization, pm: User, lead: User
) -> None:
    late = make_request(acme, pm, "30", approvers=[lead.email])
    soon = NOW + 3 * DAY
    for amount in ("10", "20"):
        make_request(acme, pm, amount, approvers=[lead.email], needed_by=soon)

    early = [send_due(moment) for moment in (NOW, EIGHT - timedelta(seconds=1))]
    at_eight = [send_due(EIGHT), send_due(EIGHT + HOUR)]

    assert (early, at_eight) == ([0, 0], [1, 0])
    mail = digest_to(mail_server, lead, EIGHT)
    assert mail["Subject"] == "3 requests wait for you"
    assert "3 requests wait for you, the longest for 20 h." in mail.text
    listed = re.findall(r"^pm@acme.example asks.*$", mail.text, re.MULTILINE)
    assert [re.findall(r"\$\d+", one)[0] for one in listed] == ["$10", "$20", "$30"]
    assert (
        listed[0].strip().endswith("needed by 3 Dec 2026. It touches no other budget.")
    )
    paths = re.findall(r"http://testserver(/approvals/\S+)", mail.text)
    with time_machine.travel(EIGHT + HOUR):  # the link lasts three days
        answer = Client(enforce_csrf_checks=True).post(paths[-1], {"answer": "approve"})
    assert answer.status_code == 303
    late.refresh_from_db()
    assert late.state == "approved"


@time_machine.travel(EIGHT + HOUR)  # its links don't last for ever
def test_its_reader_stops_it_by_one_click_and_by_the_page(
    mail_server: MailServer, acme: Organization, pm: User, lead: User
) -> None:
    make_request(acme, pm, approvers=[lead.email])
    send_due(EIGHT)
    mail = digest_to(mail_server, lead, EIGHT)
    program = Client(enforce_csrf_checks=True)
    path = path_of(mail["List-Unsubscribe"])
    others = [one for one in mail_server.to(lead.email) if one is not mail]

    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [one["List-Unsubscribe"] for one in others] == [None]
    for _ in range(2):  # scanners look, and stop nothing
        shown = program.get(path)
        assert shown.status_code == program.head(path).status_code == 200
    assert not Preference.objects.exists()
    assert program.post(path, {"answer": "approve"}).status_code == 400
    assert program.post(path, ONE_CLICK).status_code == 200
    assert send_due(EIGHT + DAY) == 0
    assert "The daily list is off" in program.get(path).content.decode()
    assert program.post(path, {"answer": "start"}).status_code == 303
    assert send_due(EIGHT + DAY) == 1

    approval = MailedLink.objects.filter(purpose="approval").count()
    assert (Decision.objects.count(), approval) == (0, 3)
    assert program.post(path, {"answer": "not-me"}).status_code == 200
    assert program.post(path, ONE_CLICK).status_code == 404


def test_it_comes_in_the_readers_own_working_hours(
    acme: Organization, pm: User, lead: User
) -> None:
    make_request(acme, pm, approvers=[lead.email])
    wish(acme, lead, timezone="America/New_York")
    saturday = EIGHT + 4 * DAY

    hours = [send_due(EIGHT + number * HOUR) for number in range(8)]
    weekend = [send_due(saturday + number * HOUR) for number in range(0, 48, 6)]

    assert [number for number, sent in enumerate(hours) if sent] == [5]
    assert weekend == [0] * 8
    assert send_due(saturday + 2 * DAY + 6 * HOUR) == 1


def test_who_stands_in_gets_it_and_where_nothing_waits_nobody_does(
    mail_server: MailServer, acme: Organization, pm: User, lead: User
) -> None:
    deputy, left = person_in(acme, "deputy"), person_in(acme, "left")
    first = make_request(acme, pm, approvers=[lead.email])
    make_request(acme, pm, approvers=[left.email])
    left.is_active = False
    left.save()
    away: Any = {"starts_at": NOW, "ends_at": NOW + DAY, "by": by(lead), "now": NOW}
    delegate(acme, lead, deputy, **away)

    assert send_due(EIGHT) == 2
    assert digest_to(mail_server, deputy, EIGHT)["Subject"] == "1 request waits for you"
    approve(first, deputy)

    assert send_due(EIGHT + DAY) == 0
