from typing import Any

import pytest
from django.test import TestCase

from controls.decisions import services


@pytest.fixture(params=[False, True], ids=["new", "known"])
def _remembers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decide in a process that knows nothing, then in one that remembers.

    It remembers what it read when that is committed, which tests do not do.
    """
    if not request.param:
        return
    decide = services.decide

    def committed(*given: Any) -> Any:
        with TestCase.captureOnCommitCallbacks(execute=True):
            return decide(*given)

    monkeypatch.setattr(services, "decide", committed)
