"""A decision about money is there with all that follows from it, or not at all."""

import json

from tests.concurrency.killing import manage
from tests.concurrency.processes import run
from tests.sizes import size

KILLS = size(5, 50)


def test_who_is_killed_while_deciding_leaves_nothing_by_halves(
    environment: dict[str, str],
) -> None:
    apart = environment | {"DJANGO_SETTINGS_MODULE": "costops.settings"}

    told = json.loads(run(apart, KILLS, module="killing_decisions"))

    assert told["halves"] == []
    done: dict[str, int] = told["done"]
    assert sum(done.values()) == KILLS
    # Before the end nothing is there, after it all is.
    assert done["held: nothing"] == done["decided: nothing"] == KILLS / 5
    assert done["committed: all"] == KILLS / 5
    assert "every promise holds" in manage(environment, "verify")
