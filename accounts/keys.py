"""API keys: made, checked, and remembered for a moment so that a check is cheap."""

import secrets
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey, Membership, Organization, User
from accounts.scopes import SCOPES_OF_ROLE, Scope
from accounts.types import Caller, NewKey
from lib.availability import is_passing
from lib.errors import Invalid, Unauthenticated
from lib.memories import Memory

PREFIX = "cok_"
MEMORY_S = 2.0  # for so long a key is taken as it was
LOOK_UP_S = 0.5  # and for so much longer while one request looks it up again
USED_EVERY = timedelta(minutes=1)  # how exact last_used_at is
_MOST_REMEMBERED = 10_000
_LONGEST_HEADER = 200  # characters; a key of ours has 47


class _RememberedKey(NamedTuple):
    """What a key stood for, and until when that is taken as true (monotonic)."""

    until: float
    caller: Caller
    is_looked_up: bool = False  # again, by one request


# By the digest of a header, which has the key itself.
_remembered: Memory[bytes, _RememberedKey] = Memory(most=_MOST_REMEMBERED)


def make_key(
    name: str,
    *,
    organization: Organization | None = None,
    user: User | None = None,
    scopes: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key and return its secret, which is not kept. No *scopes*: all of them.

    Raises:
        Invalid: a scope is unknown.
    """
    wanted = sorted(set(scopes)) or Scope.values
    if unknown := sorted(set(wanted) - set(Scope.values)):
        raise Invalid.field(
            "scopes",
            f"Unknown scope {', '.join(unknown)}; known are {', '.join(Scope.values)}.",
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        organization=organization,
        user=user,
        scopes=wanted,
        expires_at=expires_at,
        prefix=secret[:12],
        digest=_digest(secret),
    )
    return NewKey(key.pk, secret)


def revoke(key: ApiKey) -> None:
    """Switch *key* off for good; other processes notice within MEMORY_S + LOOK_UP_S."""
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    _remembered.clear()


def remembered(header: str) -> Caller | None:
    """Return who a header stands for, if a key was checked a moment ago; no query."""
    known = _remembered.get(sha256(header.encode()).digest())
    is_true = known is not None and time.monotonic() < known.until
    return known.caller if known and is_true else None


def check(header: str) -> Caller:
    """Return who an `Authorization: Bearer KEY` header stands for.

    One dict look-up when the key was checked in the last MEMORY_S, else a query or two,
    by one request for all that come meanwhile.

    Raises:
        Unauthenticated: no key, an unknown, revoked or expired one.
    """
    if len(header) > _LONGEST_HEADER:
        raise Unauthenticated("This API key is unknown or was revoked.")
    now = time.monotonic()
    mark = sha256(header.encode()).digest()
    known = _remembered.get(mark)
    if known is not None and now < known.until:
        caller = known.caller
    else:
        if known and not known.is_looked_up and now < known.until + LOOK_UP_S:
            # For the others; once, and not from now on: nobody may have asked for long.
            _remembered[mark] = _RememberedKey(
                known.until + LOOK_UP_S, known.caller, is_looked_up=True
            )
        try:
            caller = _look_up(header)
        except Unauthenticated:
            _remembered.pop(mark, None)
            raise
        _remembered.remember(mark, _RememberedKey(now + MEMORY_S, caller))
    if caller.expires_at is not None and caller.expires_at <= timezone.now():
        raise Unauthenticated("This API key has expired. Ask for a new one.")
    return caller


def _look_up(header: str) -> Caller:
    kind, _, secret = header.partition(" ")
    if kind.lower() != "bearer" or not secret:
        raise Unauthenticated("Send your API key as “Authorization: Bearer KEY”.")
    key = (
        ApiKey.objects.select_related("organization", "user")
        .filter(digest=_digest(secret.strip()), revoked_at=None)
        .first()
    )
    if key is None or (key.user and not key.user.is_active):
        raise Unauthenticated("This API key is unknown or was revoked.")
    _note_use(key)
    return Caller(
        key_id=key.pk,
        name=key.user.email if key.user else f"key {key.name}",
        organization_id=key.organization_id,
        organization_slug=key.organization.slug if key.organization else None,
        scopes=_scopes_of(key),
        user_id=key.user_id,
        expires_at=key.expires_at,
        key_prefix=key.prefix,
    )


def _scopes_of(key: ApiKey) -> frozenset[str]:
    """A person's key may not do more than the person."""
    own = frozenset(key.scopes)
    if key.user is None or key.user.is_superuser:
        return own
    roles = Membership.objects.filter(user=key.user)
    if key.organization_id is not None:
        roles = roles.filter(organization=key.organization_id)
    allowed = [SCOPES_OF_ROLE[role] for role in roles.values_list("role", flat=True)]
    # Good for several organizations, it may do only what is allowed in all of them.
    return own.intersection(*allowed) if allowed else frozenset()


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    long_ago = now - USED_EVERY
    if key.last_used_at is None or key.last_used_at < long_ago:
        unnoted = ApiKey.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=long_ago), pk=key.pk
        )
        free = unnoted.select_for_update(skip_locked=True)  # nobody waits to note it
        try:
            with transaction.atomic():
                ApiKey.objects.filter(pk__in=free.values("pk")).update(last_used_at=now)
        except DatabaseError as error:
            if not is_passing(error):  # a full disk can still be read
                raise


def _digest(secret: str) -> str:
    # A random 256-bit secret needs no slow hash: it can't be guessed.
    return sha256(secret.encode()).hexdigest()
