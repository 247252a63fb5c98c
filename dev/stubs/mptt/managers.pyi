from contextlib import AbstractContextManager
from typing import TypeVar

from django.db import models

_M = TypeVar("_M", bound=models.Model)

class TreeManager(models.Manager[_M]):
    def disable_mptt_updates(self) -> AbstractContextManager[None]: ...
