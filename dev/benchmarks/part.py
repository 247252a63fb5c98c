"""One part of the dev.benchmarks, in a process of its own."""

import os
import secrets
from importlib import import_module

from dev.benchmarks.timing import Figure


def measure(module: str, url: str, rounds: int) -> list[Figure]:
    """Set Django up on the empty database at *url* and run a module's benchmark."""
    os.environ |= {
        "DATABASE_URL": url,
        "COSTOPS_DEBUG": "0",  # with it Django keeps every statement in a list
        "COSTOPS_SECRET_KEY": secrets.token_hex(),
        "DJANGO_SETTINGS_MODULE": "dev.benchmarks.settings",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    figures: list[Figure] = import_module(f"dev.benchmarks.{module}").measure(rounds)
    return figures
