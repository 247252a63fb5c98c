"""The pages of each app, found here by the admin."""

from console.accounts import invitations, keys, organizations
from console.alerts import admin as alerts
from console.approvals import admin as approvals
from console.approvals import slack
from console.budgets import admin as budgets
from console.bulk import admin as bulk
from console.charges import admin as charges
from console.closing import admin as closing
from console.controls import admin as controls
from console.costs import admin as costs
from console.explore import admin as explore
from console.feeds import admin as feeds
from console.feeds import runs
from console.journals import admin as journals
from console.notifications import admin as notifications
from console.reports import admin as reports
from console.scenarios import admin as scenarios

__all__ = [
    "alerts",
    "approvals",
    "budgets",
    "bulk",
    "charges",
    "closing",
    "controls",
    "costs",
    "explore",
    "feeds",
    "invitations",
    "journals",
    "keys",
    "notifications",
    "organizations",
    "reports",
    "runs",
    "scenarios",
    "slack",
]
