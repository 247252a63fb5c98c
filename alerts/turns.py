"""Work that one worker does at a time, and none waits for.

Who comes while another is at it leaves word and goes: the other has a worker come again
when it is done. A turn that is not renewed ends by itself, so that one who was killed
keeps nobody from the work for long.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from alerts.models import Turn

LASTS = timedelta(seconds=30)  # unless it is renewed
T = TypeVar("T")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Turned:
    """A turn that was had; `again`: somebody else came meanwhile."""

    name: str
    holder: UUID = field(default_factory=uuid4)
    again: bool = False
    began: float = field(default_factory=time.monotonic)

    def has_passed(self, seconds: float) -> bool:
        """Tell whether the turn has lasted that long."""
        return time.monotonic() - self.began >= seconds

    @property
    def row(self) -> QuerySet[Turn]:
        return Turn.objects.filter(name=self.name)

    def take(self) -> bool:
        """Take the turn unless another has it; tell whether it was taken."""
        now = timezone.now()
        is_free = Q(until__lte=now) | Q(holder=self.holder)
        taken = self.row.filter(is_free).update(holder=self.holder, until=now + LASTS)
        return bool(taken)

    def give_back(self) -> None:
        """Leave the turn to others, and learn whether one came."""
        self.row.filter(holder=self.holder).update(holder=None, until=_LONG_AGO)
        self.again = bool(self.row.filter(again=True).update(again=False))


def timed(items: Iterable[T], size: int, most_s: float | None) -> Iterator[list[T]]:
    """Yield *items* *size* at a time; none after *most_s* but the first of them."""
    ends = None if most_s is None else time.monotonic() + most_s
    going = iter(items)
    while some := list(islice(going, size)):
        yield some
        if ends is not None and time.monotonic() >= ends:
            return


@transaction.atomic
def ask(name: str) -> bool:
    """Leave word at *name*, part of the present transaction; False: it was there.

    Whoever does what is asked for takes the word away first, and waits for those who
    just leave it: so what they have changed is seen, by this one or by the next.
    """
    Turn.objects.get_or_create(name=name, defaults={"until": _LONG_AGO})
    row = Turn.objects.select_for_update().get(name=name)
    if row.again:
        return False
    row.again = True
    row.save(update_fields=["again"])
    return True


def hear(name: str) -> None:
    """Take the word at *name* away: whoever comes from now on asks anew."""
    Turn.objects.filter(name=name).update(again=False)


def hear_all(beginning: str) -> None:
    """Take the words at all names away that begin so."""
    Turn.objects.filter(name__startswith=beginning).update(again=False)


@contextmanager
def turn(name: str) -> Iterator[Turned | None]:
    """Have the turn at *name* within; None: another has it, and was left word."""
    mine = Turned(name)
    Turn.objects.get_or_create(name=name, defaults={"until": _LONG_AGO})
    if not mine.take():
        mine.row.update(again=True)
        if not mine.take():  # it was given back before the word was left
            yield None
            return
    try:
        yield mine
    finally:
        mine.give_back()
