"""What costs belong to."""

from collections.abc import Iterable
from typing import Self

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from ledger.identity import ModelName, one_name
from ledger.patterns import ModelSet

# The dimensions of an attribution, in the order everything that lists them follows.
DIMENSIONS = (
    "department",
    "team",
    "project",
    "environment",
    "user",
    "provider",
    "model",
)


class AttributionQuerySet(models.QuerySet["Attribution"]):
    def of(self, dimension: str, texts: Iterable[str]) -> Self:
        """Keep those of which *dimension* is one of *texts*, or means what it means."""
        if dimension == "model":
            return self.of_models(texts)
        names = {one_name(dimension, text) for text in texts}
        return self.filter(**{f"{dimension}__in": names})

    def of_models(self, texts: Iterable[str]) -> Self:
        """Keep those whose model one of *texts* means; one query if any has a *."""
        wanted = ModelSet.of(texts)
        named = Q(model__in=wanted.models) | Q(model_version__in=wanted.versions)
        if wanted.patterns:
            pairs = self.order_by().values_list("model", "model_version").distinct()
            found = [pair for pair in pairs if wanted.reaches(ModelName(*pair))]
            named |= Q(model_version__in={version for _, version in found if version})
            plain = {model for model, version in found if not version}
            named |= Q(model__in=plain, model_version="")
        return self.filter(named)


class Attribution(models.Model):
    """One distinct combination of dimensions that costs belong to.

    A dimension that was not given is "". Tags are a list of strings, sorted, or an
    object of strings. User, provider and model are filed under their one name
    (`ledger.identity`), so several rows may have all dimensions in common; what was
    sent is kept beside it, and is what the digest tells apart. Rows are never deleted,
    for cost records point at them, and changed only where a name comes to mean
    something else (`budgets.refiling`).
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    digest = models.BinaryField(max_length=16)  # of what was sent, with the tags
    department = models.CharField(max_length=200, blank=True)
    team = models.CharField(max_length=200, blank=True)
    project = models.CharField(max_length=200, blank=True)
    environment = models.CharField(max_length=200, blank=True)
    # Small letters may be more of them, and so may a date with its dashes.
    user = models.CharField(max_length=500, blank=True)
    provider = models.CharField(max_length=500)
    model = models.CharField(max_length=500)
    model_version = models.CharField(max_length=500, blank=True)
    sent_user = models.CharField(max_length=200, blank=True)
    sent_provider = models.CharField(max_length=200)
    sent_model = models.CharField(max_length=200)
    tags = models.JSONField(default=dict)

    objects = AttributionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "digest"], name="one_attribution_per_digest"
            )
        ]

    def __str__(self) -> str:
        named = [getattr(self, name) for name in DIMENSIONS]
        return " / ".join(value for value in named if value)
