"""What workers do about rules: people are asked whether one may act."""

from django.utils import timezone

from controls.actions import ask
from controls.models import RuleAction


def ask_for_action(uid: str) -> None:
    """Ask people about the action *uid*, unless that is done."""
    for action in RuleAction.objects.unasked().filter(uid=uid):
        ask(action, timezone.now())
