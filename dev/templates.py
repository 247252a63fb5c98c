"""How templates are laid out: one tag a line, and no line wider than a screen.

The checks say what is not so. An element that stands in text (a link, a
button, a bold word) may share its line; so may a condition that begins and ends there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent / "templates"
WIDTH = 120
_ITS_OWN_WAY = {"notifications/mail.html"}  # mail has its styles in its tags
_BLOCK = (
    "article|aside|body|datalist|dd|details|div|dl|dt|fieldset|form|h[1-6]|head|html|legend|li|main"
    "|meta|nav|ol|option|p|section|select|style|summary|table|tbody|td|textarea|tfoot|th|thead|tr|ul"
)
_ELEMENT = re.compile(rf"<(?:{_BLOCK})\b")
_TAG = re.compile(
    r"{% (end)?(?:autoescape|block|emptystate|for|if|localize|spaceless|with)\b"
)


def faults(text: str) -> Iterator[str]:
    """Yield what is wrong with the layout of a template: line and reason."""
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > WIDTH:
            yield f"{number}: {len(line)} columns, at most {WIDTH}"
        if len(_ELEMENT.findall(line)) > 1:
            yield f"{number}: more than one element begins here"
        if sum(-1 if end else 1 for end in _TAG.findall(line)) > 1:
            yield f"{number}: more than one tag opens here"


def all_faults(root: Path = ROOT) -> list[str]:
    """Return what is wrong with the project's templates, file by file."""
    return [
        f"templates/{name}:{fault}"
        for name, path in sorted(
            (path.relative_to(root).as_posix(), path) for path in root.rglob("*.html")
        )
        if name not in _ITS_OWN_WAY
        for fault in faults(path.read_text())
    ]
