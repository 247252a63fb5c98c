"""Budgets that make themselves: as if somebody had made each by hand, in time."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from alerts.evaluation import evaluate_thresholds
from alerts.models import Alert
from budgets.closing import sweep_periods
from budgets.conflicts import conflicts_of
from budgets.errors import HasBudgetsBelow, IsArchived, TemplateFull
from budgets.models import Budget, BudgetPeriod
from budgets.overriding import override
from budgets.services import (
    archive_budget,
    change_budget,
    move_budget,
    plan_of,
)
from budgets.status import periods_of, status_at
from budgets.templates import ForEach
from budgets.temporary import raise_amount
from budgets.tree import BudgetTree, leaves_of, tree_of
from budgets.verification import differences
from controls.configuration import configure, switch_off
from controls.decisions.services import decide
from controls.decisions.types import CallRequest
from controls.policy import Where
from lib.errors import Invalid
from lib.money import to_units
from lib.periods import Cadence, start_of
from tests.budgets.moments import examples
from tests.budgets.worlds import undone
from tests.factories import make_budget, make_organization, report, spend, usage_record

pytestmark = pytest.mark.django_db


def make_template(
    organization: Organization,
    for_each: str = "user",
    amount: str = "10",
    **plan: Any,
) -> Budget:
    return make_budget(organization, "Each", amount, template_for_each=for_each, **plan)


def made_by(template: Budget) -> dict[str, Budget]:
    return {one.template_value: one for one in template.made.order_by("pk")}


def ask(organization: Organization, cost: str, **where: Any) -> Any:
    request = CallRequest(
        where=Where("openai", **where),
        model="gpt-4o",
        estimate=to_units(Decimal(cost)),
        ttl=timedelta(minutes=5),
    )
    return decide(organization.pk, [request])[0]


def spent_of(budget: Budget) -> Decimal:
    return sum((one.spent for one in budget.periods.all()), Decimal(0))


def sound(organization: Organization) -> bool:
    return list(differences(organization)) == []


# -- Opening


def test_the_first_record_of_a_value_opens_its_budget() -> None:
    organization = make_organization()
    company = make_budget(organization)
    template = make_template(organization, parent=company, enforcement="hard")

    spend(organization, "3", user_id="ann")
    spend(organization, "1")  # nobody's

    made = made_by(template)
    assert list(made) == ["ann"]
    ann = made["ann"]
    assert (ann.name, ann.parent_id, ann.amount) == ("ann", template.pk, 10)
    assert (ann.enforcement, ann.scope) == ("hard", {"users": ["ann"]})
    assert [spent_of(one) for one in (ann, template, company)] == [3, 3, 4]
    assert [line.kind for line in ann.lines.all()] == ["planned"]
    assert ann.history.count() == 1
    assert sound(organization)


def test_a_refused_first_authorization_opens_its_budget_too() -> None:
    organization = make_organization()
    template = make_template(organization, enforcement="hard")

    answer = ask(organization, "11", user="ann")

    assert (answer.decision, answer.reasons[0].budget_name) == ("block", "ann")
    assert list(made_by(template)) == ["ann"]


def test_each_value_has_the_whole_amount_and_the_template_binds_nobody() -> None:
    organization = make_organization()
    make_template(organization, enforcement="hard")

    answers = [
        ask(organization, "10", user=user).decision for user in ("ann", "ben", "ann")
    ]

    assert answers == ["allow", "allow", "block"]
    assert sound(organization)


def test_one_person_has_one_budget_however_spelled() -> None:
    organization = make_organization()
    template = make_template(organization)

    for spelled in ("Ann@Acme.example", " ann@acme.example", "ann@acme.EXAMPLE "):
        spend(organization, "1", user_id=spelled)

    made = made_by(template)
    assert list(made) == ["ann@acme.example"]
    assert spent_of(made["ann@acme.example"]) == 3


@pytest.mark.parametrize(
    ("for_each", "fields", "value"),
    [
        ("project", {"project_id": "p"}, "p"),
        ("team", {"team_id": "t"}, "t"),
        ("department", {"department_id": "d"}, "d"),
        ("environment", {"environment": "prod"}, "prod"),
        ("tag:customer", {"tags": {"customer": "acme"}}, "acme"),
        ("tag:customer", {"tags": ["customer:acme", "x"]}, "acme"),
        ("tag:customer", {"tags": ["customer=acme"]}, "acme"),
    ],
)
def test_what_it_is_for(for_each: str, fields: dict[str, Any], value: str) -> None:
    organization = make_organization()
    template = make_template(organization, for_each)

    spend(organization, "1", **fields)
    spend(organization, "1", user_id="ann")

    made = made_by(template)
    assert list(made) == [value]
    assert spent_of(made[value]) == 1
    assert sound(organization)


def test_values_met_before_are_opened_from_history_with_what_they_spent() -> None:
    organization = make_organization()
    spend(organization, "2", user_id="ann")
    held = ask(organization, "1", user="ben")

    template = make_template(organization, enforcement="hard")

    made = made_by(template)
    assert set(made) == {"ann", "ben"}
    assert spent_of(made["ann"]) == 2
    assert made["ben"].periods.get().reserved == 1
    assert held.uid is not None
    assert sound(organization)


def test_it_makes_budgets_within_its_scope_alone() -> None:
    organization = make_organization()
    template = make_template(organization, scope={"teams": ["ml"]})

    spend(organization, "1", user_id="ann", team_id="sales")
    spend(organization, "2", user_id="ann", team_id="ml")
    spend(organization, "4", user_id="ben", team_id="sales")

    made = made_by(template)
    assert list(made) == ["ann"]
    assert spent_of(made["ann"]) == 2


def test_what_is_not_booked_opens_nothing() -> None:
    organization = make_organization()
    template = make_template(organization)
    report(organization, usage_record(user_id="ann"))

    report(organization, usage_record(user_id="ben"))  # the same id, other content
    with transaction.atomic():
        spend(organization, "1", user_id="cem")
        transaction.set_rollback(True)

    assert list(made_by(template)) == ["ann"]
    spend(organization, "1", user_id="cem")
    assert list(made_by(template)) == ["ann", "cem"]
    assert sound(organization)


def test_the_database_keeps_one_budget_for_each_value() -> None:
    organization = make_organization()
    template = make_template(organization)
    spend(organization, "1", user_id="ann")
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.bulk_create(
            [
                Budget(
                    **{
                        name: getattr(made_by(template)["ann"], name)
                        for name in (
                            *("organization_id", "name", "parent_id", "template_of_id"),
                            *("template_value", "amount", "currency", "period"),
                            *("timezone", "starts_at", "lft", "rght", "tree_id"),
                            "level",
                        )
                    }
                )
            ]
        )


# -- As many as it may


def test_a_full_template_makes_no_more_and_says_so() -> None:
    organization = make_organization()
    template = make_template(organization, enforcement="hard", template_most=2)

    answers = [ask(organization, "1", user=user) for user in ("ann", "ben", "cem")]

    assert [one.decision for one in answers] == ["allow", "allow", "block"]
    assert answers[2].reasons[0].rule == "template_full"
    assert "none for “cem”" in answers[2].reasons[0].message
    assert list(made_by(template)) == ["ann", "ben"]
    spend(organization, "1", user_id="cem")  # what was spent is booked all the same
    with pytest.raises(TemplateFull):
        override(template, "dan", Decimal(5), now=timezone.now())
    assert sound(organization)


def test_a_full_template_that_may_make_more_makes_what_it_lacks() -> None:
    organization = make_organization()
    template = make_template(organization, template_most=1)
    for user in ("ann", "ben", "cem"):
        spend(organization, "1", user_id=user)

    plan = plan_of(template)
    plan.template_most = 2
    change_budget(template, plan, now=timezone.now())

    made = made_by(template)
    assert list(made) == ["ann", "ben"]
    assert spent_of(made["ben"]) == 1
    assert sound(organization)


def test_a_template_never_has_more_than_it_may_make() -> None:
    organization = make_organization()
    template = make_template(organization, template_most=3)
    for user in ("ann", "ben"):
        spend(organization, "1", user_id=user)

    plan = plan_of(template)
    plan.template_most = 1
    with pytest.raises(Invalid) as caught:
        change_budget(template, plan, now=timezone.now())
    plan.template_most = 2
    change_budget(template, plan, now=timezone.now())

    assert caught.value.errors[0].attr == "template.most"
    assert sound(organization)


def test_who_met_a_full_template_has_the_place_of_what_is_archived() -> None:
    organization = make_organization()
    template = make_template(organization, template_most=1)
    for user in ("ann", "ben", "cem"):
        spend(organization, "1", user_id=user)

    archive_budget(made_by(template)["ann"], now=timezone.now())
    spend(organization, "2", user_id="ben", project_id="other")
    spend(organization, "4", user_id="cem", project_id="other")

    made = made_by(template)
    assert list(made) == ["ann", "ben"]
    assert spent_of(made["ben"]) == 3
    assert sound(organization)


def test_more_values_than_it_may_have_are_refused_when_it_is_made() -> None:
    organization = make_organization()
    for user in ("ann", "ben"):
        spend(organization, "1", user_id=user)

    with pytest.raises(Invalid) as caught:
        make_template(organization, template_most=1)

    assert caught.value.errors[0].attr == "template.most"


# -- Following


def test_budgets_follow_their_template_but_for_amounts_of_their_own() -> None:
    organization = make_organization()
    template = make_template(organization)
    spend(organization, "1", user_id="ann")
    override(template, "ben", Decimal(50), now=timezone.now(), reason="Lead")

    plan = plan_of(template)
    plan.amount, plan.enforcement = Decimal(20), "hard"
    plan.warning_threshold = Decimal("0.5")
    change_budget(template, plan, now=timezone.now(), reason="Too little")

    made = made_by(template)
    assert [made[name].amount for name in ("ann", "ben")] == [20, 50]
    assert {one.enforcement for one in made.values()} == {"hard"}
    assert {one.warning_threshold for one in made.values()} == {Decimal("0.5")}
    assert made["ann"].periods.get().limit == 20
    assert [line.reason for line in made["ann"].lines.all()][-1] == "Too little"
    assert sound(organization)

    back = override(template, "ben", None, now=timezone.now())

    assert (back.amount, back.is_override) == (20, False)
    assert ask(organization, "21", user="ben").decision == "block"
    assert sound(organization)


def test_another_scope_is_theirs_too_and_opens_what_it_reaches() -> None:
    organization = make_organization()
    template = make_template(organization, scope={"teams": ["ml"]})
    spend(organization, "1", user_id="ann", team_id="ml")
    spend(organization, "2", user_id="ben", team_id="sales")

    plan = plan_of(template)
    plan.scope = {"teams": ["sales"]}
    change_budget(template, plan, now=timezone.now())

    made = made_by(template)
    assert [spent_of(made[name]) for name in ("ann", "ben")] == [0, 2]
    assert sound(organization)


def test_another_period_cuts_theirs_anew() -> None:
    organization = make_organization()
    template = make_template(organization)
    spend(organization, "1", user_id="ann")

    plan = plan_of(template)
    plan.period = Cadence.ANNUAL
    change_budget(template, plan, now=timezone.now())

    ann = made_by(template)["ann"]
    assert (ann.period, spent_of(ann)) == ("annual", 1)
    assert sound(organization)


@pytest.mark.parametrize(
    ("name", "value", "attr"),
    [
        ("period", "annual", "period"),
        ("enforcement", "hard", "enforcement"),
        ("scope", {}, "scope"),
        ("starts_at", timezone.now(), "start_date"),
    ],
)
def test_what_is_the_templates_is_changed_there(
    name: str, value: Any, attr: str
) -> None:
    organization = make_organization()
    template = make_template(organization)
    spend(organization, "1", user_id="ann")
    ann = made_by(template)["ann"]
    plan = plan_of(ann)
    setattr(plan, name, value)

    with pytest.raises(Invalid) as caught:
        change_budget(ann, plan, now=timezone.now())

    assert caught.value.errors[0].attr == attr


def test_an_amount_given_to_one_budget_is_its_own() -> None:
    organization = make_organization()
    template = make_template(organization)
    spend(organization, "1", user_id="ann")
    ann = made_by(template)["ann"]
    plan = plan_of(ann)
    plan.amount = Decimal(30)

    changed = change_budget(ann, plan, now=timezone.now())

    assert (changed.amount, changed.is_override) == (30, True)


# -- Its place, and its end


def test_nothing_else_lies_below_a_template_or_what_it_made() -> None:
    organization = make_organization()
    template = make_template(organization)
    spend(organization, "1", user_id="ann")
    other = make_budget(organization, "Other")

    for place, code in (
        (template, "is_template"),
        (made_by(template)["ann"], "is_made"),
    ):
        for attempt in (
            partial(make_template, organization, "team", parent=place),
            partial(move_budget, other, place),
        ):
            with pytest.raises(Invalid) as caught:
                attempt()
            assert caught.value.errors[0].code == code
    with pytest.raises(Invalid):
        move_budget(made_by(template)["ann"], other)


def test_a_template_moves_with_all_that_it_made() -> None:
    organization = make_organization()
    template = make_template(organization)
    spend(organization, "1", user_id="ann")
    other = make_budget(organization, "Other", scope={"teams": ["x"]})

    move_budget(template, other)
    spend(organization, "2", user_id="ben")

    assert spent_of(other) == 3
    assert sound(organization)


def test_an_archived_budget_is_not_made_again() -> None:
    organization = make_organization()
    template = make_template(organization, enforcement="hard")
    spend(organization, "1", user_id="ann")
    archive_budget(made_by(template)["ann"], now=timezone.now())

    spend(organization, "2", user_id="ann", at=timezone.now() + timedelta(seconds=1))

    assert list(made_by(template)) == ["ann"]
    assert spent_of(made_by(template)["ann"]) == 1
    with pytest.raises(IsArchived):
        override(template, "ann", Decimal(5), now=timezone.now())
    assert sound(organization)


def test_a_template_ends_with_all_that_it_made() -> None:
    organization = make_organization()
    parent = make_budget(organization)
    template = make_template(organization, parent=parent)
    spend(organization, "1", user_id="ann")
    with pytest.raises(HasBudgetsBelow):
        archive_budget(parent, now=timezone.now())

    archive_budget(template, now=timezone.now())
    spend(organization, "1", user_id="ben")

    assert [one.archived_at is None for one in made_by(template).values()] == [False]
    assert sound(organization)


@pytest.mark.parametrize("for_each", ["users", "tag:", "model", "tag:" + "x" * 300])
def test_what_it_can_not_be_for_is_refused(for_each: str) -> None:
    with pytest.raises(Invalid) as caught:
        make_template(make_organization(), for_each)

    assert caught.value.errors[0].attr == "template.for_each"


def test_the_values_of_a_list_of_tags() -> None:
    each = ForEach.of("tag:team")

    found = each.values({}, ["team", "team:", "team:ml", "team=search", "teams:x"])

    assert found == ["ml", "search"]


# -- What is told of it


def test_a_template_stands_where_all_that_it_made_stand() -> None:
    organization = make_organization()
    company = make_budget(organization)
    template = make_template(organization, parent=company)
    spend(organization, "12", user_id="ann")
    spend(organization, "1", user_id="ben")
    override(template, "ben", Decimal(50), now=timezone.now())
    now = timezone.now()

    found = status_at(template, at=None, now=now).status

    assert (found.limit, found.total_spend, found.status) == (60, 13, "OK")
    (root,) = tree_of(organization, at=now)
    (node,) = root.children
    assert (root.allocated, root.unallocated) == (60, 940)
    assert (node.allocated, node.unallocated, len(node.children)) == (60, 0, 2)
    outline = BudgetTree(leaves_of(organization, at=now, now=now))
    assert outline.allocated(company.pk) == 60
    assert [row.amount for row in periods_of(template, at=None, now=now)] == [60]
    assert conflicts_of(organization, now=now) == []


def test_a_template_that_made_nothing_is_promised_nothing() -> None:
    organization = make_organization()
    company = make_budget(organization)
    make_template(organization, "team", amount="5000", parent=company)

    (root,) = tree_of(organization, at=timezone.now())

    assert (root.allocated, root.children[0].status.status.limit) == (0, 0)


def test_its_rules_watch_what_it_made_and_never_itself() -> None:
    organization = make_organization()
    template = make_template(
        organization, alerts=[{"threshold": "0.5", "channels": []}]
    )

    spend(organization, "6", user_id="ann")
    spend(organization, "6", user_id="ben")
    evaluate_thresholds(organization, now=timezone.now())

    alerts = Alert.objects.order_by("budget__name")
    told = [(one.budget.name, one.threshold) for one in alerts]
    assert told == [("ann", Decimal("0.5")), ("ben", Decimal("0.5"))]
    assert template.alerts


def test_what_each_has_left_is_carried_over_and_nothing_of_the_template() -> None:
    organization = make_organization()
    now = timezone.now()
    template = make_template(
        organization,
        period=Cadence.DAILY,
        rollover_mode="unused",
        starts_at=start_of(now.date(), ZoneInfo("UTC")) - timedelta(days=1),
    )
    spend(organization, "4", now - timedelta(days=1), user_id="ann")

    sweep_periods(now=now)

    assert status_at(made_by(template)["ann"], at=None, now=now).status.limit == 16
    assert status_at(template, at=None, now=now).status.limit == 16
    assert sound(organization)


def test_rules_that_guard_are_for_budgets_with_a_limit() -> None:
    organization = make_organization()
    template = make_template(organization)
    spend(organization, "1", user_id="ann")
    block = {
        "trigger": "budget_percentage >= 1",
        "action": "block",
        "config": {},
        "notify": False,
    }

    for budget in (template, made_by(template)["ann"]):
        with pytest.raises(Invalid):
            configure(budget, [block])


def test_a_template_has_no_money_of_its_own_to_move() -> None:
    organization = make_organization()
    template = make_template(organization)
    now = timezone.now()

    with pytest.raises(Invalid) as caught:
        raise_amount(template, Decimal(5), until=now + timedelta(days=1), now=now)

    assert caught.value.errors[0].code == "is_template"


def test_a_template_is_switched_off_for_all() -> None:
    organization = make_organization()
    template = make_template(organization)
    switch_off(template, now=timezone.now())

    assert ask(organization, "1", user="ann").decision == "block"
    assert ask(organization, "1").decision == "allow"


# -- Beside budgets made by hand

USERS = ("ann", "Ben@Acme.example", "ben@acme.example", "")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("spend", "ask")),
        st.sampled_from(USERS),
        st.sampled_from(("ml", "sales")),
        st.integers(1, 700),  # cents
        st.integers(0, 40),  # days ago
    ),
    min_size=4,
    max_size=12,
)


def standing(organization: Organization, names: set[str]) -> dict[Any, Any]:
    periods = BudgetPeriod.objects.filter(
        budget__organization=organization, budget__name__in=names
    )
    values = periods.values_list(
        *("budget__name", "starts_at", "limit", "spent", "reserved", "requests")
    )
    return {
        (name, starts_at): figures
        for name, starts_at, *figures in values
        if figures[1] or figures[2]
    }


@examples(6)
@given(steps=STEPS, made_at=st.sampled_from([0, 3, 6, 11]), hard=st.booleans())
def test_they_equal_budgets_made_by_hand_under_any_order_of_records(
    steps: list[tuple[str, str, str, int, int]], made_at: int, hard: bool
) -> None:
    values = {"ann", "ben@acme.example"}
    now = timezone.now()
    shape: dict[str, Any] = {
        "enforcement": "hard" if hard else "soft",
        "starts_at": now - timedelta(days=35),
        "scope": {"teams": ["ml"]},
    }
    with undone():
        ours, theirs = make_organization("ours"), make_organization("theirs")
        answers: dict[str, list[str]] = {"ours": [], "theirs": []}
        companies = {one.slug: make_budget(one) for one in (ours, theirs)}
        for place, (what, user, team, cents, days) in enumerate([*steps, steps[0]]):
            if place == min(made_at, len(steps)):
                make_template(ours, parent=companies["ours"], **shape)
                for value in values:
                    mine = {**shape, "scope": {"teams": ["ml"], "users": [value]}}
                    make_budget(theirs, value, "10", parent=companies["theirs"], **mine)
            cost = str(Decimal(cents) / 100)
            for one in (ours, theirs):
                if what == "ask":
                    answer = ask(one, cost, user=user, team=team)
                    answers[one.slug].append(answer.decision)
                else:
                    at = now - timedelta(days=days)
                    spend(one, cost, at, user_id=user, team_id=team)

        names = {*values, "Company"}
        assert standing(ours, names) == standing(theirs, names)
        assert answers["ours"] == answers["theirs"]
        assert sound(ours)
