from importlib import import_module

from django.apps import AppConfig


class CostOpsConfig(AppConfig):
    """The project as an app: its commands and checks."""

    name = "costops"

    def ready(self) -> None:
        import_module("costops.checks")  # registers them
