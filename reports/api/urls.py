from django.urls import URLPattern

from lib.web import route
from reports.api.chargeback import AllocationShares, Chargeback
from reports.api.closing import MonthCloses

urlpatterns: list[URLPattern] = [
    route("chargeback", Chargeback.as_view(), "chargeback"),
    route("chargeback/shares", AllocationShares.as_view(), "chargeback-shares"),
    route("month-close", MonthCloses.as_view(), "month-close"),
]
