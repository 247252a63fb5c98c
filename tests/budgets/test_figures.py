from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets.figures import Position, SpendPace, status_of, variance_of
from lib.money import quantize
from lib.periods import Cadence, Calendar, Window, end_of, start_of

ZERO = Decimal(0)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
JANUARY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


def position(
    *,
    amount: str = "3100",
    carried: str = "0",
    spent: str = "0",
    window: Window = JANUARY,
    zone: str = "UTC",
) -> Position:
    return Position(
        amount=Decimal(amount),
        limit=Decimal(amount) + Decimal(carried),
        spent=Decimal(spent),
        reserved=ZERO,
        window=window,
        zone=ZoneInfo(zone),
        warning_threshold=Decimal("0.80"),
        critical_threshold=Decimal("0.95"),
    )


def january(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "spent", "status", "severity"),
    [
        ("100", "0", "OK", "info"),
        ("100", "79.9999999999", "OK", "info"),
        ("100", "80", "WARNING", "warning"),
        ("100", "94.9999999999", "WARNING", "warning"),
        ("100", "95", "CRITICAL", "critical"),
        ("100", "100", "CRITICAL", "critical"),
        ("100", "100.0000000001", "EXCEEDED", "critical"),
        ("100", "-1", "OK", "info"),
        ("0", "0", "OK", "info"),
        ("0", "-1", "OK", "info"),
        ("0", "0.0000000001", "EXCEEDED", "critical"),
        ("-50", "0", "EXCEEDED", "critical"),
    ],
)
def test_status_is(amount: str, spent: str, status: str, severity: str) -> None:
    result = status_of(position(amount=amount, spent=spent), january(10))

    assert (result.status, result.severity) == (status, severity)


def test_a_threshold_of_zero_warns_of_the_first_spend_only() -> None:
    eager = replace(position(), warning_threshold=ZERO)

    assert status_of(eager, january(10)).status == "OK"
    assert (
        status_of(replace(eager, spent=Decimal("0.01")), january(10)).status
        == "WARNING"
    )


def test_the_limit_is_the_amount_with_what_came_to_it() -> None:
    result = status_of(
        position(amount="1000", carried="-200", spent="600"),
        january(10),
    )

    assert result.limit == 800
    assert result.remaining_budget == 200
    assert result.utilization == Decimal("0.75")
    assert result.utilization_percent == 75


def test_overspend_leaves_less_than_nothing() -> None:
    result = status_of(position(amount="100", spent="130"), january(10))

    assert result.remaining_budget == -30
    assert result.available_daily == 0


def test_spend_against_a_limit_of_nothing_is_no_share() -> None:
    result = status_of(position(amount="0", spent="1"), january(10))

    assert result.utilization is None
    assert result.utilization_percent is None


@pytest.mark.parametrize(
    ("now", "elapsed", "percent"),
    [
        (january(1) - INSTANT, 0, "0.00"),
        (january(1), 0, "0.00"),
        (january(1, 12), 0, "1.61"),
        (january(2) - INSTANT, 0, "3.23"),
        (january(2), 1, "3.23"),
        (january(31, 12), 30, "98.39"),
        (JANUARY.end - INSTANT, 30, "100.00"),
        (JANUARY.end, 31, "100.00"),
        (JANUARY.end + 40 * DAY, 31, "100.00"),
    ],
    ids=[
        "before",
        "first instant",
        "noon of day one",
        "last instant of day one",
        "first instant of day two",
        "noon of the last day",
        "last instant",
        "first instant after",
        "long after",
    ],
)
def test_january_has_31_days(now: datetime, elapsed: int, percent: str) -> None:
    result = status_of(position(), now)

    assert result.total_days == 31
    assert result.elapsed_days == elapsed
    assert result.remaining_days == 31 - elapsed
    assert result.time_utilization_percent == Decimal(percent)


@pytest.mark.parametrize(
    ("zone", "day", "days"),
    [
        ("America/New_York", date(2026, 3, 1), 31),
        ("America/New_York", date(2026, 11, 1), 30),
        ("Europe/Berlin", date(2024, 2, 1), 29),
        ("America/Sao_Paulo", date(2018, 11, 1), 30),
    ],
    ids=["a short day", "a long day", "a leap day", "a day without midnight"],
)
def test_months_have_their_days(zone: str, day: date, days: int) -> None:
    start = start_of(day, ZoneInfo(zone))
    month = Calendar(Cadence.MONTHLY, ZoneInfo(zone)).window_at(start)
    assert month is not None
    last = end_of(day + (days - 2) * DAY, ZoneInfo(zone))

    assert status_of(position(window=month, zone=zone), start).total_days == days
    assert status_of(position(window=month, zone=zone), last).remaining_days == 1


def test_a_period_that_begins_at_noon_counts_that_day() -> None:
    cut = Window(january(10, 12), JANUARY.end)

    result = status_of(position(window=cut), january(11, 1))

    assert (result.elapsed_days, result.total_days) == (1, 22)


def test_day_one_has_a_burn_rate() -> None:
    result = status_of(position(spent="50"), january(1, 12))

    assert result.burn_rate == 100
    assert result.projected_spend == 3100
    assert result.projected_overrun == 0


def test_the_first_minutes_count_as_an_hour() -> None:
    first_minute = status_of(position(spent="1"), january(1) + HOUR / 60)
    first_hour = status_of(position(spent="1"), january(1) + HOUR)

    assert first_minute.burn_rate == first_hour.burn_rate == 24
    assert first_minute.projected_spend == 24 * 31


def test_a_period_shorter_than_an_hour_projects_no_more_than_it_lasts() -> None:
    short = Window(january(1), january(1) + HOUR / 2)

    result = status_of(position(spent="7", window=short), january(1))

    assert result.projected_spend == 7


YEAR = Window(JANUARY.start, datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("spent", "since", "daily", "projected"),
    [
        ("3000", 30 * DAY, 100, 3000 + 100 * 245),
        ("9000", 30 * DAY, 100, 9000 + 100 * 245),
        ("3000", 10 * DAY, 300, 3000 + 300 * 245),
        ("3000", HOUR, 3000, 3000 + 3000 * 245),
    ],
    ids=["all of it lately", "most before", "since ten days", "since an hour"],
)
def test_a_long_period_goes_on_at_its_pace_of_late(
    spent: str, since: timedelta, daily: int, projected: int
) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    pace = SpendPace(Decimal(3000), now - since)

    result = status_of(replace(position(spent=spent, window=YEAR), pace=pace), now)

    assert (result.burn_rate, result.projected_spend) == (daily, projected)


def test_credits_of_late_do_not_go_on() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    pace = SpendPace(Decimal(-30), now - 30 * DAY)

    result = status_of(replace(position(spent="70", window=YEAR), pace=pace), now)

    assert (result.burn_rate, result.projected_spend) == (-1, 70)


def test_there_is_no_rate_before_the_first_instant() -> None:
    result = status_of(position(), january(1) - INSTANT)

    assert result.burn_rate is None
    assert result.projected_spend is None
    assert result.projected_overrun is None
    assert result.available_daily == 100


def test_what_was_projected_is_what_was_spent_when_it_is_over() -> None:
    result = status_of(position(amount="3", spent="3.3333333333"), JANUARY.end)

    assert result.projected_spend == Decimal("3.3333333333")
    assert result.projected_overrun == Decimal("0.3333333333")
    assert result.available_daily is None


@pytest.mark.parametrize(
    ("now", "available"),
    [
        (january(1), "100"),
        (january(16, 12), "200"),
        (january(31), "3100"),
        (JANUARY.end - INSTANT, "3100"),
    ],
    ids=["all of it left", "half of it left", "a day left", "an instant left"],
)
def test_what_is_left_is_available_over_the_days_left(
    now: datetime, available: str
) -> None:
    assert status_of(position(), now).available_daily == Decimal(available)


@pytest.mark.parametrize(
    ("spent", "now", "advice"),
    [
        (
            "100",
            january(11),
            "No action is needed: up to $142.86 a day stays within the limit.",
        ),
        (
            "2000",
            january(11),
            "Spend no more than $52.38 a day: as it goes now, the period ends "
            "$3,100.00 over its limit.",
        ),
        (
            "2790",
            january(31),
            "Keep watch: $310.00 is left, which is $310.00 a day.",
        ),
        (
            "3200",
            january(11),
            "Stop spending or raise the limit: it is passed by $100.00.",
        ),
        (
            "3100",
            january(11),
            "Stop spending or raise the limit: nothing is left of it.",
        ),
        (
            "3000",
            JANUARY.end,
            "No action is needed: the period ended with $100.00 left.",
        ),
        (
            "3200",
            JANUARY.end,
            "Review the next amount: this period ended $100.00 over its limit.",
        ),
        (
            "0",
            january(1) - INSTANT,
            "No action is needed: up to $100.00 a day stays within the limit.",
        ),
    ],
    ids=[
        "inside",
        "too fast",
        "nearly used up",
        "exceeded",
        "used up",
        "over, inside",
        "over, exceeded",
        "not begun",
    ],
)
def test_the_advice_is(spent: str, now: datetime, advice: str) -> None:
    assert status_of(position(spent=spent), now).recommended_action("USD") == advice


@pytest.mark.parametrize(
    ("spent", "percent", "category"),
    [
        ("0", "-100", "Under Budget"),
        ("950", "-5", "Under Budget"),
        ("950.0000000001", "-5", "On Track"),
        ("1000", "0", "On Track"),
        ("1049.9999999999", "5", "On Track"),
        ("1050", "5", "Slightly Over"),
        ("1150", "15", "Slightly Over"),
        ("1150.0000000001", "15", "Over Budget"),
    ],
)
def test_variance_is(spent: str, percent: str, category: str) -> None:
    result = variance_of(position(spent=spent), january(11))

    assert result.expected_spend == 1000
    assert result.absolute_variance == Decimal(spent) - 1000
    assert result.variance_percent == Decimal(percent)
    assert result.variance_category == category
    assert result.elapsed_percent == Decimal("32.26")


@pytest.mark.parametrize(
    ("spent", "percent", "category"),
    [
        ("0", ZERO, "On Track"),
        ("1", None, "Over Budget"),
        ("-1", None, "Under Budget"),
    ],
)
def test_variance_from_no_expectation_is(
    spent: str, percent: Decimal | None, category: str
) -> None:
    result = variance_of(position(spent=spent), january(1))

    assert result.expected_spend == 0
    assert result.variance_percent == percent
    assert result.variance_category == category


amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=10)
moments = st.timedeltas(-2 * DAY, 33 * DAY).map(lambda delta: JANUARY.start + delta)


@settings(deadline=None)
@given(amounts, amounts, moments)
def test_figures_agree_with_fractions(
    amount: Decimal, spent: Decimal, now: datetime
) -> None:
    place = replace(position(), limit=amount, spent=spent)
    passed = min(max(now - JANUARY.start, timedelta()), 31 * DAY) // INSTANT
    length = 31 * DAY // INSTANT

    status, variance = status_of(place, now), variance_of(place, now)

    def close(figure: Decimal, exact: Fraction) -> bool:
        return abs(Fraction(figure) - exact) <= Fraction(51, 100 * 10**10)

    expected = Fraction(amount) * Fraction(passed) / Fraction(length)
    assert close(variance.expected_spend, expected)
    if status.projected_spend is not None:
        pace = Fraction(length) / max(passed, HOUR // INSTANT)
        assert close(status.projected_spend, Fraction(spent) * pace)


@settings(deadline=None)
@given(amounts, amounts, moments)
def test_figures_keep_their_bounds(
    amount: Decimal, spent: Decimal, now: datetime
) -> None:
    result = status_of(replace(position(), limit=amount, spent=spent), now)

    assert result.elapsed_days + result.remaining_days == result.total_days == 31
    assert 0 <= result.time_utilization_percent <= 100
    assert result.projected_overrun is None or result.projected_overrun >= 0
    assert result.available_daily is None or result.available_daily >= 0
    assert result.remaining_budget == quantize(amount - spent)
    assert (result.status == "EXCEEDED") == (result.remaining_budget < 0)
    assert result.recommended_action("USD").endswith(".")
