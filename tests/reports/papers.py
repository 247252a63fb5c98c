"""Reading documents as others do: their text, their tree, their files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from pypdf import PdfReader

from reports.paper.making import PaperFailed

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Element:
    """A node of the tree that screen readers walk."""

    kind: str
    alt: str
    scope: str
    kids: tuple["Element", ...] = field(repr=False)

    def walk(self) -> Iterator["Element"]:
        yield self
        for kid in self.kids:
            yield from kid.walk()

    def all(self, *kinds: str) -> list["Element"]:
        return [one for one in self.walk() if one.kind in kinds]


@dataclass(frozen=True)
class Paper:
    content: bytes

    @cached_property
    def reader(self) -> PdfReader:
        return PdfReader(BytesIO(self.content))

    @cached_property
    def pages(self) -> list[str]:
        """The text of each page, in one line."""
        return [" ".join(page.extract_text().split()) for page in self.reader.pages]

    @cached_property
    def text(self) -> str:
        return " ".join(self.pages)

    @cached_property
    def tree(self) -> Element:
        with pikepdf.open(BytesIO(self.content)) as pdf:
            return _element(pdf.Root.StructTreeRoot.K[0])

    @cached_property
    def files(self) -> dict[str, str]:
        found = self.reader.attachments
        return {name: content[0].decode() for name, content in found.items()}

    @cached_property
    def links(self) -> list[str]:
        """The addresses that its pages lead to."""
        marks = [
            one.get_object()
            for page in self.reader.pages
            for one in page.annotations or ()
        ]
        return [
            str(mark["/A"]["/URI"]) for mark in marks if "/URI" in mark.get("/A", {})
        ]

    @cached_property
    def bookmarks(self) -> list[str]:
        return list(_titles(self.reader.outline))


def paper_or_skip(content: bytes | PaperFailed) -> Paper:
    """Return it; where libraries of the system are missing there is nothing to see."""
    if isinstance(content, PaperFailed):
        if "libraries" in str(content):
            pytest.skip(str(content))
        raise content
    return Paper(content)


def _element(node: pikepdf.Object) -> Element:
    kids: Any = node.get("/K", [])
    below = kids if isinstance(kids, pikepdf.Array) else [kids]
    attributes: Any = node.get("/A", {})
    return Element(
        kind=str(node.S).removeprefix("/"),
        alt=str(node.get("/Alt", "")),
        scope=str(attributes.get("/Scope", "")).removeprefix("/"),
        kids=tuple(
            _element(one)
            for one in below
            if isinstance(one, pikepdf.Dictionary) and "/S" in one
        ),
    )


def _titles(outline: object) -> Iterator[str]:
    for one in outline if isinstance(outline, list) else [outline]:
        if isinstance(one, list):
            yield from _titles(one)
        else:
            yield str(getattr(one, "title", ""))
