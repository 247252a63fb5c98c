"""The columns of a FOCUS file, in its order. Pure.

One file serves readers of FOCUS 1.2 and later: it has the columns of both where they
differ (ProviderName, and ServiceProviderName with HostProviderName). What FOCUS does
not define begins with x_.
"""

from enum import StrEnum
from typing import NamedTuple

FOCUS_VERSION = "1.2"


class ColumnType(StrEnum):
    TEXT = "text"
    DECIMAL = "decimal"  # ten places
    RATE = "rate"  # twelve places
    TIME = "time"  # UTC, whole seconds
    JSON = "json"  # an object without objects or lists in it


class FocusColumn(NamedTuple):
    name: str
    type: ColumnType = ColumnType.TEXT
    nullable: bool = False


_TEXT, _DECIMAL, _TIME = ColumnType.TEXT, ColumnType.DECIMAL, ColumnType.TIME
# Columns stand in groups: those of one group are written at once, from what is known.
OF_TIME = (
    FocusColumn("BillingPeriodStart", _TIME),
    FocusColumn("BillingPeriodEnd", _TIME),
    FocusColumn("ChargePeriodStart", _TIME),
    FocusColumn("ChargePeriodEnd", _TIME),
)
OF_AMOUNT = (
    FocusColumn("BilledCost", _DECIMAL),
    FocusColumn("ContractedCost", _DECIMAL),
    FocusColumn("EffectiveCost", _DECIMAL),
    FocusColumn("ListCost", _DECIMAL),
    FocusColumn("PricingCurrencyEffectiveCost", _DECIMAL),
    FocusColumn("ConsumedQuantity", _DECIMAL, nullable=True),
    FocusColumn("PricingQuantity", _DECIMAL, nullable=True),
)
OF_PRICE = (
    FocusColumn("ChargeCategory"),
    FocusColumn("ChargeClass", nullable=True),
    FocusColumn("ChargeDescription"),
    FocusColumn("ChargeFrequency"),
    FocusColumn("ConsumedUnit", nullable=True),
    FocusColumn("ContractedUnitPrice", _DECIMAL, nullable=True),
    FocusColumn("HostProviderName"),
    FocusColumn("InvoiceIssuerName"),
    FocusColumn("ListUnitPrice", _DECIMAL, nullable=True),
    FocusColumn("PricingCategory", nullable=True),
    FocusColumn("PricingCurrency"),
    FocusColumn("PricingCurrencyContractedUnitPrice", _DECIMAL, nullable=True),
    FocusColumn("PricingCurrencyListUnitPrice", _DECIMAL, nullable=True),
    FocusColumn("PricingUnit", nullable=True),
    FocusColumn("ProviderName"),
    FocusColumn("PublisherName"),
    FocusColumn("ServiceCategory"),
    FocusColumn("ServiceName"),
    FocusColumn("ServiceProviderName"),
    FocusColumn("ServiceSubcategory"),
    FocusColumn("SkuId", nullable=True),
    FocusColumn("SkuMeter", nullable=True),
    FocusColumn("SkuPriceDetails", ColumnType.JSON, nullable=True),
    FocusColumn("SkuPriceId", nullable=True),
)
OF_OWNER = (
    FocusColumn("BillingAccountId"),
    FocusColumn("BillingAccountName"),
    FocusColumn("BillingCurrency"),
    FocusColumn("InvoiceId", nullable=True),
    FocusColumn("SubAccountId", nullable=True),
    FocusColumn("SubAccountName", nullable=True),
    FocusColumn("Tags", ColumnType.JSON, nullable=True),
    FocusColumn("x_CredentialId", nullable=True),
    FocusColumn("x_Department", nullable=True),
    FocusColumn("x_Environment", nullable=True),
    FocusColumn("x_PrincipalId", nullable=True),
    FocusColumn("x_Project", nullable=True),
    FocusColumn("x_Team", nullable=True),
)
OF_MODEL = (
    FocusColumn("x_ModelDeveloper", nullable=True),
    FocusColumn("x_ModelId"),
    FocusColumn("x_ModelVersion", nullable=True),
    FocusColumn("x_PriceSource"),
    FocusColumn("x_ServiceTier", nullable=True),
    FocusColumn("x_TokenCacheAction", nullable=True),
    FocusColumn("x_TokenDirection", nullable=True),
)
OF_RECORD = (
    FocusColumn("x_ExchangeRate", ColumnType.RATE, nullable=True),
    FocusColumn("x_RunId", nullable=True),
    FocusColumn("x_UsageId"),
)
COLUMNS = (*OF_TIME, *OF_AMOUNT, *OF_PRICE, *OF_OWNER, *OF_MODEL, *OF_RECORD)
NAMES = tuple(column.name for column in COLUMNS)
