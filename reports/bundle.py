"""The script that draws charts in browsers: made once of what is installed, then kept.

It is too large to be versioned, and belongs to the version of the library that is
installed here: another one makes another.
"""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from django.conf import settings

NAME = "reports/vega.js"
_LONGEST_S = 120  # that making it may take


def folder() -> Path:
    """Return where the script is kept, for this version of the library."""
    return Path(settings.MADE_FILES_DIR) / f"vega-{version('vl-convert-python')}"


def made() -> Path:
    """Return the script, which the first who asks for it makes; that takes 2 s.

    Raises:
        OSError: There is no place for it.
        subprocess.SubprocessError: The library does not give it.
    """
    path = folder() / NAME
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        own = path.with_name(f"{path.name}.{os.getpid()}")
        with own.open("wb") as file:
            # In a process of its own: it takes 160 MB that are not given back.
            subprocess.run(
                [sys.executable, "-m", "reports.vega"],
                cwd=settings.BASE_DIR,
                stdout=file,
                stderr=subprocess.DEVNULL,
                timeout=_LONGEST_S,
                check=True,
            )
        own.replace(path)  # never seen half written
    return path
