"""The files that leave the house: one table of their kinds, for every door alike.

The API, the command, the console and schedules all make an order here and write what
its format yields. A new kind is an entry of KINDS.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from accounts.models import Organization
from lib.errors import Invalid
from lib.periods import Window
from lib.query_params import EARLIEST, LATEST, known_words, month_of, range_of
from reports.budget_sheets import BUDGETS
from reports.chargeback.exports import CHARGEBACK
from reports.focus.files import FOCUS
from reports.journals.exports import JOURNAL
from reports.monthly.exports import MONTHLY_REPORT
from reports.types import ExportKind, ExportOrder

_KINDS: tuple[ExportKind, ...] = (
    BUDGETS,
    CHARGEBACK,
    FOCUS,
    JOURNAL,
    MONTHLY_REPORT,
)
KINDS: Mapping[str, ExportKind] = {kind.name: kind for kind in _KINDS}
_UTC = ZoneInfo("UTC")


def order_of(
    kind: ExportKind,
    organization: Organization,
    query: Mapping[str, str],
    *,
    now: datetime,
) -> ExportOrder:
    """Return what *query* orders of *kind*: its time, and its options.

    The time is a `month`, or goes from `start_date` to `end_date`; of a side that is
    left out nothing is left out.

    Raises:
        Invalid: both, an empty time, what is no month, date or time; or a value of an
            option that is none of its choices.
    """
    zone = _zone_of(kind, organization)
    window = _window_of(query, zone)
    options = {}
    for option in kind.options:
        value = query.get(option.name) or option.default
        if option.choices and value:
            known_words([value], option.choices, option.name)
        options[option.name] = value
    return ExportOrder(organization, window, options, now)


def _window_of(query: Mapping[str, str], zone: ZoneInfo) -> Window:
    start, end = range_of(query, zone=zone)
    if month := query.get("month"):
        if start or end:
            raise Invalid.field("month", "Give a month, or start_date and end_date.")
        return month_of(month, "month", zone=zone)
    start, end = start or EARLIEST, end or LATEST
    if start >= end:
        raise Invalid.field("end_date", "Must be after start_date.")
    return Window(start, end)


def _zone_of(kind: ExportKind, organization: Organization) -> ZoneInfo:
    return ZoneInfo(organization.timezone) if kind.local else _UTC


def file_of(kind: ExportKind, order: ExportOrder, extension: str) -> Iterator[bytes]:
    """Return the file that *order* is for, a piece after the other.

    The first piece is made at once: what is refused is refused now, and no file breaks
    off because of it.

    Raises:
        Invalid: there is no such format of this kind; or whatever its maker raises.
    """
    known_words([extension], kind.formats, "format")
    pieces = kind.formats[extension].pieces(order)
    return chain([next(pieces, b"")], pieces)


def file_name(kind: ExportKind, order: ExportOrder, extension: str) -> str:
    """Return what the file is called: kind, organization, and a month or two days."""
    zone = _zone_of(kind, order.organization)
    words = _time_words(order.window, zone)
    return f"{kind.name}-{order.organization.slug}{words}.{extension}"


def _time_words(window: Window, zone: ZoneInfo) -> str:
    first = window.start.astimezone(zone)
    last = (window.end - timedelta(microseconds=1)).astimezone(zone)
    if window == month_of(f"{first:%Y-%m}", "month", zone=zone):
        return f"-{first:%Y-%m}"
    start = "" if window.start == EARLIEST else f"-{first:%Y-%m-%d}"
    end = "" if window.end == LATEST else f"-to-{last:%Y-%m-%d}"
    return start + end
