"""The pages of what guards a budget: its rules, and its kill switch."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from budgets.services import archive_budget
from console.controls.sentences import sentence_of
from controls.configuration import switch_off
from controls.models import ControlRule, KillSwitch
from lib.humanize import clock
from tests.approvals.factories import approve, asks, person_in
from tests.controls.calls import a_rule
from tests.controls.factories import make_hard
from tests.controls.guarding import (
    RULES,
    downgrade,
    given,
    guard,
    page_of,
    surely,
)
from tests.factories import (
    browser_for,
    make_budget,
    make_organization,
    make_tree,
    spend,
)
from tests.pages import page_at, shown, words_of

pytestmark = pytest.mark.django_db


# -- The rules of a budget


def test_a_page_says_first_what_guards_the_budget(acme: Organization) -> None:
    budget = make_budget(acme, "ML Team")
    guard(budget, given("block", "budget_percentage >= 1"), downgrade())

    page = page_at(browser_for(acme), page_of(budget))

    _, first, second, *_ = page.paragraphs  # after the buttons
    assert first == (
        "ML Team: from 90 % of the amount gpt-4 becomes gpt-3.5-turbo; "
        "from 100 % of the amount calls are blocked."
    )
    assert second.startswith(
        "Its amount of $1,000.00 is a hard limit, since a rule stops calls there"
    )


def test_rules_stand_in_the_order_of_their_effect_with_where_they_come_from(
    acme: Organization,
) -> None:
    budgets = make_tree(acme)
    guard(budgets["ml"], downgrade())
    guard(budgets["acme"], given("block", 'user == "eve"'), given("notify"))

    rules = page_at(browser_for(acme), page_of(budgets["ml"])).table()

    block, cheaper, tell = rules.rows
    assert block["Rule"] == "For user eve: block all calls."
    assert block["Where from"] == "Acme"
    assert cheaper["Rule"].endswith("use gpt-3.5-turbo instead of gpt-4.")
    assert cheaper["Where from"] == "this budget"
    assert f"Change: {cheaper['Rule']}" in cheaper.element.links
    assert tell["Rule"] == "Always: tell people."


def test_an_approved_exception_stands_with_its_rule(acme: Organization) -> None:
    budget, now = make_budget(acme, "ML Team"), timezone.now()
    lifted, _ = guard(budget, given(), given("notify"))
    pm = person_in(acme, "pm", Role.BUDGET_OWNER)
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    said: Any = {"kind": "rule_exception", "until": now + timedelta(days=1)}
    for scope in ({}, {"teams": ["ml"]}):
        asked = asks(pm, budget, "0", rule=str(lifted.uid), scope=scope, **said)
        if scope:
            approve(asked, cfo, now=now)

    page = page_at(browser_for(acme), page_of(budget))

    until = clock(now + timedelta(days=1), ZoneInfo("UTC"))
    said_of = [" ".join(row.texts) for row in page.table().rows]
    words = f"Lifted until {until}, for team ml, as was approved"
    assert [words in one for one in said_of] == [True, False]
    place = f"/admin/approvals/budgetrequest/{asked.pk}/change/"
    assert page.links["as was approved"] == place


def test_what_holds_at_this_moment_is_marked(acme: Organization) -> None:
    budget = make_budget(acme, amount="100")
    guard(
        budget,
        given("block", "budget_percentage >= 1", message="Stop."),
        downgrade(),
        given("notify", 'model == "gpt-4" and budget_percentage >= 0'),
    )
    spend(acme, "95")

    text = shown(browser_for(acme), page_of(budget))

    assert text.count("Holds now") == 1
    assert "Use a cheaper model Holds now From 90 %" in text


def test_a_budget_without_rules_says_what_they_are_for(acme: Organization) -> None:
    budget = make_budget(acme)

    admin = shown(browser_for(acme), page_of(budget))
    viewer = shown(browser_for(acme, Role.VIEWER), page_of(budget))

    assert "No rule guards Company." in admin
    assert "No rule decides about its calls yet." in admin
    assert "Start from a preset: Cheaper models from 90 %" in admin
    assert "A budget owner or finance admin of Acme can add one." in viewer
    assert "New rule:" not in viewer
    assert "Switch off" not in viewer


def test_a_rule_is_added_by_its_form(acme: Organization) -> None:
    budget = make_budget(acme)
    kept = guard(budget, given("notify"))[0]
    form = {
        "trigger": " budget_percentage >= 0.9 ",
        "downgrades.old": ["gpt-4", "claude-3-*", ""],
        "downgrades.new": ["gpt-3.5-turbo", "claude-3-haiku", ""],
        "exempt_users": "boss@acme.example\n\nboss@acme.example",
        "notify": "on",
    }
    url = f"{RULES}add/?budget={budget.pk}&action=model_downgrade"

    answer = surely(browser_for(acme), url, form)

    rule = ControlRule.objects.exclude(pk=kept.pk).get()
    assert "Saved. From 90 % of the amount: use" in words_of(answer.content.decode())
    assert (rule.action, rule.trigger, rule.notify, rule.position) == (
        "model_downgrade",
        "budget_percentage >= 0.9",
        True,
        1,
    )
    assert rule.config == {
        "downgrades": {"gpt-4": "gpt-3.5-turbo", "claude-3-*": "claude-3-haiku"},
        "exempt_users": ["boss@acme.example"],
    }


@pytest.mark.parametrize(
    ("action", "form", "config"),
    [
        ("block", {"message": "Ask Ann."}, {"message": "Ask Ann."}),
        (
            "model_blocklist",
            {"blocked_models.others": "gpt-4\no1*", "allowed_models": "gpt-4o"},
            {"blocked_models": ["gpt-4", "o1*"], "allowed_models": ["gpt-4o"]},
        ),
        (
            "rate_limit",
            {"max_requests_per_minute": "10", "max_cost_per_hour": "50"},
            {"max_requests_per_minute": 10, "max_cost_per_hour": "50.0000000000"},
        ),
        ("notify", {}, {}),
    ],
)
def test_each_action_has_a_form_of_its_own(
    acme: Organization, action: str, form: dict[str, str], config: dict[str, Any]
) -> None:
    budget = make_budget(acme)
    url = f"{RULES}add/?budget={budget.pk}&action={action}"

    surely(browser_for(acme), url, {"trigger": "always", **form})

    rule = ControlRule.objects.get()
    assert (rule.action, rule.config) == (action, config)


@pytest.mark.parametrize(
    ("action", "form", "said"),
    [
        ("block", {"trigger": "budget >= 1"}, "“budget"),
        ("block", {"trigger": ""}, "This field is required."),
        ("model_blocklist", {"allowed_models": "a*b"}, "A * may stand at the end only"),
        ("model_blocklist", {}, "Send blocked_models or allowed_models."),
        ("rate_limit", {"max_cost_per_hour": "0"}, "Must be more than 0"),
        ("rate_limit", {"max_cost_per_hour": "1e999"}, ""),
        ("rate_limit", {"max_requests_per_minute": "x"}, "Enter a whole number."),
        (
            "model_downgrade",
            {"downgrades.old": "gpt-4", "downgrades.new": ""},
            "Name both models: gpt-4 becomes ?.",
        ),
        (
            "model_downgrade",
            {"downgrades.old": ["a", "b"], "downgrades.new": ["b", "a"]},
            "Leads in a circle: a -> b -> a.",
        ),
        ("model_downgrade", {}, "This field is required."),
    ],
)
def test_bad_input_is_named_at_its_field(
    acme: Organization, action: str, form: dict[str, Any], said: str
) -> None:
    url = f"{RULES}add/?budget={make_budget(acme).pk}&action={action}"

    answer = browser_for(acme).post(url, {"trigger": "always", **form})

    content = answer.content.decode()
    field = content.partition("co-wrong")[2].partition("</fieldset>")[0]
    assert said in words_of(field)
    assert "Not saved: 1 field needs another look." in words_of(content)
    assert not ControlRule.objects.exists()


def test_a_rule_is_said_in_words_before_it_is_saved(acme: Organization) -> None:
    budget = make_budget(acme)
    url = f"{RULES}add/?budget={budget.pk}&action=block"
    browser = browser_for(acme)

    said = browser.post(url, {"trigger": "hour >= 18", "preview": "1"})
    wrong = browser.post(url, {"trigger": "hours >= 18", "preview": "1"})

    assert "While hour >= 18: block all calls." in words_of(said.content.decode())
    assert "names “hours”, which there is not; hour is" in words_of(
        wrong.content.decode()
    )
    assert not ControlRule.objects.exists()


def test_a_rule_stays_itself_when_it_is_changed(acme: Organization) -> None:
    rules = guard(
        make_budget(acme),
        downgrade(),
        given("rate_limit", "always", max_requests_per_minute=5),
    )
    browser = browser_for(acme)
    url = f"{RULES}{rules[1].pk}/change/"

    shows = browser.get(url).content.decode()
    surely(browser, url, {"trigger": "hour < 6", "max_requests_per_minute": "7"})

    changed = ControlRule.objects.get(pk=rules[1].pk)
    assert 'name="max_requests_per_minute" value="5"' in shows
    assert (changed.trigger, changed.uid) == ("hour < 6", rules[1].uid)
    assert changed.config == {"max_requests_per_minute": 7}
    assert ControlRule.objects.get(pk=rules[0].pk).config == rules[0].config


def test_a_rule_that_was_removed_meanwhile_is_not_brought_back(
    acme: Organization,
) -> None:
    budget = make_budget(acme)
    (rule,) = guard(budget, given())
    browser = browser_for(acme)
    change = {"what": "up", "rule": rule.uid}
    guard(budget)

    answer = browser.post(page_of(budget, "rules/"), change, follow=True)

    assert browser.get(f"{RULES}{rule.pk}/change/").status_code == 404
    assert "This rule was removed meanwhile." in words_of(answer.content.decode())


def test_rules_of_one_action_change_places(acme: Organization) -> None:
    budget = make_budget(acme)
    first, told, second = guard(
        budget,
        downgrade(),
        given("notify"),
        given("model_downgrade", downgrades={"a": "b"}),
    )
    browser = browser_for(acme)

    surely(browser, page_of(budget, "rules/"), {"what": "down", "rule": first.uid})

    order = list(ControlRule.objects.filter(budget=budget).values_list("pk", flat=True))
    assert order == [second.pk, told.pk, first.pk]


def test_a_rule_is_removed(acme: Organization) -> None:
    budget = make_budget(acme)
    first, second = guard(budget, downgrade(), given("notify"))

    url, change = page_of(budget, "rules/"), {"what": "remove", "rule": first.uid}

    surely(browser_for(acme), url, change)

    assert list(ControlRule.objects.all()) == [second]


def test_presets_are_added_once(acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme)

    for _ in range(2):
        surely(browser, page_of(budget, "rules/"), {"what": "presets"})
    page = page_at(browser, page_of(budget))

    assert ControlRule.objects.count() == 4
    assert "Start from a preset" not in page.text
    allowed = "in environment development only gpt-3.5-turbo and claude-3-haiku"
    assert allowed in page.text


def test_a_preset_fills_the_form_in(acme: Organization) -> None:
    url = f"{RULES}add/?budget={make_budget(acme).pk}&preset=rate"

    content = browser_for(acme).get(url).content.decode()

    assert 'value="50.00"' in content
    assert "allow 10 requests a minute and $50.00 an hour." in words_of(content)


def test_the_history_says_who_changed_what(acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme)
    (rule,) = guard(budget, given("block", "budget_percentage >= 1"))
    url = f"{RULES}{rule.pk}/change/"
    surely(browser, url, {"trigger": "budget_percentage >= 0.9", "message": "Ask Ann."})
    browser.post(page_of(budget, "switch/"), {"what": "off", "message": "Loop."})
    browser.post(page_of(budget, "switch/"), {"what": "on", "reason": "Mended."})
    surely(browser, page_of(budget, "rules/"), {"what": "remove", "rule": rule.uid})

    page = page_at(browser, page_of(budget, "history/"))

    assert "5 changes to what guards Company, the latest first." in page.paragraphs
    removed, on, off, changed, added = page.table().rows
    ann = "finance_admin@acme.example"
    assert {row["Who"] for row in (removed, on, off, changed)} == {ann}
    assert removed["What"] == "Rule removed"
    assert removed["From and to"] == (
        "From 90 % of the amount: block all calls. Says “Ask Ann.”"
    )
    assert on["What"] == "Switched on again"
    assert (off["What"], off["From and to"]) == ("Switched off", "Loop.")
    assert changed["What"] == "Rule changed"
    assert changed["From and to"] == (
        "From 100 % of the amount: block all calls. "
        "→ From 90 % of the amount: block all calls. Says “Ask Ann.”"
    )
    assert (added["Who"], added["What"]) == ("system", "Rule added")
    why = [row["Why"] for row in (removed, on, off, changed, added)]
    assert why == ["So it shall be.", "Mended.", "Loop.", "So it shall be.", ""]


def test_the_history_says_what_changed_places_and_messages(acme: Organization) -> None:
    budget = make_budget(acme)
    rules = guard(budget, downgrade(), given("model_downgrade", downgrades={"a": "b"}))
    browser = browser_for(acme)
    change = {"what": "down", "rule": rules[0].uid}
    surely(browser, page_of(budget, "rules/"), change)
    form = {"trigger": "always", "downgrades.old": "a", "downgrades.new": "b"}
    more = {"notify": "on", "exempt_users": "boss"}
    surely(browser, f"{RULES}{rules[1].pk}/change/", form | more)
    switch_off(budget, "Loop.", now=timezone.now())
    switch_off(budget, "Being looked at.", now=timezone.now())

    text = shown(browser, page_of(budget, "history/"))

    assert "Later than before From 90 % of the amount: use" in text
    assert "Earlier than before Always: use b instead of a." in text
    assert "→ Always: use b instead of a. Tells people. Exempt: boss." in text
    assert "Message changed Being looked at." in text


def test_a_budget_has_only_so_many_rules(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.controls.edits.MOST", 1)
    budget = make_budget(acme)
    guard(budget, given())
    url = f"{RULES}add/?budget={budget.pk}&action=notify"
    browser = browser_for(acme)

    saved = browser.post(url, {"trigger": "always"})
    tried = browser.post(url, {"trigger": "always", "dry": "1"})

    said = words_of(saved.content.decode())
    assert "A budget has at most 1 rules: remove one first." in said
    assert tried.status_code == 200
    assert ControlRule.objects.count() == 1


def test_many_rules_are_said_in_few_words() -> None:
    rules = [
        a_rule("notify", "budget_percentage > 0.5"),
        a_rule("model_blocklist", blocked_models=("a",)),
        a_rule("model_blocklist", blocked_models=("a", "b", "c", "d")),
        a_rule("model_downgrade", downgrades={"a": "b", "c": "d"}),
        a_rule("block", "hour >= 18"),
        *(a_rule("block", 'user == "eve"') for _ in range(2)),
    ]

    said = sentence_of("ML", rules).replace("\N{NO-BREAK SPACE}", " ")

    assert said == (
        "ML: above 50 % of the amount people are told; a becomes b (and 1 more); "
        "a is blocked; a, b and 2 more are blocked; "
        "while hour >= 18, calls are blocked; and 2 more rules."
    )


def test_the_history_of_a_rule_is_that_of_its_budget(acme: Organization) -> None:
    (rule,) = guard(make_budget(acme), given())
    browser = browser_for(acme)

    text = shown(browser, f"{RULES}{rule.pk}/history/")
    nothing = shown(browser, page_of(make_budget(acme, "New"), "history/"))

    assert "1 change to what guards Company, the latest first." in text
    assert "Nothing has changed yet" in nothing


# -- The kill switch


def test_switching_off_asks_first_and_says_what_it_means(acme: Organization) -> None:
    budget = make_tree(acme)["engineering"]
    browser = browser_for(acme)

    asked = shown(browser, page_of(budget, "switch/"))
    nothing = KillSwitch.objects.exists()
    odd = browser.post(page_of(budget, "switch/"), {"what": "perhaps"})
    browser.post(page_of(budget, "switch/"), {"what": "off", "message": "Loop."})

    assert odd.status_code == 404
    assert "Block all calls of Engineering and the budget below it?" in asked
    assert "refused at once" in asked
    assert not nothing
    assert KillSwitch.objects.get(budget=budget).message == "Loop."


def test_a_budget_that_is_switched_off_says_since_when_and_by_whom(
    acme: Organization,
) -> None:
    budgets = make_tree(acme)
    since = timezone.now() - timedelta(minutes=12, seconds=5)
    switch_off(budgets["engineering"], "Loop.", now=since)
    browser = browser_for(acme)

    own = shown(browser, page_of(budgets["engineering"]))
    below = shown(browser, page_of(budgets["ml"]))
    beside = shown(browser, page_of(budgets["sales"]))

    assert "Engineering is switched off: all its calls are blocked." in own
    assert "Switched off 12 min ago, by system" in own
    assert "Loop. Switch on again" in own
    assert "All calls of ML are blocked: Engineering is switched off." in below
    assert "With Engineering above it, 12 min ago, by system: “Loop.”" in below
    assert "Calls go through where no rule" in beside


def test_a_budget_is_switched_on_again(acme: Organization) -> None:
    budget = make_budget(acme)
    switch_off(budget, now=timezone.now())
    browser = browser_for(acme)

    asked = shown(browser, page_of(budget, "switch/"))
    untold = browser.post(page_of(budget, "switch/"), {"what": "on"})
    still = KillSwitch.objects.exists()
    browser.post(page_of(budget, "switch/"), {"what": "on", "reason": "Mended."})

    assert "Say why. It is kept with the change." in untold.content.decode()
    assert still
    assert "Switch Company on again?" in asked
    assert not KillSwitch.objects.exists()


# -- The list


def test_the_list_has_what_is_guarded(acme: Organization) -> None:
    budgets = make_tree(acme)
    guard(budgets["ml"], downgrade(), given("notify"))
    switch_off(budgets["sales"], now=timezone.now())
    make_hard(acme, "Hard", "10", parent=budgets["engineering"])
    browser = browser_for(acme)

    page = page_at(browser, RULES)
    found = page_at(browser, RULES, q="engin").table()

    told = "1 budget has rules, 1 budget has a hard limit, 1 budget is switched off."
    assert told in page.paragraphs
    guarded = [row.texts for row in page.table().rows]
    assert ["Acme / Engineering / ML", "2", "soft", "go through"] in guarded
    assert ["Acme / Engineering / Hard", "0", "hard", "go through"] in guarded
    assert ["Acme / Sales", "0", "soft", "Switched off"] in guarded
    assert "Acme / Engineering" not in [budget for budget, *_ in guarded]
    assert ["Acme / Engineering", "0", "soft"] in [row.texts[:3] for row in found.rows]


def test_lists_say_what_to_do_while_they_are_empty(acme: Organization) -> None:
    browser = browser_for(acme)

    without_budgets = shown(browser, RULES)
    make_budget(acme)

    assert "No budgets yet Guardrails belong to budgets" in without_budgets
    assert "Nothing is guarded yet" in shown(browser, RULES)
    assert "No budget of yours is called “nothing”" in shown(
        browser, RULES, q="nothing"
    )


def test_the_pages_take_as_many_queries_however_much_there_is(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    budgets = make_tree(acme)
    for budget in budgets.values():
        guard(budget, downgrade(), given("notify"), given("block", "spent > 1"))
    browser = browser_for(acme)
    browser.get(RULES)

    with django_assert_num_queries(LIST_QUERIES):
        browser.get(RULES)
    with django_assert_num_queries(PAGE_QUERIES):
        browser.get(page_of(budgets["ml"]))
    with django_assert_num_queries(PAGE_QUERIES):
        browser.get(page_of(budgets["sales"]))


LIST_QUERIES, PAGE_QUERIES = 11, 15


def test_the_tree_marks_what_is_switched_off_or_has_a_hard_limit(
    acme: Organization,
) -> None:
    budgets = make_tree(acme)
    make_hard(acme, "Hard", "10", parent=budgets["sales"])
    switch_off(budgets["ml"], now=timezone.now())
    browser = browser_for(acme)

    now = shown(browser, "/admin/budgets/budget/tree/")
    before = shown(browser, "/admin/budgets/budget/tree/", span="last")

    assert "ML Acme / Engineering / ML Switched off" in now
    assert "Hard Acme / Sales / Hard hard limit" in now
    assert now.count("Switched off") == 1
    assert "Switched off" not in before


# -- Who may


def every_page(budget: Budget, rule: ControlRule) -> list[str]:
    return [
        *(page_of(budget, name) for name in ("", "switch/", "dry-run/", "history/")),
        f"{RULES}add/?budget={budget.pk}&action=block",
        f"{RULES}{rule.pk}/change/",
        f"{RULES}try/?budget={budget.pk}",
    ]


def test_nobody_sees_another_organizations_guardrails(acme: Organization) -> None:
    budget = make_budget(acme)
    (rule,) = guard(budget, given())
    stranger = browser_for(make_organization("globex"))

    answers = [stranger.get(url).status_code for url in every_page(budget, rule)]
    posted = stranger.post(page_of(budget, "rules/"), {"what": "presets"})
    switched = stranger.post(page_of(budget, "switch/"), {"what": "off"})

    assert answers == [404] * 7
    assert (posted.status_code, switched.status_code) == (404, 404)
    assert "Company" not in shown(stranger, RULES)
    assert not KillSwitch.objects.exists()


def test_who_may_only_read_changes_nothing(acme: Organization) -> None:
    budget = make_budget(acme)
    (rule,) = guard(budget, given())
    viewer = browser_for(acme, Role.VIEWER)

    answers = [viewer.get(url).status_code for url in every_page(budget, rule)]
    posts = [
        viewer.post(page_of(budget, "switch/"), {"what": "off"}),
        viewer.post(page_of(budget, "rules/"), {"what": "remove", "rule": rule.uid}),
        viewer.post(f"{RULES}{rule.pk}/change/", {"trigger": "spent > 1"}),
        viewer.post(
            f"{RULES}add/?budget={budget.pk}&action=block", {"trigger": "always"}
        ),
    ]

    assert answers == [200, 403, 200, 200, 403, 200, 200]
    assert [answer.status_code for answer in posts] == [403] * 4
    assert ControlRule.objects.get().trigger == "always"


def test_looking_changes_nothing(acme: Organization) -> None:
    budget = make_budget(acme)
    (rule,) = guard(budget, given())
    acme.refresh_from_db()
    browser = browser_for(acme)

    for url in every_page(budget, rule):
        browser.get(
            url, {"what": "remove", "rule": str(rule.uid)} if "?" not in url else {}
        )
    refused = browser.get(page_of(budget, "rules/"), {"what": "presets"})

    assert refused.status_code == 405
    assert ControlRule.objects.count() == 1
    assert ControlRule.history.count() == 1
    assert Organization.objects.get().revision == acme.revision


def test_an_archived_budget_is_only_read(acme: Organization) -> None:
    budget = make_budget(acme)
    guard(budget, given())
    archive_budget(budget, now=timezone.now())
    browser = browser_for(acme)

    text = shown(browser, page_of(budget))
    answer = browser.post(page_of(budget, "switch/"), {"what": "off"})

    assert "It is archived: no call is charged to it." in text
    assert "New rule:" not in text
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "url", ["add/?budget=x&action=block", "add/?budget=1&action=nothing", "99/change/"]
)
def test_what_is_not_there_is_not_found(acme: Organization, url: str) -> None:
    make_budget(acme)

    assert browser_for(acme).get(f"{RULES}{url}").status_code == 404


def test_the_page_is_reached_from_the_budget(acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme)

    content = browser.get(f"/admin/budgets/budget/{budget.pk}/change/").content.decode()

    assert f'href="{page_of(budget)}">Guardrails</a>' in content
    assert 'href="/admin/controls/controlrule/"' in content
