"""Plain makers of requests, of those who decide them, and of policies."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from approvals.decisions import Decided, decide
from approvals.models import BudgetRequest, How, Outcome, Policy
from approvals.policies import save_policy
from approvals.services import ask_for
from approvals.types import SYSTEM, Ask, By, LevelPlan, PolicyPlan
from budgets.models import Budget

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def person_in(
    organization: Organization, name: str, role: Role = Role.APPROVER
) -> User:
    """Return somebody new without a password, NAME@acme.example."""
    person = User.objects.create(email=f"{name}@{organization.slug}.example")
    Membership.objects.create(organization=organization, user=person, role=role)
    return person


def by(person: User, how: How = How.SESSION) -> By:
    return By.someone(person, how)


def level(*approvers: str | User, **plan: Any) -> LevelPlan:
    words = [one if isinstance(one, str) else one.email for one in approvers]
    return LevelPlan(**{"name": "Level", "approvers": words, **plan})


def make_policy(organization: Organization, *levels: LevelPlan, **plan: Any) -> Policy:
    wanted = PolicyPlan(**{"name": "Policy", "levels": levels, **plan})
    return save_policy(organization, wanted, by=SYSTEM, now=NOW)


def make_request(
    organization: Organization, requester: User, amount: str = "5000", **ask: Any
) -> BudgetRequest:
    """Ask for a new budget of *amount*, unless said otherwise."""
    wanted = Ask(
        **{
            "kind": "new",
            "amount": Decimal(amount),
            "requester": requester,
            "name": "Insights",
            "justification": "A launch",
            **ask,
        }
    )
    return ask_for(organization, wanted, by=by(requester), now=NOW)


def approve(request: BudgetRequest, person: User, **more: Any) -> Decided:
    return decide(request, Outcome.APPROVED, **{"by": by(person), "now": NOW, **more})


def reject(request: BudgetRequest, person: User, **more: Any) -> Decided:
    said = {"by": by(person), "now": NOW, "comments": "Too much", **more}
    return decide(request, Outcome.REJECTED, **said)


def asks(pm: User, team: Budget, amount: str = "200", **more: Any) -> BudgetRequest:
    """Ask for more for *team*, now."""
    wanted = Ask(
        **{
            "kind": "increase",
            "amount": Decimal(amount),
            "requester": pm,
            "budget": team,
            "justification": "The launch is <b>early</b>.",
            **more,
        }
    )
    return ask_for(team.organization, wanted, by=by(pm), now=timezone.now())
