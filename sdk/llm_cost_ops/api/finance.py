"""Closing a month: reports, journals, chargeback, files of the books and feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from llm_cost_ops.answers.closing import (
    Feed,
    FeedRun,
    Journal,
    JournalManifest,
    JournalMapping,
    JournalPreview,
    JournalSettings,
    MonthClose,
)
from llm_cost_ops.answers.reports import (
    AllocationShares,
    Chargeback,
    Commentary,
    Report,
    ReportDetail,
)
from llm_cost_ops.api.fields import Moment
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_bytes,
    reads_many,
    reads_nothing,
    reads_page,
    segment,
)

_REPORTS, _FEEDS = "/api/v1/reports", "/api/v1/feeds"
_CHARGEBACK, _EXPORTS = "/api/v1/chargeback", "/api/v1/exports"
_CLOSE, _JOURNALS = "/api/v1/month-close", "/api/v1/journals"
_MAPPINGS, _SETTINGS = "/api/v1/journal-mappings", "/api/v1/journal-settings"


# -- Reports


def list_reports(
    *,
    month: Optional[str] = None,
    budget: Optional[str] = None,
    state: Optional[str] = None,
    organization_id: Optional[str] = None,
    limit: Optional[int] = None,
) -> Request[Page[Report]]:
    return Request("GET", _REPORTS, reads_page(Report), query=locals())


def create_report(
    *, month: str, budget: Optional[str] = None, organization_id: Optional[str] = None
) -> Request[Report]:
    """Have a worker make the report of a month, such as "2026-10"."""
    return Request(
        "POST", _REPORTS, reads(Report), body=present(locals()), creates=True
    )


def get_report(report_id: str) -> Request[ReportDetail]:
    return Request("GET", _report(report_id), reads(ReportDetail))


def get_report_pdf(report_id: str) -> Request[bytes]:
    return Request("GET", f"{_report(report_id)}.pdf", reads_bytes)


def get_monthly_pdf(
    *, month: str, budget: Optional[str] = None, organization_id: Optional[str] = None
) -> Request[bytes]:
    """Return the report of a month as PDF: the final one, else a draft made now."""
    return Request("GET", f"{_REPORTS}/monthly.pdf", reads_bytes, query=locals())


def get_report_commentary(report_id: str) -> Request[tuple[Commentary, ...]]:
    path = f"{_report(report_id)}/commentary"
    return Request("GET", path, reads_many(Commentary))


def set_report_commentary(
    report_id: str, comments: Sequence[Mapping[str, Any]]
) -> Request[tuple[Commentary, ...]]:
    """Say why budgets are off: {"budget", "text", "driver", "owner", "action", "due"}
    each; an empty text takes a comment away."""
    path = f"{_report(report_id)}/commentary"
    return Request("PUT", path, reads_many(Commentary), body=list(comments))


def finalize_report(report_id: str) -> Request[Report]:
    """Sign a report: it is kept as it is, with its SHA-256."""
    return Request("POST", f"{_report(report_id)}/finalize", reads(Report), body={})


# -- Chargeback


def get_chargeback(
    *,
    month: str,
    by: str,
    key: Optional[str] = None,
    name: Optional[str] = None,
    revision: Optional[int] = None,
    organization_id: Optional[str] = None,
) -> Request[Chargeback]:
    """Tell costs by "department", "team", "project" or "tag:NAME"; what belongs to
    nobody is allocated by *key*: "spend", "requests", "heads" or "shares"."""
    return Request("GET", _CHARGEBACK, reads(Chargeback), query=locals())


def freeze_chargeback(
    *,
    month: str,
    by: str,
    key: Optional[str] = None,
    reason: Optional[str] = None,
    organization_id: Optional[str] = None,
) -> Request[Chargeback]:
    """Keep the figures of a month as they are, with their SHA-256."""
    body = present(locals())
    return Request("POST", _CHARGEBACK, reads(Chargeback), body=body, creates=True)


def get_allocation_shares(
    *, by: str, organization_id: Optional[str] = None
) -> Request[AllocationShares]:
    query = locals()
    return Request("GET", f"{_CHARGEBACK}/shares", reads(AllocationShares), query=query)


def set_allocation_shares(
    *,
    by: str,
    shares: Sequence[Mapping[str, Any]],
    reason: Optional[str] = None,
    organization_id: Optional[str] = None,
) -> Request[AllocationShares]:
    """Say who bears how much of what belongs to nobody: {"name", "share", "heads"}."""
    body = present({**locals(), "shares": list(shares)})
    return Request("PUT", f"{_CHARGEBACK}/shares", reads(AllocationShares), body=body)


# -- Closing a month


def get_month_close(
    *, month: str, organization_id: Optional[str] = None
) -> Request[MonthClose]:
    """Return the checklist of a month, and whether it is closed."""
    return Request("GET", _CLOSE, reads(MonthClose), query=locals())


def close_month(
    *,
    month: str,
    lock: bool = True,
    force: Optional[bool] = None,
    reason: Optional[str] = None,
    organization_id: Optional[str] = None,
) -> Request[MonthClose]:
    """Close a month, with open items by *force* and a reason; without *lock* open it
    again."""
    return Request("POST", _CLOSE, reads(MonthClose), body=present(locals()))


# -- Journals


def list_journals(
    *,
    month: Optional[str] = None,
    organization_id: Optional[str] = None,
    limit: Optional[int] = None,
) -> Request[Page[Journal]]:
    return Request("GET", _JOURNALS, reads_page(Journal), query=locals())


def preview_journal(
    *, month: str, organization_id: Optional[str] = None
) -> Request[JournalPreview]:
    """Tell what would be posted of a month, and what has no account."""
    query = locals()
    return Request("GET", f"{_JOURNALS}/preview", reads(JournalPreview), query=query)


def post_journal(
    *,
    month: str,
    correction: Optional[bool] = None,
    anew: Optional[bool] = None,
    reason: Optional[str] = None,
    organization_id: Optional[str] = None,
) -> Request[Journal]:
    """Accrue a month that is over, with its reversal; or post what changed since."""
    body = present(locals())
    return Request("POST", _JOURNALS, reads(Journal), body=body, creates=True)


def get_journal_mappings(
    *, organization_id: Optional[str] = None
) -> Request[tuple[JournalMapping, ...]]:
    return Request("GET", _MAPPINGS, reads_many(JournalMapping), query=locals())


def set_journal_mappings(
    mappings: Sequence[Mapping[str, Any]], *, organization_id: Optional[str] = None
) -> Request[tuple[JournalMapping, ...]]:
    """Say which accounts the costs of which scope go to: {"scope", "expense_account",
    "liability_account", "cost_center", "department", "class"} each."""
    query = {"organization_id": organization_id}
    read = reads_many(JournalMapping)
    return Request("PUT", _MAPPINGS, read, query=query, body=list(mappings))


def get_journal_settings(
    *, organization_id: Optional[str] = None
) -> Request[JournalSettings]:
    return Request("GET", _SETTINGS, reads(JournalSettings), query=locals())


def update_journal_settings(
    *, organization_id: Optional[str] = None, **changes: Any
) -> Request[JournalSettings]:
    """Change how files are written; what is left out stays."""
    query = {"organization_id": organization_id}
    read = reads(JournalSettings)
    return Request("PATCH", _SETTINGS, read, query=query, body=changes)


# -- Files of the books


def export_focus(
    *,
    extension: str = "csv",
    start_date: Optional[Moment] = None,
    end_date: Optional[Moment] = None,
    month: Optional[str] = None,
    pseudonymise: Optional[bool] = None,
    organization_id: Optional[str] = None,
) -> Request[bytes]:
    """Return costs as FOCUS has them: "csv" or "parquet"."""
    query = {name: value for name, value in locals().items() if name != "extension"}
    path = f"{_EXPORTS}/focus.{segment(extension)}"
    return Request("GET", path, reads_bytes, query=query)


def export_budgets(
    *,
    extension: str = "csv",
    budget: Optional[str] = None,
    archived: Optional[bool] = None,
    organization_id: Optional[str] = None,
) -> Request[bytes]:
    """Return budgets and where they stand: "csv" or "xlsx"."""
    query = {name: value for name, value in locals().items() if name != "extension"}
    path = f"{_EXPORTS}/budgets.{segment(extension)}"
    return Request("GET", path, reads_bytes, query=query)


def export_journal(
    *,
    month: str,
    system: str = "generic",
    extension: str = "csv",
    posting: Optional[int] = None,
    journal: Optional[str] = None,
    part: Optional[int] = None,
    organization_id: Optional[str] = None,
) -> Request[bytes]:
    """Return a posting for "netsuite", "quickbooks", "xero" or "generic": as "csv", or
    all files with their manifest as "zip"."""
    query = {name: value for name, value in locals().items() if name != "extension"}
    path = f"{_EXPORTS}/journal.{segment(extension)}"
    return Request("GET", path, reads_bytes, query=query)


def get_journal_manifest(
    *,
    month: str,
    system: str = "generic",
    posting: Optional[int] = None,
    organization_id: Optional[str] = None,
) -> Request[JournalManifest]:
    """Return counts, totals and digests to hold an import against."""
    query = locals()
    return Request(
        "GET", f"{_EXPORTS}/journal.json", reads(JournalManifest), query=query
    )


# -- Feeds


def list_feeds(
    *, organization_id: Optional[str] = None, limit: Optional[int] = None
) -> Request[Page[Feed]]:
    return Request("GET", _FEEDS, reads_page(Feed), query=locals())


def create_feed(
    *,
    name: str,
    kind: str,
    schedule: Mapping[str, Any],
    target: Mapping[str, Any],
    format: Optional[str] = None,
    options: Optional[Mapping[str, str]] = None,
    organization_id: Optional[str] = None,
) -> Request[Feed]:
    """Have a file made on a schedule ({"every": "month", "day": 2}) and brought to a
    target ({"type": "mail", "recipients": [...]}) until it arrives."""
    return Request("POST", _FEEDS, reads(Feed), body=present(locals()), creates=True)


def get_feed(feed_id: str) -> Request[Feed]:
    return Request("GET", _feed(feed_id), reads(Feed))


def update_feed(feed_id: str, **changes: Any) -> Request[Feed]:
    return Request("PATCH", _feed(feed_id), reads(Feed), body=changes)


def delete_feed(feed_id: str) -> Request[None]:
    return Request("DELETE", _feed(feed_id), reads_nothing)


def run_feed(feed_id: str, *, start_date: Optional[Moment] = None) -> Request[FeedRun]:
    """Have it run now, of the last days that are over or of those from a date on."""
    body = present({"start_date": start_date})
    return Request("POST", f"{_feed(feed_id)}/run", reads(FeedRun), body=body)


def list_feed_runs(feed_id: str) -> Request[Page[FeedRun]]:
    return Request("GET", f"{_feed(feed_id)}/runs", reads_page(FeedRun))


def get_feed_run(feed_id: str, run_id: str) -> Request[FeedRun]:
    return Request("GET", _run(feed_id, run_id), reads(FeedRun))


def get_feed_file(feed_id: str, run_id: str) -> Request[bytes]:
    return Request("GET", f"{_run(feed_id, run_id)}/file", reads_bytes)


def redeliver_feed(feed_id: str, run_id: str) -> Request[FeedRun]:
    path = f"{_run(feed_id, run_id)}/redeliver"
    return Request("POST", path, reads(FeedRun), body={})


def _report(report_id: str) -> str:
    return f"{_REPORTS}/{segment(report_id)}"


def _feed(feed_id: str) -> str:
    return f"{_FEEDS}/{segment(feed_id)}"


def _run(feed_id: str, run_id: str) -> str:
    return f"{_feed(feed_id)}/runs/{segment(run_id)}"
