"""How a tracker behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Optional, Union

CountTokens = Callable[[str, str], int]  # of a model, of a text


@dataclass(frozen=True)
class TrackerConfig:
    """Choices of an app; what is not said is safe and quick.

    `mode`: "lease" decides in memory by money set aside before, "authorize" asks the
    server for each call, "observe" only reports. With `fail_open` calls go on when the
    server is away or wrong, otherwise they raise GuardUnavailableError.
    """

    mode: str = "lease"
    fail_open: bool = True

    # Whom usage belongs to, unless a call says otherwise
    organization_id: Optional[str] = None
    project_id: Optional[str] = None
    department_id: Optional[str] = None
    team_id: Optional[str] = None
    environment: Optional[str] = None
    user_id: Optional[str] = None
    tags: Optional[Union[list[str], Mapping[str, str]]] = None
    service_tier: Optional[str] = None

    # Estimates, which are worst cases
    default_max_output_tokens: int = 4_096  # of a call that does not limit itself
    bytes_per_token: float = 1.0  # no tokenizer makes more tokens than bytes
    count_tokens: Optional[CountTokens] = None  # a tokenizer, if you have one
    tokens_per_image: int = 5_000
    hidden_input_tokens: int = 20_000  # of a conversation that the provider keeps

    # Decisions
    decision_timeout_s: float = 2.0  # for which a call waits for the server
    first_lease: Decimal = Decimal("0.05")  # before a price is known
    wait_for_rate_s: float = 0.0  # for which a call waits for a rate limit
    stream_usage: bool = True  # asks OpenAI to tell the usage of streams

    # A call that a budget refuses: "raise" BudgetExceededError, or "ask" people for
    # more money until the present period ends, and wait for what they say
    on_blocked: str = "raise"
    ask_amount: Optional[Decimal] = None  # by how much to raise the budget that refused
    ask_justification: str = ""
    ask_timeout_s: Optional[float] = None  # for which a call waits; None: to the end

    # Reports
    flush_interval_s: float = 1.0
    batch_size: int = 500
    buffer_size: int = 10_000  # records in memory; more go to the spool
    report_timeout_s: float = 30.0
    spool_dir: Optional[Union[str, Path]] = None  # default: the user's state directory
    shutdown_timeout_s: float = 5.0
    metadata: Mapping[str, Any] = field(default_factory=dict)  # of every record

    def __post_init__(self) -> None:
        if self.mode not in {"lease", "authorize", "observe"}:
            raise ValueError(f"{self.mode!r} is no mode: lease, authorize or observe.")
        if self.on_blocked not in {"raise", "ask"}:
            raise ValueError(f"on_blocked is raise or ask, not {self.on_blocked!r}.")
        asks = self.on_blocked == "ask"
        if asks and not (self.ask_amount and self.ask_justification.strip()):
            raise ValueError('"ask" needs an ask_amount and an ask_justification.')
