"""manage.py rotate_keys: encrypt every stored secret anew, with the newest key."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models, transaction

from lib.secrets import EncryptedJSONField


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret anew with the first key of "
        "COSTOPS_ENCRYPTION_KEYS. The others may be taken out a day later."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only see that all can be read"
        )

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        try:
            count = sum(
                _rotate(model, field, pk, dry_run=dry_run)
                for model, field in _encrypted()
                for pk in _rows(model).values_list("pk", flat=True)
            )
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        done = "can be read" if dry_run else "encrypted with the newest key"
        self.stdout.write(self.style.SUCCESS(f"Secrets of {count:,} rows: {done}."))


def _encrypted() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedJSONField):
                yield model, field.name


def _rows(model: type[models.Model]) -> models.QuerySet[Any]:
    return models.QuerySet(model)


def _rotate(model: type[models.Model], field: str, pk: Any, *, dry_run: bool) -> bool:
    """Write one row's secret back as it is; whoever changes it meanwhile waits."""
    with transaction.atomic():
        row = _rows(model).select_for_update().filter(pk=pk)
        for value in row.values_list(field, flat=True):
            if not dry_run:
                row.update(**{field: value})
            return True
    return False  # deleted since
