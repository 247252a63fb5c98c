"""Random worlds, compared after every step with an oracle that shares no code."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets import backfill
from tests.budgets.moments import examples
from tests.budgets.stories import stories
from tests.budgets.worlds import World, undone


def tell(world: World, story: list[tuple[Any, ...]]) -> None:
    for step in story:
        world.do(step)
        world.check()
    world.do(("roll_up",))
    world.check()


@pytest.mark.django_db
@examples(4)
@given(story=stories, fiscal_month=st.integers(1, 12))
def test_every_period_is_what_the_oracle_says_after_every_step(
    story: list[tuple[Any, ...]], fiscal_month: int
) -> None:
    with undone():
        tell(World(fiscal_year_start_month=fiscal_month), story)


@pytest.mark.django_db
@examples(4)
@given(story=stories, chunk=st.integers(1, 5))
def test_long_backfills_go_chunk_by_chunk_beside_new_usage_and_new_trees(
    story: list[tuple[Any, ...]], chunk: int
) -> None:
    with undone(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(backfill, "AT_ONCE", 0)
        patched.setattr(backfill, "CHUNK", chunk)
        patched.setattr(backfill, "enqueue", lambda *task: None)
        world = World()

        tell(world, story)
        backfill.continue_all()

        assert all(budget.backfill is None for budget in world.budgets)
        world.check()
