"""Reading pages as a person does: by headings, tables, and the names of things."""

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from django.test import Client

_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}
_UNSEEN = {"script", "style", "template", "head"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6", "legend", "caption", "summary"}


class Element:
    """A part of a page, with all that stands in it."""

    def __init__(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.content: list[Element | str] = []

    @property
    def text(self) -> str:
        """What one reads there, in one line with single spaces."""
        return " ".join(" ".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for one in self.content:
            if isinstance(one, str):
                yield one
            elif one.tag not in _UNSEEN and not one.is_icon:
                yield from one._texts()

    @property
    def is_icon(self) -> bool:
        """Whether its letters are drawn as a picture."""
        return "material-symbols-outlined" in self.attributes.get("class", "").split()

    def all(self, *tags: str) -> "Iterator[Element]":
        """Yield the elements in it with one of *tags*, or all, as they are written."""
        for one in self.content:
            if isinstance(one, Element):
                if not tags or one.tag in tags:
                    yield one
                yield from one.all(*tags)

    @property
    def headings(self) -> list[str]:
        return [one.text for one in self.all(*_HEADINGS)]

    @property
    def paragraphs(self) -> list[str]:
        return [one.text for one in self.all("p", "li", "blockquote")]

    @property
    def links(self) -> dict[str, str]:
        """Where the links in it lead, by what they are called."""
        return {name_of(one): one.attributes.get("href", "") for one in self.all("a")}

    @property
    def buttons(self) -> list[str]:
        return [name_of(one) for one in self.all("button")]

    def part(self, name: str) -> "Element":
        """Return what is called *name* by its label or its own heading."""
        for one in self.all():
            if name in (one.attributes.get("aria-label"), self._label_of(one)):
                return one
        for one in self.all():
            if any(
                isinstance(below, Element)
                and below.tag in _HEADINGS
                and below.text == name
                for below in one.content
            ):
                return one
        raise AssertionError(f"Nothing is called {name!r} beside {self.headings}.")

    def _label_of(self, one: "Element") -> str | None:
        label = one.attributes.get("aria-labelledby")
        return self.by_id(label).text if label else None

    def by_id(self, name: str) -> "Element":
        for one in self.all():
            if one.attributes.get("id") == name:
                return one
        raise AssertionError(f"Nothing has the id {name!r}.")

    def table(self, name: str = "") -> "Table":
        """Return the table that is called *name*, or that stands in what is; without
        one the only table there is.
        """
        place = self.part(name) if name else self
        tables = [place] if place.tag == "table" else list(place.all("table"))
        assert len(tables) == 1, f"{len(tables)} tables in {place.text!r}"
        return Table(tables[0])

    def facts(self) -> dict[str, str]:
        """Return what stands beside each term of the lists of terms in it."""
        found: dict[str, str] = {}
        term = ""
        for one in self.all("dt", "dd"):
            if one.tag == "dt":
                term = one.text
            else:
                found[term] = f"{found[term]} {one.text}" if term in found else one.text
        return found


class Table:
    """A table, by the names of its columns."""

    def __init__(self, element: Element) -> None:
        rows = list(element.all("tr"))
        self.columns = [one.text for one in rows[0].all("th")] if rows else []
        self.rows = [Row(self.columns, one) for one in rows if list(one.all("td"))]

    def column(self, name: str) -> list[str]:
        return [row[name] for row in self.rows]

    def row(self, words: str) -> "Row":
        """Return the one row in which *words* are read."""
        found = [row for row in self.rows if words in row.element.text]
        assert len(found) == 1, f"{words!r} is in {len(found)} rows"
        return found[0]


class Row:
    """What one row of a table says in each column."""

    def __init__(self, columns: list[str], element: Element) -> None:
        self.element = element
        self.texts = [one.text for one in element.all("td", "th")]
        self._by_name = dict(zip(columns, self.texts, strict=False))

    def __getitem__(self, column: str) -> str:
        assert column in self._by_name, f"No {column!r} in {list(self._by_name)}"
        return self._by_name[column]


class _Builder(HTMLParser):
    """Puts elements into one another; an end tag ends what is open inside too."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].content.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        tags = [one.tag for one in self.open]
        if tag in tags:
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def read(content: str) -> Element:
    """Return the page that *content* is, or the part that it replaces."""
    builder = _Builder()
    builder.feed(content)
    builder.close()
    return builder.open[0]


def page_at(browser: Client, address: str, **query: Any) -> Element:
    """Return the page's main part, without the menu that all pages have."""
    page = read(browser.get(address, query).content.decode())
    main = [one for one in page.all() if one.attributes.get("id") == "main"]
    return main[0] if main else page


def name_of(element: Element) -> str:
    """Return what somebody who hears the page is told of a link or button."""
    return " ".join(element.attributes.get("aria-label", "").split()) or element.text


def shown(browser: Client, address: str, **query: Any) -> str:
    """Return the text of a page's main part, in one line."""
    return page_at(browser, address, **query).text


def words_of(content: str) -> str:
    return read(content).text


def forms_in(answer: Any) -> list[dict[str, str]]:
    """Return the fields of the forms on a page that one sends, with their values."""
    return [fields for _, fields in forms_by_place(answer)]


def forms_by_place(answer: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each form on a page is sent ("": to the page), and its fields."""
    if "html" not in answer.headers.get("Content-Type", "") or answer.streaming:
        return
    for form in read(answer.content.decode()).all("form"):
        if form.attributes.get("method") == "post":
            yield form.attributes.get("action", ""), dict(_fields_of(form))


def _fields_of(form: Element) -> Iterator[tuple[str, str]]:
    for one in form.all("input", "select", "textarea", "button"):
        name = one.attributes.get("name")
        if not name or name == "csrfmiddlewaretoken":
            continue
        if one.tag == "textarea":
            written = "".join(part for part in one.content if isinstance(part, str))
            yield name, written.removeprefix("\r").removeprefix("\n")
        elif one.tag == "select":
            offered = list(one.all("option"))
            chosen = [o for o in offered if "selected" in o.attributes]
            for option in (chosen or offered)[:1]:
                yield name, option.attributes.get("value", "")
        elif one.attributes.get("type") not in {"checkbox", "radio"}:
            yield name, one.attributes.get("value", "")
        elif "checked" in one.attributes:
            yield name, one.attributes.get("value", "on")
