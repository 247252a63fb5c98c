from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin import sites
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    """Every page of our own."""

    name = "console"


class ConsoleAdminConfig(AdminConfig):
    """django.contrib.admin with this project's site."""

    def ready(self) -> None:
        from console.site import CostOpsSite, adapt_foreign_models

        site = admin.site = sites.site = CostOpsSite()
        super().ready()
        adapt_foreign_models(site)
