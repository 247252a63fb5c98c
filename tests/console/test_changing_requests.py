"""Asking where somebody meets a limit, and changing what is asked for."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from accounts.scopes import Role
from alerts.escalation import run_due
from alerts.models import Alert, RuleType
from approvals.decisions import decide
from approvals.models import BudgetRequest, Outcome
from approvals.wording import wish_of
from notifications.models import Delivery
from tests.alerts.factories import fire
from tests.approvals.factories import (
    approve,
    asks,
    by,
    level,
    make_policy,
    person_in,
)
from tests.controls.factories import authorize
from tests.controls.guarding import given, guard
from tests.factories import browser_of, make_api, make_budget, make_tree, spend
from tests.pages import forms_by_place, page_at, read

pytestmark = pytest.mark.django_db
PLACE = "/admin/approvals/budgetrequest/"
TREE = "/admin/budgets/budget/"


@pytest.fixture
def pm(acme: Organization) -> User:
    """Somebody who owns nothing, and may ask for everything."""
    return person_in(acme, "pm", Role.BUDGET_OWNER)


@pytest.fixture
def cfo(acme: Organization) -> User:
    return person_in(acme, "cfo", Role.FINANCE_ADMIN)


def asking(page: Any) -> dict[str, str]:
    return {name: url for name, url in page.links.items() if name.startswith("Ask for")}


def test_who_meets_a_limit_asks_for_what_it_lacks(
    acme: Organization, pm: User, cfo: User
) -> None:
    root = make_budget(acme, "Company", "100")
    team = make_budget(acme, "Team", "120", parent=root)
    spend(acme, "151")
    browser, page = browser_of(pm), f"{TREE}{team.pk}/change/"

    (words, url), *_ = asking(page_at(browser, f"{TREE}tree/")).items()
    clash = asking(page_at(browser, f"{TREE}conflicts/"))
    alert = Alert.objects.filter(budget=team, threshold__lt=1).latest("pk")
    on_page = asking(page_at(browser, page))
    on_alert = asking(page_at(browser, f"/admin/alerts/alert/{alert.pk}/change/"))

    assert words.startswith("Ask for $")
    assert clash == {
        "Ask for $20.00 more for Company": (
            f"{PLACE}ask/?budget={root.pk}&kind=increase&amount=20.0000000000"
        )
    }
    assert on_page == on_alert
    form = read(browser.get(next(iter(on_page.values()))).content.decode())
    filled = {one.attributes.get("name"): one.attributes for one in form.all("input")}
    assert float(filled["amount"]["value"].replace(",", "")) >= 31
    assert filled["until"]["value"]
    for other in (cfo, person_in(acme, "viewer", Role.VIEWER)):
        eyes = browser_of(other)
        for place in (f"{TREE}tree/", f"{TREE}conflicts/", page):
            assert asking(page_at(eyes, place)) == {}
    assert url.startswith(f"{PLACE}ask/?budget=")


def test_an_alerts_mail_leads_those_who_have_to_ask_to_the_form(
    acme: Organization, pm: User, cfo: User
) -> None:
    team = make_budget(acme, "Team", "100", owner=cfo)
    spend(acme, "120")
    told = [pm.email, cfo.email]
    rule: dict[str, Any] = {"recipients": told, "channels": ["email"]}

    fire(team, threshold=Decimal("0.7"), **rule)
    fire(team, type=RuleType.ANOMALY, threshold=None, key="day", **rule)
    run_due(timezone.now())

    links = {
        (one.recipient, link["label"].split(" $")[0])
        for one in Delivery.objects.all()
        for link in one.message["links"]
        if "Ask" in link["label"]
    }
    assert links == {(pm.email, "Ask for more")}  # of a day no forecast says how much


@pytest.fixture
def pending(acme: Organization, pm: User, cfo: User) -> BudgetRequest:
    """A request that one of two has approved."""
    other = person_in(acme, "ceo", Role.FINANCE_ADMIN)
    make_policy(acme, level(cfo, name="CFO"), level(other, name="CEO"), currency="USD")
    made = asks(pm, make_budget(acme, "Team", "900"), "200")
    approve(made, cfo, now=timezone.now())
    return BudgetRequest.objects.get()


def edited(browser: Client, request: BudgetRequest, **said: Any) -> Any:
    """Change what is asked for, as the form does."""
    address = f"{PLACE}{request.pk}/edit/"
    forms = forms_by_place(browser.get(address))
    (form,) = (one for _, one in forms if "justification" in one)
    for button in ("submit", "confirm"):
        form.pop(button, None)
    return browser.post(address, {**form, **said})


def test_a_change_says_what_approvals_are_worth_before_it_is_saved(
    pm: User, pending: BudgetRequest
) -> None:
    browser = browser_of(pm)

    fewer = edited(browser, pending, amount="150", justification="Other words")
    pending.refresh_from_db()
    kept = (pending.amount, pending.justification, pending.steps.get(name="CFO").given)
    more = edited(browser, pending, amount="150.01")
    said = read(more.content.decode()).text
    pending.refresh_from_db()
    unsaved = pending.amount
    confirmed = edited(browser, pending, amount="150.01", confirm="1")

    assert (fewer.status_code, more.status_code, confirmed.status_code) == (
        302,
        200,
        302,
    )
    assert kept == (150, "Other words", 1)
    assert "1 approval given would count no longer. Everybody would be asked" in said
    assert unsaved == 150
    pending.refresh_from_db()
    assert f"{pending.amount:.2f}" == "150.01"
    given = pending.steps.filter(revision=pending.chain_revision)
    assert [one.given for one in given.order_by("number")] == [0, 0]


def test_who_changes_what_was_changed_meanwhile_is_told_and_keeps_their_words(
    pm: User, pending: BudgetRequest
) -> None:
    browser = browser_of(pm)
    edited(browser, pending, justification="First")

    second = edited(browser, pending, justification="Second", seen="1")

    page = read(second.content.decode())
    assert "The request was changed after you looked at it." in page.text
    assert "See what it asks for by now" in page.links
    pending.refresh_from_db()
    assert pending.justification == "First"
    forms = (one for _, one in forms_by_place(second) if "justification" in one)
    (form,) = forms
    assert (form["justification"], form["seen"]) == ("Second", str(pending.revision))


def test_what_was_sent_back_is_changed_and_asked_anew_by_those_whose_it_is(
    pm: User, cfo: User, pending: BudgetRequest
) -> None:
    ceo = User.objects.get(email__startswith="ceo@")
    said: dict[str, Any] = {"by": by(ceo), "now": timezone.now(), "comments": "Less"}
    decide(pending, Outcome.CHANGES_REQUESTED, **said)
    browser, address = browser_of(pm), f"{PLACE}{pending.pk}/"
    assert (
        "Changes were requested: “Less”"
        in page_at(browser, f"{address}edit/").paragraphs
    )

    assert browser_of(cfo).get(f"{address}edit/").status_code == 403
    done = edited(browser, pending, amount="100", submit="1")
    withdrawn = browser.post(
        f"{address}answer/", {"answer": "withdraw", "comments": "Not needed"}
    )

    assert (done.status_code, withdrawn.status_code) == (302, 302)
    pending.refresh_from_db()
    assert (pending.amount, pending.state) == (100, "withdrawn")
    assert pending.outcome_reason == "Not needed"
    late = browser.get(f"{address}edit/")
    assert late.status_code == 302


def test_every_kind_is_asked_for_and_changed_by_the_form(
    acme: Organization, pm: User, cfo: User
) -> None:
    tree = make_tree(acme)
    (rule,) = guard(tree["engineering"], given(message="No calls at night"))
    browser = browser_of(pm)
    day = (timezone.now() + timedelta(days=9)).date().isoformat()
    why = {"justification": "Soon"}
    kinds: Mapping[str, Mapping[str, Any]] = {
        "new": {"name": "Insights", "amount": "10"},
        "increase": {"amount": "10"},
        "transfer": {"amount": "10", "source": tree["sales"].pk},
        "raise": {"amount": "10", "until": day},
        "rollover_exception": {"amount": "10"},
        "rule_exception": {"until": day, "rule": str(rule.uid)},
    }

    for kind, said in kinds.items():
        address = f"{PLACE}ask/?budget={tree['ml'].pk}&kind={kind}"
        assert browser.post(address, {**why, **said}).status_code == 302, kind
        made = BudgetRequest.objects.latest("pk")
        assert made.kind == kind
        assert edited(browser, made, justification="Now").status_code == 302, kind
        changed = BudgetRequest.objects.get(pk=made.pk)
        assert changed.justification == "Now"
        assert (changed.until, changed.amount) == (made.until, made.amount)


def test_a_rule_does_not_hold_for_what_was_excepted_until_the_day_is_over(
    acme: Organization, pm: User, cfo: User
) -> None:
    tree = make_tree(acme)
    (rule,) = guard(tree["engineering"], given())
    api = make_api(organization=acme)
    teams = {"department_id": "engineering"}

    def decided(team: str) -> str:
        return str(authorize(api, team_id=team, **teams)["decision"])

    assert decided("ml") == "block"
    day = (timezone.now() + timedelta(days=2)).date().isoformat()
    address = f"{PLACE}ask/?budget={tree['ml'].pk}&kind=rule_exception"
    said = {"justification": "Soon", "until": day, "rule": str(rule.uid)}
    assert browser_of(pm).post(address, said).status_code == 302
    request = BudgetRequest.objects.get()
    shown = page_at(browser_of(cfo), f"{PLACE}{request.pk}/change/").facts()
    approve(request, cfo, now=timezone.now())

    assert (request.budget, request.scope) == (tree["engineering"], tree["ml"].scope)
    assert "block" in shown["Rule"].lower()
    assert wish_of(request).startswith(
        "an exception from the rule “Always: block all calls” of Engineering until "
    )
    assert decided("ml") == "allow"
    assert decided("search") == "block"
    BudgetRequest.objects.update(until=timezone.now())
    acme.touch()
    assert decided("ml") == "block"


def test_a_draft_is_kept_and_asked_for_later(
    acme: Organization, pm: User, cfo: User
) -> None:
    team, browser = make_budget(acme, "Team"), browser_of(pm)
    said = {"justification": "Soon", "amount": "10", "draft": "1"}

    browser.post(f"{PLACE}ask/?budget={team.pk}&kind=increase", said)
    request = BudgetRequest.objects.get()
    was = request.state, request.steps.count()
    asked = {"answer": "submit", "seen": str(request.revision)}
    browser.post(f"{PLACE}{request.pk}/answer/", asked)

    request.refresh_from_db()
    assert (was, request.state) == (("draft", 0), "pending")
