"""Whatever is changed behind the product's back, `verify` finds and names it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Organization
from budgets import backfill
from budgets.closing import sweep_periods
from budgets.models import Budget, BudgetPeriod
from budgets.rollup import roll_up
from ledger.models import Attribution
from tests.budgets.worlds import differences, jan, january_budget
from tests.factories import make_organization, report, spend, usage_record

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(acme: Organization) -> Organization:
    """Two budgets; priced, reported, unpriced and foreign spend, partly rolled up."""
    root = january_budget(acme, "Root", rollover_mode="both")
    january_budget(acme, "Leaf", parent=root, scope={"teams": ["a"]}, currency="EUR")
    spend(acme, "7.5", jan(3), team_id="a")
    spend(acme, None, jan(4), model="unheard-of", team_id="a")
    metered = {"quantities": {"searches": 2}, "requests": 800}
    opus = {"provider": "anthropic", "model": "claude-opus-4-1"}
    report(
        acme,
        usage_record(id="metered", timestamp=jan(4).isoformat(), **opus, **metered),
        usage_record(
            id="deaf",
            timestamp=jan(4).isoformat(),
            quantities={"audio_input_tokens": 9},
        ),
    )
    sweep_periods(now=jan(15))
    roll_up(acme.pk)
    spend(acme, "-2", jan(20), team_id="b")
    spend(acme, "3", jan(20), team_id="a")
    sweep_periods(now=jan(31) + timedelta(days=2))
    return acme


def tamper(statement: str) -> None:
    """Change rows behind everybody's back; $1.5 is an amount, {ROOT} an id."""
    for name in ("Root", "Leaf"):
        if f"{{{name.upper()}}}" in statement:
            pk = Budget.objects.get(name=name).pk
            statement = statement.replace(f"{{{name.upper()}}}", str(pk))
    for amount in ("1.5", "100"):
        stored = amount
        if connection.vendor == "sqlite":
            stored = str(int(Decimal(amount).scaleb(10)))
        statement = statement.replace(f"${amount}", stored)
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount > 0


def test_nothing_is_wrong_with_what_nobody_touched(company: Organization) -> None:
    assert differences(company) == []


def test_tags_mean_the_same_in_any_order(company: Organization) -> None:
    """PostgreSQL gives keys back by their length, the shorter first."""
    tags = {"feature": "search", "team": "ml", "a": "1"}
    spend(company, "1", jan(5), tags=tags)
    known = Attribution.objects.count()

    spend(company, "1", jan(5), tags=dict(reversed(tags.items())))

    assert Attribution.objects.count() == known
    assert differences(company) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "UPDATE ledger_costrecord SET other_cost = $1.5 WHERE usage_id = 'metered'",
            "Cost record metered: its parts are not its total",
        ),
        (
            "UPDATE ledger_costrecord SET requests = 799 WHERE usage_id = 'metered'",
            "requests is 800, the cost records say 799",
        ),
        (
            "UPDATE ledger_costrecord SET requests = 0 WHERE usage_id = 'metered'",
            "Cost record metered: not marked as it is priced",
        ),
        (
            "UPDATE ledger_costrecord SET unpriced = 1 WHERE usage_id = 'metered'",
            "Cost record metered: not marked as it is priced",
        ),
        (
            "UPDATE ledger_costrecord SET unpriced = 0 WHERE usage_id = 'deaf'",
            "Cost record deaf: not marked as it is priced",
        ),
        (
            "UPDATE ledger_costrecord SET unpriced_kinds = '[\"hats\"]' "
            "WHERE usage_id = 'metered'",
            "Cost record metered: not marked as it is priced",
        ),
        (
            "UPDATE ledger_costrecord SET quantities = "
            "'{\"cache_write_1h_tokens\": 5}' WHERE usage_id = 'metered'",
            "Cost record metered: parts are more than their whole",
        ),
        (
            "UPDATE budgets_budgetperiod SET spent = spent + $1.5 "
            "WHERE budget_id = {ROOT} AND spent > 0",
            "“Root”, period from 2025-01-01 00:00: spent",
        ),
        (
            "UPDATE budgets_budgetperiod SET requests = requests - 1 "
            "WHERE budget_id = {LEAF}",
            "“Leaf”, period from 2025-01-01 00:00: requests",
        ),
        (
            "UPDATE budgets_budgetperiod SET unpriced_requests = 0 "
            "WHERE budget_id = {LEAF}",
            "“Leaf”, period from 2025-01-01 00:00: unpriced requests",
        ),
        (
            "DELETE FROM budgets_budgetperiod WHERE budget_id = {LEAF}",
            "“Leaf”, period from 2025-01-01 00:00: spent is 0",
        ),
        (
            "UPDATE budgets_budgethour SET spent = spent + $1.5 "
            "WHERE budget_id = {ROOT}",
            "hour of 2025-01-03 00:00",
        ),
        (
            "DELETE FROM budgets_coverage WHERE budget_id = {LEAF}",
            "should cover attribution",
        ),
        (
            "UPDATE budgets_coverage SET budget_id = {ROOT}, "
            "starts_at = '2020-01-01 00:00:00' WHERE budget_id = {LEAF}",
            "wrongly",
        ),
        (
            "UPDATE budgets_coverage SET ends_at = '2026-01-01 00:00:00'",
            "wrongly",
        ),
        (
            "UPDATE ledger_convertedcost SET amount = amount + $1.5",
            "“Leaf”, period from 2025-01-01 00:00: spent",
        ),
        (
            "DELETE FROM ledger_convertedcost",
            "“Leaf”, period from 2025-01-01 00:00: spent",
        ),
        (
            "UPDATE budgets_budget SET lft = lft + 1 WHERE name = 'Leaf'",
            "Tree",
        ),
        (
            "UPDATE budgets_budget SET rght = rght + 2 WHERE name = 'Leaf'",
            "“Leaf” does not lie within its parent “Root”",
        ),
        (
            "UPDATE budgets_budget SET level = 2 WHERE name = 'Leaf'",
            "“Leaf” does not lie within its parent “Root”",
        ),
        (
            "UPDATE budgets_budget SET tree_id = tree_id + 7 WHERE name = 'Leaf'",
            "“Leaf” does not lie within its parent “Root”",
        ),
        (
            "UPDATE budgets_budget SET parent_id = NULL WHERE name = 'Leaf'",
            "“Leaf” has no parent but level 1",
        ),
        (
            "UPDATE budgets_budgetperiod SET carried_over = $1.5",
            "carried over is not the sum of its lines",
        ),
        (
            "DELETE FROM budgets_amountline WHERE kind = 'rollover'",
            "carried over is not the sum of its lines",
        ),
        (
            "UPDATE budgets_amountline SET effective_from = '2024-12-01 00:00:00' "
            "WHERE kind = 'rollover'",
            "into a period from 2024-12-01 00:00 that is not there",
        ),
        (
            "UPDATE budgets_budgetperiod SET amount = amount + $1.5 "
            "WHERE budget_id = {ROOT} AND starts_at < '2025-01-31'",
            "Root, 1 to 31 January 2025: the amount is 101.5",
        ),
        (
            "DELETE FROM budgets_amountline WHERE budget_id = {LEAF}",
            "“Leaf”: the amount is 100",
        ),
        (
            "UPDATE budgets_budget SET amount = amount + $1.5 WHERE id = {LEAF}",
            "“Leaf”: the amount is 101.5",
        ),
        (
            "UPDATE ledger_attribution SET team = 'z' WHERE team = 'b'",
            "was changed after it was made",
        ),
        (
            "UPDATE ledger_attribution SET tags = '[\"x\"]' WHERE team = 'b'",
            "was changed after it was made",
        ),
        (
            "UPDATE ledger_dailyspend SET cost = cost + $1.5",
            "on 2025-01-03: cost is",
        ),
        (
            "UPDATE ledger_dailyspend SET unpriced = unpriced + 1",
            "on 2025-01-03: unpriced is 1",
        ),
        (
            "UPDATE ledger_dailyspend SET output_tokens = 0",
            "on 2025-01-04: output_tokens is 0",
        ),
        (
            "DELETE FROM ledger_dailyspend",
            "on 2025-01-03: requests is 0",
        ),
        (
            "UPDATE ledger_costrecord SET total_cost = total_cost + $1.5",
            "on 2025-01-03: cost is",
        ),
        (
            "UPDATE ledger_costrecord SET timestamp = '2025-01-05 00:00:00'",
            "on 2025-01-05: requests is 0",
        ),
        (
            "DELETE FROM ledger_costrecord",
            "on 2025-01-03: requests is 1, the cost records say 0",
        ),
        (
            "UPDATE ledger_costrecord SET attribution_id = -1",
            "6 cost records have no attribution of their organization",
        ),
    ],
)
def test_tampering_is_found_and_named(
    company: Organization, statement: str, named: str
) -> None:
    tamper(statement)

    assert [text for text in differences(company) if named in text]


def test_tampering_with_what_waits_to_be_rolled_up_is_found(
    company: Organization,
) -> None:
    more = "ledger_spenddelta SET requests = requests + 1 WHERE currency = ''"
    if connection.vendor == "postgresql":  # there it is a view
        more = "ledger_spendbatch SET requests = array_replace(requests, 1, 2)"
    tamper(f"UPDATE {more}")

    assert [text for text in differences(company) if "of 2025-01-20 00:00" in text]


def test_a_price_that_does_not_add_up_is_found(company: Organization) -> None:
    report(company, usage_record(id="priced"))
    tamper("UPDATE ledger_costrecord SET input_cost = input_cost + $100")

    assert "Cost record priced: its parts are not its total." in differences(company)


def test_a_tree_that_two_organizations_share_is_found(company: Organization) -> None:
    january_budget(make_organization("other"), "Foreign")
    tree_id = Budget.objects.get(name="Root").tree_id
    Budget.objects.filter(name="Foreign").update(tree_id=tree_id)

    assert differences(company) == [f"Tree {tree_id} is another organization's too."]


def test_an_attribution_of_another_organization_is_a_stray(
    company: Organization,
) -> None:
    Attribution.objects.update(organization=make_organization("other"))

    assert "no attribution of their organization" in differences(company)[0]


@pytest.mark.parametrize("minute", [0, 29, 30, 31, 44, 45, 59])
def test_clocks_put_back_a_minute_past_midnight_raise_no_false_alarm(
    acme: Organization, minute: int
) -> None:
    at = datetime(2006, 10, 29, 2, minute, tzinfo=UTC)  # put back at 02:31
    january_budget(acme, "Before", timezone="America/St_Johns", now=at)
    spend(acme, "5", at)
    january_budget(acme, "After", timezone="America/St_Johns", now=at)

    assert differences(acme) == []


def test_what_a_backfill_still_fills_is_left_out(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend(acme, "5", jan(15))
    monkeypatch.setattr(backfill, "AT_ONCE", 0)
    monkeypatch.setattr(backfill, "enqueue", lambda *task: None)
    january_budget(acme)

    assert BudgetPeriod.objects.count() == 0
    assert differences(acme) == []


def test_the_command_says_that_all_is_well(company: Organization) -> None:
    told = StringIO()

    call_command("verify", stdout=told)

    assert "every promise holds" in told.getvalue()


def test_the_command_fails_with_the_differences(company: Organization) -> None:
    january_budget(make_organization("other"))
    tamper("UPDATE ledger_dailyspend SET cost = cost + $1.5")
    told = StringIO()

    with pytest.raises(CommandError, match="difference") as failed:
        call_command("verify", stdout=told)

    assert failed.value.returncode == 1
    assert "acme: Daily spend of attribution" in told.getvalue()
    call_command("verify", organization="other", stdout=StringIO())


def test_the_command_knows_no_strangers(db: None) -> None:
    with pytest.raises(CommandError, match="no organization “nobody”"):
        call_command("verify", organization="nobody")
