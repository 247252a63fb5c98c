"""Which models in use the words of a scope or a rule reach."""

from collections.abc import Iterator, Sequence

from accounts.models import Organization
from ledger.identity import ModelName
from ledger.models import Attribution
from ledger.patterns import ModelPattern, pattern_of

_MOST_NAMED = 12  # models, in one line


def reach_words(organization: Organization, texts: Sequence[str]) -> Iterator[str]:
    """Say which models in use each of *texts* reaches, and which it misses by a hair.

    One query.
    """
    if not texts:
        return
    rows = Attribution.objects.filter(organization=organization).order_by()
    pairs = rows.values_list("model", "model_version").distinct()
    used = sorted(ModelName(*pair) for pair in pairs)
    for text in texts:
        pattern = pattern_of(text)
        names = [one.version or one.model for one in used if pattern.reaches(one)]
        line = f"“{text}” reaches {_named(names) or 'nothing that was used so far'}"
        missed = {one.model for one in used if _is_missed(pattern, one)}
        yield f"{line}; not {_named(sorted(missed))}." if missed else f"{line}."


def _is_missed(pattern: ModelPattern, name: ModelName) -> bool:
    """Tell whether *name* begins as a pattern does, but goes on without a dash."""
    if not pattern.stem or pattern.reaches(name):
        return False
    return name.model.startswith(pattern.stem)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
