"""The page of a budget's amount over time, and the changes that ask first."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from budgets.carrying import preview_rollover
from budgets.closing import sweep_periods
from budgets.models import AmountLine, Budget, BudgetPeriod
from tests.factories import browser_of, make_budget, make_person, make_tree, spend
from tests.pages import read

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def browser(acme: Organization) -> Client:
    return browser_of(make_person("fin@acme.example", {acme: Role.FINANCE_ADMIN}))


def text_of(
    browser: Client, budget: Budget, page: str = "amounts", **query: str
) -> str:
    address = f"/admin/budgets/budget/{budget.pk}/{page}/"
    return read(browser.get(address, query).content.decode()).text


def send(browser: Client, budget: Budget, page: str, **fields: Any) -> str:
    """Fill in a page, say yes to what it asks, and return what it asked."""
    address = f"/admin/budgets/budget/{budget.pk}/{page}/"
    data = {"reason": "A launch", **fields}
    asked = browser.post(address, data)
    if not asked.context or not asked.context.get("asked"):
        return read(asked.content.decode()).text
    done = browser.post(address, {**data, "confirm": asked.context["asked"].token})
    assert done.status_code == 302, read(done.content.decode()).text
    return read(asked.content.decode()).text


def limit_of(budget: Budget) -> Any:
    return BudgetPeriod.objects.get(budget=budget, ends_at__gt=timezone.now()).limit


def test_a_transfer_says_what_follows_and_stands_on_the_page(
    browser: Client, acme: Organization
) -> None:
    tree = make_tree(acme)
    sweep_periods(now=timezone.now())

    asked = send(browser, tree["ml"], "transfer", to=tree["sales"].pk, amount="50")

    assert "$50.00 of ML goes to Sales now." in asked
    assert (limit_of(tree["ml"]), limit_of(tree["sales"])) == (350, 350)
    page = text_of(browser, tree["ml"])
    assert "Transferred to Sales" in page
    assert "ML may spend $350.00 in its present period." in page
    assert ("fin@acme.example" in page, "A launch" in page) == (True, True)


def test_nothing_is_done_without_a_yes_and_a_reason(
    browser: Client, acme: Organization
) -> None:
    budget = make_budget(acme)
    address = f"/admin/budgets/budget/{budget.pk}/raise/"
    data = {"amount": "5", "until": "2099-01-01"}

    without_why = browser.post(address, {**data, "reason": ""})
    without_yes = browser.post(address, {**data, "reason": "So"})

    assert without_why.status_code == without_yes.status_code == 200
    assert (
        "until the end of 1 Jan 2099. Do it?" in read(without_yes.content.decode()).text
    )
    assert not AmountLine.objects.filter(kind="raise").exists()


def test_a_past_day_has_the_amount_it_had(browser: Client, acme: Organization) -> None:
    now = timezone.now()
    budget = make_budget(acme, now=now - 10 * DAY, starts_at=now - 10 * DAY)
    sweep_periods(now=now)
    send(browser, budget, "raise", amount="50", until="2099-01-01")

    def on(day: Any) -> str:
        return text_of(browser, budget, on=f"{day:%Y-%m-%d}")

    assert "Company may spend $1,050.00 in its present period." in text_of(
        browser, budget
    )
    assert "could spend $1,000.00 in its period" in on(now - DAY)
    assert "could spend $1,050.00 in its period" in on(now)
    assert "before that it had no amount" in on(now - 20 * DAY)


def test_a_grant_asks_first_and_says_what_is_left(
    browser: Client, acme: Organization
) -> None:
    budget = make_budget(acme, rollover_mode="unused")
    spend(acme, "1010", timezone.now())

    asked = send(browser, budget, "grant", amount="50", until="2099-01-01")

    assert "Company may spend $50.00 more, once, in any of its periods" in asked
    assert "What is left of it then expires." in asked
    page = text_of(browser, budget)
    assert "1 Jan 2099 $50.00 $10.00 $40.00 $0.00 fin@acme.example" in page
    assert "Granted in force" in page
    assert "What is left of grants goes on by itself." in page


def test_a_year_is_phased_by_percents(browser: Client, acme: Organization) -> None:
    budget = make_budget(acme, amount="100")
    months = {f"amounts.{number}": "8" for number in range(12)}

    wrong = send(browser, budget, "phase", kind="percents", **months)
    asked = send(
        browser, budget, "phase", kind="percents", **months | {"amounts.0": "12"}
    )

    assert "Must add up to 100; these are 96." in wrong
    assert "A year of Company has $1,200.00" in asked
    assert "January $144.00; February $96.00" in asked
    page = text_of(browser, budget)
    assert ("Phased" in page, "$1,200.00 a year" in page) == (True, True)


def test_what_was_carried_over_is_taken_back(
    browser: Client, acme: Organization
) -> None:
    now = timezone.now()
    budget = make_budget(acme, now=now - 32 * DAY, rollover_mode="unused")
    sweep_periods(now=now)
    before = text_of(browser, budget)

    send(browser, budget, "undo")

    after = text_of(browser, budget)
    assert "went over into the present period. Take it back…" in before
    assert "would go over into" in before
    assert "went over into the present period was taken back" in after
    assert preview_rollover(budget, now=now).carried_in == 0


def test_an_owner_asks_for_more_for_the_top_of_their_own(acme: Organization) -> None:
    pat = make_person("pat@acme.example", {acme: Role.BUDGET_OWNER})
    tree = make_tree(acme)
    Budget.objects.filter(pk=tree["engineering"].pk).update(owner=pat)
    browser = browser_of(pat)

    own, below, sales = (
        text_of(browser, tree[name]) for name in ("engineering", "ml", "sales")
    )
    raised = browser.get(f"/admin/budgets/budget/{tree['engineering'].pk}/raise/")
    to = {"to": tree["engineering"].pk, "amount": "5"}
    upwards = send(browser, tree["ml"], "transfer", **to)

    assert ("Raise for a while…" in own, "Ask for more" in own) == (False, True)
    assert "Raise for a while…" in below
    assert "Transfer…" not in sales
    assert raised.status_code == 403
    assert "is the topmost of your own budgets" in upwards


def test_nothing_is_dated_for_a_template_on_the_page(
    browser: Client, acme: Organization
) -> None:
    template = make_budget(acme, "Each", template_for_each="user")
    spend(acme, "1", user_id="ann")

    own = text_of(browser, template)
    made = text_of(browser, template.made.get())

    assert not any(word in own for word in ("Transfer…", "Raise for a while…"))
    assert "Transfer…" in made
    assert "Seasonal amounts…" not in own + made
    address = f"/admin/budgets/budget/{template.pk}/raise/"
    assert browser.get(address).status_code == 403
