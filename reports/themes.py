"""How charts look: the colours, lines and type of each theme.

A chart names what it draws ("spent", "band"), a theme says how that looks: so one
specification is drawn on light and dark pages, and on paper.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

# The page's own type where there is a browser, else what the machine has. Widths are
# measured where a chart is drawn.
_FONT = "Inter, DejaVu Sans, sans-serif"
_PAPER_FONT = "Inter, DejaVu Sans, sans-serif"
INK = "#1f3a5f"  # of what is spent, on paper
HATCH = "hatch"  # the id of the pattern that paper has for what is expected
_SIZE = 12  # pixels of type
_SMALL = 11
_DASHED, _DOTTED = [6, 4], [3, 3]


class Theme(StrEnum):
    """What a chart stands on."""

    LIGHT = "light"
    DARK = "dark"
    PRINT = "print"


@dataclass(frozen=True, slots=True)
class _Colours:
    text: str
    muted: str
    line: str  # of the grid
    ground: str  # between the parts of a bar
    spent: str
    expected: str
    limit: str
    less: str  # what takes spend down
    band: float  # opacity
    groups: tuple[str, ...]  # the last: all others
    hatched: str = ""  # instead of a colour, where that can be drawn

    def named(self) -> dict[str, list[str]]:
        return {
            "course": [self.spent, self.expected],
            "scenarios": [self.ground, self.spent, self.hatched or self.expected],
            "pace": [self.spent, self.muted],
            "moves": [self.muted, self.limit, self.less],
            "groups": list(self.groups),
            "heatmap": [self.line, self.spent],
        }


_COLOURS = {
    Theme.LIGHT: _Colours(
        text="#1f2937",
        muted="#5b6472",
        line="#e3e6ea",
        ground="#ffffff",
        spent="#2563eb",
        expected="#7c3aed",
        limit="#d11a1a",
        less="#15803d",
        band=0.16,
        groups=(
            *("#2563eb", "#e08a00", "#0f9d8a", "#c026a3"),
            *("#6d5bd0", "#6b8e23", "#b4532a", "#9aa3af"),
        ),
    ),
    Theme.DARK: _Colours(
        text="#e5e7eb",
        muted="#a3acb9",
        line="#2b3340",
        ground="#101722",
        spent="#6ea3ff",
        expected="#b79bff",
        limit="#ff8a80",
        less="#57d68a",
        band=0.24,
        groups=(
            *("#6ea3ff", "#f3b04a", "#3cc9b4", "#ee7fd6"),
            *("#a99bf5", "#a8c75a", "#e08a5f", "#7c8798"),
        ),
    ),
    Theme.PRINT: _Colours(
        text="#000000",
        muted="#3f4650",
        line="#d5d9de",
        ground="#ffffff",
        spent=INK,
        expected="#5b6472",
        limit="#9b1c1c",
        less="#2f7d57",
        band=0.2,
        hatched=f"url(#{HATCH})",
        groups=(
            *("#1d4ed8", "#c27803", "#0b7a6c", "#a21d8a"),
            *("#5746b3", "#55701c", "#8f4020", "#8a929d"),
        ),
    ),
}


@lru_cache
def config_of(theme: Theme) -> dict[str, Any]:
    """Return the configuration, in Vega-Lite's words, that draws charts in *theme*."""
    colours = _COLOURS[theme]
    font = _PAPER_FONT if theme is Theme.PRINT else _FONT
    return {
        "aria": False,  # the table behind a chart is read, and no pile of marks
        "font": font,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {
            "labelColor": colours.muted,
            "titleColor": colours.muted,
            "gridColor": colours.line,
            "domainColor": colours.muted,
            "tickColor": colours.muted,
            "labelFontSize": _SMALL,
            "titleFontSize": _SMALL,
            "titleFontWeight": "normal",
        },
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "axisX": {"grid": False},
        "legend": {
            "labelColor": colours.text,
            "labelFontSize": _SIZE,
            "titleColor": colours.muted,
            "titleFontSize": _SMALL,
            "titleFontWeight": "normal",
            "title": None,
            "orient": "top",
            "symbolStrokeColor": colours.spent,
            "direction": "horizontal",
            "offset": 20,
        },
        "header": {
            "labelColor": colours.text,
            "labelFontSize": _SIZE,
            "title": None,
            "labelAnchor": "start",
        },
        "range": colours.named(),
        "style": _styles(colours),
    }


def _styles(colours: _Colours) -> dict[str, Any]:
    label = {"fontSize": _SIZE, "color": colours.text}
    return {
        "spent": {"strokeWidth": 2.5, "strokeCap": "round", "strokeJoin": "round"},
        "expected": {"strokeWidth": 2, "strokeDash": _DASHED, "strokeJoin": "round"},
        "band": {"color": colours.expected, "opacity": colours.band},
        "interval": {
            "color": colours.expected,
            "opacity": 0.55,
            "strokeWidth": 3,
            "strokeCap": "round",
        },
        "scenario": {"stroke": colours.spent, "strokeWidth": 1},
        "planned": {"strokeWidth": 1.25, "strokeDash": _DASHED},
        "ground": {"color": colours.spent, "opacity": colours.band / 2},
        "limit": {"color": colours.limit, "strokeWidth": 1.5, "strokeDash": _DOTTED},
        "own-limit": {
            "color": colours.limit,
            "opacity": 1,
            "size": 20,
            "thickness": 2.5,
        },
        "limit-label": label | {"color": colours.limit},
        "today": {"color": colours.muted, "strokeWidth": 1},
        "today-label": label | {"color": colours.muted, "fontSize": _SMALL},
        "marked": {"color": colours.text, "strokeWidth": 1},
        "heat": {"stroke": colours.ground, "strokeWidth": 1},
        "marked-cell": {"filled": False, "stroke": colours.text, "strokeWidth": 2},
        "part": {"stroke": colours.ground, "strokeWidth": 0.5},
        "one": {"color": colours.spent},
        "average": {
            "color": colours.text,
            "strokeWidth": 1.5,
            "strokeDash": _DASHED,
        },
        "middle": {"filled": True, "size": 70, "opacity": 1, "color": colours.expected},
        "outcome": {
            "filled": False,
            "size": 110,
            "opacity": 1,
            "strokeWidth": 2,
            "color": colours.spent,
        },
        "value-label": label,
    }
