"""Reading what moved: the costs of two times, by one dimension."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ledger.analytics import lines_of
from ledger.costs import CostQuery
from ledger.movements import ModelUse, Movement, movement_of
from lib.periods import Window

_Uses = dict[str, ModelUse]  # by model


@dataclass(frozen=True, slots=True)
class Movers:
    """What moved in all, and of each name of a dimension; "" where none was given."""

    whole: Movement
    by_name: Mapping[str, Movement]


def movers_of(
    question: CostQuery, dimension: str, *, before: Window, now: Window
) -> Movers:
    """Return what made the costs of *before* those of *now*, by *dimension*.

    The range of *question* is not looked at. Days in UTC that both have as a whole are
    read from daily spend. One statement, and that of a question with filters.
    """
    groups = tuple(dict.fromkeys((dimension, "model")))
    of_name: dict[str, tuple[_Uses, _Uses]] = defaultdict(lambda: ({}, {}))
    whole: tuple[_Uses, _Uses] = ({}, {})
    for line in lines_of(question, groups, [before, now]):
        name, model = line.group[0], line.group[-1]
        sums = line.sums
        tokens = sums.input_tokens + sums.output_tokens
        use = ModelUse(sums.cost, sums.requests, tokens)
        for uses in (of_name[name][line.bucket], whole[line.bucket]):
            uses[model] = uses.get(model, ModelUse()) + use
    return Movers(
        movement_of(*whole),
        {name: movement_of(*uses) for name, uses in of_name.items()},
    )
