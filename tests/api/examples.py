"""An example of every operation: what is asked, one after the other."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.scopes import Role
from budgets.closing import sweep_periods
from budgets.models import Budget
from controls.actions import ask_due
from controls.models import RuleAction
from notifications.models import Delivery
from tests.alerts.factories import fire
from tests.api.world import CALL, POLICY, PRICE, SEATS, SHARES, World
from tests.approvals.factories import approve, person_in
from tests.factories import make_budget, usage_record

RULES = {
    "rules": [
        {
            "trigger": 'model == "gpt-4o"',
            "action": "model_downgrade",
            "config": {"downgrades": {"gpt-4o": "gpt-4o-mini"}},
        },
        {
            "trigger": "budget_percentage >= 0.9",
            "action": "rate_limit",
            "config": {"max_requests_per_minute": 5, "max_cost_per_hour": "2"},
        },
        {"trigger": "budget_percentage >= 1", "action": "block"},
    ]
}
ALERTS = {
    "alerts": [
        {"type": "threshold", "threshold": 0.5, "channels": ["email", "slack"]},
        {"type": "spike", "threshold": 100, "window": "daily"},
        {"type": "anomaly", "sensitivity": "high"},
    ],
    "escalation": {
        "levels": [
            {"delay": 0, "recipients": ["lead@acme.example"]},
            {
                "delay": 60,
                "channels": ["slack"],
                "hours": {"from": "09:00", "until": "17:00"},
            },
        ],
        "holidays": ["2026-12-25"],
    },
}
OUTCOME = {
    "id": "order-1",
    "name": "orders",
    "timestamp": "2026-11-09T12:00:00Z",
    "count": 2,
    "tags": {"customer": "globex"},
}
# ids, body, query, client: what is left out is none.
Example = Callable[[World], Iterable[dict[str, Any]]]


SCENARIOS = {
    "confidence": 0.8,
    "scenarios": [
        {"name": "Now", "assumptions": "current_rate"},
        {
            "name": "Feature",
            "assumptions": {
                "additionalRequests": 10000,
                "averageCost": 0.05,
                "growth": 0.1,
                "cost_reduction": "0.3",
                "limit": 100,
            },
        },
    ],
}


def _budget(**more: Any) -> Example:
    return lambda world: [{"ids": {"uid": str(world.team.uid)}, **more}]


def _alert(**more: Any) -> Example:
    return lambda world: [{"ids": {"uid": world.alert}, **more}]


def _channel(**more: Any) -> Example:
    return lambda world: [{"ids": {"uid": world.channel}, **more}]


def _feed(**ask: Any) -> Example:
    return lambda world: [{"ids": {"uid": world.feed}, **ask}]


def _slug_of(world: World) -> str:
    assert world.feed
    return world.acme.slug


def _of_run(world: World, *, run_uid: bool = True) -> dict[str, Any]:
    run = {"run_uid": world.feed_run} if run_uid else {}
    assert world.feed_run
    return {"ids": {"uid": world.feed, **run}}


def _person(**more: Any) -> Example:
    return lambda world: [{"ids": {"recipient": "ann@acme.example"}, **more}]


def _report(**more: Any) -> Example:
    return lambda world: [{"ids": {"uid": str(world.report.uid)}, **more}]


def _focus(world: World) -> Iterable[dict[str, Any]]:
    world.team  # noqa: B018 - is made
    yield {"query": "?month=2025-01&pseudonymise=true"}


def _lists(name: str) -> Example:
    """Return a list that has something, as JSON and as CSV."""

    def example(world: World) -> Iterable[dict[str, Any]]:
        getattr(world, name)
        yield {}
        yield {"query": "?format=csv"}

    return example


def _usage(world: World) -> Iterable[dict[str, Any]]:
    record = usage_record(
        authorization_id=world.authorization,
        team_id="ml",
        project_id="search",
        colour="red",
    )
    yield {"body": record}
    yield {"body": record}
    yield {"body": {**record, "input_tokens": 7}}
    yield {
        "body": usage_record(id="u2", cost="0.12345678901", response_id="chatcmpl-1")
    }
    yield {"body": usage_record(id="u3", response_id="chatcmpl-1")}
    yield {"body": usage_record(id="u4", model="nobody-knows", provider="x")}
    yield {
        "body": usage_record(id="u5", quantities={"searches": 3}, authorization_id="?")
    }


def _batch(world: World) -> Iterable[dict[str, Any]]:
    yield {"body": [ask["body"] for ask in _usage(world)] + [{"id": 7}, {"id": "x"}]}
    yield {"body": []}


def _correction(world: World) -> Iterable[dict[str, Any]]:
    world.made("usage", usage_record())
    body = {**usage_record(input_tokens=5), "reason": "Wrong count"}
    yield {"ids": {"id": "u1"}, "body": body}
    yield {"ids": {"id": "u1"}, "body": body}


MAPPINGS = [
    {
        "scope": {"teams": ["ml"], "models": ["gpt-4*"], "tags": {"stage": "x"}},
        "expense_account": "6200 LLM research",
        "liability_account": "2100 Accrued",
        "cost_center": "4711",
        "department": "Research",
        "class": "R&D",
    },
    {"scope": {}, "expense_account": "6100", "liability_account": "2100 Accrued"},
]


def _journal(world: World) -> Iterable[dict[str, Any]]:
    for system in ("netsuite", "xero"):
        yield {"query": f"{world.mapped}?month=2025-01&system={system}"}
    yield {"query": f"{world.journal}?month=2025-01&journal=reversal"}


def _overridden(world: World) -> Iterable[dict[str, Any]]:
    each = make_budget(world.acme, "Each", "5", template_for_each="user")
    for amount in ("9", None):
        body = {"value": "ann", "amount": amount, "reason": "Lead"}
        yield {"ids": {"uid": str(each.uid)}, "body": body}


def _authorize(world: World) -> Iterable[dict[str, Any]]:
    world.hard  # noqa: B018 - is made
    for cost in ("1", "1000"):
        yield {"body": {**CALL, "estimated_cost": cost}}
    yield {"body": {**CALL, "estimated_cost": "1", "durable": False}}
    yield {
        "body": {
            **CALL,
            "model": "nobody-knows",
            "input_tokens": 10,
            "max_output_tokens": 10,
        }
    }
    path = f"/api/v1/budgets/{world.hard.uid}/controls"
    assert world.ask("PUT", path, RULES).status_code == 200
    yield {"body": {**CALL, "estimated_cost": "1"}}
    yield from _asks(world)


def _asks(world: World) -> Iterable[dict[str, Any]]:
    world.hard  # noqa: B018 - is made
    ask = {"justification": "It has to end", "amount": "1000", "key": "night-1"}
    body = {**CALL, "estimated_cost": "1000", "user_id": "ann@acme.example"}
    yield {"body": {**body, "ask": ask}}  # nobody decides yet
    assert world.finance
    yield {"body": {**body, "ask": ask}}


def _transfers(world: World) -> Iterable[dict[str, Any]]:
    body = {"to": str(world.company.uid), "amount": "0.5", "reason": "Not needed"}
    yield {"ids": {"uid": str(world.team.uid)}, "body": body}


def _carried(world: World) -> Iterable[dict[str, Any]]:
    begun = timezone.now() - timedelta(days=40)
    budget = make_budget(world.acme, "Carrying", now=begun, rollover_mode="unused")
    sweep_periods(now=timezone.now())
    yield {"ids": {"uid": str(budget.uid)}, "body": {"reason": "Not this year"}}


def _action(world: World) -> RuleAction:
    """Return what a rule does that people have approved."""
    owner = person_in(world.acme, "olga", Role.BUDGET_OWNER)
    finance = person_in(world.acme, "fin", Role.FINANCE_ADMIN)
    Budget.objects.filter(pk=world.hard.pk).update(owner=owner)
    rule = {"trigger": "always", "action": "block", "config": {"needs_approval": True}}
    path = f"/api/v1/budgets/{world.hard.uid}/controls"
    assert world.ask("PUT", path, {"rules": [rule]}).status_code == 200
    asked = world.ask("POST", "/api/v1/authorizations", {**CALL, "estimated_cost": "1"})
    assert asked.status_code == 200
    ask_due(timezone.now())
    action: RuleAction = RuleAction.objects.select_related("request").get()
    assert action.request is not None
    approve(action.request, finance, now=timezone.now())
    return action


def _of_action(*, is_over: bool = False) -> Example:
    def example(world: World) -> Iterable[dict[str, Any]]:
        action = _action(world)
        ids = {"uid": str(world.hard.uid), "action_uid": str(action.uid)}
        if is_over:
            RuleAction.objects.update(reversed_at=timezone.now())
        yield {"ids": ids}

    return example


def _take_lease(world: World) -> Iterable[dict[str, Any]]:
    path = f"/api/v1/budgets/{world.hard.uid}/controls"
    yield {"body": {**CALL, "amount": "1"}}
    assert world.ask("PUT", path, RULES).status_code == 200
    yield {"body": {**CALL, "amount": "1"}}
    yield {"body": {**CALL, "amount": "1", "model": "nobody-knows"}}
    path = f"/api/v1/budgets/{world.hard.uid}/kill-switch"
    assert world.ask("PUT", path, {"active": True}).status_code == 200
    yield {"body": {**CALL, "amount": "1"}}


def _state(world: World) -> Iterable[dict[str, Any]]:
    path = f"/api/v1/budgets/{world.hard.uid}/controls"
    yield {"ids": {"id": world.authorization}}
    assert world.ask("PUT", path, RULES).status_code == 200
    found = world.made("authorizations", {**CALL, "estimated_cost": "1"})
    assert found["decision"] == "downgrade"
    yield {"ids": {"id": found["id"]}}


def _configured(world: World) -> Iterable[dict[str, Any]]:
    """Return a budget that inherits from one with rules and an escalation."""
    path = f"/api/v1/budgets/{world.company.uid}/alerts"
    assert world.ask("PUT", path, ALERTS).status_code == 200
    yield {"ids": {"uid": str(world.team.uid)}}
    yield {"ids": {"uid": str(world.company.uid)}}


def _guarded(world: World) -> Iterable[dict[str, Any]]:
    path = f"/api/v1/budgets/{world.company.uid}"
    assert world.ask("PUT", f"{path}/controls", RULES).status_code == 200
    assert world.ask("PUT", f"{path}/kill-switch", {"active": True}).status_code == 200
    yield {"ids": {"uid": str(world.team.uid)}}
    yield {"ids": {"uid": str(world.company.uid)}}


def _rates(world: World) -> Iterable[dict[str, Any]]:
    world.rate  # noqa: B018 - is made
    yield {}
    yield {"query": "?base=USD&quote=EUR"}
    yield {"query": "?base=USD&quote=GBP&date=2025-01-31"}
    yield {"query": "?format=csv"}


def _reprice(world: World) -> Iterable[dict[str, Any]]:
    world.team  # noqa: B018 - has usage
    body = {
        "provider": "nobody",
        "model": "nobody-knows",
        "input_per_million": "1",
        "output_per_million": "1",
        "effective_from": "2020-01-01",
    }
    world.made("pricing", body)
    yield {"body": {"dry_run": True, "filters": {"provider": "nobody"}}}
    yield {"body": {"reason": "New price"}}
    yield {"body": {"reason": "New price"}}


def _costs(world: World) -> Iterable[dict[str, Any]]:
    world.team  # noqa: B018 - has usage
    world.made("usage", usage_record(quantities={"searches": 3}, metadata={"a": [1]}))
    for query in (
        "",
        "?limit=1",
        "?unpriced=include",
        "?corrections=include",
        "?format=csv",
    ):
        yield {"query": query}


def _sums(*queries: str) -> Example:
    def example(world: World) -> Iterable[dict[str, Any]]:
        world.team  # noqa: B018 - has usage
        for query in queries:
            yield {"query": query}

    return example


ALL_GROUPS = "provider,model,model_version,project,department,team,environment,user,tag"


def _organization(slug: str) -> dict[str, Any]:
    return {"slug": slug, "name": "Umbrella", "currency": "EUR"}


def _request(**more: Any) -> Example:
    return lambda world: [{"ids": {"uid": world.request}, **more}]


def _decided(world: World) -> dict[str, Any]:
    """Return how Bob approves what is asked of him."""
    return {
        "ids": {"uid": world.request},
        "body": {"decision": "approved", "amount": "4000", "comments": "Enough"},
        "client": world.client_as("bob@acme.example"),
    }


def _look_at(world: World) -> Iterable[dict[str, Any]]:
    yield {"ids": {"uid": world.request}}
    asked = _decided(world)
    path = f"/api/v1/budget-requests/{world.request}/decisions"
    assert world.ask("POST", path, asked["body"], asked["client"]).status_code == 201
    yield {"ids": {"uid": world.request}, "query": "?wait=30"}


def _ask_for(world: World) -> Iterable[dict[str, Any]]:
    yield {"body": world.asking}
    assert world.finance  # decides what nobody is named for
    more = {"requester": "ann@acme.example", "amount": "5"}
    about = {"budget": str(world.team.uid), "until": "2099-01-01"}
    yield {"body": {**more, **about, "kind": "raise", "ask_key": "x"}}
    yield {"body": {**more, "name": "Later", "draft": True}}


def _submit(world: World) -> Iterable[dict[str, Any]]:
    drafted = world.made("budget-requests", {**world.asking, "draft": True})
    yield {"ids": {"uid": drafted["id"]}}


def _policy(**more: Any) -> Example:
    return lambda world: [{"ids": {"uid": world.policy}, **more}]


def _preview(world: World) -> Iterable[dict[str, Any]]:
    assert world.policy
    assert world.finance  # asked where a budget has no owner
    yield {"body": {"amount": "7000", "budget": str(world.team.uid)}}


def _stand_in(world: World) -> Iterable[dict[str, Any]]:
    ann, bob = "ann@acme.example", world.client_as("bob@acme.example")
    world.client_as(ann)
    limits = {"limit": "500", "end_date": "2099-01-01", "reason": "Holidays"}
    yield {"body": {"delegate": ann, **limits}, "client": bob}


EXAMPLES: dict[str, Example] = {
    "approval_policies_list": lambda world: [{} for _ in (world.policy,)],
    "approval_policies_create": lambda world: [{"body": POLICY}],
    "approval_policies_retrieve": _policy(),
    "approval_policies_partial_update": _policy(body={"name": "More money"}),
    "approval_policies_destroy": _policy(),
    "approval_policies_preview_create": _preview,
    "budget_requests_list": _lists("request"),
    "budget_requests_create": _ask_for,
    "budget_requests_retrieve": _look_at,
    "budget_requests_partial_update": _request(body={"amount": "6000"}),
    "budget_requests_decisions_create": lambda world: [_decided(world)],
    "budget_requests_submit_create": _submit,
    "budget_requests_withdraw_create": _request(body={"reason": "Not needed"}),
    "budget_requests_reassign_create": lambda world: [
        {
            "ids": {"uid": world.request},
            "body": {
                "from": "bob@acme.example",
                "to": "fay@acme.example",
                "reason": "Ill",
            },
            "client": world.finance,
        }
    ],
    "delegations_list": lambda world: [{} for _ in (world.delegation,)],
    "delegations_create": _stand_in,
    "delegations_retrieve": lambda world: [{"ids": {"uid": world.delegation}}],
    "delegations_destroy": lambda world: [
        {
            "ids": {"uid": world.delegation},
            "client": world.client_as("bob@acme.example"),
        }
    ],
    "alerts_list": _lists("alert"),
    "alerts_retrieve": _alert(),
    "alerts_acknowledge_create": _alert(body={"hours": 2}),
    "alerts_snooze_create": _alert(body={"minutes": 5}),
    "alerts_resolve_create": _alert(),
    "alerts_not_an_anomaly_create": lambda world: [
        {"ids": {"uid": str(fire(world.company, type="anomaly", key="anomaly:x").uid)}}
    ],
    "analytics_summary": _sums("", f"?group_by={ALL_GROUPS}", "?provider=none"),
    "analytics_timeseries": _sums(
        "", f"?group_by={ALL_GROUPS}", "?timezone=Asia/Kolkata", "?format=csv"
    ),
    "api_health_retrieve": lambda world: [{}],
    "health_retrieve": lambda world: [{}],
    "health_live_retrieve": lambda world: [{}],
    "health_ready_retrieve": lambda world: [{}],
    "authorizations_create": _authorize,
    "authorizations_retrieve": _state,
    "authorizations_release": lambda world: [{"ids": {"id": world.authorization}}],
    "leases_create": _take_lease,
    "leases_retrieve": lambda world: [{"ids": {"id": world.lease}}],
    "leases_renew": lambda world: [{"ids": {"id": world.lease}, "body": {"ttl_s": 9}}],
    "leases_return": lambda world: [{"ids": {"id": world.lease}}] * 2,
    "runs_list": _lists("run"),
    "runs_retrieve": lambda world: [{"ids": {"run_id": world.run}}],
    "budgets_list": _lists("team"),
    "budgets_create": lambda world: [
        {"body": {"name": "All", "limit": 5000.0}},
        {
            "body": {
                "name": "ML",
                "amount": "5",
                "parent": str(world.company.uid),
                "scope": {"teams": ["ml"], "tags": {"a": "b"}},
                "alerts": [{"threshold": 0.5, "channels": ["email"]}],
                "enforcement": "hard",
                "rollover": {"mode": "both", "cap": "0.25"},
                "start_date": "2026-01-01",
            }
        },
        {
            "body": {
                "name": "Each user",
                "amount": "5",
                "template": {"for_each": "user", "most": 20},
            }
        },
    ],
    "budgets_retrieve": _budget(),
    "budgets_partial_update": _budget(body={"amount": "20", "reason": "More"}),
    "budgets_destroy": _budget(),
    "budgets_status_retrieve": lambda world: [
        {"ids": {"uid": str(world.team.uid)}},
        {"ids": {"uid": str(world.team.uid)}, "query": f"?at={_yesterday(0)}"},
    ],
    "budgets_variance_retrieve": _budget(),
    "budgets_forecast_retrieve": _budget(),
    "optimizations_retrieve": lambda world: [
        {"query": f"?budget={world.company.uid}&month=2026-11"}
    ],
    "budgets_recommendations_retrieve": lambda world: [
        {"query": f"?root={world.company.uid}&floor={world.team.uid}:5"}
    ],
    "budgets_amounts_create": lambda world: [
        {
            "body": {
                "amounts": [{"budget": str(world.team.uid), "amount": "12"}],
                "reason": "As recommended",
                "dry_run": True,
            }
        }
    ],
    "forecasts_retrieve": _sums("", "?project_id=production&period=year&limit=9"),
    "forecasts_scenarios_create": lambda world: [
        {"body": {"project_id": "production", "period": "week", **SCENARIOS}}
        for _ in (world.team,)
    ],
    "budgets_scenarios_create": _budget(body=SCENARIOS),
    "budgets_unit_cost_retrieve": _budget(query="?per=outcome:orders&interval=week"),
    "budgets_forecast_accuracy_retrieve": _budget(),
    "budgets_periods_retrieve": _budget(),
    "budgets_lines_list": _budget(),
    "budgets_overrides_create": _overridden,
    "budgets_transfers_create": _transfers,
    "budgets_phasing_retrieve": _budget(),
    "budgets_phasing_update": _budget(
        body={"percents": ["12", *["8"] * 11], "reason": "Busy in January"}
    ),
    "budgets_rollover_retrieve": _budget(),
    "budgets_rollover_undo": _carried,
    "budgets_grants_list": _budget(),
    "budgets_grants_create": _budget(
        body={"amount": "5", "until": "2199-01-01", "reason": "A pilot"}
    ),
    "budgets_raises_create": _budget(
        body={"amount": "5", "until": "2199-01-01", "reason": "A launch"}
    ),
    "budgets_tree_retrieve": _lists("team"),
    "budgets_conflicts_retrieve": lambda world: [
        {} for _ in (make_budget(world.acme, "Big", "5000", parent=world.company),)
    ],
    "budgets_alerts_retrieve": _configured,
    "budgets_alerts_update": _budget(body=ALERTS),
    "budgets_controls_retrieve": _guarded,
    "budgets_controls_update": _budget(body=RULES),
    "budgets_controls_replay_create": lambda world: [
        {
            "ids": {"uid": str(world.team.uid)},
            "body": {
                **RULES,
                "amount": "1",
                "start_date": _yesterday(),
                "end_date": _yesterday(-2),
            },
        }
    ],
    "budgets_rule_actions_list": lambda world: [
        {"ids": {"uid": str(_action(world).budget.uid)}}
    ],
    "budgets_rule_actions_reverse_create": _of_action(),
    "budgets_rule_actions_reset_create": _of_action(is_over=True),
    "budgets_kill_switch_retrieve": _guarded,
    "budgets_kill_switch_update": _budget(body={"active": True, "message": "Stop"}),
    "costs_list": _costs,
    "costs_unpriced_list": _sums("", "?format=csv"),
    "exchange_rates_list": _rates,
    "exchange_rates_create": lambda world: [
        {"body": {"base": "USD", "quote": "EUR", "rate": 0.9, "date": "2026-01-01"}}
    ],
    "exchange_rates_retrieve": lambda world: [{"ids": {"id": world.rate}}],
    "exchange_rates_destroy": lambda world: [{"ids": {"id": world.rate}}],
    "reports_list": lambda world: [{"query": "?state=draft"} for _ in (world.report,)],
    "reports_create": lambda _: [{"body": {"month": "2025-01"}}],
    "reports_retrieve": _report(),
    "reports_pdf_retrieve": _report(),
    "reports_monthly_pdf_retrieve": lambda world: [
        {"query": f"?month={world.final.month:%Y-%m}"}
    ],
    "chargeback_retrieve": lambda world: [
        {"query": f"?month=2025-01&by=team&{more}"}
        for more in ("key=requests", "format=csv")
        for _ in (world.team,)
    ],
    "chargeback_create": lambda _: [{"body": {"month": "2025-01", "by": "team"}}],
    "chargeback_shares_retrieve": lambda world: [
        {"query": "?by=team"} for _ in (world.shares,)
    ],
    "chargeback_shares_update": lambda _: [{"body": SHARES}],
    "month_close_retrieve": lambda _: [{"query": "?month=2025-01"}],
    "month_close_create": lambda _: [
        {
            "body": {
                "month": "2025-01",
                "lock": True,
                "force": True,
                "reason": "The books are closed.",
            }
        },
    ],
    "reports_finalize_create": _report(),
    "reports_commentary_list": _report(),
    "reports_commentary_update": lambda world: [
        {
            "ids": {"uid": str(world.report.uid)},
            "body": [{"budget": str(world.company.uid), "text": "Load."}],
        }
    ],
    "exports_focus_csv": _focus,
    "exports_focus_parquet": _focus,
    "journal_mappings_retrieve": lambda world: [{"query": world.mapped}],
    "journal_mappings_update": lambda _: [{"body": MAPPINGS}],
    "journal_settings_retrieve": _sums(""),
    "journal_settings_partial_update": lambda _: [
        {"body": {"tax_rate": "No VAT", "decimals": 2}}
    ],
    "journals_list": lambda world: [{"query": world.journal}, {}],
    "journals_create": lambda world: [
        {"query": world.mapped, "body": {"month": "2025-01", "reason": "January"}}
    ],
    "journals_preview_retrieve": lambda world: [
        {"query": world.mapped + "?month=2025-01"},
    ],
    "exports_journal_csv_retrieve": _journal,
    "exports_journal_zip_retrieve": _journal,
    "exports_journal_json_retrieve": _journal,
    "exports_budgets_csv": lambda world: [
        {},
        {"query": f"?budget={world.team.uid}&archived=true"},
    ],
    "exports_budgets_xlsx": lambda world: [{"query": f"?budget={world.team.uid}"}],
    "feeds_list": lambda world: [{"query": f"?organization_id={_slug_of(world)}"}],
    "feeds_create": lambda world: [
        {
            "body": {
                "name": "To the lake",
                "kind": "budgets",
                "format": "csv",
                "options": {"archived": "true"},
                "schedule": {"every": "month", "day": 3, "hour": 7},
                "target": {
                    "type": "s3",
                    "bucket": "finance-lake",
                    "region": "eu-central-1",
                    "access_key_id": "AKIAEXAMPLE",
                    "secret_access_key": "not-to-be-seen-again",
                },
            }
        },
        {
            "body": {
                "name": "Mail",
                "kind": "budgets",
                "schedule": {"every": "week", "day": 1},
                "target": {"type": "mail", "recipients": ["ann@acme.example"]},
            }
        },
    ],
    "feeds_retrieve": _feed(),
    "feeds_partial_update": _feed(body={"enabled": False}),
    "feeds_destroy": _feed(),
    "feeds_run_create": _feed(body={"start_date": "2025-01-15"}),
    "feeds_runs_list": lambda world: [_of_run(world, run_uid=False)],
    "feeds_runs_retrieve": lambda world: [_of_run(world)],
    "feeds_runs_file_retrieve": lambda world: [_of_run(world)],
    "feeds_runs_redeliver_create": lambda world: [_of_run(world)],
    "notification_channels_list": _lists("channel"),
    "notification_channels_create": lambda world: [
        {
            "body": {
                "type": "webhook",
                "name": "Hook",
                "config": {"url": "https://x.io"},
            }
        },
        {
            "body": {
                "type": "slack",
                "name": "S",
                "template": {"text": "{{alert.message}}"},
                "config": {"webhookUrl": "https://hooks.slack.com/services/T/B/x"},
            }
        },
    ],
    "notification_channels_retrieve": _channel(),
    "notification_channels_partial_update": _channel(body={"enabled": False}),
    "notification_channels_destroy": _channel(),
    "notification_channels_rotate_secret_create": _channel(),
    "notification_channels_test_create": _channel(),
    "notification_preferences_list": lambda world: _preference(world),
    "notification_preferences_retrieve": _person(),
    "notification_preferences_update": _person(
        body={"quiet_from": "22:00", "quiet_until": "07:00"}
    ),
    "notification_preferences_destroy": _person(),
    "notifications_list": _lists("delivery"),
    "notifications_retrieve": lambda world: [{"ids": {"uid": world.delivery}}],
    "notifications_redeliver_create": lambda world: _given_up(world),
    "organizations_list": _lists("acme"),
    "organizations_create": lambda world: [
        {"body": _organization("umbrella"), "client": world.platform}
    ],
    "organizations_retrieve": lambda world: [{"ids": {"slug": "acme"}}],
    "organizations_partial_update": lambda world: [
        {"ids": {"slug": "acme"}, "body": {"name": "Acme Corp"}}
    ],
    "pricing_list": _lists("price"),
    "pricing_create": lambda world: [
        {"body": PRICE},
        {"body": {"provider": "openai", "model": "gpt-4*", "percent_of_list": 90}},
    ],
    "pricing_retrieve": lambda world: [{"ids": {"id": world.price}}],
    "pricing_partial_update": lambda world: [
        {"ids": {"id": world.price}, "body": {"note": "As agreed"}}
    ],
    "pricing_destroy": lambda world: [{"ids": {"id": world.price}}],
    "pricing_resolve": lambda world: [
        {"query": "?provider=openai&model=gpt-4o"},
        {"query": "?provider=google&model=gemini-2.5-pro"},
    ],
    "fixed_charges_list": _lists("charge"),
    "fixed_charges_create": lambda _: [{"body": SEATS}],
    "fixed_charges_retrieve": lambda world: [{"ids": {"uid": world.charge}}],
    "fixed_charges_cancel_create": lambda world: [
        {
            "ids": {"uid": world.charge},
            "body": {"from_date": "2025-01-15", "reason": "The team is gone."},
        }
    ],
    "fixed_charges_correct_create": lambda world: [
        {"ids": {"uid": world.charge}, "body": {**SEATS, "amount": "620"}}
    ],
    "repricings_list": _lists("repricing"),
    "repricings_retrieve": lambda world: [{"ids": {"id": world.repricing}}],
    "repricings_create": _reprice,
    "repricings_undo": lambda world: [
        {"ids": {"id": world.repricing}, "body": {"dry_run": True}}
    ],
    "usage_create": _usage,
    "usage_batch_create": _batch,
    "usage_correction_create": _correction,
    "outcomes_create": lambda _: [{"body": OUTCOME} for _ in range(2)],
}
# Which is asked in its own words; see the tests of OTLP.
APART = {"otlp_traces_create"}


def _yesterday(days: int = 1) -> str:
    return (timezone.now() - timedelta(days=days)).date().isoformat()


def _preference(world: World) -> Iterable[dict[str, Any]]:
    path = "/api/v1/notification-preferences/ann@acme.example"
    assert world.ask("PUT", path, {"digest": "hourly"}).status_code == 200
    yield {}


def _given_up(world: World) -> Iterable[dict[str, Any]]:
    Delivery.objects.filter(uid=world.delivery).update(
        state="failed", finished_at=timezone.now(), next_attempt_at=None
    )
    yield {"ids": {"uid": world.delivery}}
