"""Values that nobody should send, in any field, at every door: told, and no bug."""

import json

import pytest

from accounts.models import Organization
from ledger.models import CostRecord
from tests.factories import Api, report, usage_record
from tests.intake.nasty import FIELDS, NASTY
from tests.sizes import size

pytestmark = pytest.mark.django_db


def with_field(name: str, value: str, usage_id: str = "nasty") -> str:
    """Return a record as JSON, with *value* as it is written."""
    record = {
        key: json.dumps(each) for key, each in usage_record(id=usage_id).items()
    } | {name: value}
    return f"{{{', '.join(f'{json.dumps(k)}: {v}' for k, v in record.items())}}}"


def some_for(name: str) -> list[str]:
    """Return the values that are tried one by one: every day, others for each field."""
    return NASTY[FIELDS.index(name) % size(4, 1) :: size(4, 1)]


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
    for number, value in enumerate(some_for(name)):
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

    for value in some_for(name):
        record = with_field(name, value, "one")[:-1] + ', "reason": "why"}'
        answer = api.post("usage/one/correction", record.encode())

        assert answer.status in {200, 201, 400, 403}, (value, answer.body)
