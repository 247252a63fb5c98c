"""What a document consists of: blocks, with all words and amounts written. Pure.

Each block names the template that draws it; all text is escaped there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

_ROOM = 1.05  # digits for each percent of a page's width


class Tone(StrEnum):
    """Whether something is good or bad news. It is shown by a shape beside the words,
    and in colour only then."""

    PLAIN = "plain"
    GOOD = "good"
    WATCH = "watch"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Block:
    template: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Heading(Block):
    """A heading, which is a bookmark too. *level*: 2 for a part, 3 within it."""

    template: ClassVar[str] = "reports/paper/heading.html"
    text: str
    level: int = 2
    anchor: str = ""  # that a list of contents leads to
    lead: str = ""  # a sentence below it
    is_small: bool = False  # within a part, for the eye


@dataclass(frozen=True, slots=True)
class Text(Block):
    """A paragraph. *style*: "body", "lead" (the sentence that says it all), "small"."""

    template: ClassVar[str] = "reports/paper/text.html"
    text: str
    style: str = "body"


@dataclass(frozen=True, slots=True)
class Key(Block):
    """One of the few figures that are read first."""

    template: ClassVar[str] = "reports/paper/key.html"
    name: str
    value: str
    note: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Keys(Block):
    """The figures that are read first, side by side."""

    template: ClassVar[str] = "reports/paper/keys.html"
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. *width* is its part of the table's, in percent."""

    head: str
    width: float
    is_number: bool = False
    group: str = ""  # a head above it, and above its neighbours of the same group


@dataclass(frozen=True, slots=True)
class SheetCell:
    text: str
    note: str = ""  # in small below it
    tone: Tone = Tone.PLAIN
    link: str = ""


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A row of a table; its first cell says what it is of."""

    cells: tuple[SheetCell, ...]
    level: int = 0  # how far it is indented
    is_sum: bool = False  # of lines below it, in the tree
    is_total: bool = False  # of the table
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Table(Block):
    """A table, whose heads are repeated on each page that it reaches."""

    template: ClassVar[str] = "reports/paper/table.html"
    caption: str
    columns: tuple[Column, ...]
    lines: tuple[SheetLine, ...]
    empty: str = ""  # what is said where there are no lines
    is_caption_shown: bool = True

    @property
    def is_dense(self) -> bool:
        """Tell whether some number is too long for its column in type of usual size."""
        return any(
            column.is_number and len(cell.text) > _ROOM * column.width
            for line in self.lines
            for column, cell in zip(self.columns, line.cells, strict=True)
        )

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Return the heads above heads and how many columns each spans."""
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return tuple(found) if any(name for name, _ in found) else ()


@dataclass(frozen=True, slots=True)
class Drawing(Block):
    """A chart: *svg*, and what it says in *words* for whoever does not see it."""

    template: ClassVar[str] = "reports/paper/drawing.html"
    title: str
    svg: str
    words: str


@dataclass(frozen=True, slots=True)
class Bullet:
    text: str
    note: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Bullets(Block):
    """A list of points."""

    template: ClassVar[str] = "reports/paper/bullets.html"
    bullets: tuple[Bullet, ...]


@dataclass(frozen=True, slots=True)
class Sides(Block):
    """Blocks side by side, the left ones read first."""

    template: ClassVar[str] = "reports/paper/sides.html"
    left: tuple[Block, ...]
    right: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Contents(Block):
    """Where the parts of the document begin."""

    template: ClassVar[str] = "reports/paper/contents.html"
    name: str
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Part(Block):
    """Blocks that begin on a new page, unless *follows*; *is_wide* turns the page."""

    template: ClassVar[str] = "reports/paper/part.html"
    blocks: tuple[Block, ...]
    follows: bool = False
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within the document."""

    name: str  # "variance.csv"
    description: str
    content: str
    mime_type: str = "text/csv"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole document."""

    title: str  # also of the file, as a reader's window shows it
    kind: str  # above the title: "Monthly report"
    organization: str
    subtitle: str
    language: str  # of its words: "de"; amounts may be written otherwise
    page: str  # "A4" or "letter"
    running: str  # beside the organization, at the head of pages after the first
    foot: str  # left of the page's number
    page_of: str  # "Page {page} of {pages}"
    made_at: datetime  # what its figures are of; never the clock
    blocks: tuple[Block, ...]
    heading: str = ""  # that stands large on the first page; "": its title
    watermark: str = ""  # across all pages: "Draft"
    attachments: tuple[Attachment, ...] = field(default=())

    def walk(self) -> Iterator[Block]:
        """Yield all blocks in the order in which they are read."""
        yield from _walk(self.blocks)


def _walk(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for block in blocks:
        yield block
        match block:
            case Part(blocks=inner):
                yield from _walk(inner)
            case Sides(left=left, right=right):
                yield from _walk(left + right)
