"""The ledger: what was used, what it cost, and for whom."""

from ledger.models.attributions import DIMENSIONS, Attribution
from ledger.models.cost_records import (
    ConvertedCost,
    CostRecord,
    CostRecordQuerySet,
    Response,
)
from ledger.models.fixed_charges import (
    ChargeKind,
    FixedCharge,
    FixedChargeQuerySet,
)
from ledger.models.months import MonthLock, MonthLockQuerySet
from ledger.models.outcomes import OutcomeRecord
from ledger.models.prices import ExchangeRate, Price
from ledger.models.repricings import Repricing
from ledger.models.spend import DailySpend, SpendBatch, SpendDelta

__all__ = [
    "DIMENSIONS",
    "Attribution",
    "ChargeKind",
    "ConvertedCost",
    "CostRecord",
    "CostRecordQuerySet",
    "DailySpend",
    "ExchangeRate",
    "FixedCharge",
    "FixedChargeQuerySet",
    "MonthLock",
    "MonthLockQuerySet",
    "OutcomeRecord",
    "Price",
    "Repricing",
    "Response",
    "SpendBatch",
    "SpendDelta",
]
