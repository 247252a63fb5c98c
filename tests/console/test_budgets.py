import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from budgets.figures import Position, status_of
from budgets.models import Backfill, Budget, BudgetPeriod
from budgets.services import archive_budget, change_budget, plan_of
from console.budgets.bars import bar_of
from console.templatetags.console import bar as drawn
from lib.periods import Cadence, Window
from tests.factories import (
    browser_for,
    browser_of,
    make_budget,
    make_organization,
    make_person,
    make_tree,
    spend,
)
from tests.pages import page_at, shown, words_of

pytestmark = pytest.mark.django_db

TREE = "/admin/budgets/budget/tree/"
ADD = "/admin/budgets/budget/add/"
PREVIEW = "/admin/budgets/budget/preview/"


@pytest.fixture(autouse=True)
def _nothing_offered() -> None:
    """Forget the values that forms offered to the tests before."""
    cache.clear()


def place_of(budget: Budget, page: str = "change") -> str:
    return f"/admin/budgets/budget/{budget.pk}/{page}/"


def names_in(browser: Client, **query: Any) -> list[str]:
    content = browser.get(TREE, query).content.decode()
    return re.findall(r'<span class="co-own">(.*?)</span>', content)


def form_of(**overrides: Any) -> dict[str, Any]:
    return {
        "name": "ML",
        "amount": "500",
        "currency": "USD",
        "period": "monthly",
        "timezone": "UTC",
        "warning_threshold": "80",
        "critical_threshold": "95",
        "enforcement": "soft",
        "rollover_mode": "none",
        **overrides,
    }


# -- The tree


def test_the_answer_comes_first(acme: Organization) -> None:
    make_tree(acme)
    spend(acme, "620", department_id="engineering")

    first, *_ = page_at(browser_for(acme), TREE).paragraphs

    month = timezone.now().strftime("in %B %Y")
    assert first.startswith(f"Acme has spent $620.00 of $1,000.00 {month}, 62 %; at")


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


def test_no_budgets_teach_how_to_begin(acme: Organization) -> None:
    finance = shown(browser_for(acme), TREE)
    viewer = shown(browser_for(acme, Role.VIEWER), TREE)

    assert "Make the first budget" in finance
    assert "Make the first budget" not in viewer
    assert "can make one" in viewer


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

    assert "“Also sales” and “Sales” are both charged" in text


@pytest.mark.parametrize("budgets", [3, 12])
def test_the_tree_takes_the_same_queries_for_any_number(
    budgets: int, acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    top = make_budget(acme)
    for number in range(budgets):
        make_budget(
            acme, f"B{number}", "1", parent=top, scope={"teams": [f"t{number}"]}
        )
    browser = browser_for(acme)

    with django_assert_num_queries(14):
        browser.get(TREE)
    with django_assert_num_queries(11):
        browser.get(TREE, {"children": top.pk})


def test_a_name_can_do_no_harm(acme: Organization) -> None:
    make_budget(acme, "<script>alert(1)</script>")

    content = browser_for(acme).get(TREE).content.decode()

    assert "<script>alert" not in content


# -- Isolation and roles


def test_nothing_of_another_organization_is_seen_anywhere(acme: Organization) -> None:
    globex = make_organization("globex")
    secret = make_budget(globex, "Secret plans")
    mine = make_budget(acme)
    browser = browser_for(acme)
    pages: list[tuple[str, dict[str, Any]]] = [
        (TREE, {"organization": "globex"}),
        (TREE, {"root": secret.pk}),
        (TREE, {"children": secret.pk}),
        ("/admin/budgets/budget/conflicts/", {"organization": "globex"}),
        (ADD, {"organization": "globex"}),
        (PREVIEW, {"organization": "globex"}),
        (PREVIEW, {"budget": secret.pk}),
        *((place_of(secret, page), {}) for page in ("change", "move", "archive")),
        (place_of(secret, "history"), {}),
        (place_of(secret, "progress"), {}),
    ]

    answers = {page[0]: browser.get(*page).status_code for page in pages}
    everywhere = [TREE, ADD, place_of(mine), place_of(mine, "move")]
    texts = [browser.get(address).content.decode() for address in everywhere]

    assert set(answers.values()) <= {403, 404}
    assert not [text for text in texts if "Secret plans" in text or "globex" in text]


def test_a_budget_of_another_organization_can_be_no_parent(acme: Organization) -> None:
    globex = make_organization("globex")
    secret, mine = make_budget(globex, "Secret plans"), make_budget(acme)
    browser = browser_for(acme)

    made = browser.post(ADD, form_of(parent=secret.pk))
    moved = browser.post(
        place_of(mine, "move"),
        {"parent": secret.pk, "reason": "why", "seen": secret.pk},
    )

    for answer in (made, moved):
        assert "Select a valid choice." in answer.content.decode()
        assert "Secret" not in answer.content.decode()
    assert Budget.objects.count() == 2


@pytest.mark.parametrize("page", ["change", "move", "archive"])
def test_a_viewer_changes_nothing(page: str, acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme, Role.VIEWER)

    answer = browser.post(place_of(budget, page), form_of(name="Other", reason="x"))

    budget.refresh_from_db()
    assert answer.status_code == 403
    assert (budget.name, budget.archived_at) == ("Company", None)


def test_a_viewer_reads_the_page_without_a_way_to_save(acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme, Role.VIEWER)

    content = browser.get(place_of(budget)).content.decode()

    assert '<fieldset class="co-all" disabled>' in content
    assert "Move to…" not in content
    assert browser.get(ADD).status_code == 403


# -- The form


def test_a_budget_is_made(acme: Organization) -> None:
    parent = make_budget(acme)
    form = form_of(
        parent=parent.pk,
        note="Ask Ann.",
        rollover_mode="unused",
        rollover_cap="50",
        start_date="2025-01-01",
        end_date="2030-12-31",
    )
    form |= {
        "scope.teams": ["ml"],
        "scope.teams.others": "research\n",
        "scope.tags": "a=b",
    }

    answer = browser_for(acme).post(ADD, form)

    made = Budget.objects.get(name="ML")
    assert answer["location"] == place_of(made)
    assert made.scope == {"teams": ["ml", "research"], "tags": {"a": "b"}}
    assert (made.parent, made.amount, made.rollover_cap) == (
        parent,
        Decimal(500),
        Decimal("0.5"),
    )
    assert made.starts_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert made.ends_at == datetime(2031, 1, 1, tzinfo=UTC)
    assert made.history.get().actor == "finance_admin@acme.example"


def test_days_are_of_the_budgets_own_zone(acme: Organization) -> None:
    form = form_of(timezone="Europe/Berlin", start_date="2025-07-01")

    browser_for(acme).post(ADD, form)

    made = Budget.objects.get()
    assert made.starts_at == datetime(2025, 6, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"amount": "-1"}, "Must be from 0 to"),
        ({"amount": "a lot"}, "Enter a number."),
        ({"name": ""}, "This field is required."),
        ({"currency": "XXQ"}, "Unknown currency"),
        ({"timezone": "Mars/Olympus"}, "is not a time zone"),
        ({"period": "custom"}, "A custom period needs a start and an end."),
        (
            {"start_date": "2025-02-01", "end_date": "2025-01-01"},
            "Must not be before the first day.",
        ),
        ({"warning_threshold": "0"}, "Must be more than 0."),
        ({"critical_threshold": "50"}, "Must not be below the warning threshold."),
        ({"scope.teams.others": "x" * 201}, "names of 1 to 200 characters"),
        ({"start_date": "1066-10-14"}, "Days are of the years 2000 to 2199."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_told_at_its_field(
    wrong: dict[str, str], told: str, acme: Organization
) -> None:
    answer = browser_for(acme).post(ADD, form_of(**wrong))

    assert told in words_of(answer.content.decode())
    assert not Budget.objects.exists()


def test_a_change_that_moves_no_money_is_saved_at_once(acme: Organization) -> None:
    budget = make_budget(acme, "Old", "500")
    form = form_of(name="New", start_date=budget.starts_at.date())

    browser_for(acme).post(place_of(budget), form)

    budget.refresh_from_db()
    assert budget.name == "New"


def test_a_change_that_moves_money_is_asked_about_once(acme: Organization) -> None:
    budget = make_budget(acme, "ML", "500")
    browser = browser_for(acme)
    form = form_of(amount="750", start_date=budget.starts_at.date())
    form["scope.teams"] = ["ml"]

    asked = browser.post(place_of(budget), form)
    budget.refresh_from_db()
    untouched = budget.amount
    token = asked.context["confirm"]
    other = browser.post(place_of(budget), {**form, "amount": "9", "confirm": token})
    browser.post(place_of(budget), {**form, "confirm": token})

    budget.refresh_from_db()
    text = words_of(asked.content.decode())
    assert "This changes what is counted. Save it?" in text
    assert "Amount $500.00 $750.00" in text
    assert "Scope everything teams ml" in text
    assert untouched == Decimal(500)
    assert "Save it?" in other.content.decode()
    assert (budget.amount, budget.scope) == (Decimal(750), {"teams": ["ml"]})


def test_a_new_amount_is_kept_with_who_and_why_and_shown(acme: Organization) -> None:
    budget = make_budget(acme, "ML", "500")
    browser = browser_for(acme)
    form = form_of(amount="750", start_date=budget.starts_at.date(), reason="Growth")

    token = browser.post(place_of(budget), form).context["confirm"]
    browser.post(place_of(budget), {**form, "confirm": token})

    text = shown(browser, place_of(budget))
    assert "Changed +$250.00 finance_admin@acme.example Growth" in text
    assert text.index("Changed +$250.00") < text.index("Planned +$500.00 system")


def test_what_the_form_does_not_show_stays(acme: Organization) -> None:
    alerts = [{"threshold": "0.5", "channels": ["ops"]}]
    starts_at = datetime(2025, 1, 1, 15, 30, tzinfo=UTC)
    budget = make_budget(acme, "Old", "500", alerts=alerts, starts_at=starts_at)
    form = form_of(name="New", start_date="2025-01-01")

    browser_for(acme).post(place_of(budget), form)

    budget.refresh_from_db()
    assert (budget.name, budget.alerts) == ("New", alerts)
    assert budget.starts_at == starts_at


def test_an_archived_budget_is_only_read(acme: Organization) -> None:
    budget = archive_budget(make_budget(acme), now=timezone.now())
    browser = browser_for(acme)

    text = shown(browser, place_of(budget))

    assert "archived: it stays as it was" in text
    assert browser.post(place_of(budget), form_of()).status_code == 403
    assert browser.get(place_of(budget, "move")).status_code == 403


def test_a_backfill_tells_how_far_it_is(acme: Organization) -> None:
    budget = make_budget(acme)
    moment = timezone.now()
    backfill = Backfill.objects.create(
        organization=acme,
        upto_id=1,
        done_until=moment,
        until=moment,
        total=4,
        done=1,
    )
    Budget.objects.filter(pk=budget.pk).update(backfill=backfill)
    browser = browser_for(acme)

    page = browser.get(place_of(budget)).content.decode()
    far = browser.get(place_of(budget, "progress")).json()
    Budget.objects.filter(pk=budget.pk).update(backfill=None)
    over = browser.get(place_of(budget, "progress")).json()

    assert "Counting what was spent before" in page
    assert (far, over) == ({"done": 0.25}, {"done": None})


# -- The preview


def test_the_preview_explains_the_scope(acme: Organization) -> None:
    spend(acme, "30", id="a", team_id="ml", project_id="search")
    spend(acme, "70", id="b", team_id="ml", project_id="chat", model="gpt-4o-mini")
    spend(acme, "500", id="c", team_id="sales", project_id="mail")
    make_budget(acme, "Backend", "10", scope={"projects": ["search"]})
    query = form_of(amount="1000") | {"scope.teams": "ml"}

    text = shown(browser_for(acme), PREVIEW, **query)

    assert "Matches 2 projects and 2 models." in text
    assert "$100.00 this period so far: 10 % of the amount." in text
    assert "Overlaps with Backend on costs that match both scopes." in text


def test_the_preview_names_what_overlaps(acme: Organization) -> None:
    make_budget(acme, "Backend", "10", scope={"projects": ["search", "x"]})
    query = form_of() | {"scope.projects": "search"}

    text = shown(browser_for(acme), PREVIEW, **query)

    assert "Overlaps with Backend on project search." in text


def test_the_preview_names_the_models_in_use_that_a_pattern_reaches(
    acme: Organization,
) -> None:
    for model in ("gpt-4-turbo", "GPT-4o", "gpt-4o-2024-08-06", "openai/gpt-4-0613"):
        spend(acme, "1", model=model)
    query = form_of() | {"scope.models.others": "gpt-4*\nGPT-4o\no3"}

    text = shown(browser_for(acme), PREVIEW, **query)

    assert "“gpt-4*” reaches gpt-4-0613, gpt-4-turbo; not gpt-4o." in text
    assert "“GPT-4o” reaches gpt-4o, gpt-4o-2024-08-06." in text
    assert "“o3” reaches nothing that was used so far." in text


def test_the_preview_tells_conflicts_before_saving(acme: Organization) -> None:
    budgets = make_tree(acme)
    browser = browser_for(acme)
    query = form_of(parent=budgets["engineering"].pk, amount="300")

    too_much = page_at(browser, PREVIEW, **query)
    weekly = shown(browser, PREVIEW, **{**query, "period": "weekly"})
    shrunk = page_at(
        browser, PREVIEW, budget=budgets["engineering"].pk, **form_of(amount="100")
    )

    assert too_much.paragraphs[-1] == (
        "Engineering has $200.00 unallocated: with this it is over-allocated by "
        "$100.00. Raise Engineering, or take less."
    )
    assert "Engineering above it is monthly" in weekly
    assert shrunk.paragraphs[-1].startswith(
        "The budgets below it add up to $400.00, $300.00 more than this."
    )


def test_the_preview_bears_what_is_not_filled_in_yet(acme: Organization) -> None:
    browser = browser_for(acme)

    nothing = browser.get(PREVIEW)
    odd = browser.get(
        PREVIEW, form_of(amount="x", currency="", timezone="?", period="?")
    )
    custom = shown(browser, PREVIEW, **form_of(period="custom"))

    assert nothing.status_code == odd.status_code == 200
    assert "It is not in force now." in custom


def test_the_preview_of_a_parent_counts_what_is_below(acme: Organization) -> None:
    budgets = make_tree(acme)
    spend(acme, "30", team_id="ml")  # of no department
    engineering = budgets["engineering"]
    query = form_of(amount="600") | {"scope.departments": "engineering"}

    text = shown(browser_for(acme), PREVIEW, budget=engineering.pk, **query)

    assert "$30.00 this period so far: 5.0 % of the amount." in text


def test_the_preview_changes_money_into_the_budgets_currency(
    acme: Organization,
) -> None:
    spend(acme, "30")

    text = shown(browser_for(acme), PREVIEW, **form_of(currency="EUR"))

    assert "about €" in text


def test_a_preview_by_button_saves_nothing(acme: Organization) -> None:
    spend(acme, "30", team_id="ml")

    form = form_of(preview="1") | {"scope.teams": "ml"}
    answer = browser_for(acme).post(ADD, form)

    assert "$30.00 this period so far" in words_of(answer.content.decode())
    assert not Budget.objects.exists()


def test_values_are_offered_with_what_they_cost(acme: Organization) -> None:
    spend(acme, "30", team_id="ml")

    text = shown(browser_for(acme), ADD)

    assert "ml $30.00" in text


# -- Moving and archiving


def test_a_move_shows_old_and_new_first(acme: Organization) -> None:
    budgets = make_tree(acme)
    browser = browser_for(acme)
    ml, sales = budgets["ml"], budgets["sales"]

    text = shown(browser, place_of(ml, "move"), parent=sales.pk)
    form = {"parent": sales.pk, "reason": "New team"}
    asked = browser.post(place_of(ml, "move"), form)

    ml.refresh_from_db()
    assert "Path Acme / Engineering / ML Acme / Sales / ML" in text
    assert "Leaves Engineering limit $600.00 $200.00 unallocated $600.00" in text
    assert "Joins Sales limit $300.00 $300.00 unallocated -$100.00" in text
    assert asked.status_code == 200
    assert ml.parent_id == budgets["engineering"].pk


def test_a_move_is_done_with_its_reason(acme: Organization) -> None:
    budgets = make_tree(acme)
    spend(acme, "10", team_id="ml")
    ml, sales = budgets["ml"], budgets["sales"]
    form = {"parent": sales.pk, "reason": "New team", "seen": sales.pk}

    browser_for(acme).post(place_of(ml, "move"), form)

    ml.refresh_from_db()
    assert ml.parent == sales
    assert ml.history.first().history_change_reason == "New team"
    assert BudgetPeriod.objects.get(budget=sales).spent == Decimal(10)


def test_a_move_needs_a_reason(acme: Organization) -> None:
    budgets = make_tree(acme)
    ml = budgets["ml"]

    browser_for(acme).post(place_of(ml, "move"), {"parent": "", "seen": "none"})

    ml.refresh_from_db()
    assert ml.parent == budgets["engineering"]


def test_nothing_moves_below_itself(acme: Organization) -> None:
    budgets = make_tree(acme)
    engineering, ml = budgets["engineering"], budgets["ml"]
    browser = browser_for(acme)

    content = browser.get(place_of(engineering, "move")).content.decode()
    form = {"parent": ml.pk, "reason": "why", "seen": ml.pk}
    answer = browser.post(place_of(engineering, "move"), form)

    assert f'<option value="{ml.pk}"' not in content
    assert "itself or below it" in answer.content.decode()


def test_archiving_asks_first(acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme)

    text = shown(browser, place_of(budget, "archive"))
    browser.post(place_of(budget, "archive"))

    budget.refresh_from_db()
    assert "Archive “Company”?" in text
    assert budget.archived_at is not None


def test_a_parent_in_use_is_not_archived(acme: Organization) -> None:
    budgets = make_tree(acme)

    answer = browser_for(acme).post(place_of(budgets["acme"], "archive"))

    budgets["acme"].refresh_from_db()
    assert "has budgets below it (" in answer.content.decode()
    assert budgets["acme"].archived_at is None


def test_nothing_is_deleted(acme: Organization) -> None:
    budget = make_budget(acme)

    answer = browser_for(acme).post(place_of(budget, "delete"), {"post": "yes"})

    assert answer.status_code == 403
    assert Budget.objects.exists()


def test_history_shows_reason_and_change(acme: Organization) -> None:
    budgets = make_tree(acme)
    sales = budgets["sales"]
    form = {"parent": "", "reason": "On its own now", "seen": "none"}
    browser = browser_for(acme)
    browser.post(place_of(sales, "move"), form)

    text = shown(browser, place_of(sales, "history"))
    version = sales.history.last()
    old = browser.get(f"{place_of(sales, 'history')}{version.pk}/")

    assert "On its own now" in text
    assert "finance_admin@acme.example" in text
    assert old.status_code == 200


# -- Bars


def bar(spent: str, *, limit: str = "100", reserved: str = "0", day: int = 16) -> Any:
    window = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    position = Position(
        amount=Decimal(limit),
        limit=Decimal(limit),
        spent=Decimal(spent),
        reserved=Decimal(reserved),
        window=window,
        zone=ZoneInfo("UTC"),
        warning_threshold=Decimal("0.8"),
        critical_threshold=Decimal("0.95"),
    )
    now = datetime(2025, 1, day, 12, tzinfo=UTC)
    return bar_of(position, status_of(position, now), now)


def test_a_bar_is_drawn_to_the_limit_at_its_frame() -> None:
    half = bar("50")

    assert (half.spent, half.over, half.warning) == (40, 0, 64)
    assert (half.time, half.ghost) == (40, 80)


def test_what_is_over_runs_over_the_frame() -> None:
    little, much = bar("110"), bar("1000")

    assert (little.spent, little.over, little.is_cut) == (80, 8, False)
    assert (much.over, much.is_cut) == (20, True)


def test_what_is_reserved_follows_what_is_spent() -> None:
    held = bar("50", reserved="25")

    assert (held.reserved_from, held.reserved) == (40, 20)


def test_a_bar_without_a_limit_is_full_once_something_is_spent() -> None:
    assert bar("0", limit="0").spent == 0
    assert bar("1", limit="0").is_cut


def test_words_in_a_drawing_are_escaped() -> None:
    assert "<b>" not in drawn(bar("1"), "OK", "<b>")


def test_only_what_is_there_is_drawn() -> None:
    nothing, much = drawn(bar("0"), "NONE", ""), drawn(bar("300"), "EXCEEDED", "")

    assert "co-spent" not in nothing
    assert "co-cut" not in nothing
    assert '<rect class="co-over" x="80%" y="4" width="20.0%"' in much
    assert "co-cut" in much


def test_every_cadence_can_be_chosen(acme: Organization) -> None:
    content = browser_for(acme).get(ADD).content.decode()

    assert not [one for one in Cadence if f'value="{one.value}"' not in content]
