"""What pages ask before calls are refused, and the reason that they keep."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from controls.configuration import switch_off
from controls.models import ControlRule, KillSwitch
from tests.alerts.factories import level, make_policy, make_rule
from tests.controls.guarding import RULES, downgrade, given, guard, page_of, surely
from tests.factories import browser_for, make_budget, make_tree, spend
from tests.pages import forms_in, shown, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(acme: Organization) -> Client:
    return browser_for(acme)


@pytest.fixture
def team(acme: Organization) -> Budget:
    return make_budget(acme, "Team", "100")


def added(team: Budget, action: str = "block") -> str:
    return f"{RULES}add/?budget={team.pk}&action={action}"


def told(answer: Any) -> str:
    return words_of(answer.content.decode()).replace("\xa0", " ")


def test_a_rule_that_holds_says_what_is_refused_from_now_on(
    acme: Organization, team: Budget, browser: Client
) -> None:
    spend(acme, "95")

    asked = browser.post(added(team), {"trigger": "budget_percentage >= 0.9"})

    assert (
        "From now on all calls of Team are refused, from 90 % of the amount: "
        "that holds at this moment. Save it?"
    ) in told(asked)
    assert not ControlRule.objects.exists()


@pytest.mark.parametrize(
    ("action", "form", "words"),
    [
        ("block", {"trigger": "always"}, "From now on all calls of Team are refused."),
        (
            "block",
            {"trigger": "budget_percentage >= 0.9"},
            "All calls of Team are refused from 90 % of the amount: not at this "
            "moment.",
        ),
        (
            "block",
            {"trigger": 'user == "eve"'},
            "From now on, for user eve, all calls of Team are refused.",
        ),
        (
            "model_blocklist",
            {"trigger": "always", "blocked_models.others": "gpt-4"},
            "From now on calls of Team to gpt-4 are refused.",
        ),
        (
            "model_blocklist",
            {"trigger": "always", "allowed_models.others": "gpt-4o"},
            "From now on calls of Team are refused, but for those of gpt-4o.",
        ),
        (
            "rate_limit",
            {"trigger": "always", "max_requests_per_minute": "5"},
            "From now on calls of Team wait beyond 5 requests a minute.",
        ),
        (
            "model_downgrade",
            {"trigger": "always", "downgrades.old": "a", "downgrades.new": "b"},
            "From now on calls of Team go on with a cheaper model: a becomes b.",
        ),
    ],
)
def test_each_rule_says_in_plain_words_what_it_does(
    action: str, form: dict[str, str], words: str, team: Budget, browser: Client
) -> None:
    asked = browser.post(added(team, action), form)

    assert f"{words} Save it?" in told(asked)
    assert not ControlRule.objects.exists()


def test_it_says_what_the_last_period_would_have_been(
    acme: Organization, team: Budget, browser: Client
) -> None:
    spend(acme, "30", timestamp=timezone.now() - timedelta(minutes=1))

    asked = browser.post(added(team), {"trigger": "always"})

    assert "this would have stopped 1 call, $30.00." in told(asked)


def test_a_rule_that_only_tells_is_not_asked_about(
    team: Budget, browser: Client
) -> None:
    saved = browser.post(added(team, "notify"), {"trigger": "always"})

    assert saved.status_code == 302
    assert ControlRule.objects.get().action == "notify"


def test_a_reason_is_wanted_and_kept(team: Budget, browser: Client) -> None:
    form = {"trigger": "always"}
    asked = browser.post(added(team), form)
    form["confirm"] = asked.context["confirmation"].asked.token

    untold = browser.post(added(team), form)
    endless = browser.post(added(team), {**form, "reason": "x" * 501})
    nothing = ControlRule.objects.exists()
    browser.post(added(team), {**form, "reason": "A loop"})

    assert "Say why. It is kept with the change." in told(untold)
    assert "Use at most 500 characters." in told(endless)
    assert not nothing
    assert ControlRule.history.get().history_change_reason == "A loop"
    assert "A loop" in shown(browser, page_of(team, "history/"))


def test_what_was_not_asked_about_is_asked_anew(team: Budget, browser: Client) -> None:
    asked = browser.post(added(team), {"trigger": "hour < 25 and always"})
    asked = browser.post(added(team), {"trigger": "always"})
    token = asked.context["confirmation"].asked.token

    other = browser.post(
        added(team), {"trigger": "spent > 1", "confirm": token, "reason": "So"}
    )

    assert "Save it?" in told(other)
    assert not ControlRule.objects.exists()


def test_a_yes_holds_though_calls_go_on(
    acme: Organization, team: Budget, browser: Client
) -> None:
    spend(acme, "30", id="a")
    form = {"trigger": "always", "reason": "So"}
    asked = browser.post(added(team), form)
    spend(acme, "30", id="b")

    token = asked.context["confirmation"].asked.token
    saved = browser.post(added(team), {**form, "confirm": token})

    assert saved.status_code == 302


def test_removing_a_rule_says_what_goes_through(team: Budget, browser: Client) -> None:
    (rule,) = guard(team, given("block", "always"))

    asked = browser.post(
        page_of(team, "rules/"), {"what": "remove", "rule": str(rule.uid)}
    )

    assert (
        "“Always: block all calls” ends. What it stood in the way of goes through, "
        "where nothing else stops it. Do it?"
    ) in told(asked)
    assert ControlRule.objects.exists()


def test_an_order_that_changes_is_asked_about_without_a_reason(
    team: Budget, browser: Client
) -> None:
    first, _ = guard(team, downgrade(), given("model_downgrade", downgrades={"a": "b"}))
    url, change = page_of(team, "rules/"), {"what": "down", "rule": str(first.uid)}
    asked = browser.post(url, change)

    token = asked.context["confirmation"].asked.token
    browser.post(url, {**change, "confirm": token})

    assert "This changes what happens to calls. Do it?" in told(asked)
    assert ControlRule.objects.filter(budget=team).last() == first


def test_buttons_refuse_what_somebody_changed_meanwhile(
    team: Budget, browser: Client
) -> None:
    (rule,) = guard(team, given("block", "always"))
    form = browser.get(page_of(team)).context["version"]
    guard(team, given("block", "hour > 3"))

    late = surely(
        browser,
        page_of(team, "rules/"),
        {"what": "remove", "rule": str(rule.uid), "version": form},
    )

    assert "while this page was open. Nothing is done yet" in told(late) or (
        "This rule was removed meanwhile" in told(late)
    )
    assert ControlRule.objects.count() == 1


def test_the_kill_switch_says_how_many_calls_are_refused(
    acme: Organization, team: Budget, browser: Client
) -> None:
    spend(acme, "1")

    text = shown(browser, page_of(team, "switch/"))

    assert "1 call was charged to it in the last 24 hours." in text
    assert "All like these are refused from now on." in text


def test_of_two_at_one_switch_the_second_is_told(team: Budget, browser: Client) -> None:
    version = browser.get(page_of(team, "switch/")).context["version"]
    switch_off(team, "Loop.", now=timezone.now())

    late = browser.post(
        page_of(team, "switch/"),
        {"what": "off", "message": "Mine.", "version": version},
        follow=True,
    )

    assert "Changed by system 0 s ago, while this page was open." in told(late)
    assert KillSwitch.objects.get().message == "Loop."


# -- Rules that alert, and who is told next


def form_in(answer: Any) -> dict[str, str]:
    """Return what the form of a page sends when it is saved."""
    (form,) = (one for one in forms_in(answer) if "version" in one)
    return {key: one for key, one in form.items() if key not in {"preview", "more"}}


def saved_by(browser: Client, place: str, **changed: str) -> Any:
    """Send the form at *place* as it was opened, but for what is *changed*."""
    form = form_in(browser.get(place)) | changed
    return browser.post(place, {key: one for key, one in form.items() if one})


def test_a_rule_that_goes_silent_is_asked_about(team: Budget, browser: Client) -> None:
    rule = make_rule(
        team, condition="spending_rate > 1", recipients=["lead@acme.example"]
    )
    place = f"/admin/alerts/alertrule/{rule.pk}/change/"

    asked = saved_by(browser, place, enabled="")
    token = asked.context["confirmation"].asked.token
    rule.refresh_from_db()
    still = rule.enabled
    saved_by(browser, place, enabled="", confirm=token, reason="Too loud")

    assert (
        "From now on nobody is told: “Spending faster than planned” of Team is off."
        in (told(asked))
    )
    rule.refresh_from_db()
    assert (still, rule.enabled) == (True, False)
    assert rule.history.first().history_change_reason == "Too loud"


def test_a_rule_that_leads_nowhere_is_asked_about(
    team: Budget, browser: Client
) -> None:
    rule = make_rule(
        team, condition="spending_rate > 1", recipients=["lead@acme.example"]
    )
    place = f"/admin/alerts/alertrule/{rule.pk}/change/"

    asked = saved_by(browser, place, channels="slack", recipients="")
    saved = saved_by(browser, place, message="Look!")

    assert "Team: Slack leads nowhere. Save it?" in told(asked)
    assert saved.status_code == 302


def test_a_rule_that_hides_one_from_above_is_asked_about(
    acme: Organization, browser: Client
) -> None:
    tree = make_tree(acme)
    make_rule(tree["engineering"], condition="spending_rate > 1")
    place = f"/admin/alerts/alertrule/add/?type=velocity&budget={tree['ml'].pk}"

    asked = saved_by(browser, place, enabled="")

    assert "The same rule of Engineering is silent here, too. Save it?" in told(asked)


def test_a_ladder_that_is_switched_off_is_asked_about(
    team: Budget, browser: Client
) -> None:
    policy = make_policy(team, name="Nights")
    place = f"/admin/alerts/escalationpolicy/{policy.pk}/change/"

    asked = saved_by(browser, place, enabled="")

    assert "From now on nobody else is told while alerts wait: Nights is off." in (
        told(asked)
    )
    policy.refresh_from_db()
    assert policy.enabled


@pytest.mark.parametrize(("choice", "first"), [("theirs", "lea"), ("mine", "tom")])
def test_both_ladders_stand_side_by_side(
    choice: str, first: str, team: Budget, browser: Client
) -> None:
    policy = make_policy(team, level(0, "lead@acme.example"), name="Nights")
    place = f"/admin/alerts/escalationpolicy/{policy.pk}/change/"
    form = form_in(browser.get(place))
    policy.levels = [level(0, "lea@acme.example")]
    policy.save()

    late = browser.post(place, form | {"level0-recipients": "tom@acme.example"})
    browser.post(place, form_in(late) | {"keep.levels": choice})

    assert "lea@acme.example by email" in told(late)
    policy.refresh_from_db()
    assert policy.levels[0]["recipients"] == [f"{first}@acme.example"]


def test_levels_that_only_the_other_changed_are_kept(
    team: Budget, browser: Client
) -> None:
    policy = make_policy(team, level(0, "lead@acme.example"), name="Nights")
    place = f"/admin/alerts/escalationpolicy/{policy.pk}/change/"
    form = form_in(browser.get(place))
    policy.levels = [level(5, "lea@acme.example")]
    policy.save()

    late = browser.post(place, form | {"name": "Days"})
    browser.post(place, form_in(late))

    policy.refresh_from_db()
    assert (policy.name, policy.levels) == ("Days", [level(5, "lea@acme.example")])
