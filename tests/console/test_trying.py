"""The pages that try: a request now, and rules on the past."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget, BudgetPeriod, Reservation
from console.controls import trials
from controls.configuration import switch_off
from controls.models import ControlRule, RateCount
from tests.controls.factories import make_hard
from tests.controls.guarding import RULES, downgrade, error_at, given, guard, page_of
from tests.factories import (
    browser_for,
    make_budget,
    make_organization,
    make_tree,
    report,
    spend,
    usage_record,
)
from tests.pages import page_at, shown, words_of

pytestmark = pytest.mark.django_db

TRY = f"{RULES}try/"
REQUEST = {
    "provider": "openai",
    "model": "gpt-4o",
    "team_id": "ml",
    "department_id": "engineering",
    "estimated_cost": "2",
}


# -- A request


def test_an_allowed_request_says_what_would_be_set_aside_on_its_way(
    acme: Organization,
) -> None:
    company = make_hard(acme, "Company", "100")
    make_budget(acme, "ML", "50", parent=company, scope={"teams": ["ml"]})
    spend(acme, "30", id="u1", team_id="ml")

    page = page_at(browser_for(acme), TRY, **REQUEST)

    assert page.paragraphs[:2] == [
        "The request would be allowed with gpt-4o; $2.00 would be set aside.",
        "Allowed",
    ]
    above, own = page.table().rows
    assert above["Charged to"] == "Company hard limit"
    assert above.texts[1:5] == ["$100.00", "$30.00", "$0.00", "$70.00"]
    assert above["What it says"] == "$2.00 set aside"
    assert own["Charged to"] == "ML soft limit"
    assert own.texts[1:5] == ["$50.00", "$30.00", "$0.00", "$20.00"]
    assert own["What it says"] == "Nothing against it"


def test_a_blocked_request_says_which_budget_is_in_the_way(acme: Organization) -> None:
    company = make_hard(acme, "Company", "100")
    make_hard(acme, "ML", "1", parent=company, scope={"teams": ["ml"]})

    page = page_at(browser_for(acme), TRY, **REQUEST)

    first, word, reason, *_ = page.paragraphs
    assert (first, word) == ("The request would be blocked by ML.", "Blocked")
    assert reason.startswith("ML has $1.00 left")
    own = page.table().row("ML hard limit")
    assert own.texts[1:] == ["$1.00", "$0.00", "$0.00", "$1.00", "Blocks it"]
    above = page.table().row("Company hard limit")
    assert (above["Limit"], above["Left"]) == ("$100.00", "$100.00")
    assert above["What it says"] == "Nothing against it"


def test_a_request_that_goes_on_with_a_cheaper_model_says_so(
    acme: Organization,
) -> None:
    budget = make_budget(acme, "ML")
    rule = given("model_downgrade", "always", downgrades={"gpt-4o": "gpt-4o-mini"})
    guard(budget, rule)
    asked = REQUEST | {"estimated_cost": "", "input_tokens": "1000"}

    text = shown(browser_for(acme), TRY, **asked, max_output_tokens="1000")

    assert "The request would go on with gpt-4o-mini instead of gpt-4o; " in text
    assert "it may cost $0.0007" in text or "it may cost $0.00075" in text
    assert "gpt-4o-mini is to be used instead of gpt-4o" in text
    assert "Changes it" in text


def test_a_request_that_has_to_wait_says_for_how_long(acme: Organization) -> None:
    guard(make_budget(acme, "ML"), given("rate_limit", max_cost_per_hour="1"))

    text = shown(browser_for(acme), TRY, **REQUEST)

    assert "The request would have to wait. Rate limited" in text
    assert "Has it wait" in text


def test_a_request_to_what_is_switched_off_is_blocked(acme: Organization) -> None:
    switch_off(make_budget(acme, "ML"), "Loop.", now=timezone.now())

    text = shown(browser_for(acme), TRY, **REQUEST)

    assert "The request would be blocked by ML. Blocked Loop. · ML" in text


def test_a_request_that_nothing_guards_says_so(acme: Organization) -> None:
    make_budget(acme, "Sales", scope={"teams": ["sales"]})

    text = shown(browser_for(acme), TRY, **REQUEST)

    assert "No budget is charged for such a request" in text


def test_trying_a_request_changes_nothing(acme: Organization) -> None:
    budget = make_hard(acme, "ML", "10")
    guard(budget, given("rate_limit", max_requests_per_minute=1))
    browser = browser_for(acme, Role.VIEWER)

    texts = [shown(browser, TRY, **REQUEST) for _ in range(2)]

    assert all("would be allowed" in text for text in texts)
    assert not Reservation.objects.exists()
    assert not RateCount.objects.exists()
    assert not BudgetPeriod.objects.filter(reserved__gt=0).exists()


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"model": ""}, "model", "This field is required."),
        ({"estimated_cost": ""}, "estimated_cost", "Say what it may cost at most"),
        ({"input_tokens": "5"}, "max_output_tokens", "Say both: the worst case"),
        ({"estimated_cost": "-1"}, "estimated_cost", "Must be an amount from 0"),
        ({"estimated_cost": "0.00000000001"}, "estimated_cost", "At most 10 decimal"),
        ({"input_tokens": "many"}, "input_tokens", "Enter a whole number."),
    ],
)
def test_a_request_that_is_not_whole_is_told_at_its_field(
    acme: Organization, wrong: dict[str, str], field: str, said: str
) -> None:
    make_budget(acme)

    content = browser_for(acme).get(TRY, REQUEST | wrong).content.decode()

    assert said in error_at(content, field)
    assert "The request" not in words_of(content.partition("co-decided")[2])[:200]


def test_the_form_begins_with_the_newest_kind_of_usage_of_its_budget(
    acme: Organization,
) -> None:
    cache.clear()  # of the values that forms offered in other tests
    budget = make_tree(acme)["ml"]
    spend(acme, "1", id="u1", team_id="ml", project_id="search")
    spend(acme, "1", id="u2", team_id="sales", project_id="outreach")

    browser = browser_for(acme)
    content = browser.get(TRY, {"budget": budget.pk}).content.decode()

    assert "filled in is the newest kind of usage of ML" in words_of(content)
    assert 'name="project_id" value="search"' in content
    assert 'name="model" value="gpt-4o"' in content
    assert '<option value="outreach">' in content


def test_a_request_is_tried_in_one_of_the_persons_organizations(
    acme: Organization,
) -> None:
    globex = make_organization("globex")
    make_budget(globex)
    browser = browser_for(acme)

    hidden = browser.get(TRY, {"organization": "globex", **REQUEST})
    own = browser.get(TRY, {"organization": "acme", **REQUEST})

    assert (hidden.status_code, own.status_code) == (404, 200)


# -- A dry run


def last_month(day: int, hour: int = 12) -> datetime:
    first = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = first - timedelta(days=1)
    return datetime(before.year, before.month, day, hour, tzinfo=UTC)


def spend_last_month(organization: Organization, *costs: str) -> None:
    report(
        organization,
        *(
            usage_record(id=f"p{day}", timestamp=last_month(day).isoformat(), cost=cost)
            for day, cost in enumerate(costs, 1)
        ),
    )


def old_budget(organization: Organization, amount: str, **plan: Any) -> Budget:
    return make_budget(organization, "ML", amount, starts_at=last_month(1, 0), **plan)


def test_a_dry_run_says_first_what_would_have_been_stopped(acme: Organization) -> None:
    budget = old_budget(acme, "10")
    guard(budget, given("block", "budget_percentage >= 0.9"), downgrade())
    spend_last_month(acme, "5", "4", "3", "2")

    page = page_at(browser_for(acme, Role.VIEWER), page_of(budget, "dry-run/"))

    first, costs, *_ = page.paragraphs
    month = f"{last_month(1):%B %Y}"
    assert first == f"In {month} this would have stopped 2 calls, $5.00."
    assert costs.startswith(
        "4 calls cost $14.00; it would have been $9.00, $5.00 less."
    )
    stopped = page.table().row("From 90 % of the amount: block all calls.")
    assert stopped["Effect"] == "Stopped"
    assert (stopped["Calls"], stopped["Their cost"]) == ("2", "$5.00")
    assert stopped["Spent less"] == "$5.00"
    idle = page.table().row("From 90 % of the amount: use gpt-3.5-turbo")
    assert idle["Effect"] == "No effect"


def test_a_dry_run_tries_another_amount_and_a_hard_limit(acme: Organization) -> None:
    budget = old_budget(acme, "10")
    spend_last_month(acme, "5", "4", "3")
    asked = {
        "period": last_month(1, 0).isoformat(),
        "amount": "8",
        "enforcement": "hard",
    }

    page = page_at(browser_for(acme), page_of(budget, "dry-run/"), **asked)

    assert page.paragraphs[0].endswith("this would have stopped 1 call, $4.00.")
    stopped = page.table().row("The amount is a hard limit.")
    assert (stopped["Effect"], stopped["Calls"]) == ("Stopped", "1")
    assert stopped["Their cost"] == "$4.00"


def test_a_dry_run_leaves_rules_out_and_takes_presets_in(acme: Organization) -> None:
    budget = old_budget(acme, "10")
    guard(budget, given("block", "spent > 1"))
    spend_last_month(acme, "9", "4")
    asked = {
        "period": last_month(1, 0).isoformat(),
        "enforcement": "soft",
        "presets": ["stop"],
    }

    text = shown(browser_for(acme), page_of(budget, "dry-run/"), **asked)

    assert "this would have stopped 1 call, $4.00." in text
    found = text.partition("Try something else")[0]
    assert "From 100 % of the amount: block all calls" in found
    assert "While spent > 1" not in found
    assert ControlRule.objects.count() == 1


def test_a_dry_run_of_chosen_days(acme: Organization) -> None:
    budget = old_budget(acme, "10", enforcement="hard")
    spend_last_month(acme, "9", "4", "3")
    day = f"{last_month(2):%Y-%m-%d}"
    asked = {"period": "days", "enforcement": "hard", "first": day, "last": day}

    page = page_at(browser_for(acme), page_of(budget, "dry-run/"), **asked)

    day = f"2 {last_month(1):%B %Y}"
    assert page.paragraphs[0] == f"On {day} this would have stopped 1 call, $4.00."


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"last": ""}, "last", "Say which day, or choose a period."),
        ({"last": "2026-01-01"}, "last", "Must not be before the first day."),
        ({"first": "soon"}, "first", "Enter a valid date."),
        ({"last": "9999-12-31"}, "last", "Choose a day on which calls were made."),
        ({"period": "never"}, "period", "is not one of the available choices"),
        ({"amount": "-1"}, "amount", "greater than or equal to 0"),
    ],
)
def test_a_dry_run_names_what_is_wrong(
    acme: Organization, asked: dict[str, str], field: str, said: str
) -> None:
    url = page_of(make_budget(acme), "dry-run/")
    days = {"first": "2026-01-02", "last": "2026-01-03"}
    whole = {"period": "days", "enforcement": "soft", **days}

    content = browser_for(acme).get(url, whole | asked).content.decode()

    assert said in error_at(content, field)
    assert "What would other guardrails have done?" in words_of(content)


def test_a_dry_run_of_nothing_says_so(acme: Organization) -> None:
    text = shown(browser_for(acme), page_of(make_budget(acme), "dry-run/"))

    assert "Nothing was charged to Company in this time" in text


def test_a_long_dry_run_is_announced_and_fetched_afterwards(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = old_budget(acme, "10", enforcement="hard")
    spend_last_month(acme, "9", "4", "3")
    monkeypatch.setattr("console.controls.dry_run_page.AT_ONCE", 2)
    browser = browser_for(acme)

    first = browser.get(page_of(budget, "dry-run/")).content.decode()
    run = shown(browser, page_of(budget, "dry-run/"), run="1")

    assert "Going through 3 calls" in words_of(first)
    assert "That takes about 1 s." in words_of(first)
    assert 'hx-get="?run=1"' in first
    assert "this would have stopped 2 calls, $7.00." in run


def test_a_dry_run_of_too_much_says_what_to_narrow(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = old_budget(acme, "10", enforcement="hard")
    spend_last_month(acme, "1", "4", "3", "5")
    monkeypatch.setattr(trials, "MOST_USES", 3)
    monkeypatch.setattr("console.controls.dry_run_page.MOST_USES", 3)

    text = shown(browser_for(acme), page_of(budget, "dry-run/"), run="1")

    assert "That is more than can be tried while you wait." in text
    assert "This time has 4 calls; up to 3 are tried at once." in text
    assert f"such as 1 to 3 {last_month(1):%B %Y}." in text


def test_a_rule_is_tried_on_the_last_period_before_it_is_saved(
    acme: Organization,
) -> None:
    budget = old_budget(acme, "10")
    spend_last_month(acme, "9", "4", "3")
    url = f"{RULES}add/?budget={budget.pk}&action=block"
    form = {"trigger": "budget_percentage >= 0.9", "dry": "1"}

    answer = browser_for(acme).post(url, form)

    text = words_of(answer.content.decode())
    assert "this would have stopped 2 calls, $7.00." in text
    assert "With the other rules of ML; 3 calls tried." in text
    assert not ControlRule.objects.exists()


def test_trying_takes_as_many_queries_however_much_there_is(
    acme: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    budgets = make_tree(acme)
    for budget in budgets.values():
        guard(budget, downgrade(), given("block", "spent > 500"))
    spend(acme, "1", id="u1", team_id="ml", department_id="engineering")
    browser = browser_for(acme)
    asked = {"budget": str(budgets["ml"].pk), **REQUEST}
    browser.get(TRY, asked)

    with django_assert_max_num_queries(28):
        browser.get(TRY, asked)
    with django_assert_max_num_queries(28):
        browser.get(TRY, {**asked, "team_id": "other"})
