"""Loads the files given and prints, after each, the most memory held until then."""

import resource
import sys

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    for path in sys.argv[1:]:
        call_command("import_usage", path, stdout=sys.stderr)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
