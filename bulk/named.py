"""Budgets as sheets name them: by id, or by their names from the top down."""

from collections import defaultdict

from accounts.models import Organization
from budgets.models import Budget
from lib.errors import Invalid

BETWEEN = " / "  # names of a way


class NamedBudgets:
    """The budgets of an organization that are in use, as they are at this moment.

    One query.
    """

    def __init__(self, organization: Organization) -> None:
        rows = Budget.objects.active().filter(organization=organization)
        related = rows.select_related("organization", "owner")
        self.rows = {row.pk: row for row in related.order_by("tree_id", "lft")}
        self.ways: dict[int, str] = {}
        self._by_way: dict[str, list[int]] = defaultdict(list)
        self._by_uid = {str(row.uid): row.pk for row in self.rows.values()}
        for pk, row in self.rows.items():  # those above come first
            if row.parent_id in self.rows:
                row.parent = self.rows[row.parent_id]  # at hand from now on
            above = self.ways.get(row.parent_id or 0)
            self.ways[pk] = f"{above}{BETWEEN}{row.name}" if above else row.name
            self._by_way[plain_way(self.ways[pk])].append(pk)

    def way_of(self, budget: Budget) -> str:
        """Return the names from the top down to *budget*: "Acme / Engineering"."""
        return self.ways.get(budget.pk, budget.name)

    def find(self, text: str) -> Budget | None:
        """Return the budget that *text* names.

        Raises:
            Invalid: it could be several.
        """
        if (known := self._by_uid.get(text.strip().lower())) is not None:
            return self.rows[known]
        found = self._by_way.get(plain_way(text), [])
        if len(found) > 1:
            raise Invalid.field(
                "budget", f"{len(found)} budgets are called “{text}”: write the id."
            )
        return self.rows[found[0]] if found else None

    def named(self, text: str, attr: str) -> Budget:
        """Return the budget that *text* names.

        Raises:
            Invalid: none is called so, or several are.
        """
        found = self.find(text)
        if found is None:
            detail = f"No budget is called “{text}”. Write its names from the top down."
            raise Invalid.field(attr, detail, code="not_found")
        return found


def plain_way(way: str) -> str:
    """Return *way* as it is compared: whatever its letters and spaces."""
    return BETWEEN.join(" ".join(part.split()) for part in way.split("/")).casefold()
