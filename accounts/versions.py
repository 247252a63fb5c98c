"""Which version of a row somebody saw when they began to change it.

A version is the id of the newest entry of its history, so every save makes a new one;
of a row without a history, a digest of its values. Programs send it as If-Match, forms
as the field `VERSION`: `accounts.meanwhile` says what people are shown then.
Compare it where the row is held, in the transaction that changes it: then of two who
saw the same version one is told that the other was first.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from django.db.models import Model, QuerySet
from django.utils import timezone

from lib.errors import PreconditionFailed
from lib.humanize import ago

Seen = Sequence[str]  # versions that will do; none: no version does
VERSION = "version"  # the field of a form that says what its reader saw
ANY = "*"  # version
_PASSING = {"last_login"}  # no change of anybody's


class LastChange(NamedTuple):
    """Who changed something last, and when."""

    version: str
    actor: str
    at: datetime

    @property
    def words(self) -> str:
        return f"Changed by {self.actor} {ago(self.at, timezone.now())}"


class ChangedMeanwhile(PreconditionFailed):
    """Somebody else changed it since it was shown."""

    code = "changed_meanwhile"

    words = "Changed"  # by whom and when, where that is known

    @classmethod
    def by(cls, last: LastChange | None) -> "ChangedMeanwhile":
        """Return the refusal of a change after the *last* one."""
        words = last.words if last else cls.words
        refusal = cls(
            f"{words}, since you read it. Read it again, and send your change with the "
            "new ETag."
        )
        refusal.words = words
        return refusal

    @property
    def for_people(self) -> str:
        """Say it on a page that shows how it is now."""
        return (
            f"{self.words}, while this page was open. Nothing is done yet: look at how "
            "it is now."
        )


class VersionMissing(PreconditionFailed):
    """A form doesn't say what its reader saw, so it may revert what others did."""

    code = "version_missing"

    def __init__(self) -> None:
        super().__init__(
            "Nothing is saved: the form doesn't say which version it shows. Open its "
            "page again, and change that."
        )


def version_of(row: Model) -> str:
    """Return which version *row* is now. One query, or none of one without history."""
    if not has_history(row):
        return _digest_of(row)
    return newest(history_of(row))


def newest(history: QuerySet[Any]) -> str:
    """Return the version that the newest entry of *history* stands for."""
    last = last_change(history)
    return last.version if last else "0"


def has_history(row: Model) -> bool:
    """Tell whether every save of *row* is kept."""
    return hasattr(type(row), "history")


def _digest_of(row: Model) -> str:
    values = [
        (field.attname, getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.name not in _PASSING
    ]
    return sha256(repr(values).encode()).hexdigest()[:16]


def history_of(row: Any) -> QuerySet[Any]:
    """Return the history of *row*, of a model that keeps one."""
    rows: QuerySet[Any] = row.history.all()
    return rows


def rows_like(row: Model) -> QuerySet[Any]:
    """Return the row as the database has it, to be read or held; or no row."""
    manager: Any = row._meta.default_manager
    rows: QuerySet[Any] = manager.filter(pk=row.pk)
    return rows


def last_change_of(row: Model) -> LastChange | None:
    """Return who changed *row* last; None: it is not known."""
    return last_change(history_of(row)) if has_history(row) else None


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
        raise ChangedMeanwhile.by(last)


def check_row(row: Model, seen: Seen | None) -> None:
    """Refuse a change of *row* by somebody who *seen* other versions only.

    Raises:
        ChangedMeanwhile: it says by whom and when, where that is known.
    """
    if seen is not None and version_of(row) not in seen:
        raise ChangedMeanwhile.by(last_change_of(row))


def seen_by(form: Mapping[str, Any]) -> Seen | None:
    """Return the version that a *form* was opened with; None: it says that any will do,
    by a * as in If-Match.

    Raises:
        VersionMissing: it does not say.
    """
    version = str(form.get(VERSION, ""))
    if not version:
        raise VersionMissing
    return None if version == ANY else [version]


def tag_of(version: str) -> str:
    """Return *version* as the header ETag has it."""
    return f'"{version}"'


def seen_in(header: str | None) -> Seen | None:
    """Return the versions that an If-Match header names; None: any will do."""
    if header is None or header.strip() == ANY:
        return None
    tags = (one.strip() for one in header.split(","))
    return [one[1:-1] for one in tags if len(one) > 1 and one[0] == one[-1] == '"']
