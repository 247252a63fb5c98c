"""What every kind of sheet can do: show what is there, look at lines, apply steps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from accounts.models import Organization
from bulk.columns import BulkColumn
from bulk.models import BulkKind, BulkStep
from bulk.types import BulkLine, Cell, DraftStep

Tell = Callable[[float], None]  # the share that is done


class Applying(Protocol):
    """Steps of one change that are being applied, one after the other."""

    def together(self) -> AbstractContextManager[None]:
        """Return what they are applied in."""

    def apply(self, step: BulkStep) -> None:
        """Do what a step says.

        Raises:
            Refusal: it can't be done, or what it is about was changed since.
        """

    def end(self) -> None:
        """Do what is left to do once all of them are applied."""


class SheetKind(Protocol):
    """A kind of sheet."""

    @property
    def kind(self) -> BulkKind: ...

    @property
    def columns(self) -> Sequence[BulkColumn]: ...

    @property
    def key(self) -> str:
        """The column by which lines without an id find what they are about."""

    @property
    def words(self) -> str:
        """What its lines do, for people."""

    @property
    def holds_trees(self) -> bool:
        """Whether trees of budgets are held while steps are applied."""

    def rows(self, organization: Organization) -> Iterator[dict[str, Cell]]:
        """Yield what is there, as lines that would change nothing."""

    def plan(
        self,
        organization: Organization,
        lines: Sequence[BulkLine],
        *,
        locale: str,
        now: datetime,
        tell: Tell,
    ) -> list[DraftStep]:
        """Return what *lines* would do; nothing is written."""

    def applying(
        self, organization: Organization, *, now: datetime, reason: str
    ) -> Applying:
        """Begin to apply steps, in a transaction of the caller's."""
