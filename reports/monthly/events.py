"""What happened in a month: alerts, approvals, overrides, what came late, what has no
price. Of an organization, or of some of its budgets."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Organization
from alerts.models import Alert, AlertState, Severity
from approvals.models import BudgetRequest, Decision, RequestKind, RequestState
from approvals.wording import asked_by, wish_of
from budgets.models import AmountLine, BudgetPeriod
from controls.models import KillSwitch
from ledger.models import CostRecord, Repricing
from ledger.sql import elements_of
from lib.money import format_money, quantize
from lib.periods import Window
from reports.monthly.figures import (
    ApprovalLine,
    DecisionNeeded,
    LateLine,
    OverrideLine,
    ReportedAlert,
    UnpricedLine,
)

MOST = 500  # lines of each kind
_RANKS = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
_EXCEPTION = RequestKind.RULE_EXCEPTION
Path = tuple[str, ...]


@dataclass(frozen=True)
class Happenings:
    """Where and when to look: at budgets by id, with their paths."""

    organization: Organization
    window: Window
    paths: Mapping[int, Path]
    is_whole: bool
    attributions: Collection[int]
    locale: str

    def alerts(self) -> Iterator[ReportedAlert]:
        """Yield what fired in the month, the most severe first. One query."""
        rows = Alert.objects.filter(
            organization=self.organization,
            fired_at__gte=self.window.start,
            fired_at__lt=self.window.end,
        )
        chosen = [row for row in rows if row.budget_id in self.paths]
        chosen.sort(key=lambda row: (_RANKS[Severity(row.severity)], row.fired_at))
        for row in chosen[:MOST]:
            yield ReportedAlert(
                fired_at=row.fired_at,
                path=self.paths[row.budget_id],
                severity=str(row.severity),
                words=row.message,
                state=str(row.state),
                answered_by=row.acknowledged_by or row.resolved_by,
                ended_at=row.resolved_at,
            )

    def approvals(self) -> Iterator[ApprovalLine]:
        """Yield what was asked or decided in the month, oldest first. Two queries."""
        start, end = self.window.start, self.window.end
        asked = Q(submitted_at__gte=start, submitted_at__lt=end)
        decided = Q(decided_at__gte=start, decided_at__lt=end)
        rows = list(self._requests().filter(asked | decided).order_by("submitted_at"))
        deciders = self._deciders(rows[:MOST])
        for row in rows[:MOST]:
            yield ApprovalLine(
                asked_at=row.submitted_at,
                path=self.paths.get(row.budget_id or 0, ()),
                kind=row.get_kind_display(),
                amount=row.present_amount,
                currency=row.currency,
                requester=asked_by(row),
                state=row.get_state_display(),
                decided_by=deciders.get(row.pk, ()),
                decided_at=row.decided_at,
            )

    def overrides(self) -> list[OverrideLine]:
        """Return what was done past the rules, oldest first. Four queries."""
        found = [
            *self._exceptions(),
            *self._switches(),
            *self._amounts(),
            *self._corrections(),
        ]
        return sorted(found, key=lambda one: one.at)[:MOST]

    def late(self, rates: Mapping[str, Decimal]) -> Iterator[LateLine]:
        """Yield what was charged to periods of the month after they were closed. One
        query. *rates* say what one of each currency is worth."""
        rows = BudgetPeriod.objects.filter(
            organization=self.organization,
            budget__in=elements_of(list(self.paths)),
            starts_at__lt=self.window.end,
            ends_at__gt=self.window.start,
            ends_at__lte=self.window.end,
        ).exclude(late_spend=0)
        sums: dict[int, Decimal] = {}
        for budget_id, currency, late in rows.order_by("pk").values_list(
            "budget_id", "budget__currency", "late_spend"
        ):
            if currency in rates:
                amount = quantize(late * rates[currency])
                sums[budget_id] = sums.get(budget_id, Decimal(0)) + amount
        for budget_id, path in self.paths.items():
            if budget_id in sums:
                yield LateLine(path, sums[budget_id])

    def unpriced(self) -> Iterator[UnpricedLine]:
        """Yield what was used in the month and has no price, most used first. One
        query."""
        rows = CostRecord.objects.filter(organization=self.organization).unpriced()
        rows = rows.during(self.window.start, self.window.end)
        if not self.is_whole:
            rows = rows.filter(attribution__in=elements_of(list(self.attributions)))
        columns = "attribution__provider", "attribution__model", "unpriced_kinds"
        found = rows.order_by().values_list(*columns).annotate(count=Count("pk"))
        lines = [
            UnpricedLine(provider, model, tuple(kinds or ()), count)
            for provider, model, kinds, count in found
        ]
        yield from sorted(
            lines, key=lambda one: (-one.records, one.provider, one.model)
        )

    def decisions(self) -> Iterator[DecisionNeeded]:
        """Yield what somebody has to decide now: requests, and alerts that nobody took
        on. Two queries."""
        for row in self._requests().pending().order_by("submitted_at")[:MOST]:
            said = {"who": asked_by(row), "wish": wish_of(row, self.locale)}
            words = _("%(who)s asks for %(wish)s.") % said
            link = _address("admin:approvals_budgetrequest_change", row.pk)
            yield DecisionNeeded(words, link)
        firing = Alert.objects.filter(
            organization=self.organization,
            state=AlertState.FIRING,
            severity=Severity.CRITICAL,
        )
        for alert in firing.order_by("-fired_at")[:MOST]:
            if alert.budget_id in self.paths:
                link = _address("admin:alerts_alert_change", alert.pk)
                yield DecisionNeeded(alert.message, link)

    # -- What is looked at

    def _requests(self) -> Any:
        rows = BudgetRequest.objects.filter(
            organization=self.organization, submitted_at__isnull=False
        ).select_related(
            *("requester", "on_behalf_of", "budget", "budget__organization"),
            *("parent", "source", "organization"),
        )
        if self.is_whole:
            return rows
        mine = elements_of(list(self.paths))
        return rows.filter(Q(budget__in=mine) | Q(parent__in=mine))

    def _deciders(self, rows: Collection[BudgetRequest]) -> dict[int, tuple[str, ...]]:
        decided = Decision.objects.filter(step__request__in=[row.pk for row in rows])
        found: dict[int, list[str]] = {}
        for request_id, email in decided.order_by("decided_at", "pk").values_list(
            "step__request", "person__email"
        ):
            names = found.setdefault(request_id, [])
            if email not in names:
                names.append(email)
        return {pk: tuple(names) for pk, names in found.items()}

    def _exceptions(self) -> Iterator[OverrideLine]:
        granted = self._requests().filter(
            kind=_EXCEPTION,
            state=RequestState.APPROVED,
            decided_at__gte=self.window.start,
            decided_at__lt=self.window.end,
        )
        rows = list(granted.order_by("decided_at")[:MOST])
        deciders = self._deciders(rows)
        for row in rows:
            wish = wish_of(row, self.locale)
            yield OverrideLine(
                at=row.decided_at,
                actor=", ".join(deciders.get(row.pk, ())) or asked_by(row),
                words=_("Allowed %(wish)s, for %(whom)s")
                % {"wish": wish, "whom": asked_by(row)},
                reason=" ".join(row.justification.split()),
            )

    def _switches(self) -> Iterator[OverrideLine]:
        changes: QuerySet[Any] = KillSwitch.history.filter(
            organization=self.organization
        )
        rows = self._here(changes, "history_date")
        for row in rows.order_by("history_date", "history_id"):
            is_on = row.history_type == "-"
            done = (
                _("Switched on again: %(name)s")
                if is_on
                else _("Switched off: %(name)s")
            )
            words = done % {"name": self._name(row.budget_id)}
            why = row.history_change_reason or row.message
            yield OverrideLine(row.history_date, row.actor, words, why or "")

    def _amounts(self) -> Iterator[OverrideLine]:
        """Yield changed amounts that no request asked for: not what is phased."""
        changed = AmountLine.objects.filter(
            organization=self.organization,
            kind__in=(AmountLine.Kind.CHANGE, AmountLine.Kind.CORRECTION),
            effective_to=None,
            request=None,
        ).select_related("budget")
        for row in self._here(changed, "made_at").order_by("made_at", "pk")[:MOST]:
            changed_by = (
                _("Changed the amount of %(name)s: %(money)s more")
                if row.amount > 0
                else _("Changed the amount of %(name)s: %(money)s less")
            )
            money = format_money(abs(row.amount), row.budget.currency, self.locale)
            words = changed_by % {"name": self._name(row.budget_id), "money": money}
            yield OverrideLine(row.made_at, row.actor, words, row.reason)

    def _corrections(self) -> Iterator[OverrideLine]:
        """Yield what was corrected of what is booked; of subtrees it is not known."""
        if not self.is_whole:
            return
        rows = Repricing.objects.filter(
            organization=self.organization,
            created_at__gte=self.window.start,
            created_at__lt=self.window.end,
        )
        for row in rows.order_by("created_at")[:MOST]:
            is_price = row.kind == Repricing.Kind.PRICES
            what = (
                _("Records repriced: %(count)s, %(money)s in all")
                if is_price
                else _("Records corrected: %(count)s, %(money)s in all")
            )
            money = format_money(
                row.difference, self.organization.currency, self.locale
            )
            words = what % {"count": row.records, "money": money}
            yield OverrideLine(row.created_at, row.actor, words, row.reason)

    def _here(self, rows: QuerySet[Any], at: str) -> QuerySet[Any]:
        moments = {f"{at}__gte": self.window.start, f"{at}__lt": self.window.end}
        return rows.filter(**moments, budget__in=elements_of(list(self.paths)))

    def _name(self, budget_id: int) -> str:
        return " / ".join(self.paths[budget_id])


def _address(page: str, pk: int) -> str:
    return f"{settings.SITE_URL}{reverse(page, args=[pk])}"
