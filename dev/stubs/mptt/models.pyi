from typing import Any

from django.db import models

class TreeForeignKey(models.ForeignKey[Any, Any]): ...

class MPTTModel(models.Model):
    lft: int
    rght: int
    tree_id: int
    level: int

    class Meta:
        abstract = True

    def get_children(self) -> models.QuerySet[Any]: ...
    def get_descendants(self, include_self: bool = ...) -> models.QuerySet[Any]: ...
    def get_ancestors(
        self, ascending: bool = ..., include_self: bool = ...
    ) -> models.QuerySet[Any]: ...
