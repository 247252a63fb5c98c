"""What charts are put together of: axes, and layers of marks. Pure.

A row has a *place*: the number of its line in the table that stands behind a chart, by
which the keyboard goes through it. Its *words* are shown where the mouse meets it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from reports.figures import Limit, PlanWords, Words

Spec = dict[str, Any]


def number(amount: Decimal | None) -> float | None:
    """Return where *amount* is drawn: a place in a picture, never an amount again."""
    return None if amount is None else float(amount)


def wall(at: datetime) -> str:
    """Return what the clock on the wall says, as if in UTC.

    So are moments drawn alike everywhere, whatever zone the browser is in.
    """
    return at.replace(tzinfo=UTC).isoformat()


# -- Axes

# 0.02, 950, 1.2k, 3M: cents are seen, and thousands short.
_AMOUNT = "format(datum.value, abs(datum.value) < 1000 ? '~g' : '~s')"


# Labels that come nearer than so many pixels give way.
_APART: Spec = {"labelOverlap": True, "labelSeparation": 8}


def moments_axis() -> Spec:
    axis = {"title": None, "format": "%-d %b", "tickCount": 10, **_APART}
    return {
        "field": "at",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": axis,
    }


def days_axis() -> Spec:
    middle = 0.5  # of a day's place is where a line for it stands
    return moments_axis() | {"timeUnit": "utcyearmonthdate", "bandPosition": middle}


def stretches_axis() -> Spec:
    """Give each stretch of time (a day, a week) the same room, by its beginning."""
    axis = {"title": None, "format": "%-d %b", "labelAngle": 0, **_APART}
    return {
        "field": "at",
        "type": "ordinal",
        "timeUnit": "utcyearmonthdate",
        "axis": axis,
    }


_BARS = {
    "hour": ("utcyearmonthdatehours", "%-d %b %H:%M"),
    "week": ("utcyearmonthdate", "%-d %b %y"),
    "month": ("utcyearmonth", "%b %Y"),
}


def bars_axis(interval: str) -> Spec:
    """Give each hour, week or month the same room, by its beginning."""
    unit, form = _BARS[interval]
    axis = stretches_axis()
    return axis | {"timeUnit": unit, "axis": axis["axis"] | {"format": form}}


def money_axis(field: str, currency: str, *, ticks: int = 5) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": currency,
        "axis": {"labelExpr": _AMOUNT, "tickCount": ticks},
        "scale": {"zero": True},
    }


def with_room(x: Spec, labels: Sequence[str]) -> Spec:
    """Leave room at the end of *x* for the longest of *labels* behind it.

    The library leaves some by itself, but measures letters before their font is there.
    """
    room = _BEHIND + _LETTER * max(map(len, labels), default=0)
    return x | {"scale": x["scale"] | {"range": [0, {"expr": f"width - {room}"}]}}


def names_axis(names: Sequence[str]) -> Spec:
    axis = {"title": None, "labelLimit": 150, "ticks": False, "domain": False}
    return {"field": "name", "type": "nominal", "sort": list(names), "axis": axis}


def steps_axis(names: Sequence[str]) -> Spec:
    """Give each of *names*, stretches of time, the same room."""
    axis = {"title": None, "labelAngle": 0, "ticks": False, **_APART}
    return {"field": "name", "type": "ordinal", "sort": list(names), "axis": axis}


# -- Layers

_BEHIND, _LETTER = 6, 7  # pixels before a label, and of one of its letters
TOOLTIP: Spec = {"tooltip": {"field": "words"}}
# The place that is pointed at, by mouse or keyboard; -1: none.
MARKED: Spec = {"name": "marked", "value": -1}
_DAY_BAR: Spec = {"type": "bar", "width": {"band": 0.7}}
_IF_MARKED: Spec = {
    "opacity": {"condition": {"test": "datum.place === marked", "value": 1}, "value": 0}
}


def _colour(name: str, words: Words) -> Spec:
    scale = {"domain": [words.spent, words.expected], "range": "course"}
    return {"color": {"datum": name, "type": "nominal", "scale": scale}}


def course(mark: str, field: str, name: str, words: Words) -> Spec:
    kind: Spec = {"type": mark, "style": field} if mark == "line" else _DAY_BAR
    return {
        "transform": [{"filter": f"isValid(datum.{field})"}],
        "mark": kind,
        "encoding": {"y": {"field": field, "type": "quantitative"}}
        | _colour(name, words),
    }


def between(mark: Spec) -> Spec:
    """Draw *mark* from the lower to the upper end of what is expected."""
    y = {"field": "lower", "type": "quantitative"}
    return {
        "transform": [{"filter": "isValid(datum.lower)"}],
        "mark": mark,
        "encoding": {"y": y, "y2": {"field": "upper"}},
    }


def limit_across(limit: Limit, start: datetime) -> list[Spec]:
    """Draw *limit* from side to side, with its words above it from *start* on."""
    amount = number(limit.amount)
    data = {"values": [{"limit": amount, "at": wall(start), "words": limit.words}]}
    y = {"field": "limit", "type": "quantitative"}
    label = {"align": "left", "baseline": "bottom", "dx": 4, "dy": -3}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "style": "limit"},
            "encoding": {"x": None, "y": y},
        },
        {
            "data": data,
            "mark": {"type": "text", "style": "limit-label", **label},
            "encoding": {"y": y, "text": {"field": "words"}},
        },
    ]


def average_across(average: Decimal | None) -> list[Spec]:
    """Draw *average* from side to side, where there is one."""
    if average is None:
        return []
    return [
        {
            "data": {"values": [{"average": number(average)}]},
            "mark": {"type": "rule", "style": "average"},
            "encoding": {
                "x": None,
                "y": {"field": "average", "type": "quantitative"},
            },
        }
    ]


def limit_down(x: Spec, limit: Limit) -> Spec:
    """Draw *limit* from top to bottom, on the axis *x*."""
    return {
        "data": {"values": [{"limit": number(limit.amount), "words": limit.words}]},
        "mark": {"type": "rule", "style": "limit"},
        "encoding": {"x": x | {"field": "limit"}, "y": None} | TOOLTIP,
    }


def limits(x: Spec) -> Spec:
    """Draw the limit of each row as a stroke across its line, on the axis *x*."""
    return {
        "mark": {"type": "tick", "style": "own-limit"},
        "encoding": {"x": x | {"field": "limit"}} | TOOLTIP,
    }


def today(now: datetime, words: str) -> list[Spec]:
    data = {"values": [{"at": wall(now), "words": words}]}
    x = moments_axis()
    label = {"align": "left", "baseline": "top", "dx": 4, "y": 0}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "style": "today"},
            "encoding": {"x": x, "y": None},
        },
        {
            "data": data,
            "mark": {"type": "text", "style": "today-label", **label},
            "encoding": {"x": x, "y": None, "text": {"field": "words"}},
        },
    ]


def pointer() -> list[Spec]:
    """Return what the mouse meets anywhere above a moment, and the one it is at."""
    mark = {"type": "rule", "strokeWidth": 14, "opacity": 0}
    return [{"mark": mark, "encoding": {"y": None} | TOOLTIP}, marked()]


def marked() -> Spec:
    return {
        "mark": {"type": "rule", "style": "marked"},
        "encoding": {"y": None} | _IF_MARKED,
    }


def marked_line() -> Spec:
    return {
        "mark": {"type": "rule", "style": "marked"},
        "encoding": {"x": None, "x2": None} | _IF_MARKED,
    }


def heat(currency: str) -> Spec:
    """Draw each row as a field, the more it costs the more of the colour."""
    legend = {"title": currency, "format": "~s", "gradientLength": 120}
    shade = {"field": "cost", "type": "quantitative", "legend": legend}
    return {
        "mark": {"type": "rect", "style": "heat"},
        "encoding": {"color": shade} | TOOLTIP,
    }


def marked_cell() -> Spec:
    return {"mark": {"type": "rect", "style": "marked-cell"}, "encoding": _IF_MARKED}


def planned(words: PlanWords) -> list[Spec]:
    """Draw what was budgeted as a wide frame, and in it a bar of what was spent, with
    what is expected on top."""
    return [
        _scenario("budgeted", words.budgeted, words, band=0.82),
        _scenario("spent", words.spent, words, band=0.5),
        _scenario("expected", words.expected, words, band=0.5, start="from"),
        between({"type": "rule", "style": "interval"}),
    ]


def _scenario(
    field: str, name: str, words: PlanWords, *, band: float, start: str = ""
) -> Spec:
    y = {"field": field, "type": "quantitative"}
    from_here = {"y2": {"field": start}} if start else {}
    return {
        "transform": [{"filter": f"isValid(datum.{field})"}],
        "mark": {"type": "bar", "style": "scenario", "width": {"band": band}},
        "encoding": {"y": y} | from_here | _scenario_fill(name, words) | TOOLTIP,
    }


def _scenario_fill(name: str, words: PlanWords) -> Spec:
    scale = {
        "domain": [words.budgeted, words.spent, words.expected],
        "range": "scenarios",
    }
    return {"fill": {"datum": name, "type": "nominal", "scale": scale}}


def pace(words: PlanWords) -> list[Spec]:
    """Draw what was budgeted as a line, and what was spent as a stronger one."""
    return [
        {
            "transform": [{"filter": "isValid(datum.spent)"}],
            "mark": {"type": "area", "style": "ground"},
            "encoding": {"y": {"field": "spent", "type": "quantitative"}},
        },
        *(
            {
                "transform": [{"filter": f"isValid(datum.{field})"}],
                "mark": {"type": "line", "style": style},
                "encoding": {"y": {"field": field, "type": "quantitative"}}
                | _pace_stroke(name, words),
            }
            for field, style, name in (
                ("budgeted", "planned", words.budgeted),
                ("spent", "spent", words.spent),
            )
        ),
    ]


def _pace_stroke(name: str, words: PlanWords) -> Spec:
    scale = {"domain": [words.spent, words.budgeted], "range": "pace"}
    legend = {"symbolType": "stroke", "symbolSize": 400}
    return {
        "color": {"datum": name, "type": "nominal", "scale": scale, "legend": legend}
    }


def bars() -> Spec:
    """Draw one bar for each row."""
    return {
        "mark": {"type": "bar", "style": "one", "width": {"band": 0.7}},
        "encoding": TOOLTIP,
    }


def steps() -> Spec:
    kinds = {"domain": ["total", "more", "less"], "range": "moves"}
    colour = {"field": "kind", "type": "nominal", "scale": kinds, "legend": None}
    return {
        "mark": {"type": "bar", "height": {"band": 0.62}},
        "encoding": {"x2": {"field": "end"}, "color": colour} | TOOLTIP,
    }


def labels(x: Spec) -> Spec:
    """Write each row's label behind where *x* says."""
    place = {"align": "left", "dx": _BEHIND, "baseline": "middle"}
    return {
        "mark": {"type": "text", "style": "value-label", **place},
        "encoding": {"x": x, "text": {"field": "label"}},
    }


def ranges(x: Spec, *, outcomes: bool) -> list[Spec]:
    """Draw what each row expects as a point on its range, and what came as a ring.

    *outcomes*: of some rows something came; a field that none has would be no number.
    """
    return [
        {
            "mark": {"type": "rule", "style": "interval"},
            "encoding": {"x2": {"field": "upper"}} | TOOLTIP,
        },
        *(
            {
                "mark": {"type": "point", "style": field},
                "encoding": {"x": x | {"field": field}} | TOOLTIP,
            }
            for field in ("middle", *(["outcome"] if outcomes else ()))
        ),
    ]


def parts(groups: Sequence[str], *, legend: bool = True) -> Spec:
    colour: Spec = {
        "field": "group",
        "type": "nominal",
        "sort": list(groups),
        "scale": {"domain": list(groups), "range": "groups"},
    }
    if not legend:
        colour["legend"] = None
    return {
        "mark": {"type": "bar", "style": "part", "width": {"band": 0.8}},
        "encoding": {"color": colour, "order": {"field": "order"}} | TOOLTIP,
    }
