"""What is kept of what leaves the house, and of what people ask."""

from reports.models.chargeback import AllocationShare, ChargebackStatement
from reports.models.feeds import Feed, FeedAttempt, FeedFilePart, FeedRun
from reports.models.journals import (
    DateOrder,
    Journal,
    JournalKind,
    JournalLine,
    JournalSetup,
)
from reports.models.monthly import (
    IN_THE_MAKING,
    Report,
    ReportComment,
    ReportKind,
    ReportSettings,
    ReportState,
)
from reports.models.spending import ExportState, SpendExport, SpendView

__all__ = [
    "IN_THE_MAKING",
    "AllocationShare",
    "ChargebackStatement",
    "DateOrder",
    "ExportState",
    "Feed",
    "FeedAttempt",
    "FeedFilePart",
    "FeedRun",
    "Journal",
    "JournalKind",
    "JournalLine",
    "JournalSetup",
    "Report",
    "ReportComment",
    "ReportKind",
    "ReportSettings",
    "ReportState",
    "SpendExport",
    "SpendView",
]
