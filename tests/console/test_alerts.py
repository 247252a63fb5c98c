import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from alerts import escalation, services
from alerts.models import (
    Alert,
    AlertRule,
    AlertState,
    EscalationPolicy,
    MaintenanceWindow,
    NotAnAnomaly,
    RuleType,
)
from budgets.models import Budget
from console.templatetags.console import breakable
from notifications.models import Delivery
from tests.alerts.factories import ago, fire, level, make_policy, make_rule, silence
from tests.factories import (
    browser_for,
    browser_of,
    make_budget,
    make_organization,
    make_person,
    make_tree,
    spend,
)
from tests.pages import page_at, read, shown, words_of

pytestmark = pytest.mark.django_db

INBOX = "/admin/alerts/alert/"
RULES = "/admin/alerts/alertrule/"
POLICIES = "/admin/alerts/escalationpolicy/"


def place_of(alert: Alert, page: str = "change") -> str:
    return f"{INBOX}{alert.pk}/{page}/"


def answer(
    alert: Alert, what: str, minutes: str = "240", **data: str
) -> dict[str, Any]:
    return {
        "path": place_of(alert, "answer"),
        "data": {"what": what, "for": minutes, **data},
    }


# -- The inbox


def test_the_inbox_has_what_is_firing_first(acme: Organization) -> None:
    budgets = make_tree(acme)
    held = fire(budgets["sales"], now=ago(hours=2))
    services.acknowledge(held, by="ann@acme.example", until=None, now=ago(minutes=5))
    services.resolve(fire(budgets["acme"]), by="", now=timezone.now())
    fire(budgets["ml"], now=ago(minutes=12))

    page = page_at(browser_for(acme), INBOX, whose="all")

    assert "1 alert is firing; 1 is acknowledged." in page.paragraphs
    assert page.headings[-3:] == ["Firing 1", "Acknowledged 1", "Resolved 1"]
    firing = page.table("Firing 1").row("Warning")
    assert firing["Alert"] == (
        "Acme / Engineering / ML $0.00 of $400.00, 0 % by now "
        "When it fired: ML has spent $320.00 of $400.00."
    )
    assert (firing["Since"], firing["Who has it"]) == ("12 min ago", "Nobody yet")
    holder = page.table("Acknowledged 1").row("Sales has spent")["Who has it"]
    assert holder.startswith("ann@acme.example acknowledged it, for another 3 h 5")
    over = page.table("Resolved 1").row("Acme has spent")["Who has it"]
    assert re.fullmatch(r"Ended \d+ s ago, by itself", over)


def test_the_inbox_says_who_is_told_next(acme: Organization) -> None:
    budget = make_budget(acme)
    make_policy(budget, level(0, "lead@acme.example"), level(30, "cto@acme.example"))
    now = ago(minutes=17, seconds=30)
    fire(budget, now=now)
    escalation.run_due(now)

    page = browser_for(acme).get(INBOX, {"whose": "all"}).content.decode()

    # The address stays whole, or breaks where one reads on.
    address = '<span class="co-address">cto<wbr>@acme<wbr>.example</span>'
    assert f"In 12 min to {address}" in page


def test_who_is_told_next_is_escaped() -> None:
    told = breakable("To <b>a.b@c</b>, you")

    assert told == (
        'To <span class="co-address">&lt;b&gt;a<wbr>.b<wbr>@c&lt;/b&gt;,</span> you'
    )


def test_without_an_escalation_its_list_says_what_one_is_for(
    acme: Organization,
) -> None:
    url = "/admin/alerts/escalationpolicy/"
    admin, viewer = browser_for(acme), browser_for(acme, Role.VIEWER)

    empty, read = page_at(admin, url), page_at(viewer, url)
    make_policy(make_budget(acme))

    assert "Nobody is told next yet" in empty.headings
    assert (
        "An alert is told at once to whom" in empty.part("Nobody is told next yet").text
    )
    assert "Set up escalation" in empty.links
    assert "Nobody is told next yet" in read.headings
    assert "Set up escalation" not in read.links
    assert "Nobody is told next yet" not in shown(admin, url)
    assert "Nobody is told next yet" not in shown(admin, url, q="nothing like it")


def test_mine_are_alerts_of_my_budgets_and_those_i_am_told(acme: Organization) -> None:
    budgets = make_tree(acme)
    ann = make_person("ann@acme.example", {acme: Role.BUDGET_OWNER})
    Budget.objects.filter(pk=budgets["engineering"].pk).update(owner=ann)
    fire(budgets["ml"])
    fire(budgets["sales"], recipients=("Ann@acme.example",))
    fire(budgets["acme"], recipients=("bob@acme.example", "joann@acme.example"))

    mine = shown(browser_of(ann), INBOX)
    everything = shown(browser_of(ann), INBOX, whose="all")

    assert "2 alerts of yours are firing" in mine
    assert "ML has spent" in mine
    assert "Sales has spent" in mine
    assert "Acme has spent" not in mine
    assert "Acme has spent" in everything


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "acknowledged"}, ["Sales"]),
        ({"severity": "critical"}, ["ML"]),
        ({"type": "velocity"}, ["Sales"]),
        ({"q": "eng"}, ["Engineering"]),
        ({"budget": "engineering"}, ["ML", "Engineering"]),
        ({"organization": "other"}, []),
        ({"state": "nonsense", "page": "x", "budget": "x"}, None),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_filters_narrow_the_inbox(
    query: dict[str, str], found: list[str] | None, acme: Organization
) -> None:
    budgets = make_tree(acme)
    fire(budgets["ml"], severity="critical")
    fire(budgets["engineering"])
    held = fire(budgets["sales"], type=RuleType.VELOCITY, threshold=None, key="v")
    services.acknowledge(held, by="bob", until=None, now=timezone.now())
    if query.get("budget") in budgets:
        query = {"budget": str(budgets[query["budget"]].pk)}

    content = browser_for(acme).get(INBOX, {"whose": "all", **query}).content.decode()

    names = re.findall(r'co-path">(?:[^<]* / )?([^</]+)</span>', content)
    assert names == (["ML", "Engineering", "Sales"] if found is None else found)


def test_resolved_ones_come_in_pages(acme: Organization) -> None:
    budget = make_budget(acme)
    for number in range(27):
        alert = fire(budget, key=f"k{number}", now=ago(hours=number + 1))
        services.resolve(alert, by="bob", now=timezone.now())
    browser = browser_for(acme)

    first = browser.get(INBOX, {"whose": "all"}).content.decode()
    second = browser.get(INBOX, {"whose": "all", "page": "2"}).content.decode()

    assert first.count('class="co-alert"') == 25
    assert second.count('class="co-alert"') == 2
    assert "Older" in words_of(first)
    assert "Newer" in words_of(second)


def test_an_empty_inbox_teaches(acme: Organization) -> None:
    make_budget(acme)

    text = shown(browser_for(acme), INBOX)

    assert "Nothing is wrong" in text
    assert "no other rules are set up yet" in text
    assert "Set up rules" in text


def test_who_has_none_of_their_own_is_led_to_the_others(acme: Organization) -> None:
    fire(make_budget(acme), recipients=("bob@acme.example",))

    text = shown(browser_for(acme, Role.VIEWER), INBOX)

    assert "None of yours" in text
    assert "1 other alert is open" in text


def test_what_others_have_is_told_by_no_number(acme: Organization) -> None:
    own = fire(make_budget(acme))
    others = fire(make_budget(make_organization("globex")))

    page = browser_for(acme).get(INBOX, {"whose": "all"}).content.decode()

    assert f"newest={own.pk}" in page
    assert f"newest={others.pk}" not in page


def test_new_alerts_are_told_of_without_moving_the_page(acme: Organization) -> None:
    budget = make_budget(acme)
    seen = fire(budget)
    fire(budget, key="threshold:0.9")
    browser = browser_for(acme)

    news = browser.get(INBOX, {"whose": "all", "newest": str(seen.pk)}).content.decode()
    none = browser.get(INBOX, {"whose": "all", "newest": str(seen.pk + 1)})

    assert "1 new alert: show" in words_of(news)
    assert words_of(none.content.decode()).strip() == ""


@pytest.mark.parametrize("alerts", [2, 12])
def test_the_inbox_takes_as_many_queries_for_any_number_of_alerts(
    alerts: int, acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    budgets = make_tree(acme)
    for number in range(alerts):
        fire(budgets["ml"], key=f"k{number}")
    browser = browser_for(acme)
    browser.get(INBOX, {"whose": "all"})

    with django_assert_num_queries(18):
        browser.get(INBOX, {"whose": "all"})


def test_a_budget_is_one_row_with_its_present_figures(acme: Organization) -> None:
    browser = browser_for(acme)
    make_budget(acme)
    for cost in ("820", "200", "490"):
        spend(acme, cost)
    top = Alert.objects.order_by("-threshold").first()
    assert top is not None

    page = page_at(browser, INBOX)
    row = page.table("Firing 1").row("Exceeded")
    browser.post(**answer(top, "acknowledge", row="1"))

    assert "$1,510.00 of $1,000.00, 151 % by now" in row["Alert"]
    assert "1 more: 80 %" in row["Alert"]
    assert "1 alert of yours is firing." in page.paragraphs
    assert set(Alert.objects.values_list("state", flat=True)) == {"acknowledged"}


# -- Answering


def test_an_alert_is_acknowledged_for_the_chosen_time(acme: Organization) -> None:
    alert = fire(make_budget(acme))
    browser = browser_for(acme)

    response = browser.post(**answer(alert, "acknowledge", "60"), follow=True)

    alert.refresh_from_db()
    assert alert.state == AlertState.ACKNOWLEDGED
    assert alert.acknowledged_by == "finance_admin@acme.example"
    assert alert.acknowledged_until is not None
    left = alert.acknowledged_until - timezone.now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert "Company: acknowledged for 1 h." in words_of(response.content.decode())


@pytest.mark.parametrize(
    ("what", "state"),
    [("snooze", AlertState.SNOOZED), ("resolve", AlertState.RESOLVED)],
)
def test_an_alert_is_snoozed_or_resolved(
    what: str, state: str, acme: Organization
) -> None:
    alert = fire(make_budget(acme))

    browser_for(acme).post(**answer(alert, what, "period"))

    alert.refresh_from_db()
    assert alert.state == state
    if state == AlertState.SNOOZED:
        assert alert.snoozed_until == alert.period_ends_at


def test_answering_in_place_sends_the_line_anew(acme: Organization) -> None:
    alert = fire(make_budget(acme))
    browser = browser_for(acme)

    response = browser.post(
        **answer(alert, "acknowledge"), headers={"HX-Request": "true"}
    )

    content = response.content.decode()
    assert content.startswith(f'<tr class="co-alert" id="co-alert-{alert.pk}">')
    answered = read(content)
    assert "You acknowledged it, for another" in answered.text
    assert "Keep it" in answered.buttons
    said = answered.by_id("co-said")
    assert said.attributes["hx-swap-oob"] == "true"
    assert said.text == "Company: acknowledged for 4 h."


def test_who_looked_at_an_old_page_does_not_take_over(acme: Organization) -> None:
    alert = fire(make_budget(acme))
    services.acknowledge(alert, by="bob@acme.example", until=None, now=timezone.now())

    response = browser_for(acme).post(
        **answer(alert, "acknowledge", seen="firing "), headers={"HX-Request": "true"}
    )

    alert.refresh_from_db()
    assert alert.acknowledged_by == "bob@acme.example"
    text = words_of(response.content.decode())
    assert "bob@acme.example has acknowledged it until" in text


def test_what_is_over_takes_no_answer(acme: Organization) -> None:
    alert = fire(make_budget(acme))
    services.resolve(alert, by="bob@acme.example", now=timezone.now())

    response = browser_for(acme).post(**answer(alert, "snooze"), follow=True)

    alert.refresh_from_db()
    assert alert.state == AlertState.RESOLVED
    assert "bob@acme.example resolved it on" in words_of(response.content.decode())


def test_a_look_changes_nothing(acme: Organization) -> None:
    alert = fire(make_budget(acme))
    browser = browser_for(acme)
    before = Alert.objects.values().get()

    statuses = [
        browser.get(place, {"what": "resolve", "for": "60"}).status_code
        for place in (INBOX, place_of(alert), place_of(alert, "answer"))
    ]

    assert statuses == [200, 200, 405]
    assert Alert.objects.values().get() == before


def test_answers_need_the_token_of_a_page(acme: Organization) -> None:
    alert = fire(make_budget(acme))
    browser = browser_for(acme)
    browser.handler.enforce_csrf_checks = True

    response = browser.post(**answer(alert, "resolve"))

    assert response.status_code == 403
    assert Alert.objects.get().state == AlertState.FIRING


def test_a_way_back_leads_nowhere_else(acme: Organization) -> None:
    alert = fire(make_budget(acme))
    browser = browser_for(acme)

    away = browser.post(**answer(alert, "snooze", next="https://evil.example/"))
    back = browser.post(**answer(alert, "snooze", next=f"{INBOX}?whose=all"))

    assert away.headers["Location"] == place_of(alert)
    assert back.headers["Location"] == f"{INBOX}?whose=all"


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.VIEWER, False),
        (Role.APPROVER, True),
        (Role.BUDGET_OWNER, True),
        (Role.FINANCE_ADMIN, True),
    ],
)
def test_roles_say_who_answers(role: Role, may: bool, acme: Organization) -> None:
    alert = fire(make_budget(acme))
    browser = browser_for(acme, role)

    text = shown(browser, INBOX, whose="all") + shown(browser, place_of(alert))
    response = browser.post(**answer(alert, "acknowledge"))

    assert ("Acknowledge Snooze" in text) is may
    assert response.status_code == (302 if may else 403)
    alert.refresh_from_db()
    assert (alert.state == AlertState.ACKNOWLEDGED) is may


# -- The page of an alert


def test_a_forecast_shows_its_probability_whatever_was_compared(
    acme: Organization,
) -> None:
    alert = fire(
        make_budget(acme),
        type=RuleType.FORECAST,
        value=Decimal(23_000),
        details={"sentence": "Acme ends late.", "numbers": {"probability": "0.87"}},
    )

    page = page_at(browser_for(acme), place_of(alert))

    assert page.part("What was spent").facts()["Probability"] == "87 %"


def test_the_page_tells_what_happened_and_what_is_to_come(acme: Organization) -> None:
    month: dict[str, Any] = {"starts_at": ago(days=20), "ends_at": ago(days=-10)}
    budget = make_budget(acme, period="custom", **month)
    make_policy(budget, level(0, "lead@acme.example"), level(30, "cto@acme.example"))
    spend(acme, "850", model="gpt-4o", project_id="search", user_id="kim")
    now = ago(minutes=10)
    alert = fire(
        budget, key="k", now=now, spent=Decimal(850), recipients=("ann@acme.example",)
    )
    escalation.run_due(now)
    Delivery.objects.filter(recipient="ann@acme.example").update(
        state="failed", next_attempt_at=None, error="550 No such mailbox."
    )
    browser = browser_for(acme)

    page = page_at(browser, place_of(alert))

    assert (
        "By now Company has spent $850.00 of $1,000.00, 85 %. "
        "When it fired: Company has spent $850.00 of $1,000.00."
    ) in page.paragraphs
    figures = page.part("What was spent").facts()
    assert figures["Spent at the alert"] == "$850.00, 85 %"
    assert figures["Limit at the alert"] == "$1,000.00"
    moved = [row.texts for row in page.table("What moved it").rows]
    assert ["gpt-4o model", "$850.00", "100 %"] in moved
    assert ["search project", "$850.00", "100 %"] in moved
    assert ["kim user", "$850.00", "100 %"] in moved
    told = page.part("Who was told").text
    assert "Email to ann@acme.example : failed: 550 No such mailbox." in told
    assert "Level 1 told lead@acme.example by email" in told
    assert "in 19 min Level 2 cto@acme.example by email" in told


def test_the_page_says_who_answered_and_what_stopped(acme: Organization) -> None:
    budget = make_budget(acme)
    make_policy(budget, level(0, "lead@acme.example"), level(30, "cto@acme.example"))
    alert = fire(budget)
    browser_for(acme).post(**answer(alert, "resolve"))

    page = page_at(browser_of(make_person(roles={acme: Role.VIEWER})), place_of(alert))

    ended = r"Resolved Ended \d+ s ago, by finance_admin@acme\.example since .*"
    assert any(re.fullmatch(ended, one) for one in page.paragraphs)
    assert "Level 2: not needed any more" in page.part("Who was told").text


def test_the_chart_marks_the_limit_and_the_alert(acme: Organization) -> None:
    budget = make_budget(acme)
    spend(acme, "850")
    alert = Alert.objects.get(budget=budget)  # that the spend raised

    content = browser_for(acme).get(place_of(alert)).content.decode()

    assert 'class="co-limit"' in content
    assert 'class="co-crossing"' in content
    assert "limit $1,000.00" in content
    assert "$800.00" in words_of(content)
    assert "when the alert fired" in content


def test_only_an_unusual_day_can_be_called_usual(acme: Organization) -> None:
    budget = make_budget(acme)
    share = fire(budget)
    day = fire(budget, type=RuleType.ANOMALY, key="anomaly:x", threshold=None)
    browser = browser_for(acme)

    texts = [shown(browser, place_of(alert)) for alert in (share, day)]
    browser.post(**answer(share, "not_an_anomaly"))
    browser.post(**answer(day, "not_an_anomaly"))

    assert ["Not an anomaly" in text for text in texts] == [False, True]
    assert NotAnAnomaly.objects.get().budget == budget
    assert Alert.objects.get(pk=share.pk).state == AlertState.FIRING
    assert Alert.objects.get(pk=day.pk).state == AlertState.RESOLVED


# -- Rules


def test_rules_of_a_budget_say_where_they_come_from(acme: Organization) -> None:
    budgets = make_tree(acme)
    make_rule(
        budgets["engineering"],
        condition="spending_rate > projected_rate * 1.2",
        recipients=["lead@acme.example"],
        channels=["email", "slack"],
        cooldown_s=3600,
    )
    make_rule(budgets["ml"], RuleType.SPIKE, threshold=Decimal(100), channels=["email"])

    page = page_at(browser_for(acme), f"{RULES}budget/{budgets['ml'].pk}/")

    assert "5 rules watch ML, 1 of them inherited." in page.paragraphs
    rules = page.table()
    threshold = rules.row("80 % of the limit is spent")
    assert threshold["Where from"] == "the budget's warning threshold"
    spike = rules.row("$100.00 within an hour")
    assert spike["Tells at once"] == "finance_admin@acme.example by email"
    fast = rules.row("spending_rate > projected_rate * 1.2 at most once in 1 h")
    assert fast["Tells at once"] == "lead@acme.example by email, Slack (not set up)"
    assert fast["Where from"] == "inherited from Engineering"


def rule_form(**values: Any) -> dict[str, Any]:
    return {
        "condition": "spending_rate > projected_rate * 2",
        "severity": "critical",
        "channels": ["email"],
        "recipients": "ann@acme.example, bob@acme.example",
        "message": "Too fast!",
        "cooldown_s": "60",
        "enabled": "on",
        **values,
    }


def test_a_rule_is_made(acme: Organization) -> None:
    budget = make_budget(acme)

    response = browser_for(acme).post(
        f"{RULES}add/?budget={budget.pk}&type=velocity", rule_form()
    )

    rule = AlertRule.objects.get()
    assert response.headers["Location"] == f"{RULES}budget/{budget.pk}/"
    assert (rule.budget, rule.type, rule.cooldown_s) == (budget, "velocity", 3600)
    assert rule.recipients == ["ann@acme.example", "bob@acme.example"]
    assert rule.channels == ["email"]
    assert rule.history.get().actor == "finance_admin@acme.example"


@pytest.mark.parametrize(
    ("kind", "values", "problem"),
    [
        ("velocity", {"condition": "spending_rate >"}, "can't be read"),
        ("velocity", {"condition": "__import__('os')"}, "compares nothing"),
        ("anomaly", {"condition": "spent > 1", "sensitivity": "low"}, "“spent”"),
        ("velocity", {"recipients": "ann"}, "“ann” is neither a mail address"),
        ("velocity", {"channels": ["fax"]}, "fax is not one of the available choices"),
        ("threshold", {"threshold": ""}, "This field is required."),
        ("threshold", {"threshold": "90"}, "This budget has a rule for that share."),
        ("spike", {"threshold": "1e40", "window": "hourly"}, "Not saved"),
    ],
)
def test_what_is_wrong_with_a_rule_stands_at_its_field(
    kind: str, values: dict[str, Any], problem: str, acme: Organization
) -> None:
    budget = make_budget(acme)
    make_rule(budget, RuleType.THRESHOLD, threshold=Decimal("0.9"))

    response = browser_for(acme).post(
        f"{RULES}add/?budget={budget.pk}&type={kind}", rule_form(**values)
    )

    assert response.status_code == 200
    assert problem in words_of(response.content.decode())
    assert AlertRule.objects.count() == 1


def test_a_preview_saves_nothing(acme: Organization) -> None:
    budget = make_budget(acme)
    spend(acme, "90")

    response = browser_for(acme).post(
        f"{RULES}add/?budget={budget.pk}&type=spike",
        rule_form(threshold="50", window="hourly", preview="1"),
    )

    assert "Would have fired once in the last 30 days, on" in words_of(
        response.content.decode()
    )
    assert not AlertRule.objects.exists()


def test_a_rule_that_can_not_be_read_is_shown_as_such(acme: Organization) -> None:
    budget = make_budget(acme)
    make_rule(budget, condition="speed > 1")

    rules = page_at(browser_for(acme), f"{RULES}budget/{budget.pk}/").table()

    assert rules.row("Nothing, for it can't be read: speed > 1")


def test_shares_are_percent_for_people(acme: Organization) -> None:
    rule = make_rule(make_budget(acme), RuleType.THRESHOLD, threshold=Decimal("0.9"))
    browser = browser_for(acme)
    place = f"{RULES}{rule.pk}/change/"

    content = browser.get(place).content.decode()
    browser.post(place, rule_form(threshold="92.5"))

    assert 'name="threshold" value="90"' in content
    rule.refresh_from_db()
    assert rule.threshold == Decimal("0.925")


def test_shares_of_rules_are_watched_as_long_as_there_is_the_rule(
    acme: Organization,
) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme)
    seen = []

    def note() -> None:
        budget.refresh_from_db()
        seen.append([one["threshold"] for one in budget.alerts])

    place = f"{RULES}add/?budget={budget.pk}&type=threshold"
    browser.post(place, rule_form(threshold="70"))
    note()
    rule = AlertRule.objects.get()
    browser.post(f"{RULES}{rule.pk}/change/", rule_form(threshold="75"))
    note()
    browser.post(f"{RULES}{rule.pk}/delete/", {"post": "yes", "reason": "Old"})
    note()

    assert seen == [["0.7"], ["0.75"], []]


def test_a_rule_is_deleted_and_remembered(acme: Organization) -> None:
    rule = make_rule(make_budget(acme))

    browser_for(acme).post(
        f"{RULES}{rule.pk}/delete/", {"post": "yes", "reason": "Old"}
    )

    assert not AlertRule.objects.exists()
    assert AlertRule.history.filter(history_type="-").exists()


# -- Escalation


def ladder_form(*levels: dict[str, Any], **values: Any) -> dict[str, Any]:
    form = {
        "name": "Nights too",
        "timezone": "Europe/Berlin",
        "repeat": "1",
        "repeat_after_s": "45",
        "holidays": "2026-12-25",
        "enabled": "on",
        **values,
    }
    for number, one in enumerate(levels):
        form |= {f"level{number}-{name}": value for name, value in one.items()}
    return form


def test_a_ladder_is_made_in_order_of_time(acme: Organization) -> None:
    budget = make_budget(acme)

    response = browser_for(acme).post(
        f"{POLICIES}add/?budget={budget.pk}",
        ladder_form(
            {
                "delay": "30",
                "recipients": "cto@acme.example",
                "channels": ["email", "sms"],
            },
            {
                "delay": "0",
                "recipients": "lead@acme.example\nann@acme.example",
                "channels": ["email"],
                "since": "09:00",
                "until": "18:00",
                "days": ["0", "1"],
            },
            {"delay": "x", "removed": "on"},
        ),
    )

    policy = EscalationPolicy.objects.get()
    assert response.status_code == 302
    assert (policy.budget, policy.repeat, policy.repeat_after_s) == (budget, 1, 2700)
    assert policy.holidays == ["2026-12-25"]
    assert policy.levels == [
        {
            "delay": 0,
            "recipients": ["lead@acme.example", "ann@acme.example"],
            "channels": ["email"],
            "hours": {"from": "09:00", "until": "18:00", "days": [0, 1]},
        },
        {
            "delay": 1800,
            "recipients": ["cto@acme.example"],
            "channels": ["email", "sms"],
            "hours": None,
        },
    ]


@pytest.mark.parametrize(
    ("levels", "values", "problem"),
    [
        ([{"delay": "", "recipients": "a@b.example"}], {}, "This field is required."),
        ([{"delay": "-1", "recipients": "a@b.example"}], {}, "greater than or equal"),
        ([{"delay": "0"}], {}, "Name somebody, or choose a channel."),
        (
            [{"delay": "0", "recipients": "a@b.example", "since": "09:00"}],
            {},
            "Give both times, or neither.",
        ),
        (
            [{"delay": "0", "recipients": "a@b.example", "timezone": "Mars"}],
            {},
            "“Mars” is not a time zone",
        ),
        ([], {}, "A ladder has at least one level."),
        (
            [{"delay": "0", "recipients": "a@b.example"}],
            {"holidays": "Christmas"},
            "“Christmas” is not a day",
        ),
        ([{"delay": "0", "recipients": "a@b.example"}], {"repeat": "99"}, "repeat"),
    ],
)
def test_what_is_wrong_with_a_ladder_stands_at_its_field(
    levels: list[dict[str, Any]],
    values: dict[str, str],
    problem: str,
    acme: Organization,
) -> None:
    response = browser_for(acme).post(
        f"{POLICIES}add/?organization=acme", ladder_form(*levels, **values)
    )

    assert response.status_code == 200
    assert problem in response.content.decode()
    assert not EscalationPolicy.objects.exists()


def test_the_ladder_is_shown_before_it_is_saved(acme: Organization) -> None:
    browser = browser_for(acme)
    levels = (
        {"delay": "0", "recipients": "lead@acme.example", "channels": ["email"]},
        {"delay": "30", "recipients": "cto@acme.example", "channels": ["sms"]},
    )

    response = browser.post(
        f"{POLICIES}add/?organization=acme", ladder_form(*levels, preview="1")
    )

    text = words_of(response.content.decode())
    assert "at once Level 1 lead@acme.example by email" in text
    assert "after 30 min Level 2 cto@acme.example by SMS" in text
    assert "after 1 h 15 min Level 1 lead@acme.example by email" in text
    assert not EscalationPolicy.objects.exists()


def test_a_level_is_added_without_losing_what_is_typed(acme: Organization) -> None:
    response = browser_for(acme).post(
        f"{POLICIES}add/?organization=acme",
        ladder_form({"delay": "5", "recipients": "lead@acme.example"}, more="1"),
    )

    content = response.content.decode()
    assert 'name="level0-delay" value="5"' in content
    assert 'name="level1-delay"' in content
    assert "Not saved" not in content


def test_the_second_ladder_of_a_budget_is_the_first(acme: Organization) -> None:
    budget = make_budget(acme)
    policy = make_policy(budget)

    response = browser_for(acme).get(f"{POLICIES}add/", {"budget": budget.pk})

    assert response.headers["Location"] == f"{POLICIES}{policy.pk}/change/"


# -- Maintenance


def silence_form(**values: Any) -> dict[str, Any]:
    return {
        "starts_at_0": "2026-11-22",
        "starts_at_1": "10:00",
        "ends_at_0": "2026-11-22",
        "ends_at_1": "12:00",
        "reason": "Load test",
        **values,
    }


def test_maintenance_is_planned(acme: Organization) -> None:
    budget = make_budget(acme)
    place = "/admin/alerts/maintenancewindow/"

    response = browser_for(acme).post(
        f"{place}add/", silence_form(organization=acme.pk, budget=budget.pk)
    )

    window = MaintenanceWindow.objects.get()
    assert response.status_code == 302
    assert window.ends_at - window.starts_at == timedelta(hours=2)
    assert window.created_by == "finance_admin@acme.example"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"ends_at_1": "10:00"}, "Must be after it starts."),
        ({"reason": ""}, "This field is required."),
    ],
)
def test_maintenance_ends_and_has_a_reason(
    values: dict[str, str], problem: str, acme: Organization
) -> None:
    response = browser_for(acme).post(
        "/admin/alerts/maintenancewindow/add/",
        silence_form(organization=acme.pk, **values),
    )

    assert problem in words_of(response.content.decode())
    assert not MaintenanceWindow.objects.exists()


# -- Who sees what


def test_nobody_sees_or_changes_what_is_another_organizations(
    acme: Organization,
) -> None:
    budget = make_budget(acme, "Secret")
    alert = fire(budget)
    rule = make_rule(budget)
    policy = make_policy(budget)
    window = silence(budget, reason="Secret")
    stranger = browser_for(make_organization("other"))

    pages = [
        place_of(alert),
        f"{RULES}{rule.pk}/change/",
        f"{RULES}{rule.pk}/history/",
        f"{RULES}budget/{budget.pk}/",
        f"{RULES}add/?budget={budget.pk}&type=spike",
        f"{POLICIES}{policy.pk}/change/",
        f"{POLICIES}add/?budget={budget.pk}",
        f"{POLICIES}add/?organization=acme",
        f"/admin/alerts/maintenancewindow/{window.pk}/change/",
    ]
    contents = [stranger.get(page, follow=True) for page in pages]
    lists = [
        stranger.get(f"/admin/alerts/{name}/")
        for name in (
            *("alert", "alertrule", "escalationpolicy", "maintenancewindow"),
            "notananomaly",
        )
    ]
    inbox = stranger.get(INBOX, {"whose": "all"})
    answered = stranger.post(**answer(alert, "resolve"))

    assert all(
        "Secret" not in page.content.decode() for page in (*contents, *lists, inbox)
    )
    assert {page.status_code for page in lists} == {200}
    assert answered.status_code == 404
    assert Alert.objects.get().state == AlertState.FIRING


@pytest.mark.parametrize(
    "place",
    [
        "alertrule/add/?type=spike&budget={budget}",
        "alertrule/{rule}/change/",
        "alertrule/{rule}/delete/",
        "escalationpolicy/add/?organization=acme",
        "escalationpolicy/{policy}/change/",
        "escalationpolicy/{policy}/delete/",
        "maintenancewindow/add/",
    ],
)
def test_viewers_change_nothing(place: str, acme: Organization) -> None:
    budget = make_budget(acme)
    rule, policy = make_rule(budget), make_policy(budget)
    where = place.format(budget=budget.pk, rule=rule.pk, policy=policy.pk)

    response = browser_for(acme, Role.VIEWER).post(
        f"/admin/alerts/{where}", {"post": "yes"}
    )

    assert response.status_code == 403
    assert AlertRule.objects.count() == EscalationPolicy.objects.count() == 1
    assert not MaintenanceWindow.objects.exists()


def test_a_viewer_reads_rules_and_ladders(acme: Organization) -> None:
    budget = make_budget(acme)
    rule, policy = make_rule(budget), make_policy(budget)
    browser = browser_for(acme, Role.VIEWER)

    content = browser.get(f"{RULES}{rule.pk}/change/").content.decode()
    ladder = browser.get(f"{POLICIES}{policy.pk}/change/").content.decode()

    assert '<fieldset class="co-all" disabled>' in content
    assert '<fieldset class="co-all" disabled>' in ladder
    assert "Save" not in words_of(content.partition('id="main"')[2])


def test_the_side_bar_counts_what_waits_for_the_person(acme: Organization) -> None:
    browser = browser_for(acme)
    budget = make_budget(acme)
    fire(budget)
    fire(budget, threshold=Decimal("0.9"))
    fire(make_budget(acme, "Bobs"), recipients=("bob@acme.example",))
    fire(make_budget(make_organization("other")))

    before = read(browser.get("/admin/alerts/alertrule/").content.decode())
    for alert in Alert.objects.filter(budget=budget):
        services.resolve(alert, by="", now=timezone.now())
    after = read(browser.get("/admin/alerts/alertrule/").content.decode())

    assert before.links["Alerts 1"] == INBOX
    assert not [name for name in after.links if re.match(r"Alerts \d", name)]


def test_the_page_of_a_budget_leads_to_its_alerts(acme: Organization) -> None:
    budget = make_budget(acme)

    content = browser_for(acme).get(f"/admin/budgets/budget/{budget.pk}/change/")

    assert f"{RULES}budget/{budget.pk}/" in content.content.decode()
