"""Finding the row that an id in an address or a body stands for."""

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from lib.errors import NotFound

Row = TypeVar("Row", bound=Model)


def uuid_of(text: str) -> UUID | None:
    """Return the UUID that *text* is; None: it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def row_or_none(rows: QuerySet[Row], uid: str) -> Row | None:
    """Return the one of *rows* with this `uid`, if there is one."""
    key = uuid_of(uid)
    return None if key is None else rows.filter(uid=key).first()


def row_or_404(rows: QuerySet[Row], uid: str, *, missing: str) -> Row:
    """Return the one of *rows* with this `uid`.

    Raises:
        NotFound: there is none; *missing* says so.
    """
    found = row_or_none(rows, uid)
    if found is None:
        raise NotFound(missing)
    return found
