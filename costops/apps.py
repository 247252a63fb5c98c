from django.apps import AppConfig


class CostOpsConfig(AppConfig):
    """The project as an app: its commands and checks."""

    name = "costops"

    def ready(self) -> None:
        from costops import checks  # noqa: F401 - registers them
