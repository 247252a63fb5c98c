"""Where the pages of budgets are, and what is filled in there."""

import re
from typing import Any

from django.test import Client

from budgets.models import Budget

TREE = "/admin/budgets/budget/tree/"
ADD = "/admin/budgets/budget/add/"
PREVIEW = "/admin/budgets/budget/preview/"


def place_of(budget: Budget, page: str = "change") -> str:
    return f"/admin/budgets/budget/{budget.pk}/{page}/"


def names_in(browser: Client, **query: Any) -> list[str]:
    content = browser.get(TREE, query).content.decode()
    return re.findall(r'<span class="co-own">(.*?)</span>', content)


def form_of(**overrides: Any) -> dict[str, Any]:
    return {
        "name": "ML",
        "amount": "500",
        "currency": "USD",
        "period": "monthly",
        "timezone": "UTC",
        "warning_threshold": "80",
        "critical_threshold": "95",
        "enforcement": "soft",
        "priority": "normal",
        "rollover_mode": "none",
        **overrides,
    }
