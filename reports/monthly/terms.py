"""What an organization asks of its reports, and of one of them. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from reports.monthly.figures import PlanAndSpend, SignOff


@dataclass(frozen=True, slots=True)
class Terms:
    """How an organization has its reports."""

    threshold: Decimal  # money in its currency
    threshold_share: Decimal
    locale: str


@dataclass(frozen=True, slots=True)
class ReportIssue:
    """Which report of a month it is, and who has it made."""

    revision: int
    replaces: str
    prepared_by: str

    def sign_offs(self, now: datetime) -> tuple[SignOff, ...]:
        """Return who has signed a draft that is made *now*, and who is to."""
        return (
            SignOff("Prepared by", self.prepared_by, now),
            SignOff("Approved by", "", None),
        )


def is_material(month: PlanAndSpend, terms: Terms) -> bool:
    """Tell whether a variance needs a comment: it is beyond both thresholds."""
    if abs(month.variance) <= terms.threshold:
        return False
    return month.share is None or abs(month.share) > terms.threshold_share
