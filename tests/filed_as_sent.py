"""The ledger and budgets as they were when names were compared letter by letter."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from accounts.models import Organization
from budgets import scopes
from ledger.patterns import ModelSet
from ledger.types import Dimensions, Sent
from lib.memories import forget_everything


@contextmanager
def filed_as_sent() -> Iterator[None]:
    """Have every name mean itself; organizations that were used meanwhile are then as
    the former release left them."""

    def filed(sent: Sent) -> Dimensions:
        return Dimensions(*sent, model_version="", sent_model=sent.model)

    def of(texts: Iterable[str]) -> ModelSet:
        return ModelSet(frozenset(texts), frozenset(), ())

    forget_everything()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Sent, "filed", filed)
        patched.setattr(ModelSet, "of", of)
        patched.setattr(scopes, "one_name", lambda _, text: text)
        yield
    Organization.objects.update(identity_revision=0)
    forget_everything()
