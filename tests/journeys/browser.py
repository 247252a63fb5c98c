"""Which tests want a browser, and where it is."""

import os
from pathlib import Path

import pytest

CHROMIUM = Path(os.environ.get("COSTOPS_CHROMIUM", "/usr/bin/chromium"))

in_browser = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"There is no {CHROMIUM}."),
]
