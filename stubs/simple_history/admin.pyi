from typing import Any

from django.contrib import admin
from django.http import HttpRequest

class SimpleHistoryAdmin(admin.ModelAdmin[Any]):
    object_history_list_template: str
    def revert_disabled(self, request: HttpRequest, obj: Any = ...) -> bool: ...
