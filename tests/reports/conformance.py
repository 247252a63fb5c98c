"""Have FOCUS' own validator read exports, sound and spoilt ones.

python -m tests.reports.conformance PYTHON FOLDER

PYTHON is that of an environment with the validator. What is exported goes to FOLDER,
from a database that holds the demo, with a report of each beside it. Exits with 1 where
anything is found in a sound file, or nothing in a spoilt one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET  # what it reads was just written here

import django
from django.utils import timezone

# The model of FOCUS 1.2 that comes with it; what else applies to our usage.
VERSION = "1.2"
CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED",
    "PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "TAGGING_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
)
_CONSUMED = "its model has the condition the wrong way round (FOCUS_Spec#2394)"
_INVOICE = "the model asks for null and for no null: one of the two always fails"
# What it says of sound files, and why that is so.
KNOWN = {
    **{f"ConsumedQuantity-C-{number}-C": _CONSUMED for number in ("000", "003")},
    **{f"ConsumedQuantity-C-{number}-C": _CONSUMED for number in ("004", "005", "006")},
    "InvoiceId-C-004-C": _INVOICE,
    "InvoiceId-C-005-C": _INVOICE,
}


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Validator:
    """FOCUS' validator, in an environment of its own."""

    def __init__(self, python: Path) -> None:
        self._python = python
        found = subprocess.run(
            [
                python,
                "-c",
                "import focus_validator; print(focus_validator.__path__[0])",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        self._home = Path(found.stdout.strip()).parent  # it reads files relative to it

    def findings(self, file: Path) -> dict[str, str]:
        """Return the rules that *file* breaks, with what is said of each."""
        said = file.with_suffix(file.suffix + ".xml")
        subprocess.run(
            [
                *(self._python.with_name("focus-validator"), "--data-file", file),
                *("--validate-version", VERSION, "--block-download"),
                *("--applicability-criteria", ",".join(CRITERIA)),
                *("--output-type", "unittest", "--output-destination", said),
            ],
            check=False,  # it ends with 0 and with 1 for reasons of its own
            cwd=self._home,
            env={**os.environ, "FOCUS_LOG_LEVEL": "ERROR"},
            capture_output=True,
        )
        cases = ET.parse(said).getroot().iter("testcase")  # noqa: S314 - as above
        found = dict(_broken(cases))
        said.unlink()
        return found


def _broken(cases: Iterator[ET.Element]) -> Iterator[tuple[str, str]]:
    for case in cases:
        for part in case:
            if part.tag in ("failure", "error"):
                rule = case.attrib["name"].split(" ")[0]
                yield rule, part.attrib.get("message", "") or (part.text or "").strip()


def check(validator: Validator, folder: Path) -> bool:
    """Tell whether sound files pass but for what is KNOWN, and no spoilt one does."""
    from tests.reports.focus_faults import FAULTS, spoilt
    from tests.reports.focus_reader import faults_in

    is_well = True
    for file in _exported(folder):
        found = validator.findings(file)
        ours = list(faults_in(file.read_text())) if file.suffix == ".csv" else []
        unknown = {rule: said for rule, said in found.items() if rule not in KNOWN}
        _report(file, found, ours)
        is_well &= not unknown and not ours
        tell(f"{file.name}: {len(found)} rules broken, {len(unknown)} of them unknown")
        for rule, said in unknown.items():
            tell(f"  {rule}: {said}")
        for fault in ours[:20]:
            tell(f"  {fault}")
    sound = (folder / "kinds.csv").read_text()
    for name in FAULTS:
        file = folder / "spoilt.csv"
        file.write_text(spoilt(sound, name))
        by = [
            *(["the validator"] if validator.findings(file).keys() - KNOWN else []),
            *(["our reader"] if list(faults_in(file.read_text())) else []),
        ]
        is_well &= bool(by)
        tell(f"{name}: found by {' and '.join(by) or 'NOBODY'}")
        file.unlink()
    return is_well


def _exported(folder: Path) -> Iterator[Path]:
    from accounts.models import Organization
    from reports.exports import KINDS, file_of, order_of
    from tests.reports.usage_of_all_kinds import usage_of_all_kinds

    acme = Organization.objects.get(slug="org-acme-corp")
    for name, organization in (("demo", acme), ("kinds", usage_of_all_kinds())):
        for extension in ("csv", "parquet"):
            file = folder / f"{name}.{extension}"
            order = order_of(KINDS["focus"], organization, {}, now=timezone.now())
            file.write_bytes(b"".join(file_of(KINDS["focus"], order, extension)))
            yield file


def _report(file: Path, found: dict[str, str], ours: list[str]) -> None:
    """Write what was found beside *file*, for whoever gets it."""
    beside = file.with_suffix(f"{file.suffix}.conformance.json")
    told = {
        "file": file.name,
        "focus_version": VERSION,
        "criteria": CRITERIA,
        "conforms": not (found.keys() - KNOWN) and not ours,
        "broken": {rule: said for rule, said in found.items() if rule not in KNOWN},
        "false_positives": {rule: KNOWN[rule] for rule in found if rule in KNOWN},
        "own_checks": ours,
    }
    beside.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    python, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    sys.exit(not check(Validator(python.absolute()), folder.absolute()))
