"""One table of what rules mean by names, for the server's and for the SDK's rules."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from controls.types import Rule
from ledger.identity import person_named
from tests.controls.calls import a_rule
from tests.controls.spelled import Spelled


class Naming(NamedTuple):
    """A rule, a call, and what becomes of it: "allow", "block", or another model."""

    rule: Rule
    provider: str
    model: str
    user: str
    becomes: str


def namings() -> list[Naming]:
    rows = json.loads(Path(__file__).with_name("naming.json").read_text())
    return [naming_of(row) for row in rows]


def naming_of(row: dict[str, Any]) -> Naming:
    config = dict(row.get("config", {}))
    exempt = frozenset(map(person_named, config.pop("exempt_users", ())))
    rule = a_rule(row["action"], row["trigger"], exempt_users=exempt, **config)
    asked = (row.get(name, "") for name in ("provider", "model", "user"))
    provider, model, user = asked
    return Naming(rule, provider or "openai", model or "gpt-4o", user, row["is"])


def rules_about(written: Spelled) -> tuple[Rule, ...]:
    text = written.text
    return (
        a_rule("model_blocklist", blocked_models=(text,)),
        a_rule("block", f'model == "{text}"'),
        a_rule("block", f'"{text}" == model'),
        a_rule("block", f'model in ["x", "{text}"]'),
        a_rule("block", f'not model != "{text}"'),
    )
