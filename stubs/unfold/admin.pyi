from typing import Any

from django.contrib import admin

class ModelAdmin(admin.ModelAdmin[Any]):
    list_filter_submit: bool
    compressed_fields: bool
    warn_unsaved_form: bool
    change_form_before_template: str | None
