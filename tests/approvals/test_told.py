"""Who is told what of a request: each outcome, who decides next, who stands in."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization, User
from approvals.decisions import decide
from approvals.delegations import delegate
from approvals.models import BudgetRequest, Outcome, TrailEntry
from approvals.reminders import remind_due
from approvals.services import expire_due, withdraw
from budgets.models import Budget
from notifications import outbox
from notifications.preferences import set_preference
from tests.approvals.factories import (
    NOW,
    asks,
    by,
    level,
    make_policy,
    make_request,
    person_in,
)
from tests.factories import make_budget
from tests.notifications.receivers import MailServer

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def team(acme: Organization) -> Budget:
    return make_budget(acme, "Team", "900")


def subjects_to(mails: MailServer, person: User, now: datetime) -> list[str]:
    """Return the subjects of what *person* got since they were last looked at."""
    outbox.deliver(now=now)
    found = [mail["Subject"] for mail in mails.to(person.email)]
    mails.mails.clear()
    return found


def reminded(request: BudgetRequest) -> datetime:
    """Have the next reminder sent, and return when that was."""
    step = request.steps.get(state="open")
    due: datetime = step.due_at or timezone.now()
    assert remind_due(due) == 1
    return due


def test_whose_request_it_is_hears_of_every_end_that_is_not_their_own_doing(
    mail_server: MailServer, pm: User, lead: User, cfo: User, team: Budget
) -> None:
    now = timezone.now()
    first, second, third = (
        asks(pm, team, amount, approvers=[cfo.email], on_behalf_of=lead)
        for amount in ("10", "20", "30")
    )
    subjects_to(mail_server, pm, now)

    said: Any = {"by": by(cfo), "now": now, "comments": "For which launch?"}
    decide(first, Outcome.CHANGES_REQUESTED, **said)
    withdraw(second, by=by(pm), now=now, reason="Not needed")
    assert expire_due(now + 31 * DAY) == 2  # what was sent back, too

    outbox.deliver(now=now + 31 * DAY)
    told = {
        person.email: sorted(one["Subject"] for one in mail_server.to(person.email))
        for person in (pm, lead)
    }
    ends = [
        "Changes requested: $10.00 more for Team",
        "Expired, nobody decided in time: $10.00 more for Team",
        "Expired, nobody decided in time: $30.00 more for Team",
        "Taken back: $20.00 more for Team",
    ]
    assert told == {pm.email: ends[:3], lead.email: ends}
    sent_back = next(
        one.text for one in mail_server.to(pm.email) if one["Subject"] == ends[0]
    )
    assert "“For which launch?”" in sent_back
    third.refresh_from_db()
    assert third.state == "expired"


def test_after_the_date_it_is_needed_by_the_next_level_up_is_told(
    mail_server: MailServer,
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    head = person_in(acme, "head")
    make_policy(acme, level(lead, name="Lead"), level(head, name="Head"))
    needed_by = timezone.now() + 4 * DAY
    request = asks(pm, team, needed_by=needed_by)
    subjects_to(mail_server, head, timezone.now())

    due = [reminded(request)]
    while request.steps.get(state="open").due_at:  # of what falls on a weekend, less
        due.append(reminded(request))

    (up,) = subjects_to(mail_server, head, due[-1])
    assert due[-1] >= needed_by
    assert up.startswith("Nobody has decided for ")
    assert subjects_to(mail_server, cfo, due[-1]) == []
    last = TrailEntry.objects.filter(event__startswith="reminder.").last()
    assert last is not None
    assert (last.event, last.details["told"]) == ("reminder.escalated", [head.email])
    request.refresh_from_db()
    assert request.state == "pending"  # nothing is approved by silence


def test_who_stands_in_by_then_gets_the_reminder(
    mail_server: MailServer,
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    request = asks(pm, team, approvers=[lead.email])
    now = timezone.now()
    assert len(subjects_to(mail_server, lead, now)) == 1

    away: Any = {
        "starts_at": now,
        "ends_at": now + 30 * DAY,
        "by": by(lead),
        "now": now,
    }
    delegate(acme, lead, cfo, **away)
    due = reminded(request)

    outbox.deliver(now=due)
    assert mail_server.to(lead.email) == []
    (mail,) = mail_server.to(cfo.email)
    assert mail["Subject"].startswith("Still to decide")
    assert "You stand in for: lead@acme.example" in mail.text


def by_new_york(acme: Organization, person: User, *holidays: str) -> None:
    quiet: Any = {"quiet_from": None, "quiet_until": None, "critical_at_once": True}
    zone = "America/New_York"
    wanted: Any = {"digest": "none", "timezone": zone, "holidays": holidays}
    set_preference(acme, person.email, **wanted, **quiet)


def test_everybody_is_reminded_in_their_own_hours(
    mail_server: MailServer, acme: Organization, pm: User, lead: User, cfo: User
) -> None:
    by_new_york(acme, lead, "2026-12-02")
    make_policy(acme, level(lead, cfo, name="Both", required=None))
    request = make_request(acme, pm)  # on Monday at 12:00
    outbox.deliver(now=NOW)
    mail_server.mails.clear()
    step = request.steps.get()
    wednesday, monday = NOW + 2 * DAY, NOW + 7 * DAY
    in_turn = {
        wednesday: cfo,
        (wednesday + DAY).replace(hour=13): lead,  # 8:00 there, after a holiday
        monday.replace(hour=8): cfo,
        monday.replace(hour=13): lead,
    }

    for due, person in in_turn.items():
        step.refresh_from_db()
        assert step.due_at == due
        assert (remind_due(due), remind_due(due)) == (1, 0)
        outbox.deliver(now=due)
        assert [one["To"] for one in mail_server.mails] == [person.email]
        mail_server.mails.clear()

    last = TrailEntry.objects.filter(event="reminder.sent").latest("pk")
    assert last.details["told"] == [lead.email]


def test_who_came_to_stand_in_after_their_own_moment_is_reminded_all_the_same(
    mail_server: MailServer, acme: Organization, pm: User, lead: User, cfo: User
) -> None:
    by_new_york(acme, lead)
    request = make_request(acme, pm, approvers=[lead.email])
    noon = NOW + 2 * DAY  # the moment by the clocks of who will stand in
    away: Any = {"starts_at": noon + HOUR / 2, "ends_at": noon + 30 * DAY}
    delegate(acme, lead, cfo, **away, by=by(lead), now=noon)
    subjects_to(mail_server, cfo, noon)

    assert reminded(request) == noon + HOUR
    (subject,) = subjects_to(mail_server, cfo, noon + HOUR)
    assert subject.startswith("Still to decide")
