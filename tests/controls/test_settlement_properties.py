"""Random decisions and the records that settle them, against what was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from budgets.models import BudgetPeriod
from tests.controls.factories import authorize, make_hard
from tests.factories import Api, make_api, make_organization, usage_record
from tests.sizes import examples

# One model or person under several names, and others.
MODELS = {
    "gpt-4o": ("gpt-4o", "GPT-4o", "openai/gpt-4o", "gpt-4o-2024-08-06"),
    "gpt-4o-mini": ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
}
USERS = {"ada@x.com": ("ada@x.com", "Ada@X.com"), "bob": ("bob",), "": ("",)}
WORDS = {
    "project_id": ("search", "web", ""),
    "environment": ("prod", "production", ""),
}
SCOPES: tuple[Mapping[str, Any], ...] = (
    {},
    {"models": ["gpt-4o"]},
    {"models": ["gpt-4o-mini"]},
    {"projects": ["search"]},
    {"environments": ["prod"], "models": ["gpt-4o"]},
    {"users": ["ADA@x.com"]},
    {"tags": {"feature": "chat"}},
)
LIMIT = Decimal(2)
COST = Decimal("0.60")


@dataclass(frozen=True)
class Words:
    """What a call or record says; `model` and `user_id` by their one name."""

    model: str
    user_id: str
    project_id: str
    environment: str
    feature: str

    def spelled(self, draw: Any) -> dict[str, Any]:
        """Return them as somebody writes them."""
        said = {
            "provider": draw(st.sampled_from(["openai", "OpenAI", "openai.chat"])),
            "model": draw(st.sampled_from(MODELS[self.model])),
            "user_id": draw(st.sampled_from(USERS[self.user_id])),
            "project_id": self.project_id,
            "environment": self.environment,
        }
        said["tags"] = {"feature": self.feature} if self.feature else None
        return {name: value for name, value in said.items() if value}

    def is_in(self, scope: Mapping[str, Any]) -> bool:
        """Tell what a scope means, the plain way."""
        named = {
            "models": self.model,
            "projects": self.project_id,
            "environments": self.environment,
            "users": self.user_id,
        }
        if scope.get("tags", {}).get("feature", self.feature) != self.feature:
            return False
        return all(
            value in {word.lower() for word in scope[name]}
            for name, value in named.items()
            if name in scope
        )


WORDS_OF = st.builds(
    Words,
    model=st.sampled_from(sorted(MODELS)),
    user_id=st.sampled_from(sorted(USERS)),
    project_id=st.sampled_from(WORDS["project_id"]),
    environment=st.sampled_from(WORDS["environment"]),
    feature=st.sampled_from(["chat", "search", ""]),
)
CALLS = st.lists(st.tuples(WORDS_OF, WORDS_OF, st.booleans()), min_size=1, max_size=8)


class SettlementTest(TestCase):
    """Hard limits are charged what was asked of them, whatever records say."""

    @settings(max_examples=examples(8, 200))
    @given(st.data(), st.sets(st.sampled_from(range(len(SCOPES))), min_size=1), CALLS)
    def test_limits_hold_whatever_records_say(
        self, data: Any, chosen: set[int], calls: list[tuple[Words, Words, bool]]
    ) -> None:
        acme = make_organization("acme")
        api = make_api(organization=acme)
        scopes = {
            make_hard(acme, f"b{number}", str(LIMIT), scope=SCOPES[number]).pk: SCOPES[
                number
            ]
            for number in sorted(chosen)
        }
        spent = dict.fromkeys(scopes, Decimal(0))
        told = set[int]()

        for number, (asked, said, in_a_batch) in enumerate(calls):
            words = asked.spelled(data.draw)
            answer = authorize(api, **without(words), **words, estimated_cost=str(COST))
            fits = all(
                spent[pk] + COST <= LIMIT or pk in told
                for pk, scope in scopes.items()
                if asked.is_in(scope)
            )
            assert (answer["decision"] == "allow") == fits or told
            if answer["decision"] != "allow":
                continue
            settled = book(
                api, f"u{number}", answer["id"], said.spelled(data.draw), in_a_batch
            )
            used = Words(
                said.model,
                asked.user_id,
                asked.project_id,
                asked.environment,
                asked.feature,
            )
            assert settled["without_leave"] == (said.model != asked.model)
            for pk, scope in scopes.items():
                if used.is_in(scope):
                    spent[pk] += COST
                    if said.model != asked.model and not asked.is_in(scope):
                        told.add(pk)

        for pk in scopes:
            period = BudgetPeriod.objects.filter(budget=pk).first()
            assert (period.spent if period else 0) == spent[pk]
            assert (period.reserved if period else 0) == 0
            assert spent[pk] <= LIMIT or pk in told


def without(words: Mapping[str, Any]) -> dict[str, Any]:
    """Take off what calls of the tests name unless told otherwise."""
    return {name: None for name in ("project_id",) if name not in words}


def book(
    api: Api, usage_id: str, authorization: str, words: dict[str, Any], in_a_batch: bool
) -> dict[str, Any]:
    """Report what a call cost, and return what was told of its authorization."""
    record = usage_record(
        id=usage_id,
        timestamp=timezone.now().isoformat(),
        cost=str(COST),
        authorization_id=authorization,
        **words,
    )
    if not in_a_batch:
        told: dict[str, Any] = api.post("usage", record).body["authorization"]
        return told
    answer = api.post("usage/batch", [record]).body
    differing = [one["authorization"] for one in answer["differing"]]
    return differing[0] if differing else {"without_leave": False, "differs": []}
