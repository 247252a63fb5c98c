"""The words and pictures that all pages share.

`amount`, `percent`, `day` and `period` write words; all else renders a component of
templates/console/components/. What needs no context is also called by list columns.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal
from django import template
from django.db.models import Model
from django.forms import BaseForm, BoundField
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.audit import MOST_REASON
from accounts.versions import VERSION, version_of
from approvals.limits import Wish
from console.drawings import Bar, Chart, Fact, Picture
from lib.humanize import (
    ago,
    ahead,
    clock,
    day_words,
    locale_of,
    reader_locale,
    stretch,
)
from lib.money import format_money, format_percent
from lib.periods import Window
from reports.bundle import NAME as SCRIPT
from reports.themes import Theme, config_of

if TYPE_CHECKING:
    from console.pages import Search  # it needs the admin, which loads tags first

register = template.Library()
_ADDRESS = re.compile(r"([^\s,]+@[^\s,]+,?)")
_BREAKS = re.compile(r"(?=[@.])")  # where an address may go on in a new line
_money = lru_cache(maxsize=8_192)(format_money)  # most amounts are seen again


def component(name: str, /, **context: Any) -> SafeString:
    """Render one of templates/console/components/."""
    drawn = get_template(f"console/components/{name}.html").render(context)
    return SafeString(drawn.strip())


def _locale(context: Mapping[str, Any]) -> str:
    """Return the reader's locale: the site says it, parts of pages read it anew."""
    return context.get("locale") or locale_of(context["request"])


def _zone(zone: str | ZoneInfo) -> ZoneInfo:
    return ZoneInfo(zone) if isinstance(zone, str) else zone


# -- Words


@register.simple_tag(takes_context=True)
def amount(
    context: Mapping[str, Any], value: Decimal | None, currency: str, nothing: str = ""
) -> str:
    """Write money as the reader has it: `{% amount row.spent budget.currency %}`."""
    if value is None:
        return nothing
    return _money(value, currency, _locale(context))


@register.simple_tag(takes_context=True)
def percent(context: Mapping[str, Any], share: Decimal | None) -> str:
    """Write the share 0.62 as "62 %"; None, of a limit of nothing, as a dash."""
    return format_percent(share, _locale(context))


@register.simple_tag
def day(
    at: datetime | None, zone: str | ZoneInfo = "UTC", *, is_end: bool = False
) -> str:
    """Write the day of *at*: "9 Nov 2026"; of an exclusive end, the day before it."""
    return day_words(at, _zone(zone), is_end=is_end) if at else ""


@register.simple_tag
def period(window: Window, zone: str | ZoneInfo = "UTC") -> str:
    """Write which days *window* has: "1 to 30 November 2026"."""
    return stretch(window, _zone(zone))


# -- Times


@register.simple_tag
def moment(at: datetime | None, zone: str | ZoneInfo = "UTC") -> str:
    """Write the minute of *at*, with the second in UTC on hover."""
    return _time(at, clock(at, _zone(zone))) if at else ""


@register.simple_tag
def since(at: datetime | None) -> str:
    """Write how long ago *at* was: "4 s ago", with the moment on hover."""
    return _time(at, ago(at, timezone.now())) if at else ""


@register.simple_tag
def until(at: datetime | None) -> str:
    """Write how far ahead *at* is: "in 12 min", with the moment on hover."""
    return _time(at, ahead(at, timezone.now())) if at else ""


@register.simple_tag
def when(at: datetime, zone: str | ZoneInfo = "UTC") -> str:
    """Write how far off *at* is, before or after now; its minute in *zone* on hover."""
    now, minute = timezone.now(), clock(at, _zone(zone))
    words = ago(at, now) if at <= now else ahead(at, now)
    return component("time", at=at, words=words, full=f"{minute} {zone}")


def _time(at: datetime, words: str) -> SafeString:
    utc = at.astimezone(UTC)
    return component("time", at=utc, words=words, full=f"{utc:%Y-%m-%d %H:%M:%S} UTC")


@register.filter
def count(number: int) -> str:
    """Write a whole number as the reader does: "1,234"."""
    return str(format_decimal(number, "#,##0", reader_locale()))


# -- Pictures


@register.simple_tag
@lru_cache(maxsize=256, typed=True)  # a few states, in every row
def status(
    kind: str, word: str, *, title: str = "", url: str = "", more: str = ""
) -> SafeString:
    """Draw a state as colour, shape and word. *kind*: OK, WARNING, CRITICAL, EXCEEDED
    or NONE; *more*: further classes."""
    return component("status", kind=kind, word=word, title=title, url=url, more=more)


def noted(shown: object, note: object) -> SafeString:
    """Write *note* in small below what is *shown*, for columns of a list."""
    return component("noted", shown=shown, note=note)


@register.simple_tag
def most_reason() -> int:
    """Return how many characters of a reason are kept."""
    return MOST_REASON


@register.filter
def breakable(text: str) -> SafeString:
    """Write *text* with mail addresses that break only where they read on well."""
    parts = (
        component("address", parts=_BREAKS.split(part)) if place % 2 else part
        for place, part in enumerate(_ADDRESS.split(text))
    )
    return format_html_join("", "{}", ((part,) for part in parts))


@register.simple_tag
@lru_cache(
    maxsize=4_096, typed=True
)  # a tree draws a hundred, mostly as it did a moment ago
def bar(drawn: Bar, kind: str, words: str) -> SafeString:
    """Draw a budget period; *words* say the same."""
    return component("bar", bar=drawn, kind=kind, words=words)


@register.simple_tag
def chart(drawn: Chart) -> SafeString:
    """Draw the course of a period, and the days below it."""
    return component("chart", chart=drawn)


@register.simple_tag
def picture(drawn: Picture) -> SafeString:
    """Draw a chart that is gone through by mouse and keyboard, with its table."""
    return component("picture", picture=drawn)


@register.simple_tag
def picture_scripts() -> SafeString:
    """Load what draws pictures, in the theme of the page."""
    themes = {theme.value: config_of(theme) for theme in (Theme.LIGHT, Theme.DARK)}
    return component("picture_scripts", themes=themes, drawing=SCRIPT)


@register.simple_tag
def share_bar(width: float) -> SafeString:
    """Draw a share below its figure: *width* in percent."""
    return component("share_bar", width=width)


# -- Parts of pages


@register.simple_tag(takes_context=True)
def ask(
    context: Mapping[str, Any],
    wish: Wish | None,
    currency: str,
    *,
    name: str = "",
    small: bool = False,
) -> str:
    """Lead to the form that asks for *wish*, where somebody meets a limit they can't
    change themselves; None shows nothing. *name*: the budget's, where it isn't clear;
    *small*: as a note, not as a button."""
    if wish is None:
        return ""
    money = amount(context, wish.amount, currency)
    return component("ask", url=wish.path, amount=money, name=name, is_small=small)


@register.simple_tag
def head(*files: str) -> SafeString:
    """Load style sheets and scripts of static/console/: `{% head "budgets.css" %}`."""
    return component(
        "head",
        styles=[file for file in files if file.endswith(".css")],
        scripts=[file for file in files if file.endswith(".js")],
    )


@register.simple_tag
def crumbs(
    home: str,
    home_url: str,
    way: Iterable[tuple[int, str]] = (),
    way_url: str = "",
    *,
    here: str | None = "",
) -> SafeString:
    """Say where a page is: *home*, the budgets on the way to it, and what it is.

    Without *here*, the last of *way* is the page itself; with None, the page is below
    it. *home_url* and *way_url* are names of URLs; the latter takes the id of a budget.
    """
    trail = [(home, reverse(home_url))]
    trail += [(name, reverse(way_url, args=[pk])) for pk, name in way]
    if here == "":
        here = trail.pop()[0]
    return component("crumbs", trail=trail, here=here)


@register.simple_block_tag(end_name="endemptystate")
def emptystate(content: str, title: str = "") -> SafeString:
    """Teach where there is nothing: what would be here, why not, what to do next."""
    return component("empty_state", title=title, content=content)


@register.simple_block_tag(end_name="endbudgetchoice")
def budgetchoice(
    content: str,
    search: "Search",
    nothing: str,
    *,
    to: str = "",
    columns: Iterable[tuple[str, bool]] = (),
    cells: str = "",
) -> SafeString:
    """Have the reader choose a budget of *search*, below what stands in the block.

    *nothing* says what a budget is wanted for; *to* is the name of the URL that takes
    its id, without it the page's own gets `?budget=`. *columns* are headings, and
    whether numbers stand below; *cells* is the template of a row's.
    """
    shown = {"search": search, "nothing": nothing, "to": to}
    return component(
        "budget_choice", lead=content, columns=columns, cells=cells, **shown
    )


@register.simple_tag
def figures(pairs: Iterable[Fact | tuple[str, object]]) -> SafeString:
    """List names with their amounts, side by side and large."""
    return component("facts", facts=[Fact(*pair) for pair in pairs], is_money=True)


@register.simple_tag
def facts(pairs: Iterable[Fact | tuple[str, object]]) -> SafeString:
    """List names with what there is to say of them, one below the other."""
    return component("facts", facts=[Fact(*pair) for pair in pairs], is_money=False)


# -- Forms


@register.simple_tag
def chooser(
    label: str,
    name: str,
    options: Iterable[tuple[object, object]],
    chosen: object = "",
    *,
    nothing: str = "",
) -> SafeString:
    """Offer *options* (value and word) to filter by; *nothing* names none of them."""
    choices = [(str(value), word) for value, word in options]
    if nothing:
        choices.insert(0, ("", nothing))
    return component(
        "chooser", label=label, name=name, choices=choices, chosen=str(chosen)
    )


@register.simple_tag
def field(bound: BoundField | None) -> str:
    """Show a field with its label, its errors and its help; None shows nothing."""
    return component("field", field=bound) if bound else ""


@register.simple_tag
def fields(*bounds: BoundField | None) -> SafeString:
    """Show fields side by side where there is room."""
    return component("fields", fields=[bound for bound in bounds if bound])


@register.simple_tag
def choices(bound: BoundField, *, in_lines: bool = False) -> SafeString:
    """Show a field whose options stand beside, or below, each other."""
    return component("choices", field=bound, in_lines=in_lines)


@register.simple_tag
def tick(bound: BoundField, explained: str = "") -> SafeString:
    """Show a box to tick with its label behind it."""
    return component("tick", field=bound, help=explained)


@register.simple_tag
def datalist(name: str, offers: Iterable[str]) -> SafeString:
    """Offer *offers* to the fields whose `list` is *name*."""
    return component("datalist", name=name, offers=offers)


@register.simple_tag
def version(shown: Model | str) -> SafeString:
    """Have a form say which version of what it changes was shown; see ADR 0036."""
    seen = version_of(shown) if isinstance(shown, Model) else shown
    return component("version", name=VERSION, seen=seen)


@register.simple_tag
def errors(form: BaseForm) -> str:
    """Say why a form was not saved; nothing where it was."""
    return component("errors", form=form) if form.errors else ""
