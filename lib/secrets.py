"""Secrets at rest: encrypted with COSTOPS_ENCRYPTION_KEYS, the newest key first."""

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class EncryptedJSONField(models.Field[Any, Any]):
    """JSON that is a ciphertext in the database. Can't be searched."""

    def get_internal_type(self) -> str:
        return "TextField"

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt(json.dumps(value, sort_keys=True))

    def from_db_value(
        self, value: Any, expression: Any, connection: BaseDatabaseWrapper
    ) -> Any:
        return None if value is None else json.loads(decrypt(value))


def encrypt(text: str) -> str:
    """Encrypt with the newest key."""
    return _fernet(_keys()).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return what *token* hides.

    Raises:
        ImproperlyConfigured: none of the keys is the one it was encrypted with.
    """
    try:
        return _fernet(_keys()).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured(
            "A stored secret can't be read: COSTOPS_ENCRYPTION_KEYS lacks its key."
        ) from error


def _keys() -> tuple[str, ...]:
    return tuple(settings.ENCRYPTION_KEYS)


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
