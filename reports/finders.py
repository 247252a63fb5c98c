"""Static files that are made here."""

import logging
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

from reports import bundle

_log = logging.getLogger(__name__)


class MadeFilesFinder(BaseFinder):
    """Finds the script that draws charts; `serve` and `collectstatic` come by here."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return []  # it is made when it is wanted, and not when settings are checked

    def find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        if path != bundle.NAME or not _is_made():
            return []
        found = str(bundle.folder() / path)
        return [found] if any((*args, *kwargs.values())) else found

    def list(
        self, ignore_patterns: Iterable[str] | None
    ) -> Iterator[tuple[str, FileSystemStorage]]:
        if _is_made():
            yield bundle.NAME, FileSystemStorage(location=bundle.folder())


def _is_made() -> bool:
    """Make the script, if it is not there; without it pages show tables alone."""
    try:
        bundle.made()
    except (OSError, subprocess.SubprocessError):
        _log.exception("Charts can't be drawn in browsers: their script is not there.")
        return False
    return True
