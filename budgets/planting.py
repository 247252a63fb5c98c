"""Writing where budgets stand in their trees once, after many of them came or moved."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.db.models import Max

from accounts.models import Organization
from budgets.models import Budget

_AT_ONCE = 500
_PLACE = ("tree_id", "lft", "rght", "level")


class _Place(NamedTuple):
    tree_id: int
    lft: int
    rght: int
    level: int


@contextmanager
def planting(organization: Organization) -> Iterator[None]:
    """Have the places of budgets in their trees be written at the end.

    Each insertion else moves all that stand behind it, so that a thousand write half a
    million rows. Until the end only parents tell who is above whom. In a transaction
    that holds the trees.
    """
    with Budget.objects.disable_mptt_updates():
        yield
    _write_places(organization)


def _write_places(organization: Organization) -> None:
    rows = Budget.objects.filter(organization=organization)
    known = {
        pk: (parent, _Place(*place))
        for pk, parent, *place in rows.order_by("tree_id", "lft", "pk").values_list(
            "pk", "parent_id", *_PLACE
        )
    }
    below: dict[int | None, list[int]] = defaultdict(list)
    for pk, (parent, _) in known.items():
        below[parent].append(pk)
    last = Budget.objects.aggregate(last=Max("tree_id"))["last"] or 0
    taken: set[int] = {0}  # what a new root has
    changed = []
    for root in below[None]:
        tree_id = known[root][1].tree_id
        if tree_id in taken:
            last += 1
            tree_id = last
        taken.add(tree_id)
        for pk, place in _places(root, tree_id, below):
            if place != known[pk][1]:
                changed.append(Budget(pk=pk, **place._asdict()))
    Budget.objects.bulk_update(changed, _PLACE, batch_size=_AT_ONCE)


def _places(
    root: int, tree_id: int, below: dict[int | None, list[int]]
) -> Iterator[tuple[int, _Place]]:
    """Yield the places of *root* and all that are *below* it, as nested sets."""
    number, open_ones = 1, [(root, 1, iter(below[root]))]
    while open_ones:
        pk, left, children = open_ones[-1]
        number += 1
        child = next(children, None)
        if child is not None:
            open_ones.append((child, number, iter(below[child])))
            continue
        open_ones.pop()
        yield pk, _Place(tree_id, left, number, len(open_ones))
