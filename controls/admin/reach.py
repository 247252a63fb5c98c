"""What the names in a rule reach among the models that were really used."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.core.cache import cache

from accounts.models import Organization
from controls.expressions import read
from ledger.identity import ModelName, pattern_of
from ledger.models import Attribution

MOST_TEXTS = 50  # told of
MOST_NAMED = 5  # models that are named
_MOST_USED = 5_000  # models looked at
_REMEMBERED_S = 60


class Reach(NamedTuple):
    """What one name in a rule reaches, in words."""

    text: str
    words: str
    is_nothing: bool


def reach_of(organization: Organization, given: Mapping[str, Any]) -> list[Reach]:
    """Say what each name of a model in a rule reaches. One query a minute."""
    texts = list(dict.fromkeys(_texts(given)))[:MOST_TEXTS]
    if not texts:
        return []
    used = _used(organization)
    return [_reach(text, used) for text in texts]


def _texts(given: Mapping[str, Any]) -> Iterator[str]:
    config = given["config"]
    yield from sorted(read(given["trigger"]).models)
    yield from config.get("blocked_models", ())
    yield from config.get("allowed_models", ())
    yield from config.get("downgrades", {})


def _reach(text: str, used: Iterable[ModelName]) -> Reach:
    pattern = pattern_of(text)
    found = [name.version or name.model for name in used if pattern.reaches(name)]
    if not found:
        return Reach(text, "no model that was used so far", is_nothing=True)
    words = ", ".join(found[:MOST_NAMED])
    if more := len(found[MOST_NAMED:]):
        words += f" and {more} more"
    return Reach(text, words, is_nothing=False)


def _used(organization: Organization) -> list[ModelName]:
    key = f"costops.models.{organization.pk}"
    known: list[tuple[str, str]] | None = cache.get(key)
    if known is None:
        rows = Attribution.objects.filter(organization=organization)
        pairs = rows.order_by("model", "model_version").distinct()
        known = list(pairs.values_list("model", "model_version")[:_MOST_USED])
        cache.set(key, known, _REMEMBERED_S)
    return [ModelName(*pair) for pair in known]
