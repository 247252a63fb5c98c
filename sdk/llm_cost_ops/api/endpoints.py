"""Every call of the API as a method, the same for the sync and the async client."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from functools import update_wrapper
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Generic,
    TypeVar,
    overload,
)

from llm_cost_ops.api import (
    alerts,
    approvals,
    budgets,
    controls,
    finance,
    forecasts,
    notifications,
    platform,
    prices,
    usage,
)
from llm_cost_ops.requests import Request

if TYPE_CHECKING:
    from typing import ParamSpec

    P = ParamSpec("P")
else:
    P = TypeVar("P")  # what Python 3.9 knows
R = TypeVar("R")
_HUMP = re.compile("(?<=[a-z0-9])(?=[A-Z])")  # where a word begins: parent|Budget
S = TypeVar("S")


class Sends:
    """Something that sends requests and waits for the answer."""

    def send(self, request: Request[S]) -> S:
        raise NotImplementedError


class SendsAsync:
    """Something that sends requests and lets others run until the answer comes."""

    async def send(self, request: Request[S]) -> S:
        raise NotImplementedError


class Endpoint(Generic[P, R]):
    """A function that builds a request, as a method of whatever sends it."""

    def __init__(self, build: Callable[P, Request[R]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, client: None, owner: Any) -> Endpoint[P, R]: ...

    @overload
    def __get__(self, client: Sends, owner: Any) -> Callable[P, R]: ...

    @overload
    def __get__(self, client: SendsAsync, owner: Any) -> Callable[P, Awaitable[R]]: ...

    def __get__(self, client: Any, owner: Any) -> Any:
        if client is None:
            return self
        build = self.build

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.send(build(*args, **_plain(kwargs)))

        return update_wrapper(call, build)


def _plain(given: Any) -> Any:
    """Return what is given by names with words as JavaScript writes them, too."""
    if all(map(str.islower, given)):
        return given
    plain: dict[str, Any] = {}
    for name, value in given.items():
        known = _HUMP.sub("_", name).lower()
        if known in plain:
            raise TypeError(f"{known} is given twice.")
        plain[known] = value
    return plain


class TrackerApi:
    """What a tracker offers of the API beside tracking."""

    create_budget = Endpoint(budgets.create_budget)
    get_budget_status = Endpoint(budgets.get_budget_status)
    configure_alerts = Endpoint(budgets.configure_alerts)
    add_notification_channel = Endpoint(notifications.add_notification_channel)
    configure_cost_controls = Endpoint(controls.configure_cost_controls)
    set_kill_switch = Endpoint(controls.set_kill_switch)
    replay_controls = Endpoint(controls.replay_controls)
    get_costs = Endpoint(usage.get_costs)
    get_summary = Endpoint(usage.get_summary)
    get_forecast = Endpoint(forecasts.get_forecast)
    forecast_scenarios = Endpoint(forecasts.forecast_scenarios)
    create_budget_request = Endpoint(approvals.create_budget_request)
    get_budget_request = Endpoint(approvals.get_budget_request)
    list_budget_requests = Endpoint(approvals.list_budget_requests)
    approve_budget = Endpoint(approvals.approve_budget)
    withdraw = Endpoint(approvals.withdraw)


class Api(TrackerApi):
    """The whole API."""

    report_usage = Endpoint(usage.report_usage)
    report_usage_batch = Endpoint(usage.report_usage_batch)
    report_outcome = Endpoint(usage.report_outcome)
    correct_usage = Endpoint(usage.correct_usage)
    list_costs = Endpoint(usage.list_costs)
    get_unpriced = Endpoint(usage.get_unpriced)
    get_timeseries = Endpoint(usage.get_timeseries)

    list_budgets = Endpoint(budgets.list_budgets)
    get_budget = Endpoint(budgets.get_budget)
    update_budget = Endpoint(budgets.update_budget)
    archive_budget = Endpoint(budgets.archive_budget)
    override_budget = Endpoint(budgets.override_budget)
    get_budget_forecast = Endpoint(budgets.get_budget_forecast)
    forecast_budget_scenarios = Endpoint(forecasts.forecast_budget_scenarios)
    get_forecast_accuracy = Endpoint(budgets.get_forecast_accuracy)
    get_budget_variance = Endpoint(budgets.get_budget_variance)
    get_budget_unit_cost = Endpoint(budgets.get_budget_unit_cost)
    get_budget_periods = Endpoint(budgets.get_budget_periods)
    get_budget_lines = Endpoint(budgets.get_budget_lines)
    transfer_budget = Endpoint(budgets.transfer_budget)
    raise_budget = Endpoint(budgets.raise_budget)
    grant_budget = Endpoint(budgets.grant_budget)
    get_budget_grants = Endpoint(budgets.get_budget_grants)
    get_budget_phasing = Endpoint(budgets.get_budget_phasing)
    phase_budget = Endpoint(budgets.phase_budget)
    preview_rollover = Endpoint(budgets.preview_rollover)
    undo_rollover = Endpoint(budgets.undo_rollover)
    get_budget_tree = Endpoint(budgets.get_budget_tree)
    get_budget_conflicts = Endpoint(budgets.get_budget_conflicts)
    get_budget_recommendations = Endpoint(budgets.get_budget_recommendations)
    set_budget_amounts = Endpoint(budgets.set_budget_amounts)
    get_optimizations = Endpoint(budgets.get_optimizations)
    get_alert_configuration = Endpoint(budgets.get_alert_configuration)

    get_cost_controls = Endpoint(controls.get_cost_controls)
    get_kill_switch = Endpoint(controls.get_kill_switch)
    list_rule_actions = Endpoint(controls.list_rule_actions)
    list_runs = Endpoint(controls.list_runs)
    get_run = Endpoint(controls.get_run)
    reverse_rule_action = Endpoint(controls.reverse_rule_action)
    reset_rule_action = Endpoint(controls.reset_rule_action)
    authorize = Endpoint(controls.authorize)
    get_authorization = Endpoint(controls.get_authorization)
    release_authorization = Endpoint(controls.release_authorization)
    acquire_lease = Endpoint(controls.acquire_lease)
    renew_lease = Endpoint(controls.renew_lease)
    return_lease = Endpoint(controls.return_lease)

    update_budget_request = Endpoint(approvals.update_budget_request)
    submit_budget_request = Endpoint(approvals.submit_budget_request)
    reassign = Endpoint(approvals.reassign)
    list_approval_policies = Endpoint(approvals.list_approval_policies)
    create_approval_policy = Endpoint(approvals.create_approval_policy)
    get_approval_policy = Endpoint(approvals.get_approval_policy)
    update_approval_policy = Endpoint(approvals.update_approval_policy)
    delete_approval_policy = Endpoint(approvals.delete_approval_policy)
    preview_approval = Endpoint(approvals.preview_approval)
    list_delegations = Endpoint(approvals.list_delegations)
    create_delegation = Endpoint(approvals.create_delegation)
    get_delegation = Endpoint(approvals.get_delegation)
    end_delegation = Endpoint(approvals.end_delegation)

    list_alerts = Endpoint(alerts.list_alerts)
    get_alert = Endpoint(alerts.get_alert)
    acknowledge_alert = Endpoint(alerts.acknowledge_alert)
    snooze_alert = Endpoint(alerts.snooze_alert)
    resolve_alert = Endpoint(alerts.resolve_alert)
    mark_not_an_anomaly = Endpoint(alerts.mark_not_an_anomaly)

    list_notification_channels = Endpoint(notifications.list_notification_channels)
    get_notification_channel = Endpoint(notifications.get_notification_channel)
    update_notification_channel = Endpoint(notifications.update_notification_channel)
    delete_notification_channel = Endpoint(notifications.delete_notification_channel)
    test_notification_channel = Endpoint(notifications.test_notification_channel)
    rotate_channel_secret = Endpoint(notifications.rotate_channel_secret)
    list_notifications = Endpoint(notifications.list_notifications)
    get_notification = Endpoint(notifications.get_notification)
    redeliver_notification = Endpoint(notifications.redeliver_notification)
    list_notification_preferences = Endpoint(
        notifications.list_notification_preferences
    )
    get_notification_preference = Endpoint(notifications.get_notification_preference)
    set_notification_preference = Endpoint(notifications.set_notification_preference)
    delete_notification_preference = Endpoint(
        notifications.delete_notification_preference
    )

    list_reports = Endpoint(finance.list_reports)
    create_report = Endpoint(finance.create_report)
    get_report = Endpoint(finance.get_report)
    get_report_pdf = Endpoint(finance.get_report_pdf)
    get_monthly_pdf = Endpoint(finance.get_monthly_pdf)
    get_report_commentary = Endpoint(finance.get_report_commentary)
    set_report_commentary = Endpoint(finance.set_report_commentary)
    finalize_report = Endpoint(finance.finalize_report)
    get_chargeback = Endpoint(finance.get_chargeback)
    freeze_chargeback = Endpoint(finance.freeze_chargeback)
    get_allocation_shares = Endpoint(finance.get_allocation_shares)
    set_allocation_shares = Endpoint(finance.set_allocation_shares)
    get_month_close = Endpoint(finance.get_month_close)
    close_month = Endpoint(finance.close_month)
    list_journals = Endpoint(finance.list_journals)
    preview_journal = Endpoint(finance.preview_journal)
    post_journal = Endpoint(finance.post_journal)
    get_journal_mappings = Endpoint(finance.get_journal_mappings)
    set_journal_mappings = Endpoint(finance.set_journal_mappings)
    get_journal_settings = Endpoint(finance.get_journal_settings)
    update_journal_settings = Endpoint(finance.update_journal_settings)
    export_focus = Endpoint(finance.export_focus)
    export_budgets = Endpoint(finance.export_budgets)
    export_journal = Endpoint(finance.export_journal)
    get_journal_manifest = Endpoint(finance.get_journal_manifest)
    list_feeds = Endpoint(finance.list_feeds)
    create_feed = Endpoint(finance.create_feed)
    get_feed = Endpoint(finance.get_feed)
    update_feed = Endpoint(finance.update_feed)
    delete_feed = Endpoint(finance.delete_feed)
    run_feed = Endpoint(finance.run_feed)
    list_feed_runs = Endpoint(finance.list_feed_runs)
    get_feed_run = Endpoint(finance.get_feed_run)
    get_feed_file = Endpoint(finance.get_feed_file)
    redeliver_feed = Endpoint(finance.redeliver_feed)

    list_prices = Endpoint(prices.list_prices)
    create_price = Endpoint(prices.create_price)
    get_price = Endpoint(prices.get_price)
    update_price = Endpoint(prices.update_price)
    delete_price = Endpoint(prices.delete_price)
    resolve_price = Endpoint(prices.resolve_price)
    list_exchange_rates = Endpoint(prices.list_exchange_rates)
    set_exchange_rate = Endpoint(prices.set_exchange_rate)
    get_exchange_rate = Endpoint(prices.get_exchange_rate)
    delete_exchange_rate = Endpoint(prices.delete_exchange_rate)
    list_repricings = Endpoint(prices.list_repricings)
    reprice = Endpoint(prices.reprice)
    get_repricing = Endpoint(prices.get_repricing)
    undo_repricing = Endpoint(prices.undo_repricing)
    list_fixed_charges = Endpoint(prices.list_fixed_charges)
    create_fixed_charge = Endpoint(prices.create_fixed_charge)
    get_fixed_charge = Endpoint(prices.get_fixed_charge)
    cancel_fixed_charge = Endpoint(prices.cancel_fixed_charge)
    correct_fixed_charge = Endpoint(prices.correct_fixed_charge)

    list_organizations = Endpoint(platform.list_organizations)
    create_organization = Endpoint(platform.create_organization)
    get_organization = Endpoint(platform.get_organization)
    update_organization = Endpoint(platform.update_organization)
    get_health = Endpoint(platform.get_health)
    get_liveness = Endpoint(platform.get_liveness)
    get_readiness = Endpoint(platform.get_readiness)
