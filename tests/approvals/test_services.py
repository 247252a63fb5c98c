"""The life of a request, from what is asked for to what it does to budgets."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from approvals import services, trail
from approvals.asks import as_ask
from approvals.decisions import decide, reassign
from approvals.errors import NobodyDecides, TooLate, TooMany
from approvals.impact import frozen_impact, impact_of
from approvals.models import BudgetRequest, Outcome, StepState, TrailEntry
from budgets.errors import NotEnoughLeft
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.overriding import override
from lib.errors import Conflict, Invalid, Refusal
from tests.approvals.factories import (
    NOW,
    approve,
    by,
    level,
    make_policy,
    make_request,
    person_in,
    reject,
)
from tests.factories import make_budget, spend

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def limit_of(budget: Budget) -> Decimal:
    limit: Decimal = BudgetPeriod.objects.get(
        budget=budget, starts_at__lte=NOW, ends_at__gt=NOW
    ).limit
    return limit


def test_the_seeds_scene_ends_in_a_budget(acme: Organization, pm: User) -> None:
    request = make_request(
        acme,
        pm,
        name="",
        approvers=["Lead@acme.example", "cfo@acme.example", "lead@acme.example"],
        metadata={"project": "customer-insights", "expectedROI": "3x"},
    )
    lead, cfo = User.objects.filter(budget_requests=None).order_by("-email")

    halfway = approve(request, lead)
    assert halfway.request.state == "pending"
    done = approve(request, cfo, comments="Fine")

    assert done.request.state == "approved"
    made = Budget.objects.get(name="customer-insights")
    assert done.request.budget == made
    assert (made.amount, made.period, made.owner) == (5000, "monthly", pm)
    assert made.lines.get().request == request.uid
    told = TrailEntry.objects.filter(subject=request.uid).order_by("number")
    events = told.exclude(event__startswith="link.")
    assert list(events.values_list("event", flat=True)) == [
        *("request.submitted", "step.opened", "request.decided"),
        *("request.decided", "effect.new", "request.approved"),
    ]
    assert list(trail.differences(acme)) == []


def test_approvals_take_effect_as_dated_lines_that_name_the_request(
    acme: Organization, pm: User, cfo: User
) -> None:
    ml = make_budget(acme, "ML", "400", now=NOW)
    sales = make_budget(acme, "Sales", "300", now=NOW, scope={"teams": ["sales"]})
    spend(acme, "250", NOW, team_id="sales")

    approve(make_request(acme, pm, "100", kind="increase", budget=ml), cfo)
    until = NOW + DAY / 2
    approve(make_request(acme, pm, "50", kind="raise", budget=ml, until=until), cfo)
    move = {"kind": "transfer", "budget": ml, "source": sales}
    approve(make_request(acme, pm, "30", **move), cfo, amount=Decimal(20))
    approve(make_request(acme, pm, "5", kind="rollover_exception", budget=ml), cfo)
    stop = {"rule": str(uuid4()), "until": until, "kind": "rule_exception"}
    approve(make_request(acme, pm, "0", budget=ml, **stop), cfo)
    with pytest.raises(NotEnoughLeft):
        approve(make_request(acme, pm, "31", **move), cfo)

    assert limit_of(ml) == 400 + 100 + 50 + 20 + 5
    assert limit_of(sales) == 280
    kinds = AmountLine.objects.exclude(request=None).order_by("pk")
    assert list(kinds.values_list("kind", flat=True)) == [
        *("change", "raise", "transfer", "transfer", "raise")
    ]
    lowered = BudgetRequest.objects.get(kind="transfer", state="approved")
    assert (lowered.amount, lowered.approved_amount) == (30, 20)
    late = make_request(acme, pm, "1", kind="raise", budget=ml, until=NOW + DAY)
    with pytest.raises(TooLate):
        approve(late, cfo, now=NOW + DAY)


def test_a_decision_on_the_way_takes_few_queries(
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    auditors = [person_in(acme, f"auditor{number}") for number in range(3)]
    first = [level(lead, *auditors, name="Lead"), level(cfo, name="CFO", parallel=True)]
    make_policy(acme, *first, level(cfo, name="Last"))
    made = make_request(acme, pm)
    approve(made, cfo)

    with django_assert_max_num_queries(35):  # 10 of them are savepoints
        approve(made, lead)

    assert made.steps.get(name="Last").state == StepState.OPEN


def test_levels_are_frozen_and_decided_in_their_order(
    acme: Organization, pm: User, lead: User, cfo: User
) -> None:
    root = make_budget(acme, "Company", "9000", now=NOW, owner=cfo)
    team = make_budget(acme, "Team", "900", now=NOW, parent=root, owner=lead)
    auditors = [person_in(acme, f"auditor{number}") for number in range(3)]
    policy = make_policy(
        acme,
        level("budget_owner", name="Owner"),
        level("ancestor_owner:1", name="Above", min_amount=Decimal(500)),
        level(
            *auditors, name="Audit", required=2, min_amount=Decimal(500), parallel=True
        ),
        budget=root,
    )
    small = make_request(acme, pm, "499", kind="increase", budget=team)
    large = make_request(acme, pm, "500", kind="increase", budget=team)
    policy.levels.all().delete()  # what runs goes on by its copy

    assert approve(small, lead).request.state == "approved"
    with pytest.raises(Conflict, match="before your step opens"):
        approve(large, cfo)
    assert [step.name for step in approve(large, lead).opened] == ["Above", "Audit"]
    approve(large, auditors[2])
    with pytest.raises(Conflict, match="have decided"):
        approve(large, auditors[2])
    approve(large, cfo)
    assert approve(large, auditors[0]).request.state == "approved"
    with pytest.raises(Conflict, match="is approved since"):
        reject(large, auditors[1])


def test_an_edit_voids_approvals_when_the_amount_rises_or_leaves_its_band(
    acme: Organization, pm: User, lead: User, cfo: User
) -> None:
    make_policy(
        acme, level(lead, name="One"), level(cfo, name="Two", min_amount=Decimal(1000))
    )

    def after(amount: str, **change: Any) -> tuple[bool, int]:
        request = make_request(acme, pm, "2000")
        request = approve(request, lead).request
        ask = replace(as_ask(request), amount=Decimal(amount), **change)
        edited = services.edit(request, ask, by=by(pm), now=NOW, revision=1)
        with pytest.raises(Conflict):  # what was looked at is of the revision before
            approve(request, cfo, revision=1)
        given = edited.request.steps.current().filter(state=StepState.APPROVED)
        return edited.voided, given.count()

    assert after("2000.01") == (True, 0)
    assert after("1000") == (False, 1)
    assert after("999") == (True, 0)
    assert after("2000", justification="Other words") == (False, 1)
    assert after("2000", scope={"teams": ["ml"]}) == (True, 0)
    with pytest.raises(Invalid):
        after("2000", requester=lead)


def test_changes_are_requested_and_what_is_sent_anew_keeps_its_trail(
    acme: Organization, pm: User, cfo: User
) -> None:
    request = make_request(acme, pm)
    said: Any = {"by": by(cfo), "now": NOW, "comments": "Which launch?"}

    back = decide(request, Outcome.CHANGES_REQUESTED, **said).request
    ask = replace(as_ask(back), justification="The one in May", amount=Decimal(10))
    services.edit(back, ask, by=by(pm), now=NOW, revision=back.revision)
    again = services.submit(back, by=by(pm), now=NOW)
    approve(again, cfo)

    again.refresh_from_db()
    assert (again.state, again.approved_amount, again.revision) == ("approved", 10, 3)
    events = TrailEntry.objects.filter(subject=request.uid, event__startswith="request")
    told = [
        one.removeprefix("request.") for one in events.values_list("event", flat=True)
    ]
    assert told == [
        *("submitted", "decided", "changes_requested", "edited", "resubmitted"),
        *("decided", "approved"),
    ]


def test_reassigning_takes_a_finance_admin_a_reason_and_somebody_else(
    acme: Organization, pm: User, lead: User, cfo: User
) -> None:
    request = make_request(acme, pm, approvers=[lead.email])
    step, new = request.steps.get(), person_in(acme, "new")

    def give(to: User, admin: User, reason: str = "She left") -> BudgetRequest:
        return reassign(step, lead, to, by=by(admin), now=NOW, reason=reason)

    for to, admin, reason in ((new, lead, "x"), (new, cfo, " "), (pm, cfo, "x")):
        with pytest.raises(Refusal):
            give(to, admin, reason)
    give(new, cfo)

    with pytest.raises(Refusal, match="not asked"):
        approve(request, lead)
    assert approve(request, new).request.state == "approved"


def test_what_nobody_decides_expires_and_is_never_approved(
    acme: Organization, pm: User, cfo: User
) -> None:
    request = make_request(acme, pm, needed_by=NOW + DAY)

    assert services.expire_due(NOW + 8 * DAY - timedelta(seconds=1)) == 0
    assert services.expire_due(NOW + 8 * DAY) == 1
    assert services.expire_due(NOW + 8 * DAY) == 0

    request.refresh_from_db()
    assert (request.state, Budget.objects.count()) == ("expired", 0)
    with pytest.raises(Conflict, match="is expired since"):
        approve(request, cfo, now=NOW + 8 * DAY)


def test_equal_asks_join_one_request_and_many_are_refused(
    acme: Organization, pm: User, cfo: User
) -> None:
    ml = make_budget(acme, "ML", "400", now=NOW)

    def ask(amount: str, key: str = "ml") -> BudgetRequest:
        until = NOW + DAY
        more = {"kind": "raise", "budget": ml, "until": until, "ask_key": key}
        return make_request(acme, pm, amount, **more)

    first = ask("10")
    assert {ask("5").pk, ask("20").pk, ask("15").pk} == {first.pk}

    first.refresh_from_db()
    assert first.amount == 20
    for number in range(4):
        ask("1", f"other {number}")
    with pytest.raises(TooMany):
        ask("1", "one too many")


def test_the_impact_tells_what_is_left_above_and_what_does_not_fit(
    acme: Organization, pm: User, cfo: User
) -> None:
    root = make_budget(acme, "Company", "1000", now=NOW)
    team = make_budget(acme, "Team", "900", now=NOW, parent=root)
    spend(acme, "850", NOW)

    request = make_request(acme, pm, "200", kind="increase", budget=team)

    impact = impact_of(request, NOW)
    assert frozen_impact(request) == impact
    own, above = impact.lines
    assert (own.role, own.limit_then, own.left_now, own.left_then) == (
        *("asked", 1100, 50, 250),
    )
    assert (above.left_now, above.left_then) == (150, -50)
    assert (above.unallocated_now, above.unallocated_then) == (100, -100)
    assert [text.split(" has ")[0] for text in impact.conflicts] == [
        "“Company”",
        "The budgets below “Company” would be $100.00 too much.",
    ]


def test_a_request_that_nobody_could_decide_is_refused(
    acme: Organization, cfo: User
) -> None:
    with pytest.raises(NobodyDecides):  # the only finance admin asks
        make_request(acme, cfo)

    assert BudgetRequest.objects.count() == 0


def test_a_templates_impact_is_that_on_all_it_made(
    acme: Organization, pm: User, cfo: User
) -> None:
    above = make_budget(acme, "Above", "100", now=NOW)
    each = make_budget(
        acme, "Each", "5", parent=above, template_for_each="user", now=NOW
    )
    spend(acme, "1", NOW, user_id="ann")
    spend(acme, "2", NOW, user_id="bob")
    spend(acme, "3", NOW, user_id="eve")
    override(each, "eve", Decimal(50), now=NOW)

    request = make_request(acme, pm, "4", kind="increase", budget=each)

    asked, whole = impact_of(request, NOW).lines
    told = impact_of(request, NOW).conflicts[0]
    assert (asked.limit_now, asked.limit_then) == (60, 68)
    assert (whole.left_now, whole.left_then) == (94, 86)
    assert told.startswith("“Each” stands for 2 with its amount: each would have $4.00")
    assert "$8.00 together" in told


def test_a_template_is_asked_for_neither_money_for_a_while_nor_a_place(
    acme: Organization,
) -> None:
    each = make_budget(acme, "Each", "5", template_for_each="user")
    person = person_in(acme, "ann")
    until = NOW + timedelta(days=5)

    asks: list[dict[str, Any]] = [
        {"kind": "raise", "budget": each, "until": until},
        {"kind": "new", "parent": each},
    ]
    for ask in asks:
        with pytest.raises(Invalid) as caught:
            make_request(acme, person, **ask)
        assert caught.value.errors[0].code == "is_template"
