"""A chain of approvals, drawn: stages one after another, with who is in each, and who
decides which amount."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from approvals.plans import LevelNow
from approvals.types import Candidate, Chain
from budgets.models import Budget
from console.approvals.policy_forms import approver_words
from lib.money import format_money

MOST_SHOWN = 8  # people of one level
_ROLE, _OWNER = "role:", ("budget_owner", "ancestor_owner")


@dataclass(frozen=True, slots=True)
class Node:
    """One level as it is drawn."""

    name: str
    needed: str  # "any 2 of 3"
    since: str  # "from $5,000.00 on"; "": of every amount
    people: tuple[tuple[str, str], ...]  # address, and why they
    more: int  # people who are not shown
    fault: str  # why nobody could decide it


@dataclass(frozen=True, slots=True)
class Stage:
    """Levels that decide at the same time."""

    nodes: tuple[Node, ...]

    @property
    def is_parallel(self) -> bool:
        return len(self.nodes) > 1


def needed_of(needed: int | None, count: int) -> str:
    """Say how many of *count* people have to approve; None: all."""
    if count == 1:
        return "decides alone"
    if needed is None or needed >= count:
        return f"all {count} have to approve"
    return f"any {needed} of {count}"


def stages_of_plan(
    levels: Iterable[LevelNow], currency: str, locale: str
) -> list[Stage]:
    """Draw a policy: all of its levels, with whom they would ask as of now."""

    def node(level: LevelNow) -> Node:
        begins = level.min_amount > 0
        money = format_money(level.min_amount, currency, locale) if begins else ""
        return Node(
            name=level.name,
            needed=needed_of(level.required, len(level.people) + len(level.owners)),
            since=f"from {money} on" if begins else "",
            people=(*_owners(level.owners), *_people(level.people, ())),
            more=max(len(level.people) - MOST_SHOWN, 0),
            fault=level.fault,
        )

    return [
        Stage(tuple(node(one) for one in many))
        for _, many in groupby(levels, lambda one: one.stage)
    ]


def stages_of_chain(chain: Chain, path: Sequence[Budget]) -> list[Stage]:
    """Draw who would have to approve one amount for the budget that begins *path*."""
    return [
        Stage(
            tuple(
                Node(
                    name=step.name,
                    needed=needed_of(step.needed, len(step.approvers)),
                    since="",
                    people=_people(step.approvers, path),
                    more=max(len(step.approvers) - MOST_SHOWN, 0),
                    fault="",
                )
                for step in many
            )
        )
        for _, many in groupby(chain.steps, lambda one: one.stage)
    ]


def _owners(owners: Iterable[str]) -> Iterator[tuple[str, str]]:
    for words in owners:
        yield approver_words(words), "of the nearest above, where there is none"


def _people(
    found: Sequence[Candidate], path: Sequence[Budget]
) -> tuple[tuple[str, str], ...]:
    shown = found[:MOST_SHOWN]
    return tuple((one.person.email, why_of(one, path)) for one in shown)


def why_of(one: Candidate, path: Sequence[Budget]) -> str:
    """Say why somebody would be asked: "owns ML"; "": they are named."""
    if one.person.pk is None:
        return "becomes an approver when this is saved"
    if one.reason.startswith(_ROLE):
        return f"one of the {approver_words(one.reason).lower()}"
    if one.reason.startswith(_OWNER):
        owned = (budget for budget in path if budget.owner_id == one.person.pk)
        if (budget := next(owned, None)) is not None:
            return f"owns {budget.name}"
        if path:
            return "a finance admin: no budget there has an owner who may decide"
        return "a finance admin: it is for no budget in particular"
    return one.reason if one.reason != one.person.email else ""


def bands_of(
    levels: Sequence[LevelNow], currency: str, locale: str
) -> list[tuple[str, str]]:
    """Return which amounts whom pass: "from $5,000.00 on", "Owner, then CFO"."""
    begins = sorted({level.min_amount for level in levels})
    return [
        (words, _passed([one for one in levels if one.min_amount <= begin]))
        for begin, words in zip(
            begins, _band_words(begins, currency, locale), strict=True
        )
    ]


def _band_words(begins: Sequence[Decimal], currency: str, locale: str) -> Iterator[str]:
    money = [format_money(one, currency, locale) for one in begins]
    for place, begin in enumerate(begins):
        is_last = place + 1 == len(begins)
        if is_last:
            yield f"from {money[place]} on" if begin else "every amount"
        elif begin:
            yield f"from {money[place]} to less than {money[place + 1]}"
        else:
            yield f"less than {money[place + 1]}"


def _passed(levels: Iterable[LevelNow]) -> str:
    stages = groupby(levels, lambda one: one.stage)
    return ", then ".join(" and ".join(one.name for one in many) for _, many in stages)
