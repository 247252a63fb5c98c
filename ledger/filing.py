"""Filing attributions anew, where names have come to mean something else."""

from collections.abc import Callable, Iterator

from accounts.models import Organization
from ledger.models import Attribution
from ledger.snapshot import dimensions_of, sent_of
from ledger.types import Dimensions

_CHUNK = 1_000  # attributions written at once
_COLUMNS = ("user", "provider", "model", "model_version")


def misfiled(
    organization: Organization, *, tell: Callable[[int], object] = int
) -> Iterator[tuple[Attribution, Dimensions]]:
    """Yield the attributions that are not filed under what their words mean, and what
    that is; by id. *Tell* of each one that was looked at."""
    rows = Attribution.objects.filter(organization=organization).order_by("pk")
    for one in rows.iterator(chunk_size=_CHUNK):
        meant = sent_of(one).filed()
        if meant != dimensions_of(one):
            yield one, meant
        tell(1)


def file_anew(
    organization: Organization, *, tell: Callable[[int], object] = int
) -> int:
    """File every attribution under what its words mean; return how many it moved.

    Call it with the organization held alone; who is charged for what it moves is the
    caller's to put right.
    """
    moved = []
    for one, meant in misfiled(organization, tell=tell):
        for name in _COLUMNS:
            setattr(one, name, getattr(meant, name))
        moved.append(one)
    Attribution.objects.bulk_update(moved, _COLUMNS, batch_size=_CHUNK)
    return len(moved)
