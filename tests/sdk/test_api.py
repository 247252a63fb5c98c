"""The typed client against a server that was really started."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from llm_cost_ops import ConflictError, CostOpsClient, NotFoundError

from tests.sdk.world import World

GPT_4O: dict[str, Any] = {"provider": "openai", "model": "gpt-4o"}


def test_a_budget_from_making_it_to_archiving_it(world: World) -> None:
    api = world.client
    whole = world.budget("100", name="Whole")
    part = world.budget("40", name="Part", parent=whole.id, scope={"teams": ["a"]})

    assert api.update_budget(part.id, amount=Decimal("30.5")).amount == Decimal("30.5")
    (root,) = api.get_budget_tree(organization_id=world.organization)
    assert [child.id for child in root.children] == [part.id]
    assert root.allocated == Decimal("30.5")
    assert api.get_budget_variance(part.id).actual_spend == 0
    assert not api.get_budget_forecast(part.id, to="period_end").data.enough
    advice = api.get_budget_recommendations(
        root=whole.id, total=100, floors={part.id: 5}, caps={part.id: "20"}
    )
    assert [one.recommended_amount for one in advice.recommendations] == [100, 20]
    given = [
        {"budget": one.budget, "amount": one.recommended_amount, "version": one.version}
        for one in advice.recommendations
    ]
    assert api.set_budget_amounts(given, reason="As advised", dry_run=True).changed == 2
    assert api.set_budget_amounts(given, reason="As advised").changed == 2
    assert api.get_budget(part.id).amount == 20
    assert api.get_optimizations(budget=whole.id, cached_share=0.4).currency == "USD"
    assert api.get_budget_conflicts(organization_id=world.organization) == ()
    api.archive_budget(part.id)
    listed = api.list_budgets(organization_id=world.organization)
    assert [each.name for each in api.iterate(listed)] == ["Whole"]


def test_a_template_gives_one_value_its_own_amount(world: World) -> None:
    each = world.budget("5", name="Each", template={"for_each": "user"})

    ann = world.client.override_budget(each.id, value="ann", amount=Decimal(9))

    assert each.template == {"for_each": "user", "most": 1000, "made": 0, "full": False}
    assert (ann.template_of, ann.template_value) == (each.id, "ann")
    assert (ann.amount, ann.override) == (9, True)


def test_usage_from_reporting_it_to_adding_it_up(world: World) -> None:
    api, whose = world.client, {"organization_id": world.organization}
    record = {**GPT_4O, **whose, "timestamp": "2026-01-15T12:00:00Z"}
    counted = {**record, "input_tokens": 1000, "output_tokens": 1000}
    one: Any = {**counted, "id": "u1"}
    other: Any = {**counted, "id": "u2"}
    unmetered: Any = {**record, "id": "u3"}

    first = api.report_usage(one)
    batch = api.report_usage_batch([one, other, unmetered])

    assert first.cost == Decimal("0.0125")
    assert (batch.accepted, batch.duplicates) == (1, 1)
    assert batch.rejected[0].id == "u3"
    page = api.list_costs(limit=1, organization_id=world.organization)
    assert [cost.usage_id for cost in api.iterate(page)] == ["u1", "u2"]
    summary = api.get_summary(group_by="model", organization_id=world.organization)
    assert summary.groups == {"model": {"gpt-4o": Decimal("0.025")}}
    series = api.get_timeseries(
        interval="month", group_by="model", organization_id=world.organization
    )
    assert [point.group for point in series.points] == [{"model": "gpt-4o"}]


def test_costs_are_held_against_what_was_achieved(world: World) -> None:
    api, whose = world.client, {"organization_id": world.organization}
    budget = world.budget("100", name="Desk", scope={"teams": ["desk"]})
    now = datetime.now(UTC)
    where = {**whose, "team_id": "desk", "timestamp": now}
    used: Any = {**GPT_4O, **where, "id": "u1", "cost": Decimal(6)}
    solved: Any = {**where, "id": "o1", "name": "solved", "count": 3}
    api.report_usage(used)

    kept = api.report_outcome(solved)
    again = api.report_outcome(solved)
    found = api.get_budget_unit_cost(budget.id, per="outcome:solved")

    assert (kept.count, kept.duplicate, again.duplicate) == (3, False, True)
    assert found.total.unit_cost == Decimal(2)
    assert sum(point.count for point in found.points) == 3


def test_usage_is_corrected_and_listed_as_it_stands(world: World) -> None:
    api, whose = world.client, {"organization_id": world.organization}
    record = {**GPT_4O, **whose, "timestamp": "2026-01-15T12:00:00Z"}
    wrong = {**record, "input_tokens": 1000, "output_tokens": 1}
    right: Any = {**wrong, "output_tokens": 1000}
    first: Any = {**wrong, "id": "a/1"}
    api.report_usage(first)

    done = api.correct_usage("a/1", right, reason="The last line was lost.")
    again = api.correct_usage("a/1", right, reason="The last line was lost.")

    assert (done.corrected, done.cost) == (True, Decimal("0.0125"))
    assert again.corrected is False
    (cost,) = api.get_costs(organization_id=world.organization)
    assert (cost.corrected, cost.total_cost) == (True, Decimal("0.0125"))
    versions = api.get_costs(organization_id=world.organization, corrections="include")
    assert [one.output_tokens for one in versions] == [1, 1000]


def test_an_authorization_from_asking_to_releasing_it(world: World) -> None:
    api, budget = world.client, world.budget()

    leave = api.authorize(
        **GPT_4O,
        estimated_cost="0.5",
        organization_id=world.organization,
    )

    assert leave.id is not None
    assert (leave.decision, leave.reserved) == ("allow", Decimal("0.5"))
    (line,) = api.get_budget_lines(budget.id)
    assert (line.kind, line.amount, line.effective_to) == ("planned", 100, None)
    (period,) = api.get_budget_periods(budget.id)
    assert api.get_budget_periods(budget.id, at=period.start)[0].amount == 100
    assert (period.amount, period.reserved) == (100, Decimal("0.5"))
    assert api.release_authorization(leave.id).state == "released"
    assert api.get_authorization(leave.id).held == 0
    with pytest.raises(NotFoundError):
        api.get_authorization("nobody")


def test_money_for_a_while_and_from_another_budget(world: World) -> None:
    api, budget = world.client, world.budget()
    other = api.create_budget(
        name="Other", amount="50", organization_id=world.organization
    )

    raised = api.raise_budget(budget.id, amount="5", until="2199-01-01", reason="More")
    moved = api.transfer_budget(budget.id, to=other.id, amount=Decimal("0.5"))

    (line,) = raised.lines
    assert (line.kind, line.amount, line.reason) == ("raise", 5, "More")
    assert [(one.budget, one.amount) for one in moved.lines] == [
        (budget.id, Decimal("-0.5")),
        (other.id, Decimal("0.5")),
    ]
    assert api.get_budget_status(budget.id).limit == Decimal("104.5")


def test_a_grant_is_spent_once(world: World) -> None:
    api, budget = world.client, world.budget()

    granted = api.grant_budget(budget.id, amount=5, until="2199-01-01", reason="Pilot")

    assert [(one.kind, one.amount) for one in granted.lines] == [("grant", 5)]
    (grant,) = api.get_budget_grants(budget.id)
    assert (grant.amount, grant.used, grant.left, grant.reason) == (5, 0, 5, "Pilot")
    assert [(use.had, use.used) for use in grant.uses] == [(5, 0)]


def test_a_budget_is_phased_over_its_year(world: World) -> None:
    api, budget = world.client, world.budget()

    phased = api.phase_budget(budget.id, amounts=[Decimal("1.5"), *[10] * 11])

    assert (phased.total, phased.amounts[:2]) == (
        Decimal("111.5"),
        (Decimal("1.5"), 10),
    )
    assert phased.lines
    assert api.get_budget_phasing(budget.id).amounts == phased.amounts
    assert api.phase_budget(budget.id, percents=[0, 40, *[6] * 10]).total == 1200
    assert api.phase_budget(budget.id, amounts=[]).amounts == ()


def test_what_would_be_carried_over(world: World) -> None:
    api, budget = world.client, world.budget(rollover={"mode": "both", "cap": "0.25"})

    found = api.preview_rollover(budget.id)

    assert (found.mode, found.carries, found.most) == ("both", 25, 25)
    with pytest.raises(ConflictError) as nothing:
        api.undo_rollover(budget.id, reason="Not this year")
    assert nothing.value.code == "nothing_carried"


def test_a_lease_from_taking_it_to_returning_it(world: World) -> None:
    api, budget = world.client, world.budget()

    lease = api.acquire_lease(
        **GPT_4O,
        amount="0.5",
        organization_id=world.organization,
    )

    assert lease.id is not None
    assert lease.budgets[0].id == budget.id
    assert lease.prices[0].input == 25_000_000_000
    assert api.renew_lease(lease.id, amount="0.25").held == Decimal("0.75")
    assert api.return_lease(lease.id).returned == Decimal("0.75")
    with pytest.raises(ConflictError) as over:
        api.renew_lease(lease.id)
    assert over.value.code == "lease_over"


def test_a_dry_run_says_what_rules_would_have_done(world: World) -> None:
    budget = world.budget(enforcement="soft")
    block = {"trigger": "always", "action": "block"}

    found = world.client.replay_controls(budget.id, rules=[block])

    assert (found.budget, found.calls, found.saved) == (budget.id, 0, 0)
    assert found.message


def test_prices_rates_and_channels(world: World) -> None:
    api, slug = world.client, world.organization

    price = api.create_price(
        provider="acme", model="m*", input_per_million="2", organization_id=slug
    )
    rate = api.set_exchange_rate(
        base="EUR", quote="USD", rate="1.1", date="2026-01-01", organization_id=slug
    )
    channel = api.add_notification_channel(
        type="email",
        name="Finance",
        config={"recipients": ["finance@company.example"]},
        organization_id=slug,
    )

    found = api.resolve_price(provider="acme", model="m-1", organization_id=slug)
    assert (found.price_id, found.input_per_million) == (price.id, 2)
    assert api.get_exchange_rate(rate.id).rate == Decimal("1.1")
    renamed = api.update_notification_channel(channel.id, name="Money")
    assert (renamed.name, renamed.type) == ("Money", "email")
    for delete, which in (
        (api.delete_price, price.id),
        (api.delete_exchange_rate, rate.id),
    ):
        delete(which)
    api.delete_notification_channel(channel.id)


def test_a_fixed_charge_from_keeping_it_to_ending_it(world: World) -> None:
    api = world.client
    plan: Any = {
        "name": "Seats",
        "kind": "seat",
        "provider": "openai",
        "amount": Decimal("310.5"),
        "interval": "monthly",
        "start_date": "2026-01-01",
        "tags": {"contract": "c-1"},
    }
    kept = api.create_fixed_charge(
        **plan, reason="Contract", organization_id=world.organization
    )

    twice = api.correct_fixed_charge(kept.id, **{**plan, "amount": 621}, reason="Two")
    ended = api.cancel_fixed_charge(twice.id, from_date="2026-02-01", reason="Over")

    assert (kept.amount, twice.amount) == (Decimal("310.5"), 621)
    assert twice.replaces == kept.id
    assert api.get_fixed_charge(kept.id).replaced_by == twice.id
    assert ended.cancelled is not None
    assert (ended.state, ended.cancelled.reason) == ("cancelled", "Over")
    listed = api.list_fixed_charges(organization_id=world.organization)
    assert {one.id for one in api.iterate(listed)} == {kept.id, twice.id}


def test_health_needs_no_key(world: World) -> None:
    with CostOpsClient(world.client.base_url, "") as anybody:
        assert anybody.get_health().status == "healthy"
        assert anybody.get_readiness().database == "connected"


def test_a_month_from_its_report_to_its_close(world: World) -> None:
    api, whose = world.client, dict[str, Any](organization_id=world.organization)
    month: Any = {"month": "2026-01", **whose}
    record: Any = {
        **GPT_4O,
        **whose,
        "id": "m1",
        "timestamp": "2026-01-15T12:00:00Z",
        "cost": "12.5",
        "team_id": "ml",
    }
    api.report_usage(record)

    report = api.create_report(**month)
    assert (report.state, report.month) == ("queued", "2026-01")
    assert [one.id for one in api.list_reports(**whose).results] == [report.id]
    shares = api.get_chargeback(by="team", **month)
    assert [(one.name, one.total) for one in shares.lines] == [("ml", Decimal("12.5"))]
    assert api.freeze_chargeback(by="team", **month).statement is not None
    assert not api.preview_journal(**month).lines
    mapping = {"scope": {}, "expense_account": "6100", "liability_account": "2100"}
    assert api.set_journal_mappings([mapping], **whose)[0].expense_account == "6100"
    posted = api.post_journal(**month)
    assert (posted.kind, posted.amount) == ("accrual", Decimal("12.5"))
    assert b"6100" in api.export_journal(system="xero", **month)
    assert b"12.5000000000" in api.export_focus(**month)
    assert api.export_budgets(extension="xlsx", **whose)[:2] == b"PK"
    feed = api.create_feed(
        name="Weekly",
        kind="budgets",
        schedule={"every": "week", "day": 1},
        target={"type": "mail", "recipients": ["cfo@acme.example"]},
        **whose,
    )
    assert api.update_feed(feed.id, enabled=False).enabled is False
    api.delete_feed(feed.id)
    closed = api.close_month(force=True, reason="The auditors wait", **month)
    assert closed.state == "locked"
    assert api.close_month(lock=False, reason="One more", **month).state == "open"
