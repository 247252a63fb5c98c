"""What is held against a share of the limit: spent, spent and set aside, forecast."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from alerts import escalation
from alerts.evaluation import evaluate_by_clock, evaluate_thresholds, sweep
from alerts.messages import message_of
from alerts.models import Alert, AlertRule
from alerts.ruleset import of_rule
from alerts.shares import evaluate_share
from budgets.committed import note_committed
from budgets.models import Budget, BudgetPeriod
from budgets.thresholds import Basis, ShareWatched
from costops.tasks import follow
from forecasts.outlooks import Outlook, Past
from lib.memories import forget_everything
from tests.alerts.factories import make_rule
from tests.alerts.given import facts, rule
from tests.budgets.worlds import jan, january_budget
from tests.controls.factories import authorize, make_hard
from tests.factories import Api, make_budget, spend

NOON = jan(20, 12)
NBSP = "\N{NO-BREAK SPACE}"
money = st.decimals(0, 10**6, places=10)
shares = st.decimals("0.0001", 5, places=4)


def expecting(probability: str, projected: str = "3000") -> Any:
    """Return a way to look ahead that is as sure as that, whatever the limit."""

    def method(past: Past) -> Outlook:
        ends = Decimal(projected)
        return Outlook(ends, ends / 2, ends * 2, Decimal(probability), "by hand")

    return method


def open_keys(budget: Budget) -> list[str]:
    rows = Alert.objects.filter(budget=budget, resolved_at=None)
    return sorted(rows.values_list("key", flat=True))


def told(alert: Alert, **more: Any) -> Any:
    alert = Alert.objects.with_names().get(pk=alert.pk)
    return message_of(alert, "fired", now=alert.fired_at, **more)


# -- Pure


@given(money, money, money, shares)
def test_what_is_set_aside_counts_as_fractions_have_it(
    spent: Decimal, reserved: Decimal, limit: Decimal, share: Decimal
) -> None:
    watched = rule("threshold", threshold=share, basis=Basis.COMMITTED)
    committed = Fraction(spent) + Fraction(reserved)
    exact = (
        committed >= Fraction(share) * Fraction(limit) if limit > 0 else committed > 0
    )

    match = evaluate_share(watched, facts(spent=spent, reserved=reserved, limit=limit))

    assert (match is not None) is exact


@given(shares, st.sampled_from(Basis), st.none() | st.decimals("0.0001", 1, places=4))
def test_what_is_written_down_is_read_as_it_was(
    share: Decimal, basis: Basis, likely: Decimal | None
) -> None:
    is_forecast = basis is Basis.FORECAST
    watched = ShareWatched(
        share, ("email",), basis, (likely or Decimal("0.5")) if is_forecast else None
    )

    assert ShareWatched.of(watched.saved) == watched


@pytest.mark.parametrize(
    ("probability", "held", "fires"),
    [("0.7", False, True), ("0.6999", False, False), ("0.6999", True, True)],
    ids=["likely", "not likely enough", "still open"],
)
def test_a_forecast_tells_from_its_probability_on(
    probability: str, held: bool, fires: bool
) -> None:
    watched = rule(
        "threshold",
        threshold=Decimal("0.9"),
        basis=Basis.FORECAST,
        probability=Decimal("0.7"),
    )

    match = evaluate_share(watched, facts(), held=held, method=expecting(probability))

    assert (match is not None) is fires


def test_a_forecast_is_held_against_the_share_and_not_the_limit() -> None:
    asked: list[Past] = []

    def method(past: Past) -> Outlook | None:
        asked.append(past)
        return None

    watched = rule("threshold", threshold=Decimal("0.9"), basis=Basis.FORECAST)

    assert evaluate_share(watched, facts(), method=method) is None
    assert asked[0].limit == Decimal(2790)  # of 3,100


def test_what_is_spent_already_needs_no_forecast() -> None:
    watched = rule("threshold", threshold=Decimal("0.6"), basis=Basis.FORECAST)

    match = evaluate_share(watched, facts())  # 1,900 of 3,100, without a history

    assert match is not None
    assert match.details["numbers"]["probability"] == "1.0000000000"
    assert "the probability of 60" in match.sentence


# -- The database


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [
        {"basis": "hoped"},
        {"basis": "committed", "probability": Decimal("0.5")},
        {"basis": "forecast"},
        {"basis": "forecast", "probability": Decimal(0)},
        {"basis": "forecast", "probability": Decimal("1.1")},
        {"type": "velocity", "basis": "committed"},
    ],
    ids=str,
)
def test_the_database_refuses_what_means_nothing(
    acme: Organization, values: dict[str, Any]
) -> None:
    whole = {"type": "threshold", "threshold": Decimal("0.8"), **values}

    with pytest.raises(IntegrityError), transaction.atomic():
        make_rule(make_budget(acme), whole.pop("type"), **whole)


@pytest.mark.django_db
def test_one_rule_for_each_basis_and_share(acme: Organization) -> None:
    budget = make_budget(acme)
    at: dict[str, Any] = {"threshold": Decimal("0.8")}
    make_rule(budget, "threshold", **at)
    make_rule(budget, "threshold", basis="committed", **at)
    for likely in ("0.5", "0.9"):
        make_rule(budget, "threshold", basis="forecast", probability=likely, **at)

    for same in (
        {},
        {"basis": "committed"},
        {"basis": "forecast", "probability": "0.9"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_rule(budget, "threshold", **at, **same)


# -- The API

ALERTS: list[dict[str, Any]] = [
    {"threshold": 0.8, "channels": ["email"]},
    {"threshold": 0.8, "channels": [], "basis": "committed"},
    {"threshold": 1, "channels": [], "basis": "forecast", "probability": 0.9},
]


@pytest.mark.django_db
def test_a_budget_is_made_with_them(api: Api) -> None:
    usual = {name: ALERTS[2][name] for name in ("threshold", "channels", "basis")}
    body = {"name": "ML", "amount": "100", "alerts": [*ALERTS, usual]}

    made = api.post("budgets", body).body
    watched = api.get(f"budgets/{made['id']}/alerts").body["alerts"]

    assert made["alerts"] == [*ALERTS, {**ALERTS[2], "probability": 0.5}]
    assert [(one["basis"], one["probability"]) for one in watched] == [
        ("spent", None),
        ("committed", None),
        ("forecast", 0.9),
        ("forecast", 0.5),
    ]


@pytest.mark.django_db
def test_rules_are_set_up_with_them_and_read_back(api: Api, acme: Organization) -> None:
    budget = make_budget(acme)
    rules = [{"type": "threshold", **one} for one in ALERTS]
    place = f"budgets/{budget.uid}/alerts"

    first = api.send("PUT", place, {"alerts": rules}).body["alerts"]
    again = api.send("PUT", place, {"alerts": first}).body

    assert again["alerts"] == first
    assert again["dropped"] == []
    assert api.get(f"budgets/{budget.uid}").body["alerts"] == ALERTS
    assert [one["severity"] for one in first] == ["warning", "warning", "warning"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"basis": "hoped"}, "basis"),
    "a probability of what is known": ({"probability": 0.5}, "probability"),
    "more than certain": ({"basis": "forecast", "probability": 1.5}, "probability"),
    "never": ({"basis": "forecast", "probability": 0}, "probability"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("more", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_what_can_not_be_looked_at_is_refused(
    api: Api, acme: Organization, more: dict[str, Any], field: str
) -> None:
    budget = make_budget(acme)
    share = {"threshold": 0.8, **more}

    of_budget = api.post("budgets", {"name": "ML", "amount": 1, "alerts": [share]})
    of_rule = api.send(
        "PUT",
        f"budgets/{budget.uid}/alerts",
        {"alerts": [{"type": "threshold", **share}]},
    )

    for answer in (of_budget, of_rule):
        assert answer.status == 400
        assert answer.body["errors"][0]["attr"] == f"alerts.0.{field}"


@pytest.mark.django_db
def test_only_a_threshold_has_a_basis(api: Api, acme: Organization) -> None:
    budget = make_budget(acme)

    answer = api.send(
        "PUT",
        f"budgets/{budget.uid}/alerts",
        {"alerts": [{"type": "velocity", "basis": "committed"}]},
    )

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == "alerts.0.basis"


# -- Spent and set aside


def aside(budget: Budget, reserved: str) -> None:
    BudgetPeriod.objects.filter(budget=budget).update(reserved=Decimal(reserved))


@pytest.mark.django_db
def test_what_is_set_aside_raises_and_ends_an_alert(acme: Organization) -> None:
    budget = january_budget(
        acme, alerts=[ShareWatched(Decimal("0.7"), basis=Basis.COMMITTED).saved]
    )
    spend(acme, "50", jan(20, 11), model="gpt-4o", project_id="search")

    states = []
    for reserved in ("19.9999999999", "20", "35", "0"):
        aside(budget, reserved)
        evaluate_thresholds(acme, now=NOON)
        states.append(open_keys(budget))

    key = "threshold:committed:0.7"
    assert states == [[], [key], [key], []]


@pytest.mark.django_db
def test_nothing_new_is_looked_at_in_two_queries(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    budget = january_budget(
        acme, alerts=[ShareWatched(Decimal("0.7"), basis=Basis.COMMITTED).saved]
    )
    spend(acme, "50", jan(20, 11))
    evaluate_thresholds(acme, now=NOON)
    aside(budget, "19")

    with django_assert_num_queries(3):  # the rules, the state, the periods
        evaluate_thresholds(acme, now=NOON)


@pytest.mark.django_db
def test_a_message_says_what_is_set_aside_and_what_cost_most(
    acme: Organization,
) -> None:
    budget = january_budget(
        acme, alerts=[ShareWatched(Decimal("0.7"), basis=Basis.COMMITTED).saved]
    )
    spend(acme, "30", jan(20, 11), model="gpt-4o", project_id="search")
    spend(acme, "20", jan(20, 11), model="gpt-4o", project_id="mail")
    aside(budget, "25")
    evaluate_thresholds(acme, now=NOON)
    escalation.run_due(NOON)
    (alert,) = Alert.objects.all()

    message = told(alert)

    assert message.title.replace(NBSP, " ") == (
        "Information: All has spent or set aside 75 % of $100.00 (January)"
    )
    assert "has spent $50.00 and set aside $25.00 of $100.00" in message.text
    assert message.text.replace(NBSP, " ").endswith(
        "Project search cost most: $30.00, 60 %."
    )
    facts = {name: text.replace(NBSP, " ") for name, text in message.facts}
    assert facts["Spent"] == "$50.00 of $100.00, 50 %"
    assert facts["Set aside"] == "$25.00; with what is spent, 75 % of the limit"
    assert message.bar == pytest.approx(0.75)
    assert message.payload["basis"] == "committed"
    assert message.payload["reserved_exact"] == "25.0000000000"
    assert message.payload["top_driver"] == {
        "dimension": "model",
        "name": "gpt-4o",
        "amount": "50.0000000000",
        "share": "1.0000000000",
        "currency": "USD",
    }


def asked() -> list[tuple[Any, ...]]:
    """Return the changes whose following workers are to see to, with when."""
    tasks = [(SignedPackage.loads(row.payload), row.lock) for row in OrmQ.objects.all()]
    return [
        (*task["args"], lock)
        for task, lock in tasks
        if task["args"][:1] == ("budgets.committed",)
    ]


@pytest.mark.django_db(transaction=True)
def test_decisions_have_it_looked_at_once_for_all(acme: Organization, api: Api) -> None:
    budget = make_hard(
        acme,
        "All",
        "10",
        alerts=[ShareWatched(Decimal("0.5"), basis=Basis.COMMITTED).saved],
    )
    forget_everything()

    began = timezone.now()
    for _ in range(5):
        authorize(api, estimated_cost="1")
    ((change, organization_id, at),) = asked()
    follow(change, organization_id)

    assert organization_id == acme.pk
    assert timedelta(0) < at - began < timedelta(seconds=5)
    assert open_keys(budget) == ["threshold:committed:0.5"]


@pytest.mark.django_db(transaction=True)
def test_a_look_is_asked_for_again_before_it_could_miss_something(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("budgets.committed.time.monotonic", lambda: clock[0])
    forget_everything()

    counts = []
    for moment in (100.0, 100.9, 101.1, 101.2, 109.0):
        clock[0] = moment
        note_committed(acme.pk)
        counts.append(len(asked()))

    assert counts == [1, 1, 2, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_asks_again(acme: Organization) -> None:
    forget_everything()
    with transaction.atomic():
        note_committed(acme.pk)
        transaction.set_rollback(True)
    note_committed(acme.pk)

    assert len(asked()) == 1


@pytest.mark.django_db
def test_nothing_is_asked_where_nobody_watches(acme: Organization, api: Api) -> None:
    make_hard(acme, "All", "10")
    forget_everything()

    authorize(api, estimated_cost="6")
    spend(acme, "3")

    assert asked() == []


# -- Forecast


def daily(organization: Organization, cost: str, days: range) -> None:
    for day in days:
        spend(organization, cost, jan(day, 12), model="gpt-4o", project_id="search")


@pytest.mark.django_db
def test_a_forecast_of_the_budget_itself_fires_and_ends(acme: Organization) -> None:
    saved = ShareWatched(
        Decimal(1), basis=Basis.FORECAST, probability=Decimal("0.5")
    ).saved
    budget = january_budget(acme, amount="250", starts_at=jan(1), alerts=[saved])
    daily(acme, "10", range(1, 20))

    sweep(NOON)
    raised = open_keys(budget)
    escalation.run_due(NOON)
    message = told(Alert.objects.get(basis="forecast"))
    BudgetPeriod.objects.filter(budget=budget).update(amount=Decimal(1000))
    sweep(NOON)

    assert raised == ["threshold:forecast:1:0.5"]
    assert open_keys(budget) == []
    assert message.title.startswith("Warning: All is heading for $3")
    assert "is projected to spend" in message.text
    assert "Model gpt-4o cost most: $190.00" in message.text
    assert message.payload["band"].keys() == {"lower", "expected", "upper"}
    assert "Forecast for the end" in dict(message.facts)


@pytest.mark.django_db
def test_a_forecast_rule_watches_those_below_and_is_replaced_there(
    acme: Organization,
) -> None:
    above = january_budget(acme, amount="300", starts_at=jan(1))
    below = january_budget(acme, "Search", "300", parent=above, starts_at=jan(1))
    values: dict[str, Any] = {"threshold": Decimal(1), "basis": "forecast"}
    make_rule(above, "threshold", probability=Decimal("0.5"), **values)
    daily(acme, "9.9", range(1, 20))

    evaluate_by_clock(acme, now=NOON)
    inherited = open_keys(below)
    make_rule(below, "threshold", probability=Decimal("0.5"), enabled=False, **values)
    evaluate_by_clock(acme, now=NOON)

    assert inherited == open_keys(above) == ["threshold:forecast:1:0.5"]
    assert open_keys(below) == []


@pytest.mark.django_db
def test_charging_does_not_watch_for_forecasts(acme: Organization) -> None:
    budget = january_budget(acme, amount="100")
    watched = make_rule(
        budget,
        "threshold",
        threshold=Decimal("0.3"),
        basis="forecast",
        probability=Decimal("0.9"),
    )

    evaluate_thresholds(acme, now=NOON)  # what a rule watches stands in the budget, too
    budget.refresh_from_db()

    assert [ShareWatched.of(one) for one in budget.alerts] == [
        ShareWatched(Decimal("0.3"), (), Basis.FORECAST, Decimal("0.9"))
    ]
    assert of_rule(watched) == replace(of_rule(AlertRule.objects.get()), channels=())
