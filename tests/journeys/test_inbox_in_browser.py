"""Answering alerts where they stand, and the ladder while one types, in a browser."""

from typing import Any

from django.utils import timezone

from accounts.models import Organization
from alerts import escalation
from alerts.models import Alert, AlertState, EscalationPolicy
from tests.alerts.factories import ago, fire, level, make_policy, make_rule
from tests.factories import make_budget, make_tree
from tests.journeys.browser import in_browser

pytestmark = in_browser

INBOX = "/admin/alerts/alert/?whose=all"


def test_an_alert_is_acknowledged_in_place_by_keyboard(
    page: Any, acme: Organization
) -> None:
    budgets = make_tree(acme)
    first = fire(budgets["ml"], now=ago(minutes=3))
    fire(budgets["sales"], now=ago(minutes=9))
    page.goto(INBOX)
    line = page.locator(f"#co-alert-{first.pk}")

    line.locator("select").select_option("60")
    line.locator("text=Acknowledge").focus()
    page.keyboard.press("Enter")
    line.locator("text=You acknowledged it, for another 1 h").wait_for()
    focused = page.evaluate("document.activeElement.innerText")
    told = page.locator("#co-said").inner_text()
    lines = page.locator("tr.co-alert").count()

    assert Alert.objects.get(pk=first.pk).state == AlertState.ACKNOWLEDGED
    assert Alert.objects.exclude(pk=first.pk).get().state == AlertState.FIRING
    assert focused == "Keep it"
    assert told == "ML: acknowledged for 1 h."
    assert lines == 2
    assert page.url.endswith(INBOX)


def test_long_addresses_stay_in_their_column(page: Any, acme: Organization) -> None:
    budget = make_tree(acme)["ml"]
    long = "engineering.oncall.leads.and.deputies@platform.department.acme.example"
    make_policy(budget, level(30, "cto@acme.example", long, f"{'x' * 60}@acme.example"))
    fire(budget)
    escalation.run_due(timezone.now())

    for width in (1700, 1440, 1180, 800, 390):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(INBOX)
        cell = page.locator(".co-next")
        room, taken = cell.evaluate("cell => [cell.clientWidth, cell.scrollWidth]")
        assert taken <= room
        lines = page.locator(".co-address").evaluate_all(
            "all => all.map(one => Math.round(one.offsetHeight / 20))"
        )
        assert lines[0] == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_inbox_and_an_alert_fit_on_a_phone(page: Any, acme: Organization) -> None:
    alert = fire(make_tree(acme)["ml"])
    page.set_viewport_size({"width": 390, "height": 800})

    widths = []
    for place in (INBOX, f"/admin/alerts/alert/{alert.pk}/change/"):
        page.goto(place)
        widths.append(page.evaluate("document.documentElement.scrollWidth"))

    assert max(widths) <= 390
    assert page.locator("svg.co-chart").is_visible()


def test_the_ladder_answers_while_one_types(page: Any, acme: Organization) -> None:
    budget = make_budget(acme)
    policy = make_policy(budget, level(0, "lead@acme.example"))
    page.goto(f"/admin/alerts/escalationpolicy/{policy.pk}/change/")

    page.click("text=Add a level")
    page.fill("[name=level1-delay]", "30")
    page.fill("[name=level1-recipients]", "cto@acme.example")
    page.locator("#co-ladder >> text=cto@acme.example by email").wait_for()
    shown = page.locator("#co-ladder").inner_text()
    saved = EscalationPolicy.objects.get().levels
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("text=is saved").first.wait_for()

    assert "after 30 min" in shown
    assert len(saved) == 1
    assert [one["delay"] for one in EscalationPolicy.objects.get().levels] == [0, 1800]


def test_a_condition_is_checked_while_one_types(page: Any, acme: Organization) -> None:
    rule = make_rule(make_budget(acme))
    page.goto(f"/admin/alerts/alertrule/{rule.pk}/change/")

    page.fill("[name=condition]", "spending_rate > oops")
    page.locator("#co-fired >> text=“oops”").wait_for()
    page.fill("[name=condition]", "spending_rate > 1000")
    page.locator("text=Would not have fired in the last 30 days.").wait_for()

    rule.refresh_from_db()
    assert rule.condition == ""
