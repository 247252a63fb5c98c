"""One response of a provider counts once, whoever reports it and under whichever id.

An app and its gateway both report a call, or its traces are two: the first record of a
response is booked, whatever repeats it is told whose it is.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from ledger.identity import identify
from ledger.models import Response
from ledger.snapshot import Snapshot
from ledger.types import ChargesT, TargetT
from ledger.usage import Usage

# What programs write where they have no id.
_NOTHING = frozenset({"", "none", "null", "undefined", "nan"})


class ResponseKey(NamedTuple):
    """What a response is known by within its organization."""

    provider: str  # its one name
    digest: bytes

    @classmethod
    def of(cls, provider: str, response_id: str) -> "ResponseKey":
        return cls(
            provider, blake2b(response_id.strip().encode(), digest_size=16).digest()
        )

    @classmethod
    def of_usage(cls, one: Usage) -> "ResponseKey":
        meant = identify(one.provider or "", one.model or "")
        return cls.of(meant.provider, one.response_id or "")


def repeated(
    snapshot: Snapshot[ChargesT, TargetT], usage: Iterable[Usage]
) -> Mapping[str, str]:
    """Return the usage ids of *usage*, in its order, that repeat a response, with the
    id of the usage it is booked for; the others take theirs, until commit and then on.

    Locks responses: call it before cost records are written, after reservations.
    Records that name no response cost nothing.
    """
    named = [one for one in usage if names_response(one)]
    if not named or not snapshot.counts_responses_once:
        return {}
    keys = _keys_of(named)
    first: dict[ResponseKey, str] = {}
    for one in named:
        first.setdefault(keys[one.id], one.id)
    holders = take(snapshot.organization_id, first)
    return {
        one.id: holder
        for one in named
        if (holder := holders.get(keys[one.id], one.id)) != one.id
    }


def names_response(one: Usage) -> bool:
    return (one.response_id or "").strip().lower() not in _NOTHING


def take(
    organization_id: int, wanted: Mapping[ResponseKey, str]
) -> dict[ResponseKey, str]:
    """Give each response to the usage that wants it; return whose each is now.

    Waits for whoever is about to take or to leave one of them.
    """
    Response.objects.bulk_create(
        [
            Response(
                organization_id=organization_id,
                provider=key.provider,
                digest=key.digest,
                usage_id=wanted[key],
            )
            for key in sorted(wanted)  # one order for every caller
        ],
        ignore_conflicts=True,
        batch_size=1_000,
    )
    rows = Response.objects.filter(
        organization=organization_id, digest__in={key.digest for key in wanted}
    )
    return {
        ResponseKey(provider, bytes(digest)): usage_id
        for provider, digest, usage_id in rows.values_list(
            "provider", "digest", "usage_id"
        )
    }


def leave(organization_id: int, key: ResponseKey, usage_id: str) -> None:
    """Have the response be nobody's, if it is that usage's."""
    Response.objects.filter(
        organization=organization_id,
        provider=key.provider,
        digest=key.digest,
        usage_id=usage_id,
    ).delete()


def _keys_of(named: Iterable[Usage]) -> dict[str, ResponseKey]:
    providers: dict[tuple[str, str], str] = {}
    keys = {}
    for one in named:
        sent = one.provider or "", one.model or ""
        if sent not in providers:
            providers[sent] = identify(*sent).provider
        keys[one.id] = ResponseKey.of(providers[sent], one.response_id or "")
    return keys
