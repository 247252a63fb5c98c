"""Saying which accounts costs go to, and how files are written."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Organization
from accounts.versions import ChangedMeanwhile, Seen, check_row, version_of
from lib.errors import FieldError, Invalid
from reports.journals.mappings import fault_of_name, read_mappings
from reports.models import DateOrder, JournalSetup

NEW = "0"  # version of what nobody has set up yet
TRACKED = ("tracking_department", "tracking_cost_center", "tracking_class")
_NAMES = ("rounding_account", "subsidiary", "tax_rate", *TRACKED)
SETTINGS = (*_NAMES, "decimals", "date_order")
MOST_TRACKED = 2  # categories, in Xero
MOST_DECIMALS = 4


def setup_of(organization: Organization) -> JournalSetup:
    """Return how the organization has its journals; as it begins, if nobody said."""
    found = JournalSetup.objects.filter(organization=organization).first()
    return found or JournalSetup(organization=organization)


def setup_version(setup: JournalSetup) -> str:
    """Return which version *setup* is. A query, where somebody set it up."""
    return version_of(setup) if setup.pk else NEW


@transaction.atomic
def set_mappings(
    organization: Organization, given: object, *, seen: Seen | None = None
) -> JournalSetup:
    """Have costs go where *given*, mappings as the wire has them, says.

    What is posted stays where it is.

    Raises:
        Invalid: a mapping can't be taken; each fault names its place.
        ChangedMeanwhile: they are none of the versions *seen*.
    """
    setup = _held(organization, seen)
    setup.mappings = [mapping.told() for mapping in read_mappings(given)]
    return _saved(setup)


@transaction.atomic
def change_settings(
    organization: Organization,
    changes: Mapping[str, Any],
    *,
    seen: Seen | None = None,
) -> JournalSetup:
    """Change what SETTINGS names; files that are posted stay as they are.

    Raises:
        Invalid: one of them can't be taken.
        ChangedMeanwhile: they are none of the versions *seen*.
    """
    setup = _held(organization, seen)
    for name, value in changes.items():
        setattr(setup, name, value)
    if faults := _faults_of(setup):
        raise Invalid(faults[0].detail, errors=tuple(faults))
    return _saved(setup)


@transaction.atomic
def set_up(
    organization: Organization,
    mappings: object,
    changes: Mapping[str, Any],
    *,
    seen: Seen | None = None,
) -> JournalSetup:
    """Set mappings and settings at once.

    Raises:
        Invalid, ChangedMeanwhile: as the two above; nothing is changed.
    """
    change_settings(organization, changes, seen=seen)
    return set_mappings(organization, mappings)


def _faults_of(setup: JournalSetup) -> list[FieldError]:
    said = {name: getattr(setup, name) for name in _NAMES}
    found = {
        name: fault
        for name, text in said.items()
        if (text or name == "tax_rate") and (fault := fault_of_name(text))
    }
    if sum(bool(said[name]) for name in TRACKED) > MOST_TRACKED:
        found["tracking_class"] = "Xero has two tracking categories: empty one of them."
    if setup.date_order not in DateOrder.values:
        found["date_order"] = f"Use one of {', '.join(DateOrder.values)}."
    if setup.decimals is not None and not 0 <= setup.decimals <= MOST_DECIMALS:
        found["decimals"] = f"Must be from 0 to {MOST_DECIMALS}, or null."
    return [FieldError(name, "invalid", fault) for name, fault in found.items()]


def _held(organization: Organization, seen: Seen | None) -> JournalSetup:
    """Return the setup, and keep everybody else from it until commit."""
    rows = JournalSetup.objects.filter(organization=organization)
    setup = rows.select_for_update().first()
    if setup is not None:
        check_row(setup, seen)
        return setup
    if seen is not None and NEW not in seen:
        raise ChangedMeanwhile.by(None)
    return JournalSetup(organization=organization)


def _saved(setup: JournalSetup) -> JournalSetup:
    try:
        with transaction.atomic():
            setup.save()
    except IntegrityError as error:  # somebody else set it up at this moment
        raise ChangedMeanwhile.by(None) from error
    return setup
