"""What browsers are told about the product's pages."""

import stat
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import Organization
from costops import env
from tests.factories import browser_for


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/admin/login/", "/admin/budgets/budget/tree/", "/nowhere", "/api/v1/docs"]
)
def test_every_page_runs_only_what_is_ours(acme: Organization, path: str) -> None:
    policy = browser_for(acme).get(path).headers["Content-Security-Policy"]

    rules = dict(part.strip().split(" ", 1) for part in policy.split(";") if part)
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self' 'unsafe-eval'"
    assert rules["frame-ancestors"] == "'none'"
    assert rules["form-action"] == "'self'"


def test_others_of_this_machine_can_not_read_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "VAR_DIR", tmp_path / "var")
    monkeypatch.delenv("DATABASE_URL", raising=False)

    path = Path(env.database()["NAME"])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.django_db
def test_a_key_that_is_no_key_is_not_looked_up() -> None:
    answer = Client(headers={"authorization": "Bearer " + "k" * 250_000}).get(
        "/api/v1/budgets"
    )

    assert answer.status_code == 401
