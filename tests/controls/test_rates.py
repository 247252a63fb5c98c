"""Sliding windows of rate limits, against a list of all that was ever counted."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.rates import RateUse

START = datetime(2026, 11, 10, 11, 59, 58, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def used(*at: float, cost: int = 0) -> RateUse:
    use = RateUse()
    for seconds in at:
        use.add(after(seconds), cost)
    return use


MINUTE = {
    "at once": (0.0, 3),
    "a moment before the first is a minute ago": (59.999, 3),
    "the first is a minute ago": (60.0, 2),
    "the last two are": (65.5, 0),
}


@pytest.mark.parametrize(("seconds", "counted"), MINUTE.values(), ids=MINUTE)
def test_a_request_counts_for_a_minute(seconds: float, counted: int) -> None:
    use = used(0)
    use.add(after(5.25), 0)
    use.add(after(5.5), 0)

    assert use.requests(after(seconds)) == counted


HOUR = {
    "at once": (0, 30),
    "just before an hour": (3_599, 30),
    "an hour after the first": (3_600, 20),
    "after all": (3_720, 0),
}


@pytest.mark.parametrize(("seconds", "counted"), HOUR.values(), ids=HOUR)
def test_money_counts_for_an_hour(seconds: float, counted: int) -> None:
    use = used(0, 60, 120, cost=10)

    assert use.cost(after(seconds)) == counted


def test_money_is_put_right_where_it_was_counted() -> None:
    use = used(0, 600, cost=10)

    use.adjust(after(0), -4)
    use.adjust(after(9_000), -4)

    assert use.cost(after(601)) == 16
    assert use.cost(after(3_600)) == 10
    assert use.requests(after(1)) == 1


WAITS: dict[str, tuple[RateUse, float, int | None, int | None, int, int | None]] = {
    "nothing used": (used(), 0, 1, 10, 10, None),
    "no limits": (used(*range(50), cost=9), 50, None, None, 5, None),
    "one left": (used(0, 1), 2, 3, None, 0, None),
    "none left": (used(0, 1), 2, 2, None, 0, 58),
    "parts of a second are rounded up": (used(0, 1), 2.5, 2, None, 0, 58),
    "many over": (used(0, 1, 2, 3), 4, 1, None, 0, 59),
    "money that fills it": (used(0, cost=5), 1, None, 10, 5, None),
    "money that does not fit": (used(0, 120, cost=5), 130, None, 10, 1, 3_470),
    "money that needs all of it": (used(0, 120, cost=5), 130, None, 10, 10, 3_590),
    "dearer than the limit": (used(), 0, None, 10, 11, 3_600),
    "the longer of both": (used(0, cost=5), 1, 1, 5, 1, 3_599),
}


@pytest.mark.parametrize(
    ("use", "seconds", "requests", "most", "cost", "wait"), WAITS.values(), ids=WAITS
)
def test_one_waits_until_it_fits(
    use: RateUse,
    seconds: float,
    requests: int | None,
    most: int | None,
    cost: int,
    wait: int | None,
) -> None:
    assert use.retry_after(after(seconds), requests, most, cost) == wait


def test_another_machines_clock_may_be_behind() -> None:
    use = used(10, 9.5, 9.9, 3)

    assert use.requests(after(11)) == 4
    assert use.requests(after(69)) == 3
    assert use.requests(after(69.95)) == 1
    assert used(10.9, 10.1).requests(after(70.8)) == 2


requests = st.lists(
    st.tuples(st.integers(0, 30_000), st.integers(0, 50)), min_size=1, max_size=60
)


@given(requests, st.integers(1, 5), st.integers(50, 120))
def test_no_window_holds_more_than_the_limit(
    gaps: list[tuple[int, int]], most: int, most_cost: int
) -> None:
    use, counted, ms = RateUse(), list[tuple[int, int]](), 0
    for gap, cost in gaps:
        ms += gap
        now = after(ms / 1_000)
        wait = use.retry_after(now, most, most_cost, cost)
        recent = [at for at, _ in counted if at > ms - 60_000]
        spent = sum(cost for at, cost in counted if at > ms - 3_600_000)

        # Never fewer than there are, and only those of the same step longer.
        assert len(recent) <= use.requests(now)
        assert use.requests(now) <= sum(at > ms - 61_000 for at, _ in counted)
        assert use.cost(now) >= spent
        if wait is None:
            use.add(now, cost)
            counted.append((ms, cost))
            assert len(recent) < most
            assert spent + cost <= most_cost
        else:
            later = now + timedelta(seconds=wait)
            assert use.retry_after(later, most, most_cost, cost) is None
            sooner = later - timedelta(seconds=1, milliseconds=1)
            if sooner > now:
                assert use.retry_after(sooner, most, most_cost, cost) is not None


@given(requests)
def test_what_is_kept_is_small_and_comes_back(gaps: list[tuple[int, int]]) -> None:
    use, ms = RateUse(), 0
    for gap, cost in gaps:
        ms += gap
        use.add(after(ms / 1_000), cost)

    kept = json.loads(json.dumps(use.json))

    assert RateUse.of(kept) == use
    assert len(kept["requests"]) <= 61
    assert len(kept["cost"]) <= 61
