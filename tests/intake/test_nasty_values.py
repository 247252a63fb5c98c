"""Values that nobody should send, in any field, at every door: told, and no bug."""

import json

import pytest

from accounts.models import Organization
from ledger.models import CostRecord
from ledger.usage import NOT_SENT, Usage
from tests.factories import Api, report, usage_record

pytestmark = pytest.mark.django_db

FIELDS = sorted(
    (set(Usage.__struct_fields__) - NOT_SENT)
    | {"seconds", "characters", "audio_input_tokens", "unheard_of", "strange_tokens"}
)
# As they are written in JSON, or where that is none, as clients write it.
NASTY = [
    '"1E+1000000"',
    '"1E-1000030"',
    '"-1E-1000030"',
    "1E+1000000",
    "1E-1000030",
    "1e999999999999999999999",
    '"1e999999999999999999999"',
    "NaN",
    "Infinity",
    "-Infinity",
    '"NaN"',
    '"sNaN"',
    '"Infinity"',
    '"²"',
    '"٣"',
    r'"\u0000"',
    r'"\ud800"',
    r'"a\udfffb"',
    r'{"\ud800": 1}',
    r'{"\u0000": 1}',
    r'{"a": "\ud800"}',
    r'["\u0000"]',
    '{"a": 1e999}',
    '{"a": NaN}',
    '{"a": 1E-1000030}',
    '{"a": "1E+1000000"}',
    f'{{"a": {"1" * 400}}}',
    f'{{"{"k" * 5000}": 1}}',
    "true",
    "false",
    "null",
    '""',
    '" "',
    "1" * 400,
    "-" + "1" * 400,
    "9223372036854775807",
    "18446744073709551616",
    "0." + "1" * 400,
    f'"{"1" * 400}"',
    f'"{"x" * 300}"',
    f'"{"é" * 300}"',
    f'"{"x" * 20_000}"',
    '"0000-01-01T00:00:00Z"',
    '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59-14:00"',
    '"10000-01-01T00:00:00Z"',
    '"2025-02-30T00:00:00Z"',
    "[]",
    "{}",
    "[" * 500 + "]" * 500,
    '{"a":' * 500 + "1" + "}" * 500,
    '{"a":' * 90 + "1" + "}" * 90,
    '{"a":' * 2000 + "1" + "}" * 2000,
    "-1",
    "1.5",
    "-0.0",
]


def with_field(name: str, value: str, usage_id: str = "nasty") -> str:
    """Return a record as JSON, with *value* as it is written."""
    record = {
        key: json.dumps(each) for key, each in usage_record(id=usage_id).items()
    } | {name: value}
    return f"{{{', '.join(f'{json.dumps(k)}: {v}' for k, v in record.items())}}}"


def check_batch(api: Api, bodies: list[str], **headers: str) -> None:
    sent = "\n".join(bodies) if headers else f"[{', '.join(bodies)}]"
    answer = api.post("usage/batch", sent.encode(), **headers)

    assert answer.status == 200, answer.body
    bad = {each["index"] for each in answer.body["rejected"]}
    assert all(each["errors"] for each in answer.body["rejected"])
    assert answer.body["accepted"] + answer.body["duplicates"] == len(bodies) - len(bad)
    assert not {0, len(bodies) - 1} & bad


@pytest.mark.parametrize("name", FIELDS)
def test_of_a_batch_the_good_ones_are_booked(
    api: Api, acme: Organization, name: str
) -> None:
    good = [json.dumps(usage_record(id=each)) for each in ("first", "last")]
    bad = [with_field(name, value, f"n{n}") for n, value in enumerate(NASTY)]

    check_batch(api, [good[0], *bad, good[1]])

    booked = CostRecord.objects.filter(usage_id__in=["first", "last"])
    assert booked.count() == 2


@pytest.mark.parametrize("name", FIELDS)
def test_of_lines_the_good_ones_are_booked(
    api: Api, acme: Organization, name: str
) -> None:
    good = [json.dumps(usage_record(id=each)) for each in ("first", "last")]
    bad = [with_field(name, value, f"n{n}") for n, value in enumerate(NASTY)]

    check_batch(api, [good[0], *bad, good[1]], content_type="application/x-ndjson")


@pytest.mark.parametrize("name", FIELDS)
def test_one_alone_is_booked_or_refused(
    api: Api, acme: Organization, name: str
) -> None:
    for number, value in enumerate(NASTY):
        answer = api.post("usage", with_field(name, value, f"n{number}").encode())

        assert answer.status in {200, 201, 400, 403, 413}, (value, answer.body)
        assert (
            answer.status < 300
            or answer.body["errors"]
            or "NaN" in value
            or ("Infinity" in value)
        ), (value, answer.body)


@pytest.mark.parametrize("name", FIELDS)
def test_a_correction_is_made_or_refused(
    api: Api, acme: Organization, name: str
) -> None:
    report(acme, usage_record(id="one"))

    for value in NASTY:
        record = with_field(name, value, "one")[:-1] + ', "reason": "why"}'
        answer = api.post("usage/one/correction", record.encode())

        assert answer.status in {200, 201, 400, 403}, (value, answer.body)
