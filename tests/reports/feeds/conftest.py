import pytest

from reports import exports
from tests.reports.feeds.factories import KINDS


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have exports that are quick and small beside those there are."""
    monkeypatch.setattr(exports, "KINDS", {**exports.KINDS, **KINDS})
