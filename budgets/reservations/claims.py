"""Where usage that names a reservation is charged: where its money was set aside.

A record takes the dimensions its decision was made for; what it says otherwise is kept
beside it, and told. Only the model stays what was really used: one that the decision
did not allow, or another version than it named, went where it had no leave, which is
told too. What the decision left open the record may fill in, unless that leads to a
hard limit which nobody asked.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from budgets.charging import Charging
from budgets.models import Reservation
from budgets.reservations.lines import lock, uid_of
from ledger.identity import (
    Identity,
    identify,
    is_fine_tuned,
    is_variant,
    person_named,
)
from ledger.types import Difference, Said, Sent, Tags
from ledger.usage import Usage, parse_tags

# What usage records and attributions call the dimensions that a decision settles.
FIELDS = {
    "department_id": "department",
    "team_id": "team",
    "project_id": "project",
    "environment": "environment",
    "user_id": "user",
}
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Claimed:
    """Records of a batch as they are to be booked, and what those name that settle."""

    usage: Sequence[Usage]
    rows: Mapping[UUID, Reservation] = field(default_factory=dict)  # locked; by id
    said: Mapping[str, Said] = field(default_factory=dict)  # by usage id


def claim(charging: Charging, usage: Sequence[Usage]) -> Claimed:
    """Lock the reservations that *usage* names, and file it where they were made for.

    Before anything is booked: whoever settles locks reservations first, by id, and
    cost records and periods then.
    """
    uids = {
        name: uid_of(name) for name in {one.authorization_id for one in usage} if name
    }
    if not uids:
        return Claimed(usage)
    rows = {
        row.uid: row
        for row in lock(charging.organization_id, filter(None, uids.values()))
    }
    if not rows:
        return Claimed(usage)
    decided = _Decided(charging)
    booked = []
    for one in usage:
        uid = uids.get(one.authorization_id or "")
        row = rows.get(uid) if uid else None
        booked.append(one if row is None else decided.record(one, row))
    return Claimed(booked, rows, decided.said)


class _Change(NamedTuple):
    """What becomes of a record: fields to be replaced, and what to tell."""

    fields: Mapping[str, Any]
    said: Said


class _Decided:
    """Files records where decisions were made for; most of a batch say the same."""

    def __init__(self, charging: Charging) -> None:
        self.said: dict[str, Said] = {}
        self._charging = charging
        self._known: dict[tuple[int, bytes, bool, str | None], _Change] = {}

    def record(self, record: Usage, row: Reservation) -> Usage:
        key = row.pk, record.attribution_key(), record.is_provider_found, record.run_id
        change = self._known.get(key)
        if change is None:
            change = self._known[key] = self._change(record, row)
        self.said[record.id] = change.said
        if not change.fields:
            return record
        return msgspec.structs.replace(record, **change.fields)

    def _change(self, record: Usage, row: Reservation) -> _Change:
        words = _Words.of(record)
        asked = _Words.of_decision(row.path)
        filled, differs = asked.filled_by(words)
        if differs and row.kind == Reservation.Kind.LEASE:
            # A lease is for all calls that the same hard limits cover, whoever's.
            own, _ = words.filled_by(asked)
            used = _model_used(record, row.path["provider"], row.path["model"])
            if self._hard(own, *used) == self._hard(asked, *used):
                filled, differs = own, []
        decided = row.path["provider"], row.path["model"]
        used = _model_used(record, *decided)
        if filled != asked and not self._hard(filled, *used) <= self._hard(
            asked, *used
        ):
            differs += asked.left_open(filled)
            filled = asked
        others = _other_model(identify(*decided), identify(*used))
        if not others and not self._hard(filled, *used) <= self._hard(filled, *decided):
            # One of the versions that were allowed, with a limit that nobody asked.
            others = [Difference("model", decided[1], used[1])]
        if row.run_id and record.run_id not in {None, "", row.run_id}:
            differs.append(Difference("run_id", row.run_id, record.run_id))
        said = Said(row.uid, (*differs, *others), without_leave=bool(others))
        changes = filled.changes(record) | _changed_model(record, *used)
        if row.run_id and record.run_id != row.run_id:
            changes["run_id"] = row.run_id
        return _Change(changes, said)

    def _hard(self, words: "_Words", provider: str, model: str) -> set[Hashable]:
        """Return the hard limits that lie where *words* lead, made yet or not."""
        sent = Sent(**words.names, provider=provider, model=model)
        return self._charging.index.hard_limits_of(sent.filed()._asdict(), words.tags)


@dataclass(frozen=True, slots=True)
class _Words:
    """What a call or a record belongs to, but for its model."""

    names: Mapping[str, str]  # by dimension
    tags: Tags

    @classmethod
    def of(cls, record: Usage) -> "_Words":
        names = {
            dimension: getattr(record, wire) or "" for wire, dimension in FIELDS.items()
        }
        return cls(names, parse_tags(bytes(record.tags)))

    @classmethod
    def of_decision(cls, path: Mapping[str, Any]) -> "_Words":
        return cls({name: path[name] for name in FIELDS.values()}, path["tags"])

    def filled_by(self, other: "_Words") -> tuple["_Words", list[Difference]]:
        """Return these words with those of *other* where there are none, and where
        *other* says something else."""
        names, differs = dict(self.names), []
        for wire, dimension in FIELDS.items():
            asked, sent = self.names[dimension], other.names[dimension]
            if not asked:
                names[dimension] = sent
            elif sent and not _is_same(dimension, asked, sent):
                differs.append(Difference(wire, asked, sent))
        if not self.tags:
            return _Words(names, other.tags), differs
        tags = _merged(self.tags, other.tags)
        if _contradicts(self.tags, other.tags):
            differs.append(Difference("tags", self.tags, other.tags))
        return _Words(names, tags), differs

    def left_open(self, filled: "_Words") -> list[Difference]:
        """Return what *filled* says that these words don't."""
        differs = [
            Difference(wire, None, filled.names[dimension])
            for wire, dimension in FIELDS.items()
            if filled.names[dimension] != self.names[dimension]
        ]
        if filled.tags != self.tags:
            differs.append(Difference("tags", self.tags or None, filled.tags))
        return differs

    def changes(self, record: Usage) -> dict[str, Any]:
        """Return the fields of *record* that these words change."""
        changes: dict[str, Any] = {
            wire: self.names[dimension] or None
            for wire, dimension in FIELDS.items()
            if (getattr(record, wire) or "") != self.names[dimension]
        }
        if parse_tags(bytes(record.tags)) != self.tags:
            changes["tags"] = msgspec.Raw(_encode(self.tags))
        return changes


def _is_same(dimension: str, asked: str, sent: str) -> bool:
    if dimension == "user":
        return person_named(asked) == person_named(sent)
    return asked == sent


def _merged(asked: Tags, sent: Tags) -> Tags:
    """Return the tags of a decision, and those of a record that it says nothing of."""
    if isinstance(asked, dict) and isinstance(sent, dict):
        return dict(sorted({**sent, **asked}.items()))
    if isinstance(asked, list) and isinstance(sent, list):
        return sorted({*asked, *sent})
    return asked


def _contradicts(asked: Tags, sent: Tags) -> bool:
    if isinstance(asked, dict) and isinstance(sent, dict):
        return any(sent.get(name, value) != value for name, value in asked.items())
    return bool(sent) and type(asked) is not type(sent)


def _model_used(record: Usage, provider: str, model: str) -> tuple[str, str]:
    """Return the provider and model that *record* names, with what it leaves out, the
    provider or which version of the model, as they were allowed."""
    said = record.provider or "", record.model or ""
    if record.is_provider_found:
        said = identify(provider, model).provider, said[1]
    allowed, used = identify(provider, model), identify(*said)
    if allowed[:2] != used[:2] or used.version or not allowed.version:
        return said
    if is_fine_tuned(said[1]) != is_fine_tuned(model) or is_variant(said[1]):
        return said  # at another price
    return said[0], model


def _changed_model(record: Usage, provider: str, model: str) -> dict[str, Any]:
    """Return the fields of *record* that its provider and model change."""
    given = {"provider": record.provider, "model": record.model}
    meant = {"provider": provider, "model": model}
    return {name: meant[name] for name in given if given[name] != meant[name]}


def _other_model(allowed: Identity, used: Identity) -> list[Difference]:
    differs = [
        Difference(name, getattr(allowed, name), getattr(used, name))
        for name in ("provider", "model")
        if getattr(allowed, name) != getattr(used, name)
    ]
    if not differs and allowed.version and used.version != allowed.version:
        sent = used.version or used.model
        differs.append(Difference("model", allowed.version, sent))
    return differs
