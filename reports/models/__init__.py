"""What is kept of what leaves the house."""

from reports.models.chargeback import AllocationShare, ChargebackStatement

__all__ = ["AllocationShare", "ChargebackStatement"]
