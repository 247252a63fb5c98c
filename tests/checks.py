"""What Django says of the product, whether what is made of it is up to date, and its
templates are laid out as all are.

python -m tests.checks: one process for all of it, as each would take a second to start.
"""

import difflib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import django
from django.core.management import CommandError, call_command

from dev import sdk_types
from dev.shared import stale
from dev.templates import all_faults
from tests import house
from tests.databases import ROOT

SCHEMA = ROOT / "docs" / "openapi.yaml"


def check_settings() -> None:
    call_command("check", fail_level="WARNING")


def check_migrations() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True)


def check_schema() -> None:
    fresh = io.StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=fresh)
    _refuse_if_stale(SCHEMA, fresh.getvalue())


def check_sdk_types() -> None:
    for path, fresh in sdk_types.written().items():
        _refuse_if_stale(path, fresh)


def _refuse_if_stale(path: Path, fresh: str) -> None:
    name = str(path.relative_to(ROOT))
    differences = list(
        difflib.unified_diff(
            path.read_text().splitlines(),
            fresh.splitlines(),
            name,
            "what it should be",
            lineterm="",
        )
    )
    if differences:
        raise CommandError(
            "\n".join([*differences, f"{name} is out of date. Refresh it: make docs"])
        )


def check_shared() -> None:
    if copies := stale():
        raise CommandError(
            f"{', '.join(copies)}: out of date. Refresh it: python -m dev.shared"
        )


def check_templates() -> None:
    if found := all_faults():
        raise CommandError("\n".join(found))


def check_house() -> None:
    if found := house.faults():
        raise CommandError("\n".join(found))


def passes(check: Callable[[], None]) -> bool:
    try:
        check()
    except CommandError as error:
        print(error, file=sys.stderr)
        return False
    except SystemExit as end:  # how makemigrations says that one is missing
        return not end.code
    return True


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "costops.settings"
    django.setup()
    # All of them, also when one fails.
    sys.exit(
        not all(
            [
                passes(check_settings),
                passes(check_migrations),
                passes(check_schema),
                passes(check_shared),
                passes(check_sdk_types),
                passes(check_templates),
                passes(check_house),
            ]
        )
    )
