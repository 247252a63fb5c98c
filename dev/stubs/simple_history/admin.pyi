from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

class SimpleHistoryAdmin(admin.ModelAdmin[Any]):
    object_history_list_template: str
    def revert_disabled(self, request: HttpRequest, obj: Any = ...) -> bool: ...
    def history_form_view(
        self,
        request: HttpRequest,
        object_id: str,
        version_id: str,
        extra_context: dict[str, Any] | None = ...,
    ) -> HttpResponse: ...
    def set_history_delta_changes(
        self, request: HttpRequest, historical_records: Sequence[Any]
    ) -> None: ...
