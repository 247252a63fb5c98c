from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import evaluate
from alerts.types import Match
from budgets.index import is_passed
from forecasts.detectors import WARM_UP
from forecasts.outlooks import Outlook, Past
from lib.periods import DAY, HOUR, Window
from tests.alerts.given import JANUARY, NOW, facts, rule
from tests.forecasts.weeks import weekly

EVEN = (Decimal(100),) * 28
SCENE_3 = "cost > mean + 2*stddev"

money = st.decimals(-(10**6), 10**6, places=10)
shares = st.decimals("0.0001", 5, places=4)


def days(*costs: float) -> tuple[Decimal, ...]:
    return tuple(Decimal(str(cost)) for cost in costs)


def fired(match: Match | None) -> Match:
    assert match is not None
    return match


# -- Thresholds


@given(money, money, shares)
def test_a_threshold_is_passed_as_fractions_have_it(
    spent: Decimal, limit: Decimal, share: Decimal
) -> None:
    exact = (
        Fraction(spent) >= Fraction(share) * Fraction(limit)
        if limit > 0
        else spent > limit
    )

    assert is_passed(spent, limit, share) is exact


@pytest.mark.parametrize(
    ("spent", "limit", "fires"),
    [
        ("79.9999999999", "100", False),
        ("80", "100", True),
        ("0", "0", False),
        ("0.0000000001", "0", True),
        ("-5", "0", False),
        ("-5", "100", False),
        ("0", "-10", True),  # more overspend was carried over than the amount
        ("-10", "-10", False),
    ],
)
def test_a_threshold_fires_from_its_share_on(
    spent: str, limit: str, fires: bool
) -> None:
    where = facts(spent=Decimal(spent), limit=Decimal(limit))

    match = evaluate(rule("threshold", threshold=Decimal("0.8")), where)

    assert (match is not None) is fires


def test_a_threshold_says_what_was_spent_of_what() -> None:
    found = fired(evaluate(rule("threshold", threshold=Decimal("0.5")), facts()))

    assert found.value == Decimal("0.6129032258")
    assert found.threshold == Decimal("0.5")
    assert found.sentence == (
        "Engineering has spent $1,900.00 of $3,100.00 in January 2025, 61\u00a0%."
    )


# -- Forecast


def test_a_forecast_fires_when_the_run_rate_passes_the_limit() -> None:
    calm = facts(days=EVEN, spent=Decimal(1600))
    fast = facts(days=(Decimal(150),) * 28, spent=Decimal(1900))

    assert evaluate(rule("forecast"), calm) is None
    found = fired(evaluate(rule("forecast"), fast))
    assert found.threshold == Decimal("0.5")
    assert found.value > Decimal("0.9")
    assert found.details["numbers"]["projected"] == "3625.0000000000"
    assert "projected to spend $3,625.00 of $3,100.00 by 31 January" in found.sentence


def test_a_forecast_says_nothing_of_two_days() -> None:
    assert evaluate(rule("forecast"), facts(days=days(900, 900))) is None


def test_a_forecast_that_holds_ends_a_tenth_later() -> None:
    about = Decimal(3100)
    unsure = Outlook(about, about, about, Decimal("0.45"), "a guess")
    likely = rule("forecast", threshold=Decimal("0.5"))

    def method(_: Past) -> Outlook:
        return unsure

    assert evaluate(likely, facts(), method=method) is None
    assert evaluate(likely, facts(), held=True, method=method) is not None


def test_a_forecast_may_have_a_condition() -> None:
    where = facts(days=EVEN, spent=Decimal(1900))

    found = fired(
        evaluate(rule("forecast", condition="projected > limit * 0.9"), where)
    )

    assert (found.value, found.threshold) == (Decimal(3050), Decimal(2790))
    assert evaluate(rule("forecast", condition="projected > limit"), where) is None


# -- Velocity


@pytest.mark.parametrize(
    ("recent", "fires"), [("120", False), ("120.0000001", True), ("-5", False)]
)
def test_velocity_compares_a_day_with_the_plan(recent: str, fires: bool) -> None:
    match = evaluate(rule("velocity"), facts(recent=Decimal(recent)))

    assert (match is not None) is fires


def test_velocity_says_both_rates() -> None:
    found = fired(evaluate(rule("velocity"), facts(recent=Decimal(240))))

    assert (found.value, found.threshold) == (10, Decimal("5.0000000000"))
    assert found.details["formula"] == "spending_rate > projected_rate * 1.2"
    assert (
        found.sentence == "Engineering spends $10.00 an hour; its limit allows $4.17."
    )


def test_on_day_one_an_hour_says_little() -> None:
    first = facts(now=JANUARY.start + HOUR, recent=Decimal(100), spent=Decimal(100))

    assert evaluate(rule("velocity"), first) is None
    assert evaluate(rule("velocity"), replace(first, recent=Decimal(121))) is not None


def test_of_a_daily_budget_six_hours_make_the_rate() -> None:
    day = Window(NOW.replace(hour=0), NOW.replace(hour=0) + DAY)
    early = facts(
        window=day, now=day.start + HOUR, limit=Decimal(240), recent=Decimal(72)
    )

    assert evaluate(rule("velocity"), early) is None
    assert evaluate(rule("velocity"), replace(early, recent=Decimal(73))) is not None


@pytest.mark.parametrize("limit", [0, -5])
def test_without_a_limit_there_is_no_plan(limit: int) -> None:
    where = facts(limit=Decimal(limit), recent=Decimal(10))

    assert evaluate(rule("velocity"), where) is None


def test_on_weekdays_more_is_planned_where_weekends_are_quiet() -> None:
    weekend = facts(now=datetime(2025, 1, 19, tzinfo=UTC), recent=Decimal(140))
    workdays = days(*([140.0] * 5 + [0.0] * 2) * 4)  # ends on Sunday the 19th
    monday = facts(
        now=datetime(2025, 1, 21, tzinfo=UTC) - timedelta(microseconds=1),
        recent=Decimal(140),
        days=workdays,
    )

    assert evaluate(rule("velocity"), replace(monday, days=())) is not None
    assert evaluate(rule("velocity"), monday) is None
    assert evaluate(rule("velocity"), weekend) is not None


# -- Anomaly


def test_a_day_of_twice_the_usual_is_an_anomaly() -> None:
    where = facts(days=days(*weekly(8)), today_spent=Decimal(230))

    found = fired(evaluate(rule("anomaly"), where))

    assert found.value == 230
    assert found.threshold is not None
    assert 110 < found.threshold < 230
    assert found.details["day"] == "2025-01-20"
    assert set(found.details["band"]) == {"lower", "expected", "upper"}
    assert "has already spent $230.00 on Monday, 20 January" in found.sentence


def test_what_is_usual_on_a_monday_is_not_on_a_sunday() -> None:
    history = weekly(8)
    sunday = facts(
        now=datetime(2025, 1, 19, 12, tzinfo=UTC),
        days=days(*history[:-1]),
        today_spent=Decimal(100),
    )

    assert evaluate(rule("anomaly"), sunday) is not None
    assert (
        evaluate(rule("anomaly"), facts(days=days(*history), today_spent=Decimal(100)))
        is None
    )


def test_a_drop_is_told_an_hour_after_the_day() -> None:
    history = days(*weekly(8), 5)  # 5 on Monday the 20th
    midnight = datetime(2025, 1, 21, tzinfo=UTC)
    early = facts(now=midnight + HOUR / 2, days=history)

    assert evaluate(rule("anomaly"), early) is None
    found = fired(evaluate(rule("anomaly"), facts(now=midnight + HOUR, days=history)))
    assert found.value == 5
    assert found.threshold is not None
    assert found.threshold > 5
    assert "spent $5.00 on Monday, 20 January" in found.sentence


def test_a_day_that_is_going_on_is_no_drop() -> None:
    for so_far in ("0", "-3", "1"):
        where = facts(days=days(*weekly(8)), today_spent=Decimal(so_far))

        assert evaluate(rule("anomaly"), where) is None


@pytest.mark.parametrize("condition", ["", SCENE_3])
def test_a_short_history_says_nothing(condition: str) -> None:
    least = 7 if condition else WARM_UP + 1  # yesterday is not counted
    watching = rule("anomaly", condition=condition)
    short = facts(days=(Decimal(10),) * (least - 1), today_spent=Decimal(10_000))
    enough = facts(days=(Decimal(10),) * least, today_spent=Decimal(10_000))

    assert evaluate(watching, short) is None
    assert evaluate(watching, enough) is not None


def test_the_condition_of_scene_3_is_taken_as_written() -> None:
    history = days(*[90, 110] * 14)  # mean 100, standard deviation 10.18...
    watching = rule("anomaly", condition=SCENE_3, sensitivity="medium")

    assert evaluate(watching, facts(days=history, today_spent=Decimal("120"))) is None
    found = fired(evaluate(watching, facts(days=history, today_spent=Decimal("121"))))
    assert found.threshold == Decimal("120.3670030886")
    assert found.details["formula"] == SCENE_3


def test_a_condition_on_drops_waits_for_the_end_of_the_day() -> None:
    watching = rule("anomaly", condition="cost < mean / 2")
    normal = days(*[100] * 20)

    assert evaluate(watching, facts(days=normal, today_spent=Decimal(1))) is None
    assert evaluate(watching, facts(days=(*normal, Decimal(1)))) is not None


def test_what_somebody_called_usual_is() -> None:
    where = facts(days=days(*weekly(8)), today_spent=Decimal(230))
    same_day = {date(2025, 1, 20): Decimal(200)}
    as_much = {date(2024, 12, 2): Decimal(230)}
    less = {date(2024, 12, 2): Decimal(220)}

    assert evaluate(rule("anomaly"), replace(where, fine=same_day)) is None
    assert evaluate(rule("anomaly"), replace(where, fine=as_much)) is None
    assert evaluate(rule("anomaly"), replace(where, fine=less)) is not None


def test_sensitivity_widens_and_narrows() -> None:
    def threshold(sensitivity: str) -> Decimal:
        watching = rule("anomaly", sensitivity=sensitivity)
        where = facts(days=days(*weekly(8)), today_spent=Decimal(500))
        return fired(evaluate(watching, where)).threshold or Decimal(0)

    assert threshold("high") < threshold("medium") < threshold("low")


def test_cents_are_no_anomaly_of_a_large_budget() -> None:
    pennies = facts(days=days(*[0.01] * 28), today_spent=Decimal(1))

    assert evaluate(rule("anomaly"), pennies) is None
    assert evaluate(rule("anomaly"), replace(pennies, limit=Decimal(10))) is not None


# -- Spike


@pytest.mark.parametrize(
    ("spent", "threshold", "fires"),
    [
        ("99.9999999999", "100", False),
        ("100", "100", True),
        ("0", "0", False),
        ("0.01", "0", True),
        ("-1", "0", False),
    ],
)
def test_a_spike_fires_from_its_amount_on(
    spent: str, threshold: str, fires: bool
) -> None:
    where = facts(sliding={"hourly": Decimal(spent)})

    match = evaluate(rule("spike", threshold=Decimal(threshold)), where)

    assert (match is not None) is fires


def test_a_spike_says_how_much_in_how_long() -> None:
    where = facts(sliding={"weekly": Decimal(140)}, currency="EUR")

    found = fired(
        evaluate(rule("spike", threshold=Decimal(100), window="weekly"), where)
    )

    assert found.sentence == (
        "Engineering has spent €140.00 within 7 days; told from €100.00 on."
    )
