"""Which version of a row somebody saw when they began to change it.

A version is the id of the newest entry of its history, so every save makes a new one.
Compare it where the row is held, in the transaction that changes it: then of two who
saw the same version one is told that the other was first.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, NoReturn

from django.db.models import Model, QuerySet
from django.utils import timezone

from lib.errors import PreconditionFailed
from lib.humanize import ago

Seen = Sequence[str]  # versions that will do; none: no version does


class ChangedMeanwhile(PreconditionFailed):
    """Somebody else changed it since it was shown."""

    code = "changed_meanwhile"


class LastChange(NamedTuple):
    """Who changed something last, and when."""

    version: str
    actor: str
    at: datetime

    @property
    def words(self) -> str:
        return f"Changed by {self.actor} {ago(self.at, timezone.now())}"


def version_of(row: Model) -> str:
    """Return which version *row* is now. One query."""
    last = last_change(history_of(row))
    return last.version if last else "0"


def history_of(row: Any) -> QuerySet[Any]:
    """Return the history of *row*, of a model that keeps one."""
    rows: QuerySet[Any] = row.history.all()
    return rows


def last_change(history: QuerySet[Any]) -> LastChange | None:
    """Return the newest of the entries of *history*; None: there are none."""
    rows = history.order_by("-history_id").values_list(
        "history_id", "actor", "history_date"
    )
    found = rows.first()
    return None if found is None else LastChange(str(found[0]), *found[1:])


def check_seen(history: QuerySet[Any], seen: Seen | None) -> None:
    """Refuse a change by somebody who *seen* other versions only; None: any will do.

    Raises:
        ChangedMeanwhile: it says by whom and when.
    """
    if seen is None:
        return
    last = last_change(history)
    if (last.version if last else "0") not in seen:
        refuse_unseen(last)


def refuse_unseen(last: LastChange | None) -> NoReturn:
    """Refuse a change of what was changed since, by the *last* one.

    Raises:
        ChangedMeanwhile: always.
    """
    words = last.words if last else "Changed"
    raise ChangedMeanwhile(
        f"{words}, since you read it. Read it again, and send your change with the "
        "new ETag."
    )


def tag_of(version: str) -> str:
    """Return *version* as the header ETag has it."""
    return f'"{version}"'


def seen_in(header: str | None) -> Seen | None:
    """Return the versions that an If-Match header names; None: any will do."""
    if header is None or header.strip() == "*":
        return None
    tags = (one.strip() for one in header.split(","))
    return [one[1:-1] for one in tags if len(one) > 1 and one[0] == one[-1] == '"']
