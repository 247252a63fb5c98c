"""A call of a model that is about to be made: who makes it, and how much it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Optional, Union

from llm_cost_ops.money import Money

Tags = Union[tuple[str, ...], tuple[tuple[str, str], ...]]


@dataclass(frozen=True, eq=False)
class Attribution:
    """Whom usage belongs to. Hashable, and quick at it: it is looked up every call."""

    organization_id: Optional[str] = None
    project_id: Optional[str] = None
    department_id: Optional[str] = None
    team_id: Optional[str] = None
    environment: Optional[str] = None
    user_id: Optional[str] = None
    service_tier: Optional[str] = None
    tags: Optional[Any] = None  # a list of texts, or a mapping
    run_id: Optional[str] = None
    run_cap: Optional[Money] = None  # of all calls of the run; a record has none
    wire: Mapping[str, Any] = field(init=False, repr=False)
    _key: tuple[Any, ...] = field(init=False, repr=False)
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in FIELDS}
        wire = {
            name: value for name, value in given.items() if value and name != "run_cap"
        }
        if isinstance(self.tags, Mapping):
            given["tags"] = tuple(sorted(self.tags.items()))
        elif self.tags is not None:
            given["tags"] = tuple(self.tags)
            wire["tags"] = list(self.tags)
        key = tuple(given.values())
        object.__setattr__(self, "wire", wire)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_hash", hash(key))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Attribution) and self._key == other._key
        )

    def having(self, changes: Mapping[str, Any]) -> Attribution:
        """Return the same with *changes*; tags given as mappings are joined."""
        if not changes:
            return self
        given = dict(changes)
        tags = given.get("tags")
        if isinstance(tags, Mapping) and isinstance(self.tags, Mapping):
            given["tags"] = {**self.tags, **tags}
        return replace(self, **given)

    def only(self, names: frozenset[str]) -> tuple[Any, ...]:
        """Return what tells leases apart where only *names* matter."""
        pairs = zip(FIELDS, self._key)
        return tuple(value for name, value in pairs if name in names or name in ALWAYS)


FIELDS = tuple(each.name for each in fields(Attribution) if each.init)
ALWAYS = frozenset({"organization_id", "service_tier"})  # whose money, at which price


class Call:
    """What somebody is about to ask a model for, at most."""

    __slots__ = ("input_tokens", "model", "output_tokens", "provider", "who")

    def __init__(
        self,
        provider: str,
        model: str,
        who: Attribution,
        input_tokens: int,
        output_tokens: int,
    ) -> None:
        self.provider = provider
        self.model = model
        self.who = who
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens

    def of(self, model: str) -> Call:
        """Return the same call of another model."""
        return Call(
            self.provider, model, self.who, self.input_tokens, self.output_tokens
        )


class Tokens:
    """What a call used; input includes cached tokens, output the reasoning ones.

    *quantities* are kinds with prices of their own, as the server names them: parts of
    these tokens (`cache_write_1h_tokens`, `audio_input_tokens`) or other things
    (`searches`). *cost* is what the provider says that it charges, in US dollars, and
    *doubt* what in its usage contradicts itself.

    Raises:
        ValueError: a count is negative, or a part larger than its whole.
    """

    __slots__ = (
        "cache_write",
        "cached",
        "cost",
        "doubt",
        "input",
        "output",
        "quantities",
        "reasoning",
    )

    def __init__(
        self,
        input: int,
        output: int,
        *,
        cached: int = 0,
        cache_write: int = 0,
        reasoning: int = 0,
        quantities: Optional[Mapping[str, int]] = None,
        cost: Optional[Decimal] = None,
        doubt: Optional[str] = None,
    ) -> None:
        if cached < 0 or cache_write < 0 or cached + cache_write > input:
            raise ValueError(
                f"{cached} cached and {cache_write} cache-write tokens are no part of "
                f"{input} input tokens: add them, if they are counted apart."
            )
        if reasoning < 0 or reasoning > output:
            raise ValueError(
                f"{reasoning} reasoning tokens are no part of {output} output tokens: "
                "add them, if they are counted apart."
            )
        self.input = input
        self.output = output
        self.cached = cached
        self.cache_write = cache_write
        self.reasoning = reasoning
        self.quantities = quantities or {}
        self.cost = cost
        self.doubt = doubt

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={getattr(self, name)}" for name in self.__slots__)
        return f"Tokens({parts})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokens) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )
