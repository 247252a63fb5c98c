"""Where budgets stand in their trees, for people: the names from the root down."""

from collections.abc import Iterable, Mapping

from budgets.models import Budget

Way = list[tuple[int, str]]  # id and name of each step, the root first


def ways_of(budgets: Iterable[Budget]) -> dict[int, Way]:
    """Return the way to each of *budgets*. A query for each level above them."""
    known = {one.pk: (one.parent_id, one.name) for one in budgets}
    mine = list(known)
    missing = {parent for parent, _ in known.values() if parent} - set(known)
    while missing:
        rows = Budget.objects.filter(pk__in=missing).order_by()
        found = rows.values_list("pk", "parent_id", "name")
        known |= {pk: (parent, name) for pk, parent, name in found}
        missing = {parent for _, parent, _ in found if parent} - set(known)
    return {pk: _way(known, pk) for pk in mine}


def words_of_way(way: Way) -> str:
    """Write a way: "Acme / Engineering / ML"."""
    return " / ".join(name for _, name in way)


def _way(known: Mapping[int, tuple[int | None, str]], budget_id: int) -> Way:
    way: Way = []
    current: int | None = budget_id
    while current is not None:
        parent, name = known[current]
        way.insert(0, (current, name))
        current = parent
    return way
