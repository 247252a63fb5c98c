"""What the templates of documents on paper are put together with."""

import base64
from collections.abc import Iterable

from django import template
from django.template.loader import get_template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from reports.paper.sheets import Block, SheetCell, SheetLine, Table, Tone

register = template.Library()

_SHAPES = {
    Tone.PLAIN: "",
    Tone.GOOD: "\N{BLACK CIRCLE}",
    Tone.WATCH: "\N{BLACK DIAMOND}",
    Tone.BAD: "\N{BLACK UP-POINTING TRIANGLE}",
}
_INDENT_MM = 3.2
_MOST_INDENT_MM = 12.8  # deeper ones stand below each other


@register.simple_tag
def blocks(all_of_them: Iterable[Block]) -> SafeString:
    """Draw blocks, each by its own template."""
    return SafeString(
        "".join(
            get_template(block.template).render({"block": block})
            for block in all_of_them
        )
    )


@register.simple_tag
def tone(which: Tone) -> SafeString:
    """Draw the shape that says good or bad."""
    if not _SHAPES[which]:
        return SafeString("")
    return format_html('<span class="shape">{}</span>', _SHAPES[which])


@register.simple_tag
def picture(svg: str) -> str:
    """Return the address of a picture that stands within it."""
    encoded = base64.b64encode(svg.encode()).decode()
    return f"data:image/svg+xml;base64,{encoded}"


@register.simple_tag
def line(table: Table, one: SheetLine) -> SafeString:
    """Draw a row. Not by a template: a table may have ten thousand cells."""
    classes = [
        name for name, is_so in (("sum", one.is_sum), ("total", one.is_total)) if is_so
    ]
    cells = format_html_join(
        "",
        "{}",
        (
            (_cell(cell, is_number=column.is_number, line=one if not place else None),)
            for place, (column, cell) in enumerate(
                zip(table.columns, one.cells, strict=True)
            )
        ),
    )
    return format_html('<tr class="{}">{}</tr>', " ".join(classes), cells)


def _cell(cell: SheetCell, *, is_number: bool, line: SheetLine | None) -> SafeString:
    shown = format_html(
        "{}{}{}",
        tone(cell.tone),
        format_html('<a href="{}">{}</a>', cell.link, cell.text)
        if cell.link
        else cell.text,
        format_html('<span class="note">{}</span>', cell.note) if cell.note else "",
    )
    if line is not None:
        return _head_of(line, shown)
    classes = " ".join(
        (
            *(["number"] if is_number else []),
            *([cell.tone] if cell.tone != Tone.PLAIN else []),
        )
    )
    return format_html('<td class="{}">{}</td>', classes, shown)


def _head_of(line: SheetLine, shown: SafeString) -> SafeString:
    indent = min(line.level * _INDENT_MM, _MOST_INDENT_MM)
    mark = SafeString('<span class="mark">\N{BLACK DIAMOND}</span>')
    return format_html(
        '<th scope="row" style="padding-left: {}mm">{}{}</th>',
        f"{indent:.1f}",
        mark if line.is_marked else "",
        shown,
    )
