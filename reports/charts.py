"""Charts, as specifications in Vega-Lite's words, made of figures. Pure.

One specification serves the browser and paper; a theme (`reports.themes`) is added
where it is drawn. Words are the caller's, for only that knows the reader's language.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from reports import layers
from reports.figures import (
    BridgeStep,
    CostPoint,
    Deviation,
    GroupPoint,
    HeatCell,
    Limit,
    PlanPoint,
    PlanWords,
    Range,
    UnitPoint,
    Words,
)
from reports.layers import MARKED, Spec, number, wall

Rows = list[dict[str, Any]]

HEIGHT = 260  # pixels
_LOW = 150  # of a chart below another one
_CELL = 110  # of one among many
_LINE = 30  # for each line of a chart that goes down
MOST_GROUPS = 7  # that are told apart; one more is the others


def course_chart(
    points: Sequence[CostPoint], *, limit: Limit, now: datetime, words: Words
) -> Spec:
    """Draw what a period comes to: spent, expected, how sure that is, and the limit.

    *points* say what is spent by their moments, the first of them nothing.
    """
    return _of_rows(
        _cost_rows(points),
        {"x": layers.moments_axis(), "y": layers.money_axis("spent", words.currency)},
        [
            layers.between({"type": "area", "style": "band"}),
            layers.course("line", "spent", words.spent, words),
            layers.course("line", "expected", words.expected, words),
            *layers.limit_across(limit, points[0].at),
            *layers.today(now, words.today),
            *layers.pointer(),
        ],
        height=HEIGHT,
    )


def days_chart(points: Sequence[CostPoint], *, now: datetime, words: Words) -> Spec:
    """Draw what each day cost, and is expected to, with how sure that is."""
    return _of_rows(
        _cost_rows(points),
        {"x": layers.days_axis(), "y": layers.money_axis("spent", words.currency)},
        [
            layers.course("bar", "spent", words.spent, words),
            layers.course("bar", "expected", words.expected, words),
            layers.between({"type": "rule", "style": "interval"}),
            *layers.today(now, words.today),
            *layers.pointer(),
        ],
        height=_LOW,
    )


def stacked_chart(
    points: Sequence[GroupPoint],
    groups: Sequence[str],
    *,
    currency: str,
    interval: str = "day",
) -> Spec:
    """Draw each day as a bar of what *groups* cost, the first at the bottom.

    Or each "hour", "week" or "month", as *interval* says. *groups*: MOST_GROUPS, and
    the others together.
    """
    x = layers.days_axis() if interval == "day" else layers.bars_axis(interval)
    return _of_rows(
        _group_rows(points, groups),
        {"x": x, "y": layers.money_axis("cost", currency)},
        [layers.parts(groups), layers.marked()],
        height=HEIGHT,
    )


def multiples_chart(
    points: Sequence[GroupPoint], groups: Sequence[str], *, currency: str
) -> Spec:
    """Draw each of *groups* by itself, all on one scale."""
    amounts = layers.money_axis("cost", currency, ticks=3)
    each = {"x": layers.days_axis(), "y": amounts}
    return {
        "data": {"values": _group_rows(points, groups)},
        "params": [MARKED],
        "facet": {"field": "group", "type": "nominal", "sort": list(groups)},
        "columns": 3,
        "resolve": {"axis": {"x": "independent"}},  # the last line may be a short one
        "spec": {
            "width": _CELL * 2,
            "height": _CELL,
            "encoding": each,
            "layer": [layers.parts(groups, legend=False), layers.marked()],
        },
    }


def units_chart(
    points: Sequence[UnitPoint], *, average: Decimal | None, currency: str
) -> Spec:
    """Draw what one of something cost in each stretch of time, and *average*, what it
    cost in all of them."""
    rows = [
        {
            "place": point.place,
            "at": wall(point.at),
            "each": number(point.each),
            "words": point.words,
        }
        for point in points
    ]
    return _of_rows(
        rows,
        {"x": layers.stretches_axis(), "y": layers.money_axis("each", currency)},
        [layers.bars(), *layers.average_across(average), layers.marked()],
        height=_LOW,
    )


def heat_chart(cells: Sequence[HeatCell], *, currency: str) -> Spec:
    """Draw each hour of the week as a field, the darker the dearer: days one below the
    other, hours from left to right, both as they come first in *cells*."""
    days = list(dict.fromkeys(one.day for one in cells))
    hours = list(dict.fromkeys(one.hour for one in cells))
    rows = [
        {
            "place": place,
            "name": one.day,
            "hour": one.hour,
            "cost": number(one.cost),
            "words": one.words,
        }
        for place, one in enumerate(cells)
    ]
    return _of_rows(
        rows,
        {
            "x": layers.steps_axis(hours) | {"field": "hour"},
            "y": layers.names_axis(days),
        },
        [layers.heat(currency), layers.marked_cell()],
        height=_LINE * len(days),
    )


def bridge_chart(steps: Sequence[BridgeStep], *, currency: str) -> Spec:
    """Draw how one amount becomes another, step by step downwards."""
    rows = [
        {
            "place": place,
            "name": step.name,
            "start": number(step.start),
            "end": number(step.end),
            "kind": _kind(step),
            "words": step.words,
            "label": step.label,
            "far": number(max(step.start, step.end)),
        }
        for place, step in enumerate(steps)
    ]
    labels = [step.label for step in steps]
    x = layers.with_room(layers.money_axis("start", currency), labels)
    return _of_rows(
        rows,
        {"x": x, "y": layers.names_axis([step.name for step in steps])},
        [layers.steps(), layers.labels(x | {"field": "far"}), layers.marked_line()],
        height=_LINE * len(steps),
    )


def ranges_chart(
    ranges: Sequence[Range], *, currency: str, limit: Limit | None = None
) -> Spec:
    """Draw ranges one below the other: what is expected, and what came of it."""
    rows = [
        {
            "place": place,
            "name": one.name,
            "middle": number(one.middle),
            "lower": number(one.lower),
            "upper": number(one.upper),
            "outcome": number(one.outcome),
            "limit": number(one.limit),
            "words": one.words,
        }
        for place, one in enumerate(ranges)
    ]
    x = layers.money_axis("lower", currency)
    has_own = any(one.limit is not None for one in ranges)
    has_come = any(one.outcome is not None for one in ranges)
    return _of_rows(
        rows,
        {"x": x, "y": layers.names_axis([one.name for one in ranges])},
        [
            *layers.ranges(x, outcomes=has_come),
            *([layers.limits(x)] if has_own else []),
            *([layers.limit_down(x, limit)] if limit else []),
            layers.marked_line(),
        ],
        height=_LINE * len(ranges),
    )


def plan_chart(points: Sequence[PlanPoint], *, words: PlanWords) -> Spec:
    """Draw what each stretch cost beside what was budgeted for it: the budget outlined,
    what is spent solid, what is still expected hatched on top, where paper can."""
    return _of_rows(
        _plan_rows(points),
        {
            "x": layers.steps_axis([point.name for point in points]),
            "y": layers.money_axis("spent", words.currency),
        },
        [*layers.planned(words), layers.marked()],
        height=HEIGHT,
    )


def pace_chart(points: Sequence[PlanPoint], *, words: PlanWords) -> Spec:
    """Draw what was spent by each day beside what was budgeted up to then."""
    return _of_rows(
        _plan_rows(points),
        {
            "x": layers.steps_axis([point.name for point in points]),
            "y": layers.money_axis("spent", words.currency),
        },
        [*layers.pace(words), layers.marked()],
        height=HEIGHT,
    )


def deviations_chart(found: Sequence[Deviation], *, currency: str) -> Spec:
    """Draw by how much each is over or below, one below the other."""
    rows = [
        {
            "place": place,
            "name": one.name,
            "start": 0,
            "end": number(one.amount),
            "kind": "more" if one.amount > 0 else "less",
            "words": one.words,
            "label": one.label,
            "far": number(max(one.amount, Decimal(0))),
        }
        for place, one in enumerate(found)
    ]
    labels = [one.label for one in found]
    x = layers.with_room(layers.money_axis("start", currency), labels)
    return _of_rows(
        rows,
        {"x": x, "y": layers.names_axis([one.name for one in found])},
        [layers.steps(), layers.labels(x | {"field": "far"}), layers.marked_line()],
        height=_LINE * len(found),
    )


def _of_rows(
    rows: Rows, encoding: dict[str, Any], layers: Sequence[Spec], *, height: int
) -> Spec:
    return {
        "data": {"values": rows},
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": [MARKED],
        "encoding": encoding,
        "layer": list(layers),
    }


def _cost_rows(points: Sequence[CostPoint]) -> Rows:
    return [
        {
            "place": place,
            "at": wall(point.at),
            "spent": number(point.spent),
            "expected": number(point.expected),
            "lower": number(point.lower),
            "upper": number(point.upper),
            "words": point.words,
        }
        for place, point in enumerate(points)
    ]


def _plan_rows(points: Sequence[PlanPoint]) -> Rows:
    return [
        {
            "place": place,
            "name": point.name,
            "budgeted": number(point.budgeted),
            "spent": number(point.spent),
            "from": number(point.spent) or 0,
            "expected": number(point.expected),
            "lower": number(point.lower),
            "upper": number(point.upper),
            "words": point.words,
        }
        for place, point in enumerate(points)
    ]


def _group_rows(points: Sequence[GroupPoint], groups: Sequence[str]) -> Rows:
    order = {group: number for number, group in enumerate(groups)}
    return [
        {
            "place": point.place,
            "at": wall(point.at),
            "group": point.group,
            "order": order[point.group],
            "cost": number(point.cost),
            "words": point.words,
        }
        for point in points
    ]


def _kind(step: BridgeStep) -> str:
    if step.is_total:
        return "total"
    return "more" if step.end > step.start else "less"
