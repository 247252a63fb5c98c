"""Which tests want a browser, and where it is."""

import os
import shutil

import pytest

# The headless shell needs half of what the whole browser does.
_NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
CHROMIUM = os.environ.get("COSTOPS_CHROMIUM") or next(
    filter(None, map(shutil.which, _NAMES)), None
)

in_browser = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on the PATH."),
]
