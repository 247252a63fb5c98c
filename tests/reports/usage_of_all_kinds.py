"""A ledger with a record of each kind that an export has rows of."""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from accounts.models import Organization
from intake.corrections import correct
from ledger.prices import add_price, add_rate
from ledger.usage import decode_one
from tests.factories import make_organization, report, usage_record


def usage_of_all_kinds() -> Organization:
    """Return an organization in euros that used something of each kind in 2025: kinds
    of tokens and other quantities, prices by list and its own, costs that were named,
    credits, another currency, corrections, and usage without a price."""
    acme = make_organization("kinds", currency="EUR")
    rate = Decimal("1.0731")
    add_rate(base="EUR", quote="USD", rate=rate, date=date(2025, 1, 1))
    add_price(
        organization=acme,
        provider="openai",
        model="own",
        effective_from=datetime(2020, 1, 1, tzinfo=UTC),
        input_per_million=Decimal("2.123456789"),
        output_per_million=Decimal(6),
        per_request=Decimal("0.01"),
        quantities={"searches": "0.005"},
    )
    wrong = usage_record(id="wrong", output_tokens=0)
    report(
        acme,
        wrong,
        usage_record(id="parts", cached_tokens=500, cache_write_tokens=100),
        usage_record(id="thought", output_tokens=1_000, reasoning_tokens=700),
        usage_record(id="batch", service_tier="batch"),
        usage_record(id="own", model="own", quantities={"searches": 3}),
        usage_record(id="many", model="own", quantities={"requests": 5}),
        usage_record(id="named", cost="1.25"),
        usage_record(id="dollars", cost="2.5", currency="USD"),
        usage_record(id="credit", cost="-2.5"),
        usage_record(id="unpriced", model="nobody-knows-it"),
        usage_record(id="tagged", tags={"feature": "chat", "a": "b, c"}, run_id="r"),
        usage_record(id="odd", team_id="a\nb", user_id='say "x"', project_id="=1+1"),
    )
    right = decode_one(msgspec.json.encode(wrong | {"input_tokens": 3_000}))
    correct(acme.pk, [right], reason="counted wrongly")
    return acme
