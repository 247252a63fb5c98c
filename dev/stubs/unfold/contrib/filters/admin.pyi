from typing import Any, ClassVar

from django.contrib import admin

class DropdownFilter(admin.SimpleListFilter):
    all_option: ClassVar[list[Any] | None]

class ChoicesDropdownFilter(admin.ChoicesFieldListFilter): ...
