"""The type that documents are set in, unpacked once and then kept.

Unpacking takes a second for each face, every time. What is kept belongs to the version
of the package that the fonts come with.
"""

import os
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fontTools.ttLib import TTFont

FACES = {400: "Inter-Regular", 600: "Inter-SemiBold"}  # by weight


def unpacked(face: str, folder: Path) -> bytes:
    """Return *face* of FACES as TrueType; kept in *folder*, where that can be."""
    place = folder / f"unfold-{version('django-unfold')}" / f"{face}.ttf"
    if not place.exists():
        packed = files("unfold") / f"static/unfold/fonts/inter/{face}.woff2"
        with packed.open("rb") as file:
            font = TTFont(file, recalcTimestamp=False)
            font.flavor = None
            place.parent.mkdir(parents=True, exist_ok=True)
            own = place.with_name(f"{place.name}.{os.getpid()}")
            font.save(own)
        own.replace(place)  # never seen half written
    return place.read_bytes()
