"""Unusual days and hours: the band, its words, and what is called usual."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from alerts import escalation
from alerts.evaluation import sweep
from alerts.messages import message_of
from alerts.models import Alert, NotAnAnomaly
from alerts.rules import evaluate
from alerts.services import not_an_anomaly
from alerts.types import Facts
from budgets.models import Budget
from lib.periods import HOUR
from tests.alerts.factories import fire, make_rule
from tests.alerts.given import NOW, facts, rule
from tests.budgets.worlds import jan, january_budget
from tests.factories import Api, browser_for, make_budget, spend
from tests.forecasts.weeks import weekly
from tests.pages import page_at, words_of

EVEN = (Decimal(4), Decimal(5)) * 24  # hours
THIS_HOUR = NOW.replace(minute=0)


def of_hours(**values: Any) -> Facts:
    """Return what is known at 12:20 of a budget whose hours cost 4 or 5."""
    return facts(
        **{
            "now": NOW + timedelta(minutes=20),
            "hours": EVEN,
            "hour_began_at": THIS_HOUR,
            **values,
        }
    )


def explained(where: Facts, **values: Any) -> str:
    match = evaluate(rule("anomaly", **values), where)
    assert match is not None
    words: str = match.details["explained"]
    return words.replace("\N{NO-BREAK SPACE}", " ")


# -- Hours


def test_an_hour_of_many_times_the_usual_is_told_while_it_lasts() -> None:
    hourly = rule("anomaly", window="hourly")

    assert evaluate(hourly, of_hours(hour_spent=Decimal(5))) is None
    match = evaluate(hourly, of_hours(hour_spent=Decimal(30)))

    assert match is not None
    assert match.details["hour"] == "2025-01-20T12:00:00+00:00"
    assert "day" not in match.details
    assert match.sentence == (
        "Engineering has already spent $30.00 on 20 January from 12:00 on; about $4.50 "
        "is usual."
    )


@pytest.mark.parametrize(("minutes", "is_told"), [(5, False), (10, True)])
def test_an_hour_without_spend_is_told_once_its_records_are_in(
    minutes: int, is_told: bool
) -> None:
    where = of_hours(
        now=THIS_HOUR + timedelta(minutes=minutes), hours=(*EVEN, Decimal(0))
    )

    match = evaluate(rule("anomaly", window="hourly", sensitivity="high"), where)

    assert (match is not None) is is_told
    if match is not None:
        assert match.details["hour"] == "2025-01-20T11:00:00+00:00"


def test_a_rule_about_days_knows_no_hours() -> None:
    assert evaluate(rule("anomaly"), of_hours(hour_spent=Decimal(30))) is None


def test_a_condition_asks_for_the_hours_before() -> None:
    hourly = rule("anomaly", window="hourly", condition="cost > mean * 2")

    where = of_hours(hour_spent=Decimal("9.1"))

    assert evaluate(hourly, replace(where, hour_spent=Decimal(9))) is None
    assert explained(where, window="hourly", condition="cost > mean * 2") == (
        "The rule tells when cost > mean * 2: mean is the mean of the 28 hours before, "
        "$4.50."
    )


# -- The words


def test_a_days_band_is_told_in_plain_words() -> None:
    days = tuple(Decimal(str(cost)) for cost in weekly(8))
    words = explained(facts(days=days, today_spent=Decimal(500)))

    usual, how = words.split(": ", 1)
    assert usual.startswith("Usual is $")
    assert how.startswith("the mean of the 14 days before, $")
    assert " as Mondays go, give or take 3 times how far the 28 days before" in how
    assert how.endswith("15 % down), but at least $2.00.")  # 2 % of 100 a day


def test_an_hours_band_is_told_in_plain_words() -> None:
    where = of_hours(hour_spent=Decimal(30), limit=Decimal(0))

    assert explained(where, window="hourly", sensitivity="low") == (
        "Usual is $1.66 to $6.60: the mean of the 24 hours before, $4.50, give or take "
        "4.2 times how far the 47 hours before strayed (at least 10 % up and 15 % "
        "down)."
    )


# -- What was called usual


def test_what_was_called_usual_is_within_the_band() -> None:
    days = tuple(Decimal(str(cost)) for cost in weekly(8))
    fine = {date(2024, 12, 2): Decimal(300)}
    where = facts(days=days, today_spent=Decimal(300), fine=fine)

    assert evaluate(rule("anomaly"), where) is None
    match = evaluate(rule("anomaly"), replace(where, today_spent=Decimal(301)))

    assert match is not None
    assert match.threshold == Decimal(300)
    assert match.details["band"]["upper"] == "300.0000000000"
    assert match.details["explained"].endswith(
        " Since 2 December was called usual, up to $300.00 is."
    )


def test_an_hour_that_was_called_usual_is_within_the_band() -> None:
    fine = {datetime(2025, 1, 3, 9, tzinfo=UTC): Decimal(30)}
    hourly = rule("anomaly", window="hourly")
    where = of_hours(hour_spent=Decimal(30), fine_hours=fine)

    assert evaluate(hourly, where) is None
    assert evaluate(hourly, replace(where, hour_spent=Decimal(31))) is not None
    assert evaluate(hourly, replace(where, fine_hours={THIS_HOUR: Decimal(1)})) is None


@pytest.fixture
def odd(acme: Organization) -> Budget:
    """A budget of $100 a day, with an hour of $300 on the 20th."""
    budget = january_budget(acme, amount=Decimal(9000), starts_at=jan(1))
    for day in range(1, 20):
        spend(acme, "100", jan(day, 12), model="gpt-4o")
    spend(acme, "300", jan(20, 10), model="gpt-4o")
    return budget


@pytest.mark.django_db
def test_a_day_called_usual_changes_the_next_evaluation_visibly(odd: Budget) -> None:
    make_rule(odd, "anomaly")
    sweep(jan(20, 12))
    alert = Alert.objects.with_names().get()
    before = Decimal(alert.details["band"]["upper"])

    not_an_anomaly(alert, by="ann@acme.example", now=jan(20, 13))
    again = sweep(jan(20, 14))
    spend(odd.organization, "400", jan(22, 10))
    sweep(jan(22, 12))

    assert again.raised == 0
    next_one = Alert.objects.latest("pk")
    assert before < 200
    assert next_one.details["band"]["upper"] == "300.0000000000"
    assert next_one.details["explained"].endswith(
        "Since 20 January was called usual, up to $300.00 is."
    )
    assert (
        alert.events.get(kind="not_an_anomaly").text
        == "20 Jan 2025 was a usual day: $300.00 is within what is usual from now on."
    )


@pytest.mark.django_db
def test_an_hour_is_told_once_and_called_usual(acme: Organization) -> None:
    budget = january_budget(acme, amount=Decimal(900), starts_at=jan(1))
    for hour in range(40):
        spend(acme, "4", jan(21) + hour * HOUR, model="gpt-4o")
    spend(acme, "80", jan(22, 16), model="gpt-4o")
    make_rule(budget, "anomaly", window="hourly")

    raised = [sweep(jan(22, 16, minute)).raised for minute in (20, 40)]
    alert = Alert.objects.with_names().get()
    not_an_anomaly(alert, by="ann@acme.example", now=jan(22, 16, 41))
    spend(acme, "4", jan(22, 17), model="gpt-4o")
    sweep(jan(22, 17, 30))
    spend(acme, "80", jan(22, 18), model="gpt-4o")
    again = sweep(jan(22, 18, 20)).raised

    said = NotAnAnomaly.objects.get()
    assert raised == [1, 0]
    assert (said.hour_at, said.day, said.amount) == (jan(22, 16), date(2025, 1, 22), 80)
    assert again == 0


# -- Where it is told


@pytest.mark.django_db
def test_messages_say_the_band_and_how_it_came_about(odd: Budget) -> None:
    make_rule(odd, "anomaly")
    sweep(jan(20, 12))
    escalation.run_due(jan(20, 12))
    alert = Alert.objects.with_names().get()

    message = message_of(alert, "fired", now=jan(20, 12))

    told = dict(message.facts)
    assert told["Usual"].endswith(", about $100.00")
    assert told["How that is found"].startswith("Usual is $")
    assert message.payload["explained"] == told["How that is found"]
    assert message.payload["formula"] == "cost < lower or cost > upper"
    assert message.payload["band"] == alert.details["band"]


@pytest.mark.django_db
def test_the_page_says_so_too_and_what_was_called_usual(
    acme: Organization, api: Api
) -> None:
    details = {
        "sentence": "Odd.",
        "day": "2026-11-09",
        "numbers": {"cost": "310"},
        "band": {"lower": "-5", "expected": "100", "upper": "130"},
        "explained": "Usual is up to $130.00: the mean of all that.",
    }
    with time_machine.travel(datetime(2026, 11, 10, 12, tzinfo=UTC), tick=False):
        budget = make_budget(acme)
        alert = fire(
            budget, type="anomaly", key="anomaly:x", threshold=None, details=details
        )
        browser = browser_for(acme)
        place = f"/admin/alerts/alert/{alert.pk}/change/"
        page = page_at(browser, place)
        api.post(f"alerts/{alert.uid}/not-an-anomaly", {})
        after = words_of(browser.get(place).content.decode())

    part = page.part("What was spent")
    assert part.facts()["Usual"] == "up to $130.00, about $100.00"
    assert details["explained"] in page.paragraphs
    assert (
        "days of $310.00 are within what is usual for Company until 9 Nov 2027" in after
    )


@pytest.mark.django_db
def test_hours_are_judged_where_a_rule_asks_for_it(
    api: Api, acme: Organization
) -> None:
    place = f"budgets/{make_budget(acme).uid}/alerts"
    rules = [{"type": "anomaly"}, {"type": "anomaly", "window": "hourly"}]

    answer = api.send("PUT", place, {"alerts": rules}).body["alerts"]
    again = api.send("PUT", place, {"alerts": answer}).body
    weekly_one = api.send("PUT", place, {"alerts": [{**rules[0], "window": "weekly"}]})

    assert [one["window"] for one in answer] == ["daily", "hourly"]
    assert again["alerts"] == answer
    assert weekly_one.status == 400
    assert weekly_one.body["errors"][0]["attr"] == "alerts.0.window"
