"""Which answers the SDK has types of, and what is said of them by hand."""

# Without these an answer of the kind is none; they come first, in this order.
ESSENTIAL = {
    "Alert": "id type severity state budget message fired_at",
    "AlertConfiguration": "alerts",
    "AlertStep": "kind at",
    "ApprovalDecision": "decision approver",
    "ApprovalLevel": "name approvers required",
    "ApprovalPolicy": "id name levels",
    "ApprovalPreview": "levels",
    "ApprovalStep": "id name state",
    "Asked": "person",
    "Attempt": "id at",
    "Authorization": "decision model",
    "AuthorizationState": "id state",
    "Backfill": "state done",
    "BatchReceipt": "accepted duplicates rejected",
    "Budget": "id name amount currency period",
    "BudgetConflict": "type message",
    "BudgetFigures": "id name currency spent limit",
    "BudgetLine": "at effective_from amount kind",
    "BudgetPeriod": "start end amount spent reserved status",
    "BudgetRequest": "id kind state amount currency",
    "BudgetStatus": "budget status currency limit total_spend remaining_budget "
    "period_start period_end",
    "CallNames": "provider",
    "Channel": "id type name enabled",
    "Conflicting": "index id",
    "Consolidated": "currency",
    "Controls": "rules",
    "CostRecord": "id usage_id organization_id provider model timestamp currency "
    "input_tokens output_tokens total_cost priced",
    "Delegation": "id delegator delegate start_date end_date",
    "Delivery": "id type state",
    "Difference": "field",
    "ExchangeRate": "id base quote rate date",
    "FieldProblem": "attr code detail",
    "FixedCharge": "id name kind state amount currency interval start_date",
    "Confidence": "lower upper level",
    "DaysUntil": "level",
    "Forecast": "currency days_ahead data daily",
    "Accuracy": "count held_80 held_95 forecasts",
    "ForecastAccuracy": "budget currency backtest stored",
    "PastForecast": "made_on days expected lower_80 upper_80 lower_95 upper_95 "
    "actual held_80 held_95",
    "ForecastData": "days enough",
    "ForecastDay": "date",
    "Health": "status",
    "IgnoredFields": "index id fields",
    "Impact": "at amount currency lines",
    "ImpactLine": "budget name role currency",
    "KillSwitch": "active",
    "LeaseGrant": "mode granted currency ttl_s names",
    "ModelNames": "asked model",
    "ModelSwap": "model to",
    "Named": "id name",
    "Organization": "slug",
    "Phase": "start end amount",
    "Phasing": "budget currency amounts",
    "OutcomeReceipt": "id name count",
    "PlannedLevel": "name approvers required",
    "Preference": "recipient",
    "Price": "id provider model currency",
    "Reason": "message",
    "RolloverPreview": "budget currency mode carries",
    "Rejected": "index id errors",
    "BookedElsewhere": "index id booked_in",
    "RepeatedResponse": "index id duplicate_of",
    "Replay": "budget start end currency message calls spent would_spend saved stopped "
    "downgraded limited",
    "ReplayTotal": "calls cost saved",
    "RepricedPeriod": "budget name currency period_start period_end old new difference",
    "ResolvedPrice": "provider model currency source",
    "Recommendation": "budget name currency recommended_amount reason",
    "Optimization": "kind certainty provider model saved assumption",
    "ReturnedLease": "id state",
    "RuleAction": "id state",
    "RuleTerms": "id budget action trigger",
    "Scenario": "name currency",
    "Scenarios": "currency scenarios",
    "Run": "run_id spent currency",
    "RunDetail": "run_id spent currency",
    "Settled": "id known",
    "SettledPlace": "index authorization",
    "TrailEntry": "number at event",
    "Trial": "state",
    "UnitCostPoint": "start cost count",
    "UnitCosts": "budget per currency total points",
    "UnpricedModel": "provider model requests",
    "UnpricedRecord": "index id unpriced_kinds",
    "UsageReceipt": "id cost currency",
    "WrittenLines": "lines",
    "BudgetGrant": "amount until used left",
    "GrantedPeriod": "start end had used",
    "Variance": "budget currency expected_spend actual_spend absolute_variance "
    "variance_category",
}
# Where what is missing does not mean nothing, or no.
DEFAULTS = {
    "Authorization.priced": "True",
    "Budget.enforcement": '"soft"',
    "Budget.priority": '"normal"',
    "Budget.timezone": '"UTC"',
    "BudgetFigures.enforcement": '"soft"',
    "BudgetFigures.rate": "Decimal(1)",
    "BudgetFigures.timezone": '"UTC"',
    "BudgetRequest.duration": '"monthly"',
    "BudgetRequest.mode": '"parallel"',
    "BudgetRequest.revision": "1",
    "CostRecord.requests": "1",
    "LeaseGrant.refresh_s": "15",
    "LeaseGrant.unpriced_policy": '"allow"',
    "ModelPrice.currency": '""',
    "ModelPrice.priced": "True",
    "Organization.currency": '"USD"',
    "Organization.fiscal_year_start_month": "1",
    "Organization.late_records": '"period"',
    "Organization.response_ids": '"once"',
    "Organization.timezone": '"UTC"',
    "Organization.unpriced_policy": '"allow"',
    "Preference.critical_at_once": "True",
    "Preference.daily_requests": "True",
    "ReturnedLease.returned": "Decimal(0)",
    "UsageReceipt.corrected": "None",
    "UsageReceipt.priced": "True",
}
# Parts that can be sent back as they came: they stay dicts.
AS_SENT = (
    *("Scope", "Threshold", "Rollover", "Template", "OwnRule"),
    "InheritedAlertRule",
    *("Escalation", "InheritedEscalation", "ControlRule", "InheritedRule"),
    *("InheritedSwitch", "LongRequestPrice", "ResolvedTier"),
)
# What each module of the SDK is about, and the structs it has, by where they are.
MODULES: dict[str, tuple[str, dict[str, str]]] = {
    "alerts": (
        "Alerts, and the rules that raise them.",
        {"alerts.api.answers": "AlertStep Alert AlertConfiguration"},
    ),
    "approvals": (
        "Requests for money, and who decides them.",
        {
            "approvals.api.answers": "ImpactLine Impact Asked ApprovalStep "
            "ApprovalDecision TrailEntry BudgetRequest BudgetRequestDetail",
            "approvals.api.policy_answers": "ApprovalLevel ApprovalPolicy PlannedLevel "
            "ApprovalPreview Delegation",
        },
    ),
    "budgets": (
        "Budgets, and where they stand.",
        {
            "lib.answers": "Named",
            "budgets.api.answers": "Backfill Budget BudgetStatus BudgetPeriod",
            "budgets.api.conflict_answers": "BudgetConflict",
            "budgets.api.trees": "Consolidated BudgetNode",
            "budgets.api.amount_answers": "BudgetLine WrittenLines "
            "GrantedPeriod BudgetGrant Phase Phasing "
            "RolloverPreview",
            "budgets.api.variances": "Driver VarianceParts Variance",
            "budgets.api.unit_costs": "UnitCostTotal UnitCostPoint UnitCosts",
            "approvals.api.amount_answers": "NewAmount NewAmounts",
        },
    ),
    "controls": (
        "Decisions before the money is spent: authorizations, leases, rules.",
        {
            "controls.api.answers": "Reason Authorization AuthorizationState "
            "ReturnedLease KillSwitch Controls ReplayTotal ReplayEffect Replay",
            "controls.api.actions": "RuleAction",
            "controls.api.runs": "Run RunDetail",
            "controls.api.lease_answers": "BudgetFigures RuleTerms TokenPrices "
            "PriceTier ModelPrice ModelNames CallNames LeaseGrant",
        },
    ),
    "closing": (
        "Closing a month: journals, the lock, and feeds.",
        {
            "reports.api.journal_answers": "JournalMapping JournalSettings JournalFile "
            "Journal JournalLine UnmappedSpend JournalPreview JournalManifestFile "
            "JournalEntry JournalManifest",
            "reports.api.closing": "ChecklistItem Moved MonthLock MonthClose",
            "reports.api.feed_answers": "FeedSchedule FeedAttempt FeedMail FeedRun "
            "LastRun Feed",
        },
    ),
    "forecasts": (
        "What is to come, and what could be otherwise.",
        {
            "forecasts.api.answers": "Confidence DaysUntil ForecastData ForecastDay "
            "Forecast PastForecast Accuracy ForecastAccuracy",
            "forecasts.api.scenario_answers": "ModelSwap Scenario Scenarios",
            "forecasts.api.advice_answers": "Recommendation LeftOut Recommendations",
            "forecasts.api.optimizations": "Optimization Unjudged Optimizations",
        },
    ),
    "notifications": (
        "Channels, and what was sent through them.",
        {"notifications.api.answers": "Channel Attempt Delivery Trial Preference"},
    ),
    "platform": (
        "Organizations, and whether the server is well.",
        {"accounts.api.organizations": "Organization", "costops.views": "Health"},
    ),
    "prices": (
        "Prices, exchange rates, repricings, and fixed charges.",
        {
            "ledger.api.answers": "Price MadePrice ResolvedPrice ExchangeRate",
            "intake.api.answers": "RepricedPeriod",
            "intake.api.fixed_charge_answers": "ChargeCancellation FixedCharge",
        },
    ),
    "reports": (
        "What a month came to: reports, and who is charged what.",
        {
            "reports.api.monthly_answers": "Beside Between Commentary ReportRow Cause "
            "ReportBridge ReportDriver ReportOutlook ReportFigures Report ReportDetail",
            "reports.api.chargeback": "ChargebackLine Frozen Chargeback "
            "AllocationShare AllocationShares",
        },
    ),
    "usage": (
        "Usage that was reported, and what it cost.",
        {
            "lib.answers": "FieldProblem",
            "intake.api.answers": "Difference Settled SettledPlace UsageReceipt "
            "Rejected Conflicting RepeatedResponse UnpricedRecord IgnoredFields "
            "BookedElsewhere "
            "BatchReceipt",
            "intake.api.outcomes": "OutcomeReceipt",
            "ledger.api.answers": "CostRecord UnpricedModel",
        },
    ),
}
