"""Organizations, the people in them, and the keys programs use."""

from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.functional import cached_property

from accounts.audit import history
from accounts.scopes import Role, Scope, words_of
from lib import public_holidays
from lib.fields import MoneyField
from lib.zones import zone_names


def validate_zone(name: str) -> None:
    if name not in zone_names():
        raise ValidationError(
            f"“{name}” is not a time zone. Use a name such as Europe/Berlin.",
            code="unknown_timezone",
        )


def validate_holidays_of(place: str) -> None:
    if not public_holidays.is_known(place):
        raise ValidationError(
            f"The holidays of “{place}” are not known. Use a country's code, such as "
            "DE, or that of one of its parts, such as DE-BY or US-NY.",
            code="unknown_holidays",
        )


validate_slug = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
    "Use letters, digits, dots, dashes and underscores; begin with a letter or digit.",
)
validate_currency_code = RegexValidator(
    r"^[A-Z]{3}\Z", "Use the three capital letters of ISO 4217, such as USD."
)


class UnpricedPolicy(models.TextChoices):
    """What happens to a call under a hard limit whose model has no known price."""

    ALLOW = "allow", "Allow calls without a known price"
    BLOCK = "block", "Block calls without a known price"


class ResponseIds(models.TextChoices):
    """What a second record of the same response of a provider is."""

    ONCE = "once", "A repeat: a response counts once"
    IGNORE = "ignore", "Usage of its own"


class LateRecords(models.TextChoices):
    """Where usage is booked whose month is closed."""

    PERIOD = "period", "In the period it belongs to"
    OPEN_MONTH = "open_month", "In the first open month after it"


class Organization(models.Model):
    """A tenant: everything else belongs to one, and none sees another's."""

    slug = models.CharField(max_length=100, unique=True, validators=[validate_slug])
    name = models.CharField(max_length=200)
    currency = models.CharField(
        max_length=3, default="USD", validators=[validate_currency_code]
    )
    timezone = models.CharField(
        "time zone", max_length=64, default="UTC", validators=[validate_zone]
    )
    fiscal_year_start_month = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    unpriced_policy = models.CharField(
        max_length=8, choices=UnpricedPolicy.choices, default=UnpricedPolicy.ALLOW
    )
    response_ids = models.CharField(
        "one response in two records",
        max_length=8,
        choices=ResponseIds.choices,
        default=ResponseIds.ONCE,
        db_default=ResponseIds.ONCE,
    )
    late_records = models.CharField(
        "usage of a closed month",
        max_length=10,
        choices=LateRecords.choices,
        default=LateRecords.PERIOD,
        db_default=LateRecords.PERIOD,
        help_text="What comes in, is corrected or repriced once its month is closed.",
    )
    # Of what is asked for; in its currency. Null: whatever the amount.
    links_decide_up_to = MoneyField(
        "mailed links decide up to",
        null=True,
        blank=True,
        help_text="Whoever decides about more than this by a link in a mail has to log "
        "in first. Empty: nobody has to.",
    )
    holiday_calendar = models.CharField(
        "public holidays of",
        max_length=6,
        blank=True,
        db_default="",
        validators=[validate_holidays_of],
        help_text="Forecasts take these days for quiet ones, like a weekend's, or as "
        "they were so far. A country's code, such as DE, or one of its parts, such as "
        "DE-BY. Empty: they are days like any.",
    )
    # Rises with every change that pricing or charging depends on (prices, rates,
    # budgets): a process that finds another number drops what it had cached.
    revision = models.PositiveBigIntegerField(default=1, editable=False)
    # `ledger.identity.REVISION` of the names its attributions are filed under.
    identity_revision = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("revision", "identity_revision"))

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    fiscal_year_start_month__gte=1, fiscal_year_start_month__lte=12
                ),
                name="organization_fiscal_year_starts_in_a_month",
            ),
            models.CheckConstraint(
                condition=Q(unpriced_policy__in=UnpricedPolicy.values),
                name="organization_unpriced_policy_is_known",
            ),
            models.CheckConstraint(
                condition=Q(response_ids__in=ResponseIds.values),
                name="organization_response_ids_are_known",
            ),
            models.CheckConstraint(
                condition=Q(late_records__in=LateRecords.values),
                name="organization_late_records_are_known",
            ),
            models.CheckConstraint(
                condition=Q(links_decide_up_to=None) | Q(links_decide_up_to__gte=0),
                name="mailed_links_decide_up_to_an_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def touch(self) -> None:
        """Tell every process to forget what it cached about this organization."""
        Organization.objects.filter(pk=self.pk).update(revision=F("revision") + 1)


class PeopleManager(UserManager["User"]):
    """Makes users by their email address, and finds them by it in any case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return super().get_by_natural_key((username or "").strip().lower())

    def create_user(  # type: ignore[override]  # people have no username here
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        fields.setdefault("is_staff", False)
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(  # type: ignore[override]  # as above
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        return self.create_user(
            email, password, **{**fields, "is_staff": True, "is_superuser": True}
        )


class User(AbstractUser):
    """A person, known by an email address."""

    username = None  # type: ignore[assignment]  # the email address takes its place
    email = models.EmailField("email address", unique=True)
    # When a link to a new password was last mailed.
    reset_mailed_at = models.DateTimeField(null=True, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[PeopleManager] = PeopleManager()

    # The one organization that who runs the server looks at, for one request; None:
    # all of them. See `accounts.looking`.
    looks_at: int | None = None

    class Meta:
        ordering = ["email"]
        verbose_name = "person"
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    @property
    def sees_all(self) -> bool:
        """Whether rows of all organizations are theirs to see, and are not left out."""
        return self.is_superuser and self.looks_at is None

    def runs(self, organization_id: int | None) -> bool:
        """Tell whether they may do everything there, as who runs the server; None: in
        any. Not in those that they leave out at present."""
        if not (self.is_superuser and self.is_active):
            return False
        return self.looks_at in {None, organization_id} or organization_id is None

    @cached_property
    def roles(self) -> tuple[tuple[int, str], ...]:
        """Organization and role, of each membership; read once. A query."""
        rows = self.memberships.order_by()
        return tuple(rows.values_list("organization_id", "role"))


class Membership(models.Model):
    """What a person may do in one organization."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)

    history = history()

    class Meta:
        ordering = ["organization", "user"]
        verbose_name = "member"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="one_membership_per_organization"
            ),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()} of {self.organization}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime) -> Self:
        """Those that can be accepted."""
        return self.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=now)


class Invitation(models.Model):
    """Somebody who is asked to join an organization; until they do, they have no part.

    Nothing of it says whether there is an account with that address already.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="invitations"
    )
    email = models.EmailField("email address")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    invited_by = models.CharField(max_length=200, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    mailed_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    history = history()
    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="one_invitation_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="invitation_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email}, {self.get_role_display()} of {self.organization}"


class ApiKey(models.Model):
    """A program's key: shown once when made, kept as a digest."""

    organization = models.ForeignKey(
        Organization,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        help_text="Empty: a platform key, good for every organization.",
    )
    user = models.ForeignKey(
        User,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        help_text="The person as whom the key acts; it may then do what they may.",
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    history = history(excluded=("last_used_at", "digest"))

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def may_words(self) -> str:
        """What it may, for people."""
        return words_of(self.scopes)

    def clean(self) -> None:
        super().clean()
        if unknown := sorted(set(self.scopes) - set(Scope.values)):
            raise ValidationError({"scopes": f"Unknown scopes: {', '.join(unknown)}."})


class IdempotentAnswer(models.Model):
    """What a POST with an Idempotency-Key was answered, for 24 hours."""

    caller = models.CharField(max_length=64)  # whose key it is: ids never meet
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "key"], name="one_answer_per_idempotency_key"
            )
        ]

    def __str__(self) -> str:
        return self.key
