"""What a drawing consists of: figures and words, no markup. Components draw them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Fact(NamedTuple):
    """A name and what there is to say of it; with *url* the value is a door."""

    label: str
    value: object
    url: str = ""


FRAME = 80.0  # of a bar's width is the limit, as bar.html has it; the rest is beyond


@dataclass(frozen=True, slots=True)
class Bar:
    """Where the parts of a bar begin and how long they are, in percent."""

    spent: float  # within the frame
    over: float  # beyond it
    reserved_from: float
    reserved: float
    ghost: float  # where the projection ends; 0: there is none
    carried: float  # at the frame's end: carried over from the last period
    warning: float
    critical: float
    time: float | None  # where the period's time stands; None: not now
    is_cut: bool  # it goes on beyond the drawing

    @property
    def carried_from(self) -> float:
        return round(FRAME - self.carried, 2)


class Stroke(NamedTuple):
    """A path of a chart, in thousandths of its plot."""

    kind: str  # the class that carries its colour: co-limit and so on
    path: str


class Label(NamedTuple):
    """Words in a chart; lengths in percent of it, *nudge* in pixels."""

    kind: str
    x: float
    y: float
    nudge: int
    anchor: str  # "start" or "end"
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: the ground first; *words* say the same."""

    words: str
    lines: tuple[Stroke, ...]
    dot: tuple[float, float]  # in percent
    labels: tuple[Label, ...]
    dates: tuple[tuple[float, str], ...]  # below it: where each begins, in percent


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart that goes by the keyboard too, and the table behind it."""

    name: str  # within the page
    title: str
    words: str  # what it shows, in a sentence
    spec: dict[str, Any]  # of `reports.charts`
    height: int  # pixels that it takes
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]  # the first of each is its name
    url: str = ""  # of the same drawn for paper

    @property
    def script(self) -> str:
        """The id of the element that has the specification."""
        return f"{self.name}-spec"
