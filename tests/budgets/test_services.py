from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from budgets import services, validation
from budgets.errors import HasBudgetsBelow, IsArchived
from budgets.models import Budget, BudgetPeriod
from lib.errors import Invalid
from tests.budgets.worlds import differences, jan, january_budget, period_of
from tests.factories import make_organization, spend

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)
INSTANT = timedelta(microseconds=1)


def change(budget: Budget, *, now: datetime = NOW, **changes: Any) -> Budget:
    plan = services.plan_of(Budget.objects.get(pk=budget.pk))
    for name, value in changes.items():
        setattr(plan, name, value)
    return services.change_budget(budget, plan, now=now)


def spent(budget: Budget, at: datetime = NOW) -> Decimal:
    total: Decimal = period_of(budget, at).spent
    return total


def test_a_budget_without_dates_begins_with_the_present_period_for_good(
    acme: Organization,
) -> None:
    budget = january_budget(acme)

    assert (budget.starts_at, budget.ends_at) == (jan(1), None)
    assert (budget.currency, budget.timezone, budget.level) == ("USD", "UTC", 0)


def test_the_present_period_is_that_of_the_budgets_zone(acme: Organization) -> None:
    budget = january_budget(acme, timezone="Pacific/Auckland", now=jan(31, 12))

    assert budget.starts_at == datetime(2025, 1, 31, 11, tzinfo=UTC)


def test_quarters_and_years_follow_the_fiscal_year() -> None:
    organization = make_organization("fiscal", fiscal_year_start_month=2)

    quarter = january_budget(organization, period="quarterly", now=NOW)
    year = january_budget(organization, period="annual", now=NOW)

    assert quarter.starts_at == datetime(2024, 11, 1, tzinfo=UTC)
    assert year.starts_at == datetime(2024, 2, 1, tzinfo=UTC)


# PostgreSQL is asked for the locks: of the trees, twice, and of the organization.
LOCKS = 3 if connection.vendor == "postgresql" else 0


def test_where_nothing_was_booked_a_budget_takes_few_queries(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(10 + LOCKS):
        root = january_budget(acme)
    with django_assert_num_queries(12 + LOCKS):
        child = january_budget(acme, parent=root)

    assert (child.tree_id, child.level) == (root.tree_id, 1)


def test_where_nothing_was_booked_a_budget_is_as_the_database_has_it(
    acme: Organization,
) -> None:
    made = january_budget(acme, amount=Decimal("12.5"), scope={"teams": ["ml"]})

    kept = Budget.objects.get()
    names = [field.attname for field in Budget._meta.concrete_fields]
    assert [repr(getattr(made, name)) for name in names] == [
        repr(getattr(kept, name)) for name in names
    ]


def test_what_was_spent_in_the_present_period_is_charged(acme: Organization) -> None:
    spend(acme, "5", jan(1) - INSTANT)
    spend(acme, "7", jan(1))
    spend(acme, "11", jan(14))

    budget = january_budget(acme)

    assert spent(budget) == 18
    assert budget.periods.count() == 1


def test_an_earlier_start_charges_what_was_spent_since_then(acme: Organization) -> None:
    spend(acme, "3", datetime(2024, 11, 15, tzinfo=UTC) - INSTANT)
    spend(acme, "5", datetime(2024, 11, 15, tzinfo=UTC))
    spend(acme, "7", datetime(2024, 12, 31, tzinfo=UTC))
    spend(acme, "11", jan(1))

    budget = january_budget(acme, starts_at=datetime(2024, 11, 15, tzinfo=UTC))

    assert list(
        budget.periods.order_by("starts_at").values_list("starts_at", "spent")
    ) == [
        (datetime(2024, 11, 15, tzinfo=UTC), 5),
        (datetime(2024, 12, 1, tzinfo=UTC), 7),
        (jan(1), 11),
    ]


@pytest.mark.parametrize(
    ("at", "charged"),
    [
        (jan(10) - INSTANT, 0),
        (jan(10), 9),
        (jan(20) - INSTANT, 9),
        (jan(20), 0),
    ],
    ids=["before", "first instant", "last instant", "first instant after"],
)
def test_dates_are_half_open(
    acme: Organization, at: datetime, charged: Decimal
) -> None:
    budget = january_budget(acme, starts_at=jan(10), ends_at=jan(20))

    spend(acme, "9", at)

    periods = budget.periods.filter(requests__gt=0)
    assert sum(period.spent for period in periods) == charged


def refusals() -> list[tuple[str, dict[str, Any], str]]:
    past = datetime(1850, 1, 1, tzinfo=UTC)
    far = datetime(9999, 12, 15, tzinfo=UTC)
    return [
        ("no name", {"name": "  "}, "name"),
        ("unknown currency", {"currency": "XXZ"}, "currency"),
        ("a currency without a rate", {"currency": "KES"}, "currency"),
        ("no currency", {"currency": "euro"}, "currency"),
        ("unknown zone", {"timezone": "Mars/Olympus"}, "timezone"),
        ("unknown period", {"period": "hourly"}, "period"),
        ("less than nothing", {"amount": Decimal("-0.01")}, "amount"),
        ("too much", {"amount": Decimal(10) ** 15}, "amount"),
        ("not a number", {"amount": Decimal("NaN")}, "amount"),
        ("endless", {"amount": Decimal("Infinity")}, "amount"),
        ("too exact", {"amount": Decimal("1E-11")}, "amount"),
        ("over at once", {"starts_at": jan(2), "ends_at": jan(2)}, "end_date"),
        ("end before start", {"starts_at": jan(3), "ends_at": jan(2)}, "end_date"),
        ("end before the present period", {"ends_at": jan(1)}, "end_date"),
        ("custom without an end", {"period": "custom", "starts_at": NOW}, "end_date"),
        ("custom without a start", {"period": "custom", "ends_at": NOW}, "start_date"),
        ("long ago", {"starts_at": past}, "start_date"),
        ("in the last year there is", {"starts_at": far}, "start_date"),
        ("until the last year there is", {"ends_at": far}, "end_date"),
        ("unknown scope", {"scope": {"team": ["a"]}}, "scope.team"),
        ("no warning", {"warning_threshold": Decimal(0)}, "warning_threshold"),
        (
            "critical before the warning",
            {"critical_threshold": Decimal("0.5")},
            "critical_threshold",
        ),
        ("unknown enforcement", {"enforcement": "firm"}, "enforcement"),
        ("unknown rollover", {"rollover_mode": "some"}, "rollover_mode"),
        ("a cap below nothing", {"rollover_cap": Decimal("-0.1")}, "rollover_cap"),
    ]


@pytest.mark.parametrize(
    ("plan", "attr"),
    [case[1:] for case in refusals()],
    ids=[case[0] for case in refusals()],
)
def test_a_wrong_plan_is_refused_by_the_field(
    acme: Organization, plan: dict[str, Any], attr: str
) -> None:
    with pytest.raises(Invalid) as refused:
        january_budget(acme, **plan)

    assert refused.value.errors[0].attr == attr
    assert Budget.objects.count() == 0


def test_another_organizations_parent_is_not_there(acme: Organization) -> None:
    foreign = january_budget(make_organization("other"))

    with pytest.raises(Invalid) as refused:
        january_budget(acme, parent=foreign)

    assert refused.value.errors[0].code == "not_found"


def test_a_parent_that_is_gone_is_not_there(acme: Organization) -> None:
    gone = january_budget(acme)
    Budget.objects.filter(pk=gone.pk).delete()

    with pytest.raises(Invalid) as refused:
        january_budget(acme, parent=gone)

    assert refused.value.errors[0].code == "not_found"


def test_an_archived_budget_takes_no_children(acme: Organization) -> None:
    archived = services.archive_budget(january_budget(acme), now=NOW)

    with pytest.raises(Invalid, match="archived"):
        january_budget(acme, parent=archived)
    with pytest.raises(Invalid, match="archived"):
        services.move_budget(january_budget(acme), archived)


@pytest.mark.parametrize("below", [0, 1, 2])
def test_no_budget_comes_to_lie_below_itself(acme: Organization, below: int) -> None:
    line = [january_budget(acme)]
    for depth in range(2):
        line.append(january_budget(acme, f"{depth}", parent=line[-1]))

    with pytest.raises(Invalid) as refused:
        services.move_budget(line[0], line[below])
    with pytest.raises(Invalid):
        change(line[0], parent=line[below])

    assert refused.value.errors[0].code == "cycle"
    assert differences(acme) == []


def test_a_child_charges_its_parent_once_where_both_match(acme: Organization) -> None:
    root = january_budget(acme)
    middle = january_budget(acme, parent=root, scope={"teams": ["a"]})
    leaf = january_budget(acme, parent=middle, scope={"projects": ["x"]})

    spend(acme, "5", NOW, team_id="a", project_id="x")
    spend(acme, "7", NOW, project_id="x")

    assert [spent(budget) for budget in (leaf, middle, root)] == [12, 12, 12]


def test_a_move_takes_the_spend_from_one_line_to_another(acme: Organization) -> None:
    old = january_budget(acme, "Old", scope={"teams": ["old"]})
    new = january_budget(acme, "New", scope={"teams": ["new"]})
    leaf = january_budget(acme, "Leaf", parent=old, scope={"projects": ["x"]})
    spend(acme, "5", NOW, project_id="x")

    services.move_budget(leaf, new, reason="reorganized")
    spend(acme, "7", NOW, project_id="x")

    assert [spent(budget) for budget in (leaf, old, new)] == [12, 0, 12]
    assert Budget.history.filter(history_change_reason="reorganized").count() == 1
    assert differences(acme) == []


def test_a_new_scope_is_charged_as_if_it_had_always_been(acme: Organization) -> None:
    root = january_budget(acme, "Root", scope={"teams": ["root"]})
    leaf = january_budget(acme, "Leaf", parent=root, scope={"teams": ["a"]})
    spend(acme, "5", NOW, team_id="a")
    spend(acme, "7", NOW, team_id="b")

    change(leaf, scope={"teams": ["b"]})

    assert [spent(budget) for budget in (leaf, root)] == [7, 7]


def test_another_zone_makes_the_periods_anew(acme: Organization) -> None:
    budget = january_budget(acme, period="daily", starts_at=jan(1))
    spend(acme, "5", jan(10, 23))

    change(budget, timezone="Asia/Kolkata")

    period = period_of(budget, jan(10, 23))
    assert period.spent == 5
    assert period.starts_at == datetime(2025, 1, 10, 18, 30, tzinfo=UTC)
    assert differences(acme) == []


def test_another_currency_is_charged_at_the_rate_of_each_day(
    acme: Organization,
) -> None:
    budget = january_budget(acme)
    spend(acme, "100", jan(15))

    change(budget, currency="EUR")

    assert spent(budget) == Decimal("97.0873786408")  # 1.03 USD for a euro that day
    assert differences(acme) == []


def test_a_new_amount_holds_from_the_present_period_on(acme: Organization) -> None:
    budget = january_budget(acme, starts_at=datetime(2024, 12, 1, tzinfo=UTC))
    for at in (datetime(2024, 12, 5, tzinfo=UTC), NOW, jan(31) + timedelta(days=5)):
        spend(acme, "1", at)

    change(budget, amount=Decimal(250))

    amounts = budget.periods.order_by("starts_at").values_list("amount", flat=True)
    assert list(amounts) == [100, 250, 250]


def test_a_change_of_nothing_that_counts_leaves_the_periods_alone(
    acme: Organization,
) -> None:
    budget = january_budget(acme)
    spend(acme, "1", NOW)
    before = BudgetPeriod.objects.get(budget=budget)

    change(budget, name="Renamed", warning_threshold=Decimal("0.5"))

    assert BudgetPeriod.objects.get(budget=budget).pk == before.pk
    assert Budget.objects.get(pk=budget.pk).name == "Renamed"


def test_an_archived_budget_keeps_what_it_was_charged_and_gets_no_more(
    acme: Organization,
) -> None:
    root = january_budget(acme, scope={"teams": ["root"]})
    leaf = january_budget(acme, parent=root, scope={"teams": ["a"]})
    spend(acme, "5", jan(15), team_id="a")

    services.archive_budget(leaf, now=NOW)
    spend(acme, "7", NOW - INSTANT, team_id="a")
    spend(acme, "11", NOW, team_id="a")

    assert [spent(leaf, jan(15)), spent(root)] == [12, 12]
    assert period_of(leaf, jan(15)).ends_at == NOW
    assert differences(acme) == []


def test_archiving_twice_changes_nothing(acme: Organization) -> None:
    budget = services.archive_budget(january_budget(acme), now=NOW)

    again = services.archive_budget(budget, now=NOW + timedelta(days=1))

    assert (again.archived_at, again.ends_at) == (NOW, NOW)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "kept"),
    [
        (jan(1), jan(10), jan(10)),
        (jan(1), jan(20), NOW),
        (jan(20), None, jan(20) + INSTANT),
    ],
    ids=["over already", "under way", "not begun"],
)
def test_archived_a_budget_ends_now_or_before(
    acme: Organization, starts_at: datetime, ends_at: datetime | None, kept: datetime
) -> None:
    budget = january_budget(acme, starts_at=starts_at, ends_at=ends_at)
    spend(acme, "5", jan(21))

    archived = services.archive_budget(budget, now=NOW)

    assert archived.ends_at == kept
    assert differences(acme) == []


def test_what_has_budgets_below_it_is_not_archived(acme: Organization) -> None:
    root = january_budget(acme, "Root")
    leaf = january_budget(acme, "Leaf", parent=root)

    with pytest.raises(HasBudgetsBelow, match="Leaf"):
        services.archive_budget(root, now=NOW)

    services.archive_budget(leaf, now=NOW)
    assert services.archive_budget(root, now=NOW).archived_at == NOW


@pytest.mark.parametrize(
    "act",
    [lambda budget: change(budget, name="x"), lambda b: services.move_budget(b, None)],
    ids=["change", "move"],
)
def test_an_archived_budget_stays_as_it_was(
    acme: Organization, act: Callable[[Budget], Budget]
) -> None:
    budget = services.archive_budget(january_budget(acme), now=NOW)

    with pytest.raises(IsArchived):
        act(budget)


# -- How deep


def chain(acme: Organization, levels: int) -> list[Budget]:
    """Make budgets each below the one before."""
    made: list[Budget] = []
    for level in range(levels):
        above = made[-1] if made else None
        made.append(january_budget(acme, f"L{level}", "1", parent=above))
    return made


def test_a_tree_has_no_more_levels_than_are_kept(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "MOST_LEVELS", 4)
    made = chain(acme, 4)
    pair = [january_budget(acme, "Top", "1")]
    pair.append(january_budget(acme, "Below", "1", parent=pair[0]))

    with pytest.raises(Invalid, match="would have 5 levels") as too_deep:
        january_budget(acme, "L4", "1", parent=made[-1])
    with pytest.raises(Invalid, match="would have 5 levels"):
        services.move_budget(pair[0], made[2])
    services.move_budget(pair[0], made[1])

    (error,) = too_deep.value.errors
    assert (error.attr, error.code) == ("parent", "too_deep")


def test_a_tree_that_is_too_deep_already_can_be_changed(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = chain(acme, 4)
    monkeypatch.setattr(validation, "MOST_LEVELS", 2)

    changed = change(made[-1], amount=Decimal(7))

    assert changed.amount == 7
