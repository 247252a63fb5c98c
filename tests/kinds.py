"""What kind of test one is, told from the fixtures and marks it has."""

import pytest

# Fixtures of processes beside the tests: their servers, and the browser.
_APART = frozenset({"chromium", "own_database", "server"})
_DATABASE = frozenset({"db", "live_server", "transactional_db"})


def kinds_of(item: pytest.Item) -> frozenset[str]:
    """Return the kinds of *item*; one without any is pure.

    apart          it meets the database through processes of its own, or a browser
    browser        a browser meets it
    database       it meets the database in this process; pytest-django lets no other
    each_database  it is apart, and what it shows depends on the kind of database
    races          it commits, for threads that are in one another's way
    """
    fixtures = frozenset(getattr(item, "fixturenames", ()))
    mark = item.get_closest_marker("django_db")
    apart = bool(fixtures & _APART)
    kinds = {
        "apart": apart,
        "browser": "chromium" in fixtures,
        "database": mark is not None or bool(fixtures & _DATABASE),
        "each_database": "own_database" in fixtures,
        "races": not apart
        and mark is not None
        and bool(mark.kwargs.get("transaction")),
    }
    return frozenset(kind for kind, is_one in kinds.items() if is_one)
