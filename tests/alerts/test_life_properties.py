"""The life of an alert against a model of a few lines, whatever happens to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts import escalation, services
from alerts.models import Alert, AlertEvent, AlertState
from alerts.watchdog import audit
from budgets.models import Budget
from lib.errors import Refusal
from notifications.models import Delivery
from tests.alerts.factories import fire, level, make_policy
from tests.factories import make_budget, make_organization
from tests.sizes import examples

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
LEAD, CTO = "lead@acme.example", "cto@acme.example"
MINUTE = timedelta(minutes=1)
LADDER = (0, 0, 30)  # minutes: the rule's own people, and two levels
_numbers = count()


@dataclass
class Model:
    """How the alert of one key should be; `due` are the steps that are not made yet."""

    state: str = ""
    armed: bool = True
    until: datetime | None = None
    due: list[datetime] = field(default_factory=list)
    made: int = 0
    fired: int = 0
    is_told: bool = False

    def begin(self, now: datetime) -> None:
        self.state, self.until = "firing", None
        self.due = [now + delay * MINUTE for delay in LADDER]

    def answered(self, state: str, until: datetime | None) -> bool:
        if self.state not in {"firing", "acknowledged", "snoozed"}:
            return False
        self.state, self.until = state, until
        return True

    def fire(self, now: datetime) -> None:
        if self.armed:
            self.armed, self.fired = False, self.fired + 1
            self.is_told = False
            self.begin(now)

    def end(self, now: datetime) -> None:
        if self.state:
            if not self.is_told:
                self.tell(now)
            self.state, self.armed = "resolved", True

    def minute(self, now: datetime) -> None:
        if self.until is not None and self.until <= now and self.state != "resolved":
            self.begin(now)
        self.tell(now)

    def tell(self, now: datetime) -> None:
        if self.state == "firing":
            made = sum(at <= now for at in self.due)
            self.made, self.is_told = self.made + made, self.is_told or bool(made)
            self.due = [at for at in self.due if at > now]


ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 3, 29, 31, 90])),
    st.tuples(st.sampled_from(["acknowledge", "snooze"]), st.sampled_from([5, 45])),
    st.tuples(
        st.sampled_from(["fire", "end", "resolve", "stale", "audit"]), st.just(0)
    ),
)


class World:
    """The same alert in the product, moved by the same names."""

    def __init__(self) -> None:
        organization = make_organization(f"acme-{next(_numbers)}")
        self.budget: Budget = make_budget(organization, now=START)
        make_policy(self.budget, level(0, LEAD), level(30, CTO))
        self.model = Model()
        self.now = START

    @property
    def alerts(self) -> Any:
        rows = Alert.objects.filter(budget=self.budget)
        return rows.select_related("budget", "organization").order_by("pk")

    def do(self, action: str, minutes: int) -> None:
        until = self.now + minutes * MINUTE
        getattr(self, action)(until) if action in _TIMED else getattr(self, action)()
        self.agree()

    def fire(self) -> None:
        if self.model.armed:
            fire(self.budget, now=self.now, recipients=("own@acme.example",))
        else:
            with pytest.raises(AssertionError):  # the factory's: nothing was raised
                fire(self.budget, now=self.now)
        self.model.fire(self.now)

    def wait(self, until: datetime) -> None:
        """Let time pass; workers come when something is due, and a minute before."""
        while self.now < until:
            self.now += MINUTE
            moments = [until, *self.model.due, self.model.until or until]
            if min(moments) <= self.now + MINUTE:
                services.come_back(self.now)
                escalation.run_due(self.now)
                self.model.minute(self.now)

    def audit(self) -> None:
        assert audit(self.now) == 0

    def end(self) -> None:
        services.end(
            [alert.pk for alert in self.alerts], now=self.now, why="It is over."
        )
        self.model.end(self.now)

    def acknowledge(self, until: datetime) -> None:
        may = self.model.answered("acknowledged", until)
        self._answer(
            may,
            lambda alert: services.acknowledge(
                alert, by=LEAD, until=until, now=self.now
            ),
        )

    def snooze(self, until: datetime) -> None:
        may = self.model.answered("snoozed", until)
        self._answer(
            may,
            lambda alert: services.snooze(alert, by=LEAD, until=until, now=self.now),
        )

    def resolve(self) -> None:
        may = self.model.answered("resolved", None)
        self._answer(may, lambda alert: services.resolve(alert, by=LEAD, now=self.now))

    def stale(self) -> None:
        """Answer on a page that shows how the alert was before somebody else did."""
        alert = self.alerts.last()
        if alert is None or alert.state == AlertState.FIRING:
            return
        alert.state, alert.acknowledged_until, alert.snoozed_until = (
            "firing",
            None,
            None,
        )
        with pytest.raises(Refusal):
            services.resolve(alert, by=CTO, now=self.now)

    def _answer(self, may: bool, answer: Any) -> None:
        alert = self.alerts.last()
        if alert is None:
            return
        if may:
            answer(alert)
        else:
            with pytest.raises(Refusal):
                answer(alert)

    def agree(self) -> None:
        """Compare all that can be seen with the model."""
        model, alerts = self.model, list(self.alerts)
        assert len(alerts) == model.fired
        if not alerts:
            return
        last = alerts[-1]
        assert last.state == model.state
        assert (last.rearmed_at is not None) == model.armed
        assert all(alert.state == AlertState.RESOLVED for alert in alerts[:-1])
        firing = model.state == "firing" and model.due
        assert last.next_step_at == (min(model.due) if firing else None)
        told = AlertEvent.objects.filter(alert__in=alerts, kind="told")
        assert told.count() == model.made
        mails = Delivery.objects.filter(organization=self.budget.organization)
        assert mails.count() == model.made


_TIMED = {"wait", "acknowledge", "snooze"}


@settings(
    max_examples=examples(12, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(ACTIONS, max_size=12))
def test_an_alert_lives_as_its_model_does(actions: Sequence[tuple[str, int]]) -> None:
    world = World()
    world.do("fire", 0)

    for action, minutes in actions:
        world.do(action, minutes)
