"""What is kept of what leaves the house, and of what people ask."""

from reports.models.chargeback import AllocationShare, ChargebackStatement
from reports.models.spending import ExportState, SpendExport, SpendView

__all__ = [
    "AllocationShare",
    "ChargebackStatement",
    "ExportState",
    "SpendExport",
    "SpendView",
]
