"""The admin site: its name, and what its side bar shows."""

from django.contrib.admin.apps import AdminConfig


class CostOpsAdminConfig(AdminConfig):
    """django.contrib.admin with this project's site."""
