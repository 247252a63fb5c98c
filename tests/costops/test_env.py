"""What the environment says, as settings."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from costops import env

URL = "postgres://user@db.example/costops"


@pytest.mark.parametrize(
    ("query", "times"),
    [("", 1), ("?prepare_threshold=5", 5), ("?prepare_threshold=none", None)],
)
def test_statements_are_prepared_unless_the_url_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, query: str, times: int | None
) -> None:
    monkeypatch.setenv("DATABASE_URL", URL + query)

    assert env.database()["OPTIONS"]["prepare_threshold"] == times


def test_a_threshold_that_is_no_number_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{URL}?prepare_threshold=often")

    with pytest.raises(ImproperlyConfigured, match="a whole number or none"):
        env.database()


def test_mails_may_be_kept_as_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "file:var/mail")

    kept = env.email()

    assert kept["EMAIL_BACKEND"].endswith("filebased.EmailBackend")
    assert kept["EMAIL_FILE_PATH"] == str(env.VAR_DIR / "mail")
