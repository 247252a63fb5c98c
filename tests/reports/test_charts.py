import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reports.charts import (
    bridge_chart,
    course_chart,
    days_chart,
    multiples_chart,
    ranges_chart,
    stacked_chart,
    units_chart,
)
from reports.figures import (
    BridgeStep,
    CostPoint,
    GroupPoint,
    Limit,
    Range,
    UnitPoint,
    Words,
)
from reports.rendering import svg_of
from reports.themes import Theme

START = datetime(2026, 10, 24, tzinfo=ZoneInfo("Europe/Berlin"))
NOW = START + timedelta(days=1, hours=9)
WORDS = Words("spent", "expected", "today", "USD")
LIMIT = Limit(Decimal(500), "limit $500.00")
D = Decimal
POINTS = [
    CostPoint(START, D("0.1"), None, None, None, "24 October"),
    CostPoint(START + timedelta(days=1), D(40), D(40), D(40), D(40), "25 October"),
    CostPoint(START + timedelta(days=2), None, D(90), D(70), D(140), "26 October"),
]
GROUPS = ["gpt-4o", "others"]
PARTS = [
    GroupPoint(place, START + timedelta(days=place), group, D(7), f"{group}: $7.00")
    for place in range(3)
    for group in GROUPS
]
STEPS = [
    BridgeStep("Expected", D(0), D(100), is_total=True, words="", label="$100.00"),
    BridgeStep("gpt-4o", D(100), D(160), is_total=False, words="", label="+$60.00"),
    BridgeStep("o3", D(160), D(150), is_total=False, words="", label="-$10.00"),
    BridgeStep("Spent", D(0), D(150), is_total=True, words="", label="$150.00"),
]
RANGES = [
    Range("As it goes", D(90), D(70), D(140), None, ""),
    Range("Cheaper", D(60), D(40), D(90), D(75), "", limit=D(80)),
]
UNITS = [
    UnitPoint(place, START + timedelta(days=place), each, "")
    for place, each in enumerate((D("0.02"), None, D("0.05")))
]
CHARTS = {
    "course": course_chart(POINTS, limit=LIMIT, now=NOW, words=WORDS),
    "days": days_chart(POINTS, now=NOW, words=WORDS),
    "stacked": stacked_chart(PARTS, GROUPS, currency="USD"),
    "multiples": multiples_chart(PARTS, GROUPS, currency="USD"),
    "bridge": bridge_chart(STEPS, currency="USD"),
    "units": units_chart(UNITS, average=D("0.03"), currency="USD"),
    "ranges": ranges_chart(RANGES, currency="USD", limit=LIMIT),
}


def rows_of(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = CHARTS[name]["data"]["values"]
    return rows


def test_all_charts_can_be_drawn_for_each_ground() -> None:
    grounds = cycle([Theme.LIGHT, Theme.DARK, Theme.PRINT])

    drawn = {
        name: svg_of(spec, theme)
        for (name, spec), theme in zip(CHARTS.items(), grounds, strict=False)
    }

    assert "limit $500.00" in drawn["course"]
    assert "#6ea3ff" in drawn["days"]  # in the dark's own colours
    assert "others" in drawn["stacked"]
    assert "+$60.00" in drawn["bridge"]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_fetches_nothing_and_goes_to_the_browser_as_it_is(name: str) -> None:
    written = json.dumps(CHARTS[name])

    assert "url" not in written
    assert json.loads(written) == CHARTS[name]


def test_a_browser_in_any_zone_draws_the_days_of_the_budgets_zone() -> None:
    # Summer time ends on 25 October in Berlin: that day has 25 hours.
    drawn = [datetime.fromisoformat(row["at"]) for row in rows_of("course")]

    assert [at.tzinfo for at in drawn] == [UTC] * 3
    assert [(at.day, at.hour) for at in drawn] == [(24, 0), (25, 0), (26, 0)]


def test_rows_are_found_by_the_place_of_their_line_in_the_table() -> None:
    assert [row["place"] for row in rows_of("course")] == [0, 1, 2]
    assert [row["place"] for row in rows_of("stacked")] == [0, 0, 1, 1, 2, 2]


def test_a_bridge_tells_more_from_less() -> None:
    kinds = [row["kind"] for row in rows_of("bridge")]

    assert kinds == ["total", "more", "less", "total"]


def test_labels_have_room_behind_the_longest_bar() -> None:
    end = CHARTS["bridge"]["encoding"]["x"]["scale"]["range"][1]["expr"]

    assert end == f"width - {6 + 7 * len('$100.00')}"
