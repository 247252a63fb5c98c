from typing import Any

from accounts.api.base import Router
from lib.web import route
from reports.api.budget_sheets import BudgetsCsv, BudgetsXlsx
from reports.api.chargeback import AllocationShares, Chargeback
from reports.api.closing import MonthCloses
from reports.api.feeds import FeedViewSet
from reports.api.focus import FocusCsv, FocusParquet
from reports.api.journals import (
    JournalCsv,
    JournalManifest,
    JournalMappingsView,
    JournalPreviewView,
    JournalSettingsView,
    JournalViewSet,
    JournalZip,
)
from reports.api.monthly import (
    MonthlyPdf,
    ReportCommentary,
    ReportFinal,
    ReportPdf,
    ReportViewSet,
)

_JOURNALS: dict[str, Any] = {"get": "list", "post": "create"}
_REPORT = r"reports/(?P<uid>[^/.]+)"

router = Router()
router.register("feeds", FeedViewSet, basename="feed")
router.register("reports", ReportViewSet, basename="report")
urlpatterns = [
    route("exports/journal.csv", JournalCsv.as_view(), "journal-csv"),
    route("exports/journal.zip", JournalZip.as_view(), "journal-zip"),
    route("exports/journal.json", JournalManifest.as_view(), "journal-manifest"),
    route("journal-mappings", JournalMappingsView.as_view(), "journal-mappings"),
    route("journal-settings", JournalSettingsView.as_view(), "journal-settings"),
    route("journals/preview", JournalPreviewView.as_view(), "journal-preview"),
    route("journals", JournalViewSet.as_view(_JOURNALS), "journals"),
    route("chargeback", Chargeback.as_view(), "chargeback"),
    route("chargeback/shares", AllocationShares.as_view(), "chargeback-shares"),
    route("month-close", MonthCloses.as_view(), "month-close"),
    route(r"reports/monthly\.pdf", MonthlyPdf.as_view(), "monthly-pdf"),
    route(rf"{_REPORT}\.pdf", ReportPdf.as_view(), "report-pdf"),
    route(rf"{_REPORT}/finalize", ReportFinal.as_view(), "report-final"),
    route(rf"{_REPORT}/commentary", ReportCommentary.as_view(), "report-commentary"),
    route(r"exports/budgets\.xlsx", BudgetsXlsx.as_view(), "export-budgets-xlsx"),
    route(r"exports/budgets\.csv", BudgetsCsv.as_view(), "export-budgets-csv"),
    route(r"exports/focus\.csv", FocusCsv.as_view(), "focus-csv"),
    route(r"exports/focus\.parquet", FocusParquet.as_view(), "focus-parquet"),
    *router.urls,
]
