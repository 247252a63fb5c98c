"""Sheets of channels. Secrets are written by them, and never read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Organization
from accounts.versions import Seen
from bulk.columns import BulkColumn
from bulk.forms import ListCells, TextCells, TruthCells, WholeCells, WordCells
from bulk.models import BulkKind
from bulk.single import RowSheet
from bulk.types import FieldDifference
from lib.errors import Invalid
from notifications.channels import add_channel, change_channel
from notifications.configs import secret_names
from notifications.models import Channel, ChannelType


def _config(name: str, words: str, form: Any = None) -> BulkColumn:
    form = form or TextCells()
    return BulkColumn(name, form, words, path=f"config.{name}", emptied=None)


class ChannelSheet(RowSheet[Channel]):
    """Ways to reach people."""

    kind = BulkKind.CHANNELS
    key = "name"
    words = (
        "Each line is a channel, found by its name. Secrets (addresses of Slack, keys) "
        "are not in what you fetch; an empty cell leaves them as they are."
    )
    columns = (
        BulkColumn("id", WholeCells(), "of a channel that is there"),
        BulkColumn("name", TextCells(), "how it is called"),
        BulkColumn("type", WordCells(tuple(ChannelType.values)), "it stays"),
        BulkColumn("enabled", TruthCells(), "whether it is used"),
        _config("recipients", "mail addresses or telephone numbers", ListCells()),
        _config("url", "of a webhook, or for Apprise: a secret there"),
        _config("webhook_url", "of Slack: a secret"),
        _config("channel", "of Slack"),
        _config("mentions", "in Slack", ListCells()),
        _config("requests", "whether Slack is told of requests", TruthCells()),
        _config("routing_key", "of PagerDuty: a secret"),
        _config("secret", "that signs a webhook: a secret"),
    )

    def all_of(self, organization: Organization) -> QuerySet[Channel]:
        return Channel.objects.filter(organization=organization).order_by("name", "pk")

    def find(
        self, organization: Organization, wire: Mapping[str, Any]
    ) -> Channel | None:
        name = str(wire.get("name", "")).strip()
        return self.all_of(organization).filter(name__iexact=name).first()

    def answer(self, row: Channel) -> Mapping[str, Any]:
        return {
            "id": row.pk,
            "name": row.name,
            "type": row.type,
            "enabled": row.enabled,
            "config": row.config,
        }

    def unseen(self, row: Channel, wire: Mapping[str, Any]) -> list[FieldDifference]:
        given = wire.get("config", {}).keys() & secret_names(row.type)
        return [
            FieldDifference(name, "", "as given (secret)") for name in sorted(given)
        ]

    def label(self, wire: Mapping[str, Any]) -> str:
        return str(wire.get("name", ""))

    def make(
        self, organization: Organization, wire: dict[str, Any], now: datetime
    ) -> Channel:
        for name in ("name", "type"):
            if name not in wire:
                raise Invalid.field(name, "A new channel needs this.")
        return add_channel(
            organization,
            type=wire["type"],
            name=wire["name"],
            config=wire.get("config", {}),
            enabled=wire.get("enabled", True),
        ).channel

    def change(
        self, row: Channel, wire: dict[str, Any], now: datetime, seen: Seen | None
    ) -> Channel:
        if wire.get("type", row.type) != row.type:
            raise Invalid.field("type", f"It is {row.type}, and stays so.")
        return change_channel(
            row,
            now=now,
            seen=seen,
            name=wire.get("name"),
            config=wire.get("config"),
            enabled=wire.get("enabled"),
        )
