from typing import Any

from django.db import models

class HistoryManager(models.Manager[Any]): ...
