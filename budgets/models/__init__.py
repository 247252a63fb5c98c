from budgets.models.amounts import AmountLine, Grant
from budgets.models.budgets import (
    Backfill,
    Budget,
    BudgetManager,
    BudgetQuerySet,
    Enforcement,
    Priority,
    RolloverMode,
    validate_counted,
)
from budgets.models.coverage import Coverage
from budgets.models.periods import BudgetHour, BudgetPeriod
from budgets.models.reservations import Reservation
from budgets.models.runs import Run

__all__ = [
    "AmountLine",
    "Backfill",
    "Budget",
    "BudgetHour",
    "BudgetManager",
    "BudgetPeriod",
    "BudgetQuerySet",
    "Coverage",
    "Enforcement",
    "Grant",
    "Priority",
    "Reservation",
    "RolloverMode",
    "Run",
    "validate_counted",
]
