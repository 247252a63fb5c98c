"""What the API answers, as frozen dataclasses; money is Decimal, times are aware."""

from llm_cost_ops.answers.alerts import Alert, AlertConfiguration, AlertStep
from llm_cost_ops.answers.approvals import (
    ApprovalPolicy,
    ApprovalPreview,
    BudgetRequest,
    BudgetRequestDetail,
    Delegation,
)
from llm_cost_ops.answers.budgets import (
    Budget,
    BudgetConflict,
    BudgetLine,
    BudgetNode,
    BudgetPeriod,
    BudgetStatus,
    Driver,
    Recommendation,
    Recommendations,
    Scenario,
    Variance,
)
from llm_cost_ops.answers.controls import (
    Authorization,
    AuthorizationState,
    Controls,
    KillSwitch,
    LeaseGrant,
    Reason,
    Replay,
    ReturnedLease,
)
from llm_cost_ops.answers.notifications import (
    Attempt,
    Channel,
    Delivery,
    Preference,
    Trial,
)
from llm_cost_ops.answers.platform import Health, Organization
from llm_cost_ops.answers.prices import ExchangeRate, Price, ResolvedPrice
from llm_cost_ops.answers.shaped import (
    CostForecast,
    CostSummary,
    Repricing,
    Timeseries,
    UnpricedModels,
)
from llm_cost_ops.answers.usage import BatchReceipt, CostRecord, UsageReceipt

__all__ = [
    "Alert",
    "AlertConfiguration",
    "AlertStep",
    "ApprovalPolicy",
    "ApprovalPreview",
    "Attempt",
    "Authorization",
    "AuthorizationState",
    "BatchReceipt",
    "Budget",
    "BudgetConflict",
    "BudgetLine",
    "BudgetNode",
    "BudgetPeriod",
    "BudgetRequest",
    "BudgetRequestDetail",
    "BudgetStatus",
    "Channel",
    "Controls",
    "CostForecast",
    "CostRecord",
    "CostSummary",
    "Delegation",
    "Delivery",
    "Driver",
    "ExchangeRate",
    "Health",
    "KillSwitch",
    "LeaseGrant",
    "Organization",
    "Preference",
    "Price",
    "Reason",
    "Recommendation",
    "Recommendations",
    "Replay",
    "Repricing",
    "ResolvedPrice",
    "ReturnedLease",
    "Scenario",
    "Timeseries",
    "Trial",
    "UnpricedModels",
    "UsageReceipt",
    "Variance",
]
