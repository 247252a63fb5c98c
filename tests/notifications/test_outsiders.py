"""Who is outside an organization's people gets one question, nothing before a yes."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from alerts import escalation
from alerts import services as alert_services
from alerts.tasks import tell_confirmed, tell_confirmed_at
from notifications import outsiders, services
from notifications.models import Channel, Delivery, Outsider
from notifications.tasks import deliver
from tests.alerts.factories import fire, silence
from tests.factories import browser_for, browser_of, make_budget, make_person
from tests.notifications.factories import mail_to as to_mail
from tests.notifications.factories import make_channel, write
from tests.pages import page_at

pytestmark = pytest.mark.django_db
FAR = "cfo@elsewhere.example"


@pytest.fixture(autouse=True)
def _everybody_is_asked(settings: Any) -> None:
    settings.MAIL_DOMAINS = ["trusted.example"]


def mailed(address: str = FAR) -> list[str]:
    deliver()
    return [str(one.subject) for one in mail.outbox if one.to == [address]]


def test_nothing_but_one_question_is_mailed_before_they_confirm(
    acme: Organization,
) -> None:
    make_person("ann@acme.example", {acme: Role.VIEWER})
    everybody = [
        to_mail(FAR),
        to_mail("Ann@acme.example"),
        to_mail("a@trusted.example"),
    ]

    first = write(acme, *everybody, key="1", now=timezone.now())
    write(acme, to_mail(FAR), key="2", now=timezone.now())
    asked = mailed()
    place = link_of_question()
    looked = Client().get(place)
    still = Outsider.objects.get().confirmed_at
    Client().post(place, {"answer": "confirm"})
    write(acme, to_mail(FAR), key="3", now=timezone.now())

    held = {one.recipient: one.state for one in first}
    assert held.pop(FAR) == "failed"
    assert set(held.values()) == {"pending"}
    assert asked == ["Do you want alerts of Acme at this address?"]
    assert (looked.status_code, still) == (200, None)
    assert Outsider.objects.get().confirmed_by == FAR
    assert len(mailed()) == 2


def link_of_question() -> str:
    bodies = [str(one.body) for one in mail.outbox if one.to == [FAR]]
    return str(re.findall(r"http://testserver(/recipients/[\w-]+)", bodies[-1])[0])


def test_whoever_says_that_it_is_not_theirs_is_left_alone(acme: Organization) -> None:
    (held,) = write(acme, to_mail(FAR), now=timezone.now())
    mailed()
    Client().post(link_of_question(), {"answer": "not-me"})
    found = Outsider.objects.get()

    with pytest.raises(outsiders.NothingToAsk):
        services.ask_again(found, now=timezone.now() + timedelta(days=2))
    with pytest.raises(outsiders.RecipientUnconfirmed, match="has not confirmed"):
        services.redeliver(held, now=timezone.now())
    assert not outsiders.confirm(found, by="ann@acme.example", now=timezone.now())
    assert len(mailed()) == 1


def test_a_finance_admin_answers_for_them_on_record(acme: Organization) -> None:
    browser = browser_for(acme)
    make_channel(acme, "email", "Far", config={"recipients": [FAR]})
    services.ask_outsiders(acme.pk, [FAR], now=timezone.now())
    found = Outsider.objects.get()
    place = f"/admin/notifications/outsider/{found.pk}/"
    owner = browser_of(make_person("own@acme.example", {acme: Role.BUDGET_OWNER}))

    seen = browser.get(f"{place}vouch/").status_code, Outsider.objects.get()
    refused = owner.post(f"{place}vouch/").status_code
    soon = page_of(browser.post(f"{place}ask/", follow=True))
    said = page_of(browser.post(f"{place}vouch/", follow=True))

    assert seen == (302, found)
    assert seen[1].confirmed_at is None
    assert refused == 403
    assert "was asked within the last day" in soon
    assert "is told from now on: you said so" in said
    assert "confirmed by a finance admin" in said
    found.refresh_from_db()
    assert found.confirmed_by == "finance_admin@acme.example"


def page_of(response: Any) -> str:
    return str(response.content.decode())


def test_an_organization_asks_so_many_an_hour(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outsiders, "MOST_QUESTIONS", 2)
    people, now = [f"{n}@far.example" for n in range(3)], timezone.now()

    services.ask_outsiders(acme.pk, people, now=now)
    services.ask_outsiders(acme.pk, people, now=now)
    at_once = Delivery.objects.count()
    services.ask_outsiders(acme.pk, people, now=now + timedelta(minutes=61))

    assert (at_once, Delivery.objects.count()) == (2, 3)


def test_rules_and_channels_say_who_has_not_confirmed(acme: Organization) -> None:
    browser = browser_for(acme)
    budget = make_budget(acme)
    rule = {"threshold": "70", "severity": "warning", "enabled": "on"}
    place = f"/admin/alerts/alertrule/add/?budget={budget.pk}&type=threshold"
    saved = browser.post(
        place, {**rule, "channels": ["email"], "recipients": FAR}, follow=True
    )
    browser.post(
        "/admin/notifications/channel/add/?type=email",
        {"organization": acme.pk, "name": "Far", "enabled": "on", "recipients": FAR},
    )
    alert = fire(budget, recipients=(FAR,))

    escalation.run_due(timezone.now())

    assert "told nothing until they confirm" in page_of(saved)
    rules = page_at(browser, f"/admin/alerts/alertrule/budget/{budget.pk}/").text
    assert f"{FAR} (has not confirmed)" in rules
    assert Channel.objects.get().config == {"recipients": [FAR]}
    assert len(mailed()) == 1
    # Better somebody than nobody.
    assert len(mailed("finance_admin@acme.example")) == 1
    assert alert.events.get(kind="told").text == f"Has not confirmed: {FAR}."


def test_who_confirms_is_told_what_still_fires_and_the_rest_in_one_mail(
    acme: Organization,
) -> None:
    budgets = [make_budget(acme, name) for name in ("Ads", "Ops", "Lab")]
    ads, ops, _ = (fire(one, recipients=(FAR,)) for one in budgets)
    escalation.run_due(timezone.now())
    alert_services.end([ops.pk], now=timezone.now(), why="It is within it again.")
    window = silence(budgets[2])
    (question,) = mailed()

    Client().post(link_of_question(), {"answer": "confirm"})
    tell_confirmed(Outsider.objects.get().pk)
    told = sorted(one.partition(" is at")[0] for one in mailed() if one != question)
    bodies = "".join(str(one.body) for one in mail.outbox)
    tell_confirmed_at(timezone.now())
    tell_confirmed_at(timezone.now() + timedelta(hours=25))
    again = len(mailed())
    window.delete()
    tell_confirmed_at(timezone.now())

    assert told == ["Warning: Ads", "What Acme did not mail you until now"]
    assert "This comes late: it fired at" in bodies
    assert "Warning: Ops is at" in bodies
    assert again == 3
    assert [one.partition(" is at")[0] for one in mailed()[3:]] == ["Warning: Lab"]
    assert "has confirmed" in ads.events.filter(kind="told").last().text
    assert not Delivery.objects.held_back().exists()


def test_what_was_held_back_too_long_ago_is_not_told(acme: Organization) -> None:
    long_ago = timezone.now() - outsiders.LASTS
    write(acme, to_mail(FAR), now=long_ago)
    services.ask_outsiders(acme.pk, [FAR], now=long_ago)
    found = Outsider.objects.get()

    outsiders.confirm(found, by=FAR, now=timezone.now())
    tell_confirmed_at(timezone.now())

    assert set(mailed()) == {"Do you want alerts of Acme at this address?"}
