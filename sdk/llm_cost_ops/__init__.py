"""Asks CostOps before money is spent on LLM APIs, and reports what was.

`CostTracker` and `AsyncCostTracker` guard and report the calls of an app;
`CostOpsClient` and `AsyncCostOpsClient` are clients of the whole API.
"""

from llm_cost_ops.calls import Tokens
from llm_cost_ops.client import AsyncCostOpsClient, CostOpsClient
from llm_cost_ops.config import TrackerConfig
from llm_cost_ops.errors import (
    ApiError,
    BadAnswerError,
    BadRequestError,
    BudgetExceededError,
    ConflictError,
    CostOpsError,
    FieldError,
    ForbiddenError,
    GuardUnavailableError,
    NoAnswerError,
    NotAuthenticatedError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    TooLargeError,
    TooManyRequestsError,
)
from llm_cost_ops.reporting.health import Health
from llm_cost_ops.reporting.stats import Stats
from llm_cost_ops.requests import Page
from llm_cost_ops.retrying import RetryPolicy
from llm_cost_ops.tracker import AsyncCostTracker, CostTracker
from llm_cost_ops.version import __version__

__all__ = [
    "ApiError",
    "AsyncCostOpsClient",
    "AsyncCostTracker",
    "BadAnswerError",
    "BadRequestError",
    "BudgetExceededError",
    "ConflictError",
    "CostOpsClient",
    "CostOpsError",
    "CostTracker",
    "FieldError",
    "ForbiddenError",
    "GuardUnavailableError",
    "Health",
    "NoAnswerError",
    "NotAuthenticatedError",
    "NotFoundError",
    "Page",
    "RateLimitedError",
    "RetryPolicy",
    "ServerError",
    "Stats",
    "Tokens",
    "TooLargeError",
    "TooManyRequestsError",
    "TrackerConfig",
    "__version__",
]
