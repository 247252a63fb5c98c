"""Every address the product answers, as its resolver has them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils.regex_helper import normalize


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern: its name, how its addresses are written, and the view behind it."""

    name: str
    form: str  # with %(name)s for each of *parameters*
    parameters: tuple[str, ...]
    view: Callable[..., Any]

    def filled(self, values: dict[str, Any]) -> str:
        """Return the address with *values*, which leads here and nowhere else."""
        path = f"/{self.form % {name: values[name] for name in self.parameters}}"
        found = resolve(path)
        assert found.func is self.view, f"{path} leads to {found.view_name}"
        return path


def routes() -> list[Route]:
    """Return all there are; one without a name has that of what stands before it."""
    found = list(_below(get_resolver(), "", ()))
    names = [route.name for route in found]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"Two routes have one name: {sorted(twice)}"
    return found


def _below(
    resolver: URLResolver, before: str, parameters: tuple[str, ...]
) -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        form, own = _form(pattern)
        known = (*parameters, *own)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern, before + form, known)
        elif isinstance(pattern, URLPattern):
            name = pattern.name or f"unnamed:{before}{form}"
            yield Route(name, before + form, known, pattern.callback)


def _form(pattern: URLPattern | URLResolver) -> tuple[str, list[str]]:
    """Return how a part of an address is written, and what it is written with."""
    found: list[tuple[str, list[str]]] = normalize(pattern.pattern.regex.pattern)
    form, parameters = found[0]
    return form, list(parameters)
