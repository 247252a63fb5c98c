"""Fixtures of others that races need too, and where processes apart run."""

import os

import pytest


@pytest.fixture
def environment(own_database: str) -> dict[str, str]:
    """Settings of a server with a database of its own, of the tests' kind."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    plain |= {"COSTOPS_SECRET_KEY": "tests-only", "COSTOPS_DEBUG": "1"}
    return {**plain, "DATABASE_URL": own_database}
