import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from alerts.models import RuleType
from budgets.models import Budget
from budgets.services import archive_budget, change_budget, plan_of
from ledger.models import ExchangeRate
from lib.humanize import date_words
from tests.alerts.factories import make_rule
from tests.console.budget_pages import TREE, names_in
from tests.factories import (
    browser_for,
    browser_of,
    make_budget,
    make_key,
    make_person,
    make_tree,
    spend,
)
from tests.pages import page_at, shown

pytestmark = pytest.mark.django_db

CONFLICTS = "/admin/budgets/budget/conflicts/"
ARRIVAL = "/admin/budgets/budget/arrival/"


def test_the_answer_comes_first(acme: Organization) -> None:
    make_tree(acme)
    spend(acme, "620", department_id="engineering")

    first, *_ = page_at(browser_for(acme), TREE).paragraphs

    month = timezone.now().strftime("in %B %Y")
    assert first.startswith(f"Acme has spent $620.00 of $1,000.00 {month}, 62 %; too")


def test_the_tree_is_drawn_with_amounts_status_and_what_is_left(
    acme: Organization,
) -> None:
    make_tree(acme)
    spend(acme, "450", team_id="ml")
    browser = browser_for(acme)

    tree = page_at(browser, TREE).table()

    assert names_in(browser) == ["Acme", "Engineering", "ML", "Sales"]
    engineering = tree.row("Engineering Acme / Engineering")
    assert engineering["Amount"] == "$600.00 $400.00 allocated"
    assert engineering["Spent"] == "$450.00 75 %"
    assert tree.row("Engineering / ML")["Left"] == "-$50.00"
    assert tree.row("Engineering / ML")["Status"] == "Exceeded"
    below = tree.column("Budget")
    assert below[3] == "unallocated $200.00 of Engineering"
    assert below[5] == "unallocated $100.00 of Acme"


def test_too_much_promised_is_told_in_the_tree(acme: Organization) -> None:
    budgets = make_tree(acme)
    plan = plan_of(budgets["sales"])
    plan.amount = Decimal(500)
    change_budget(budgets["sales"], plan, now=timezone.now())

    tree = page_at(browser_for(acme), TREE).table()

    assert tree.column("Budget")[-1] == "over-allocated by $100.00 of Acme"


def test_numbers_lead_to_the_records_of_the_period(acme: Organization) -> None:
    now = datetime.now(UTC)
    budget = make_budget(acme)

    content = browser_for(acme).get(TREE).content.decode()

    link = (
        f"organization=acme&amp;budget={budget.pk}&amp;since={now:%Y-%m}-01T00:00:00Z"
    )
    assert link in content


def test_totals_stand_only_where_they_mean_something(acme: Organization) -> None:
    make_budget(acme, "East", "100", scope={"teams": ["east"]})
    make_budget(acme, "West", "200", scope={"teams": ["west"]})
    browser = browser_for(acme)

    apart = page_at(browser, TREE)
    make_budget(acme, "North", "300", scope={"projects": ["x"]})
    overlapping = page_at(browser, TREE)

    assert apart.paragraphs[0].startswith("Acme has spent $0.00 of $300.00")
    assert apart.table().row("Total")["Amount"] == "$300.00"
    assert "Total" not in overlapping.table().column("Budget")
    assert "can't be added up" in overlapping.paragraphs[0]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"q": "ml"}, "1 of 4 budgets is like that."),
        ({"q": "e"}, "3 of 4 budgets are like that."),
        ({"status": "EXCEEDED"}, "0 of 4 budgets are like that."),
    ],
    ids=lambda value: str(value),
)
def test_a_search_says_what_it_found_and_adds_nothing_up(
    query: dict[str, str], told: str, acme: Organization
) -> None:
    make_tree(acme)

    page = page_at(browser_for(acme), TREE, **query)

    assert page.paragraphs[0] == told
    assert "can't be added up" not in page.text


def test_last_month_shows_only_what_had_begun(acme: Organization) -> None:
    long_ago = timezone.now() - timedelta(days=90)
    old = make_budget(acme, "Old", starts_at=long_ago)
    make_budget(acme, "New", parent=old, scope={"teams": ["new"]})
    browser = browser_for(acme)

    assert names_in(browser) == ["Old", "New"]
    assert names_in(browser, span="last") == ["Old"]
    assert "allocated" not in shown(browser, TREE, span="last")


def test_months_before_show_the_amounts_of_their_time(acme: Organization) -> None:
    now = timezone.now()
    begun = (now - timedelta(days=100)).replace(day=1, hour=0)
    top = make_budget(acme, "Top", "1000", starts_at=begun)
    below = make_budget(
        acme, "Below", "600", parent=top, starts_at=begun, scope={"teams": ["x"]}
    )
    make_budget(acme, "New", "900", parent=top, scope={"teams": ["y"]})
    plan = plan_of(below)
    plan.amount = Decimal(1500)
    change_budget(below, plan, now=now)
    browser = browser_for(acme)

    present = page_at(browser, TREE)
    last = page_at(browser, TREE, span="last")
    day = (begun + timedelta(days=40)).date()
    before = page_at(browser, TREE, span="day", day=day.isoformat())

    assert "over-allocated by $1,400.00 of Top" in present.text
    for page in (last, before):
        assert page.table().column("Budget")[2:] == ["unallocated $400.00 of Top"]
        assert page.table().row("Below Top / Below")["Amount"] == "$600.00"
        assert not any("New" in name for name in page.table().column("Budget"))


def test_every_figure_of_a_row_leads_somewhere(acme: Organization) -> None:
    budget = make_budget(acme)
    spend(acme, "30")

    content = browser_for(acme).get(TREE).content.decode()

    place = f"/admin/budgets/budget/{budget.pk}/page/"
    row = content[content.index("co-level-1") :]
    figures = re.findall(r'data-label="([^"]+)">\s*<a href="([^"]+)"', row)
    assert {name: url.partition("?")[0] for name, url in figures} == {
        "Amount": place.replace("page", "amounts"),
        "Spent": "/admin/ledger/costrecord/",
        "Left": f"{place}#co-lines",
        "Per day": "/admin/ledger/costrecord/",
    }


def test_who_owns_a_budget_stands_below_its_name(acme: Organization) -> None:
    lead = make_person("lead@acme.example", {acme: Role.BUDGET_OWNER})
    make_budget(acme, "Owned", owner=lead)
    make_budget(acme, "Not owned", scope={"teams": ["x"]})

    tree = page_at(browser_for(acme), TREE).table()

    names = tree.column("Budget")
    assert [name.replace(" ", "") for name in names] == [
        "NotownedNotowned",
        "OwnedOwnedlead@acme.example",
    ]


def test_without_data_nothing_is_projected(acme: Organization) -> None:
    make_tree(acme)

    page = page_at(browser_for(acme), TREE)

    assert page.paragraphs[0].endswith("nothing was spent in it yet.")
    assert "expected to end" not in page.text


def test_any_node_can_be_the_page(acme: Organization) -> None:
    budgets = make_tree(acme)
    browser = browser_for(acme)

    names = names_in(browser, root=budgets["engineering"].pk)
    page = page_at(browser, TREE, root=budgets["engineering"].pk)

    assert names == ["Engineering", "ML"]
    assert page.part("Where this is").text == "All of Acme Acme Engineering"


def test_a_search_keeps_what_is_above(acme: Organization) -> None:
    make_tree(acme)
    browser = browser_for(acme)

    names = names_in(browser, q="ml")

    assert names == ["Acme", "Engineering", "ML"]
    assert "1 found" in shown(browser, TREE, q="ml")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "EXCEEDED"}, ["Acme", "Engineering", "ML"]),
        ({"status": "NONE"}, ["Acme", "Sales"]),
        ({"status": "unheard of"}, ["Acme", "Engineering", "ML", "Sales"]),
        ({"period": "weekly"}, []),
        ({"owner": "none", "q": "sales"}, ["Acme", "Sales"]),
    ],
)
def test_filters_keep_what_is_above(
    query: dict[str, str], names: list[str], acme: Organization
) -> None:
    make_tree(acme)
    spend(acme, "450", team_id="ml")

    assert names_in(browser_for(acme), **query) == names


def test_an_owner_finds_what_is_theirs(acme: Organization) -> None:
    ann = make_person("ann@acme.example", {acme: Role.BUDGET_OWNER})
    make_budget(acme, "Hers", owner=ann, scope={"teams": ["a"]})
    make_budget(acme, "Nobody's", scope={"teams": ["b"]})

    assert names_in(browser_for(acme), owner=ann.pk) == ["Hers"]


def test_archived_budgets_are_there_when_asked_for(acme: Organization) -> None:
    budgets = make_tree(acme)
    archive_budget(budgets["sales"], now=timezone.now())
    browser = browser_for(acme)

    assert "Sales" not in names_in(browser)
    assert "Sales" in names_in(browser, archived=1)


def test_last_month_is_judged_as_over(acme: Organization) -> None:
    now = timezone.now()
    last = now.replace(day=1) - timedelta(days=3)
    make_budget(acme, "All", "100", starts_at=last.replace(day=1, hour=0))
    spend(acme, "30", timestamp=last.isoformat())

    text = shown(browser_for(acme), TREE, span="last")

    assert "All spent $30.00 of $100.00" in text
    assert "30 %: $70.00 was left." in text


def test_a_day_that_is_none_is_this_month(acme: Organization) -> None:
    make_budget(acme)

    answer = browser_for(acme).get(TREE, {"span": "day", "day": "yesterday-ish"})

    assert answer.status_code == 200


def test_a_new_organization_is_led_to_its_first_record(acme: Organization) -> None:
    browser = browser_for(acme)

    steps = page_at(browser, TREE).part("Acme begins with four steps")
    viewer = shown(browser_for(acme, Role.VIEWER), TREE)
    waiting = browser.get(ARRIVAL, {"organization": "acme"})

    assert list(steps.links) == [
        *("Make the first budget", "Make a key", "the API"),
        *("See who is told", "Make a channel"),
    ]
    assert "Send usage" in steps.text
    assert "Waiting for the first record…" in steps.text
    assert "Make the first budget" not in viewer
    assert viewer.count("can make one.") == 2
    assert waiting.status_code == 200

    make_budget(acme)
    make_key(organization=acme)

    steps = page_at(browser, TREE).part("Acme begins with four steps")
    assert list(steps.links) == ["the API", "See who is told", "Make a channel"]
    assert steps.text.count("Done") == 2

    spend(acme, "3")

    done = browser.get(ARRIVAL, {"organization": "acme"})
    assert done.status_code == 286  # what ends the asking
    assert "The first record is here" in done.content.decode()
    assert "four steps" not in shown(browser, TREE)
    assert browser.get(ARRIVAL, {"organization": "globex"}).status_code == 404


def test_without_an_organization_there_is_a_way_on() -> None:
    root = browser_of(make_person("root@example.com", is_superuser=True))

    assert "Make an organization" in shown(root, TREE)


def test_deep_children_are_fetched_in_place(acme: Organization) -> None:
    above = make_budget(acme, "Level 1")
    for level in range(2, 6):
        above = make_budget(acme, f"Level {level}", parent=above)
    third = Budget.objects.get(name="Level 3")
    browser = browser_for(acme)

    first = names_in(browser)
    more = names_in(browser, children=third.pk, level=4)

    assert first == ["Level 1", "Level 2", "Level 3"]
    assert more == ["Level 4"]


def test_large_families_come_in_parts(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.budgets.tree.FAMILY", 2)
    top = make_budget(acme)
    for number in range(3):
        make_budget(acme, f"Part {number}", "10", parent=top, scope={"teams": ["x"]})
    browser = browser_for(acme)

    first = shown(browser, TREE, children=top.pk, level=2)
    second = names_in(browser, children=top.pk, level=2, after=2)

    assert "Show more: 1 to go" in first
    assert second == ["Part 2"]


def test_conflicts_stand_under_the_tree(acme: Organization) -> None:
    budgets = make_tree(acme)
    make_budget(acme, "Also sales", "50", parent=budgets["acme"], scope={})

    text = shown(browser_for(acme), "/admin/budgets/budget/conflicts/")

    assert "“Also sales” is charged for the same costs as 2 other budgets" in text
    assert "“Also sales” below “Acme” and “Sales” below “Acme” are both charged" in text


def test_conflicts_stand_by_their_cause_and_what_costs_nothing_last(
    acme: Organization,
) -> None:
    top = make_budget(acme, "Acme", "100")
    for name in ("A", "B"):
        make_budget(
            acme, name, "80", parent=top, period="weekly", scope={"teams": [name]}
        )
    for name in ("C", "D"):
        make_budget(acme, name, "70", parent=top, scope={"projects": [name]})
    make_budget(acme, "Hub", "1", parent=top, scope={"users": ["ann"]})
    spend(acme, "5", project_id="C", user_id="ann")
    spend(acme, "3", project_id="D", user_id="ann")

    page = page_at(browser_for(acme), CONFLICTS)

    groups = [
        one for one in page.all("li") if "co-warn" in one.attributes.get("class", "")
    ]
    assert [
        (one.text.partition(" Show all")[0], "co-quiet" in one.attributes["class"])
        for one in groups
    ] == [
        ("The budgets below “Acme” add up to $41.00 more than it has. Acme", False),
        (
            "2 budgets below “Acme” have another period than it: their amounts can't "
            "be compared. Acme",
            False,
        ),
        (
            "“Hub” is charged for the same costs as 4 other budgets: $5.00 of the last "
            "30 days with “C”, the most. Hub",
            False,
        ),
        (
            "“A” is charged for the same costs as 2 other budgets; of late there were "
            "none. A",
            True,
        ),
        (
            "“B” is charged for the same costs as 2 other budgets; of late there were "
            "none. B",
            True,
        ),
    ]
    assert set(groups[2].part("Show all 4").links) == {"A", "B", "C", "D"}


@pytest.mark.parametrize("budgets", [3, 12])
def test_the_tree_takes_the_same_queries_for_any_number(
    budgets: int, acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    top = make_budget(acme)
    for number in range(budgets):
        make_budget(
            acme, f"B{number}", "1", parent=top, scope={"teams": [f"t{number}"]}
        )
    spend(acme, "1")
    browser = browser_for(acme)

    with django_assert_num_queries(19):  # two fewer once forecasts are stored
        browser.get(TREE)
    with django_assert_num_queries(16):
        browser.get(TREE, {"children": top.pk})


def test_a_name_can_do_no_harm(acme: Organization) -> None:
    make_budget(acme, "<script>alert(1)</script>")

    content = browser_for(acme).get(TREE).content.decode()

    assert "<script>alert" not in content


def test_the_tree_says_whose_alerts_reach_nobody(acme: Organization) -> None:
    browser = browser_for(acme)
    budgets = make_tree(acme)
    place = "/admin/budgets/budget/conflicts/"
    well = shown(browser, place)
    make_rule(budgets["ml"], channels=["slack", "pagerduty"])
    make_rule(budgets["sales"], RuleType.ANOMALY, channels=["slack", "email"])

    text = shown(browser, place)

    assert "reach nobody" not in well
    assert "Alerts of 1 budget reach nobody" in text
    assert "ML : Slack, PagerDuty lead nowhere yet" in text


def test_amounts_of_other_currencies_can_be_shown_in_the_organizations(
    acme: Organization,
) -> None:
    today = timezone.now().date()
    rate = ExchangeRate.objects.create(
        organization=acme, base="KES", quote="USD", date=today, rate=Decimal("0.01")
    )
    acme.touch()
    top = make_budget(acme, "Acme", "1000")
    make_budget(
        acme, "Nairobi", "50000", currency="KES", parent=top, scope={"teams": ["n"]}
    )
    make_budget(acme, "Sales", "300", parent=top, scope={"teams": ["s"]})
    spend(acme, "125", team_id="n")
    browser = browser_for(acme)

    own = page_at(browser, TREE).table()
    page = page_at(browser, f"{TREE}?currency=USD")

    assert own.row("/ Nairobi")["Amount"] == "KES50,000.00"
    assert own.rows[0]["Amount"] == "$1,000.00 $300.00 allocated"
    tree = page.table()
    assert tree.row("/ Nairobi")["Amount"] == "$500.00"
    assert tree.row("/ Nairobi")["Spent"] == "$125.00 25 %"
    assert tree.row("/ Nairobi")["Left"] == "$375.00"
    assert tree.rows[0]["Amount"] == "$1,000.00 $800.00 allocated"
    assert tree.column("Budget")[-1] == "unallocated $200.00 of Acme"
    assert f"1 KES is 0.01 USD, as of {date_words(today)}." in shown(
        browser, f"{TREE}?currency=USD"
    )

    rate.delete()
    acme.touch()
    without = page_at(browser, f"{TREE}?currency=USD")

    assert without.table().row("/ Nairobi")["Amount"] == "KES50,000.00"
    assert without.table().rows[0]["Amount"] == "$1,000.00"
    assert without.table().column("Budget")[-1].startswith("no rate for KES")
    words = "No rate from KES to USD is known: 1 budget stays in KES and in no sum."
    assert words in shown(browser, f"{TREE}?currency=USD")


def test_roots_of_several_currencies_are_added_up_in_one(acme: Organization) -> None:
    for quote, rate in (("KES", "100"), ("UGX", "4000")):
        ExchangeRate.objects.create(
            base="USD", quote=quote, date=date(2020, 1, 1), rate=Decimal(rate)
        )
    make_budget(acme, "Nairobi", "5000", currency="KES", scope={"teams": ["n"]})
    make_budget(acme, "Kampala", "400000", currency="UGX", scope={"teams": ["k"]})
    browser = browser_for(acme)

    assert "can't be added up" in page_at(browser, TREE).paragraphs[0]
    page = page_at(browser, f"{TREE}?currency=USD")

    assert page.paragraphs[0].startswith("Acme has spent $0.00 of $150.00")
    assert page.table().row("Total")["Amount"] == "$150.00"
