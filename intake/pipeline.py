"""The one way usage comes in: recorded, charged and watched, in one transaction."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

from django.db import connection, transaction
from django.utils import timezone

from accounts.locks import hold_shared
from accounts.models import Organization
from alerts import services as alerts
from budgets.charging import Charging
from ledger import services as ledger
from ledger.book import Book
from ledger.types import Outcome
from ledger.usage import Usage
from ledger.writing import AlreadyThere

_REVISION = "SELECT revision FROM accounts_organization WHERE id = %s"

_books: dict[int, tuple[Book, Charging]] = {}  # by organization


def take(organization_id: int, usage: Sequence[Usage]) -> Sequence[Outcome]:
    """Book *usage* of one organization and charge every budget on its path.

    All or nothing, durable when it returns, safe to repeat: a usage id counts once.
    Returns what became of each record, in order.
    """
    try:
        return _take(organization_id, usage)
    except AlreadyThere:
        # Most batches are new; only one that is not pays for looking. Others may add
        # more of it while this one looks, but no more often than there are records.
        for _ in usage:
            with suppress(AlreadyThere):
                return _take(organization_id, usage, look_first=True)
        raise


def _take(
    organization_id: int, usage: Sequence[Usage], *, look_first: bool = False
) -> Sequence[Outcome]:
    with transaction.atomic():
        with _one_round_trip():
            hold_shared(organization_id)
            revision = _revision_of(organization_id)
        book, charging = open_book(organization_id, revision)
        recorded = ledger.record(book, usage, look_first=look_first)
        crossings = charging.charge(recorded.due)
        if crossings:
            alerts.observe(organization_id, crossings, now=timezone.now())
    return recorded.outcomes


def _one_round_trip() -> AbstractContextManager[object]:
    """Send BEGIN and the statements inside together; each still sees the one before."""
    if connection.vendor != "postgresql":
        return nullcontext()
    connection.ensure_connection()
    pipeline: AbstractContextManager[object] = connection.connection.pipeline()
    return pipeline


def open_book(
    organization_id: int, revision: int | None = None
) -> tuple[Book, Charging]:
    """Return what is known of the organization as it is at this moment.

    One query, none when *revision* says which moment; more when prices, rates or
    budgets have changed. Call it in a transaction that holds the organization's lock.
    """
    known = _books.get(organization_id)
    if known is not None:
        if revision is None:
            revision = _revision_of(organization_id)
        if revision == known[0].revision:
            return known
    organization = Organization.objects.get(pk=organization_id)
    charging = Charging(organization)
    opened = Book(organization, charging), charging
    # What another transaction has not committed may never come to be.
    transaction.on_commit(lambda: _books.__setitem__(organization_id, opened))
    return opened


def _revision_of(organization_id: int) -> int | None:
    # Asked for every batch: the ORM would take five times as long.
    with connection.cursor() as cursor:
        cursor.execute(_REVISION, [organization_id])
        found = cursor.fetchone()
    return found[0] if found else None


def forget() -> None:
    """Drop everything this process remembers."""
    _books.clear()
