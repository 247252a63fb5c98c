from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from budgets.figures import Position, status_of
from console.budgets.bars import bar_of
from console.templatetags.console import bar as drawn
from lib.periods import Window

pytestmark = pytest.mark.django_db


def bar(spent: str, *, limit: str = "100", reserved: str = "0", day: int = 16) -> Any:
    window = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    position = Position(
        amount=Decimal(limit),
        limit=Decimal(limit),
        spent=Decimal(spent),
        reserved=Decimal(reserved),
        window=window,
        zone=ZoneInfo("UTC"),
        warning_threshold=Decimal("0.8"),
        critical_threshold=Decimal("0.95"),
    )
    now = datetime(2025, 1, day, 12, tzinfo=UTC)
    return bar_of(position, status_of(position, now), now)


def test_a_bar_is_drawn_to_the_limit_at_its_frame() -> None:
    half = bar("50")

    assert (half.spent, half.over, half.warning) == (40, 0, 64)
    assert (half.time, half.ghost) == (40, 80)


def test_what_is_over_runs_over_the_frame() -> None:
    little, much = bar("110"), bar("1000")

    assert (little.spent, little.over, little.is_cut) == (80, 8, False)
    assert (much.over, much.is_cut) == (20, True)


def test_what_is_reserved_follows_what_is_spent() -> None:
    held = bar("50", reserved="25")

    assert (held.reserved_from, held.reserved) == (40, 20)


def test_a_bar_without_a_limit_is_full_once_something_is_spent() -> None:
    assert bar("0", limit="0").spent == 0
    assert bar("1", limit="0").is_cut


def test_words_in_a_drawing_are_escaped() -> None:
    assert "<b>" not in drawn(bar("1"), "OK", "<b>")


def test_only_what_is_there_is_drawn() -> None:
    nothing, much = drawn(bar("0"), "NONE", ""), drawn(bar("300"), "EXCEEDED", "")

    assert "co-spent" not in nothing
    assert "co-cut" not in nothing
    assert '<rect class="co-over" x="80%" y="4" width="20.0%"' in much
    assert "co-cut" in much
