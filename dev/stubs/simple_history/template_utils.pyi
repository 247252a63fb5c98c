from typing import Any

from django.db import models

class HistoricalRecordContextHelper:
    def __init__(self, model: type[models.Model], historical_record: Any) -> None: ...
    def prepare_delta_change_value(self, change: Any, value: Any) -> Any: ...
