"""The admin's addresses, from its resolver, and rows for them to lead to."""

from typing import Any

from django.apps import apps
from django.urls import get_resolver

NOT_TRIED = {"logout", "jsi18n"}


def patterns() -> dict[str, tuple[str, list[str]]]:
    """Return the admin's addresses by name: how they are written, and with what."""
    prefix, resolver = get_resolver().namespace_dict["admin"]
    return {
        name: (f"/{prefix}{form}", parameters)
        for name, ways in resolver.reverse_dict.lists()
        if isinstance(name, str) and name not in NOT_TRIED
        for form, parameters in ways[0][0]
    }


def address_of(name: str) -> str:
    """Return the address of that name that leads to a row there is, if it has one."""
    form, parameters = patterns()[name]
    row: Any = row_for(name, parameters)
    version = row.history.first() if hasattr(row, "history") else row
    ids = [one.pk if one else 1 for one in (row, version)]
    if row and parameters == ["uid"]:
        ids = [row.uid]
    return form % dict(zip(parameters, ids, strict=False))


def row_for(name: str, parameters: list[str]) -> Any:
    """Return a row of what an address is of: its parameter says it, or its name."""
    wanted = {one.removesuffix("_id") for one in parameters}
    for model in apps.get_models():
        if model._meta.model_name in wanted and model._meta.app_label != "contenttypes":
            return model._default_manager.first()
    for model in apps.get_models():
        if name.startswith(f"{model._meta.app_label}_{model._meta.model_name}_"):
            return model._default_manager.first()
    return None
