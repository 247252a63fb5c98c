from typing import Any

from django.contrib import admin

class ModelAdmin(admin.ModelAdmin[Any]):
    list_filter_submit: bool
    compressed_fields: bool
    warn_unsaved_form: bool
    change_form_before_template: str | None
    list_before_template: str | None
    change_form_after_template: str | None
    change_form_outer_before_template: str | None
    change_form_outer_after_template: str | None

class TabularInline(admin.TabularInline[Any, Any]):
    hide_title: bool
