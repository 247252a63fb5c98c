"""Any spelling of a model, provider or person counts as the one name, at every door."""

import csv
from collections.abc import Sequence
from decimal import Decimal
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from budgets.models import BudgetPeriod
from ledger.models import CostRecord
from tests.budgets.moments import examples
from tests.budgets.worlds import differences, january_budget, undone
from tests.factories import NOON, make_api, make_key, make_organization, usage_record
from tests.intake.otlp_exports import CHAT, Exporter, make_span
from tests.spellings import MODELS, Meant, Spelled, fine_tuned, people, spelled

ADA = "ada@x.com"
TOKENS = ("input_tokens", "output_tokens")
Use = tuple[Spelled, str | None]


def by_api(organization: Organization, uses: Sequence[Use]) -> None:
    records = [
        usage_record(
            id=f"u{number}", provider=one.provider, model=one.model, user_id=person
        )
        for number, (one, person) in enumerate(uses)
    ]
    answer = make_api(organization=organization).post("usage/batch", records)
    assert answer.status < 300


def by_file(organization: Organization, uses: Sequence[Use]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "usage.csv")
        with path.open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(
                [*("id", "timestamp", "provider", "model", "user_id"), *TOKENS]
            )
            for number, (one, person) in enumerate(uses):
                where = one.provider, one.model, person or ""
                lines.writerow([f"u{number}", NOON.isoformat(), *where, 1000, 1000])
        call_command(
            "import_usage", path, organization=organization.slug, stdout=StringIO()
        )


def by_spans(organization: Organization, uses: Sequence[Use]) -> None:
    spans = []
    for number, (one, person) in enumerate(uses, start=1):
        named = {
            "gen_ai.provider.name": one.provider,
            "gen_ai.request.model": one.model,
            "gen_ai.response.model": one.model,
            "enduser.id": person or "",
        }
        spans.append(make_span(number, {**CHAT, **named}))
    sent = Exporter(make_key(organization=organization)).send(*spans)
    assert sent.rejected == 0


DOORS = {"api": by_api, "file": by_file, "spans": by_spans}


def budgets_by_name(organization: Organization) -> dict[str, set[Meant]]:
    """Make a budget for each model, version and provider; return what each is for."""
    wanted: dict[str, tuple[dict[str, Any], set[Meant]]] = {}
    for one in MODELS:
        for name in {one.model, one.plain}:
            same = {other for other in MODELS if name in {other.model, other.plain}}
            wanted[name] = {"models": [name]}, same
        same = {other for other in MODELS if other.provider == one.provider}
        wanted[one.provider] = {"providers": [one.provider]}, same
    for name, (scope, _) in wanted.items():
        january_budget(organization, name, scope=scope, starts_at=NOON.replace(day=1))
    return {name: same for name, (_, same) in wanted.items()}


def spent(organization: Organization) -> dict[str, tuple[Decimal, int]]:
    rows = BudgetPeriod.objects.filter(organization=organization, requests__gt=0)
    return {
        row.budget.name: (row.spent, row.requests)
        for row in rows.select_related("budget")
    }


def plainly(meant: Meant) -> Spelled:
    return Spelled(meant.provider, meant.plain, meant)


@pytest.mark.django_db
@examples(5)
@given(
    door=st.sampled_from(sorted(DOORS)),
    uses=st.lists(st.tuples(spelled, people), min_size=1, max_size=8),
)
def test_a_use_under_any_name_costs_and_charges_what_it_does_under_the_plain_one(
    door: str, uses: list[Use]
) -> None:
    with undone():
        plain = make_organization("plain")
        by_api(plain, [(plainly(one.meant), None) for one, _ in uses])
        costs = [row.total_cost for row in CostRecord.objects.order_by("usage_id")]
        organization = make_organization()
        wanted = budgets_by_name(organization)
        scope = {"users": [ADA.title()]}
        january_budget(organization, "ada", scope=scope, starts_at=NOON.replace(day=1))

        DOORS[door](organization, uses)

        expected: dict[str, tuple[Decimal, int]] = {}
        for (one, person), cost in zip(uses, costs, strict=True):
            hers = {"ada"} if person and person.strip().lower() == ADA else set()
            for name in {n for n, same in wanted.items() if one.meant in same} | hers:
                total, count = expected.get(name, (Decimal(0), 0))
                expected[name] = total + (cost or 0), count + 1
        booked = CostRecord.objects.filter(organization=organization)
        assert sorted(map(str, booked.values_list("total_cost", flat=True))) == sorted(
            map(str, costs)
        )
        assert spent(organization) == expected
        assert differences(organization) == []


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_a_fine_tuned_model_charges_its_base(acme: Organization, door: str) -> None:
    january_budget(acme, "gpt-4o", scope={"models": ["gpt-4o"]})
    meant = Meant("openai", "gpt-4o", "2024-08-06")

    DOORS[door](acme, [(Spelled("openai", fine_tuned(meant), meant), None)])

    assert spent(acme) == {"gpt-4o": (Decimal("0.01875"), 1)}
