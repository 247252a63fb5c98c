"""Every page there is, as axe-core and a telephone see it: no grave fault, no cut.

Pages come from the resolver: one that is new is looked at without being named here.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.template.loader import render_to_string
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_q.models import OrmQ, Schedule, Task
from pytest_django.live_server_helper import LiveServer

from accounts.models import Invitation, Organization, User
from accounts.scopes import Role
from alerts.links import make_link
from approvals.digests import stop_link
from approvals.links import make_link as make_decision_link
from approvals.slack import name_user, set_up_app
from approvals.types import SYSTEM
from budgets.models import Backfill, Budget
from budgets.rollup import roll_up
from console.accounts.invitations import PURPOSE, invite_by_mail
from ledger.models import Repricing
from lib.errors import Invalid
from notifications.mailed_links import issue
from notifications.models import Delivery, Outsider, Preference
from notifications.outsiders import question_to
from notifications.services import notify
from reports.feeds.notices import STOP_PURPOSE
from reports.feeds.services import FeedPlan, add_feed
from tests.addresses import address_of, patterns
from tests.alerts.factories import fire
from tests.approvals.factories import level, make_request
from tests.approvals.factories import make_policy as make_approval_policy
from tests.controls.factories import authorize, make_hard
from tests.databases import ROOT
from tests.factories import browser_of, make_api, make_person, spend
from tests.filled import fill, keep_spend
from tests.journeys.browser import in_browser
from tests.journeys.looking import WIDE, Looker
from tests.notifications.factories import mail_to, make_message, make_webhook
from tests.sizes import PROFILE, at_night

pytestmark = in_browser

# Parts of pages, answers to scripts, what only acts, and what leads on to another.
NO_PAGES = {
    *("autocomplete", "search", "app_list", "view_on_site", "login"),
    *("accounts_invitation_withdraw", "alerts_alert_answer"),
    *("accounts_invitation_again", "accounts_invitation_link"),
    "accounts_organization_look",
    *("approvals_budgetrequest_answer", "approvals_budgetrequest_remind"),
    *("budgets_budget_arrival", "budgets_budget_changelist"),
    *("budgets_budget_conflicts", "budgets_budget_preview", "budgets_budget_progress"),
    "budgets_budget_behind",
    "budgets_budget_forecast_picture",
    "budgets_budget_savings",
    *("budgets_reservation_history", "controls_controlrule_rules"),
    "budgets_run_history",
    "controls_ruleaction_answer",
    *("reports_spendview_file", "reports_spendview_save"),
    "reports_spendview_export_file",
    *("notifications_channel_preview", "notifications_channel_test"),
    *("notifications_delivery_outcome", "notifications_delivery_redeliver"),
    *("notifications_outsider_ask", "notifications_outsider_vouch"),
}
REFUSED = ("_add", "_delete")  # nobody may, of some models
QUERIES = {
    "alerts_alertrule_add": "?budget={budget}&type=threshold",
    "approvals_budgetrequest_ask": "?budget={budget}&kind=raise",
    "approvals_policy_add": "?budget={budget}",
    "controls_controlrule_add": "?budget={budget}&action=block",
    "forecasts_scenarioset_add": "?budget={budget}",
    "ledger_costrecord_reprice": "?organization=acme&provider=openai&model=unknown",
}


@pytest.fixture
def looker(chromium: Any, live_server: LiveServer) -> Iterator[Looker]:
    cache.clear()
    context = chromium.new_context(base_url=live_server.url, viewport=WIDE)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(f"{tab.url}: {error}"))
    yield Looker(tab, closely=PROFILE == "large")
    context.close()
    # The theme's pages of past versions have a menu without its state.
    assert [one for one in errors if "actionDropdownOpen" not in one] == []


def enter(looker: Looker, acme: Organization, address: str) -> User:
    """Log somebody in who may see every page."""
    person = make_person(
        "root@acme.example", {acme: Role.FINANCE_ADMIN}, is_superuser=True
    )
    session = browser_of(person).cookies["sessionid"].value
    looker.tab.context.add_cookies(
        [{"name": "sessionid", "value": session, "url": address}]
    )
    return person


def fill_all(acme: Organization, person: User) -> None:
    """Make a row of every kind that has a page; *person* asks for money."""
    now = timezone.now()
    make_hard(acme, "Company", "1000")
    asking = make_api(organization=acme)
    authorize(asking)  # before there are rules that block it
    authorize(asking, run_id="nightly", run_cap="5")
    fill(acme)
    make_webhook(acme, "https://hooks.acme.example/costs")
    spend(acme, None, id="unpriced", model="unknown")
    Preference.objects.create(organization=acme, recipient="viewer@acme.example")
    Outsider.objects.create(organization=acme, address="cfo@x.example")
    targets = [mail_to("viewer@acme.example")]
    notify(acme.pk, targets, lambda _: make_message(), key="look", now=now)
    Repricing.objects.create(organization=acme, reason="Price set", actor="ann")
    Backfill.objects.create(
        organization=acme, upto_id=1, done_until=now, until=now, total=2
    )
    invite_by_mail(acme, "new@acme.example", Role.VIEWER, by="ann", now=now)
    make_person("boss@acme.example", {acme: Role.FINANCE_ADMIN})
    make_approval_policy(acme, level("cfo@acme.example"))
    make_request(acme, person)
    set_up_app(acme, team="T012AB3CD", signing_secret="f" * 32, by=SYSTEM, now=now)
    member = make_person("slack@acme.example", {acme: Role.APPROVER})
    name_user(acme, member, "U012AB3CD", by=SYSTEM, now=now)
    roll_up(acme.pk)
    keep_spend(acme, person)
    task = {"func": "x", "started": now, "stopped": now}
    Task.objects.create(id="1", name="done", success=True, **task)
    Task.objects.create(id="2", name="failed", success=False, **task)
    Schedule.objects.create(func="x")
    OrmQ.objects.create(key="x", payload="x", lock=now)


def names_to_look_at() -> list[str]:
    """Return the names of all pages of the admin."""
    assert patterns().keys() >= NO_PAGES
    return sorted(patterns().keys() - NO_PAGES)


@at_night
def test_pages_of_the_admin(
    looker: Looker, acme: Organization, live_server: LiveServer
) -> None:
    person = enter(looker, acme, live_server.url)
    looker.tab.goto("/admin/")
    found = looker.faults("empty tree", frame=True)
    fill_all(acme, person)
    budget = Budget.objects.get(name="Company", enforcement="hard").pk

    for name in names_to_look_at():
        address = address_of(name) + QUERIES.get(name, "").format(budget=budget)
        answer = looker.tab.goto(address)
        if answer.status == 403 and name.endswith(REFUSED):
            continue
        is_page = answer.status == 200 and "<html" in answer.text()[:2000]
        if not is_page or not looker.tab.url.endswith(address):
            found.append(f"{name} is no page: {answer.status} at {looker.tab.url}")
            continue
        found += looker.faults(name)

    assert not found, "\n".join(found)


def outside() -> set[str]:
    """Return the names of what is answered beside the admin and the API."""
    return set(_names(get_resolver().url_patterns, ""))


def _names(known: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for one in known:
        path = before + str(one.pattern).lstrip("^")
        if isinstance(one, URLResolver):
            if one.namespace != "admin":
                yield from _names(one.url_patterns, path)
        elif not path.startswith(("api/v1/", "otlp/", "health")) or "docs" in path:
            yield str(one.name)


def path_of(url: str) -> str:
    return f"/{url.split('/', 3)[3]}"


def pages_outside(acme: Organization) -> Mapping[str, str]:
    """Return the address of each page for who is not logged in."""
    now = timezone.now()
    person = make_person("lost@acme.example", {acme: Role.VIEWER})
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    token = default_token_generator.make_token(person)
    alert = fire(make_hard(acme, "Company", "1000"))
    invited: Invitation = invite_by_mail(
        acme, "new@acme.example", Role.VIEWER, by="ann", now=now
    )
    joining = issue(
        acme.pk,
        purpose=PURPOSE,
        subject=invited.uid,
        person=invited.email,
        expires_at=invited.expires_at,
    )
    plan = FeedPlan(
        name="Budgets",
        kind="budgets",
        every="week",
        target={"type": "mail", "recipients": [person.email]},
    )
    stopping = issue(
        acme.pk,
        purpose=STOP_PURPOSE,
        subject=add_feed(acme, plan, now=now).feed.uid,
        person=person.email,
        expires_at=now + timedelta(days=1),
    )
    link = make_link(alert, "lead@acme.example", now=now)
    outsider = Outsider.objects.create(organization=acme, address="cfo@x.example")
    lead = make_person("boss@acme.example", {acme: Role.FINANCE_ADMIN})
    asker = make_person("asks@acme.example", {acme: Role.BUDGET_OWNER})
    step = make_request(acme, asker).steps.get()
    name_user(acme, lead, "U012AB3CD", by=SYSTEM, now=now)
    named = Delivery.objects.filter(recipient=lead.email).latest("pk")
    return {
        "start": "/",  # leads to the log-in
        "docs": reverse("docs"),  # the frame: the rest is drawn by Swagger
        "admin_password_reset": reverse("admin_password_reset"),
        "password_reset_done": reverse("password_reset_done"),
        "password_reset_confirm": reverse("password_reset_confirm", args=[uid, token]),
        "password_reset_complete": reverse("password_reset_complete"),
        "answer-alert": f"/{link.split('/', 3)[3]}",
        "confirm-recipient": path_of(question_to(outsider, now).links[0].url),
        "confirm-slack": path_of(named.message["links"][0]["url"]),
        "decide-by-link": path_of(make_decision_link(step, lead, now=now)[0]),
        "join": reverse("join", args=[joining]),
        "stop-feed": reverse("stop-feed", args=[stopping]),
        "stop-digest": path_of(stop_link(acme, lead.email, now=now)),
    }


def show(looker: Looker, template: str) -> None:
    """Open the page that refuses something by *template*."""
    page = render_to_string(template, {"refusal": Invalid("It is not so.")})
    looker.tab.route(
        f"**/{template}",
        lambda route: route.fulfill(body=page, content_type="text/html"),
    )
    looker.tab.goto(f"/{template}")


def test_pages_for_who_is_not_logged_in(looker: Looker, acme: Organization) -> None:
    pages = pages_outside(acme)
    wrong = {"username": "lost@acme.example", "password": "wrong"}
    for _ in range(5):
        Client().post(reverse("admin:login"), wrong)

    found = []
    for name, address in pages.items():
        answer = looker.tab.goto(address)
        assert answer.status == 200, name
        found += looker.faults(name)
    for template in (ROOT / "templates").glob("*.html"):
        show(looker, template.name)
        found += looker.faults(template.name)
        found += looker.faults_in_large_text(template.name)
    looker.tab.goto(reverse("admin:login"))
    looker.tab.fill("[name=username]", wrong["username"])
    looker.tab.fill("[name=password]", wrong["password"])
    looker.tab.locator("[name=password]").press("Enter")
    looker.tab.locator("text=wrong too often").wait_for()
    found += looker.faults("throttled")

    assert found == []
    # No pages: Slack posts to the one, the other is a file.
    assert set(pages) == outside() - {"slack-press", "file-by-link"}


@at_night
def test_the_page_of_the_api_as_swagger_draws_it(looker: Looker) -> None:
    looker.tab.goto(reverse("docs"))
    looker.tab.locator(".opblock").first.wait_for()

    assert looker.faults("docs", frame=True) == []
