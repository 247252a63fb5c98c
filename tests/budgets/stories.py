"""Random stories of an organization: what is booked, and how its budgets change."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests import spellings
from tests.budgets.moments import DAY, INSTANT, MINUTE, ODD_MOMENTS, ZONES
from tests.budgets.worlds import SHILLING
from tests.factories import usage_record

CADENCES = ["daily", "weekly", "monthly", "quarterly", "annual", "custom"]
TAGS: list[Any] = [
    None,
    ["team:a"],
    ["team:b", "beta"],
    ["team=a"],
    ["team"],
    {"team": "a"},
    {"team": "b", "beta": 1},
    {"team": ""},
]
SCOPED_TAGS: list[Any] = [{}, {}, {"team": "a"}, {"team": ""}, ["team"], ["beta"]]
COSTS = [None, None, "0", "-1.5", "0.0000000001", "12.3456789", "99999.9999999999"]


def some(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2)


scopes = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "departments": some("eng", "ops"),
            "teams": some("a", "b"),
            "projects": some("x", "y"),
            "providers": st.lists(spellings.providers, max_size=2),
            "models": st.lists(spellings.in_scope, max_size=2),
            "users": some("ADA@x.com", "x7Q"),
            "tags": st.sampled_from(SCOPED_TAGS),
        },
    ),
)


def moments(around: datetime) -> st.SearchStrategy[datetime]:
    near = st.integers(-12, 12).map(lambda n: around + n * 15 * MINUTE)
    days = st.integers(-40, 40).map(lambda n: around + n * DAY)
    odd = st.sampled_from([timedelta(0), -INSTANT, INSTANT, 7 * MINUTE + 30 * INSTANT])
    return st.builds(lambda at, by: at + by, st.one_of(near, near, days), odd)


def records(around: datetime) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda spelled, **fields: usage_record(
            provider=spelled.provider, model=spelled.model, **fields
        ),
        spelled=spellings.spelled,
        id=st.integers(0, 40).map("u{}".format),  # few: some come again
        timestamp=moments(around).map(datetime.isoformat),
        user_id=spellings.people,
        department_id=st.sampled_from(["eng", "ops", None]),
        team_id=st.sampled_from(["a", "b", None]),
        project_id=st.sampled_from(["x", "y"]),
        tags=st.sampled_from(TAGS),
        input_tokens=st.sampled_from([0, 1, 1000, 999_999]),
        cost=st.sampled_from(COSTS),
        requests=st.sampled_from([None, None, 3]),
        currency=st.sampled_from([None, "USD", "EUR"]),
    )


def plans(around: datetime) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "name": st.just("Budget"),
            "amount": st.sampled_from([Decimal(0), Decimal("10.5"), Decimal(100_000)]),
            "period": st.sampled_from(CADENCES),
            "scope": scopes,
            "timezone": st.sampled_from(ZONES),
            "currency": st.sampled_from(
                ["USD", "USD", "EUR", SHILLING, "tokens", "tokens", "requests"]
            ),
            "starts_at": st.one_of(
                st.none(), moments(around), st.just(around - 400 * DAY)
            ),
            "ends_at": st.one_of(st.none(), st.none(), moments(around)),
            "rollover_mode": st.sampled_from(["none", "both", "unused"]),
        }
    )


def changes(around: datetime) -> st.SearchStrategy[dict[str, Any]]:
    """One thing of a plan, or some."""
    return st.builds(
        lambda plan, names: {name: plan[name] for name in names},
        plans(around),
        st.lists(
            st.sampled_from(
                ["scope", "timezone", "currency", "starts_at", "ends_at", "period"]
            ),
            min_size=1,
            max_size=2,
        ),
    )


def steps(around: datetime) -> st.SearchStrategy[tuple[Any, ...]]:
    numbers = st.integers(0, 7)
    somebody = st.one_of(st.none(), numbers, numbers)
    batches = st.lists(records(around), min_size=1, max_size=8)
    return st.one_of(
        st.tuples(st.just("report"), batches),
        st.tuples(st.just("report"), batches),
        st.tuples(st.just("create"), plans(around), somebody, moments(around)),
        st.tuples(st.just("create"), plans(around), somebody, moments(around)),
        st.tuples(st.just("change"), numbers, changes(around), moments(around)),
        st.tuples(st.just("move"), numbers, somebody),
        st.tuples(st.just("archive"), numbers, moments(around)),
        st.tuples(st.just("roll_up")),
        st.tuples(st.just("sweep"), moments(around)),
        st.tuples(st.just("step"), numbers),
    )


stories = st.sampled_from(list(ODD_MOMENTS.values())).flatmap(
    lambda around: st.lists(steps(around), min_size=4, max_size=14)
)
