"""Members and their roles."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Length, Lower
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.urls import reverse
from django.utils import timezone

from clipset.lib.filenames import version_of

if TYPE_CHECKING:
    from collections.abc import Collection

MIN_USERNAME_LENGTH, MAX_USERNAME_LENGTH = 3, 50
MAX_EMAIL_LENGTH = 254

USERNAME_RULE = (
    f"Use {MIN_USERNAME_LENGTH} to {MAX_USERNAME_LENGTH} letters (A–Z), digits or underscores."
)
USERNAME_TAKEN = "That username is taken."
EMAIL_TAKEN = "Someone already uses this e-mail address."
BEING_DELETED = "This member is being deleted."
IN_TRASH = "This member is in the trash. Restore them first."


class Role(models.TextChoices):
    USER = "USER", "Member"
    MODERATOR = "MODERATOR", "Moderator"
    ADMIN = "ADMIN", "Admin"

    @property
    def rank(self) -> int:
        """0 for a member, 1 for a moderator, 2 for an admin."""
        return (Role.USER, Role.MODERATOR, Role.ADMIN).index(self)

    def may_grant(self, role: Role) -> bool:
        """Returns whether somebody of this role may make others members of `role`, or end that.

        Only admins make moderators and admins.
        """
        return self is Role.ADMIN or role is Role.USER


def normalize_email(email: str) -> str:
    """Returns an e-mail address as it is stored: stripped and casefolded.

    The comparison is done here and not in SQL because SQLite's LOWER knows ASCII only.
    """
    return email.strip().casefold()


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, username: str, email: str, password: str | None = None, **fields: Any
    ) -> User:
        """Creates and saves a member. Without a password the member cannot log in.

        `role` (default: USER) sets `is_staff`, `is_superuser` and the group.
        """
        role = Role(fields.pop("role", Role.USER))
        user = self.model(username=username, email=normalize_email(email), **fields)
        user.apply_role(role)
        user.set_password(password)
        user.save(using=self._db)
        user.sync_groups()
        return user

    def create_superuser(
        self, username: str, email: str, password: str | None = None, **fields: Any
    ) -> User:
        fields.pop("is_staff", None)
        fields.pop("is_superuser", None)
        return self.create_user(username, email, password, **{**fields, "role": Role.ADMIN})

    def named(self, username: str) -> QuerySet[User]:
        """Returns the member with this username in any case, as a query of at most one row.

        The query uses the unique index on Lower("username"), which `iexact` would not. Usernames
        are ASCII. Other letters are never folded into them: PostgreSQL makes "admin" of "admİn",
        SQLite does not.
        """
        if not username.isascii():
            return self.none()
        return self.alias(key=Lower("username")).filter(key=username.lower())

    def able_to_log_in(self) -> QuerySet[User]:
        """Returns the members whose `User.can_log_in` is true, with or without a password."""
        members = self.filter(is_active=True)
        return members.filter(is_sample=False) if settings.EXPOSED_BY else members

    def admins(self) -> QuerySet[User]:
        """Returns the admins who can log in. A site without one needs a first admin."""
        return self.able_to_log_in().filter(role=Role.ADMIN)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.named(username or "").get()


class User(AbstractBaseUser, PermissionsMixin):
    """A member. `role` determines is_staff, is_superuser and the membership in the group."""

    MODERATORS_GROUP = "Moderators"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(
        max_length=MAX_USERNAME_LENGTH,
        unique=True,
        validators=[
            RegexValidator(
                rf"^[A-Za-z0-9_]{{{MIN_USERNAME_LENGTH},{MAX_USERNAME_LENGTH}}}\Z", USERNAME_RULE
            )
        ],
        help_text=USERNAME_RULE,
        error_messages={"unique": USERNAME_TAKEN},
    )
    email = models.EmailField(
        "e-mail address",
        max_length=MAX_EMAIL_LENGTH,
        unique=True,
        error_messages={"unique": EMAIL_TAKEN},
    )
    role = models.CharField(max_length=9, choices=Role, default=Role.USER)
    avatar = models.CharField(max_length=100, blank=True, default="", editable=False)
    weekly_upload_bytes = models.BigIntegerField(
        "uploaded this week",
        default=0,
        help_text="Bytes uploaded since the last reset that count toward the quota.",
    )
    last_upload_reset = models.DateTimeField("last quota reset", default=timezone.now)
    weekly_upload_limit_bytes = models.BigIntegerField(
        "custom weekly limit",
        null=True,
        blank=True,
        help_text="Overrides the site's weekly limit for this member. Leave empty to use the "
        "site's limit.",
    )
    stored_bytes = models.BigIntegerField(
        default=0,
        editable=False,
        help_text="Bytes of all files of their videos (videos.services.stored_total).",
    )
    stored_counted_at = models.DateTimeField(
        null=True, editable=False, help_text="When that was last added up from the videos."
    )
    stored_limit_bytes = models.BigIntegerField(
        "custom storage limit",
        null=True,
        blank=True,
        help_text="Overrides the site's storage limit for this member. Leave empty to use the "
        "site's limit.",
    )
    quota_refused_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When an upload last did not fit the quota (accounts.services.quota_refusals).",
    )
    quota_refused_bytes = models.BigIntegerField(
        default=0, editable=False, help_text="The size of that upload; 1 if it is unknown."
    )
    is_active = models.BooleanField(
        "active", default=True, help_text="Turn off to block login and end all sessions."
    )
    is_staff = models.BooleanField(default=False, editable=False)
    is_sample = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleting_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Set while a worker deletes the member in batches.",
    )
    trashed_at = models.DateTimeField("in the trash since", null=True, blank=True, editable=False)
    trashed_by = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_column="trashed_by",
    )
    was_active = models.BooleanField(
        default=True,
        editable=False,
        help_text="Whether they were active before they were put into the trash.",
    )
    is_moving = models.BooleanField(
        default=False,
        editable=False,
        help_text="A worker still has to move videos of theirs into the trash or out of it.",
    )

    second_factor_due_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Until when a member of staff has to set up a second factor; empty if they have "
        "one or need none (accounts.services.second_factor).",
    )

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    objects = UserManager()

    class Meta:
        db_table = "users"
        verbose_name = "member"
        ordering = ["username"]
        indexes = [
            models.Index(
                fields=["quota_refused_at"],
                condition=Q(quota_refused_at__isnull=False),
                name="users_quota_refused",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="users_username_any_case",
                violation_error_message=USERNAME_TAKEN,
            ),
            models.UniqueConstraint(
                Lower("email"),
                name="users_email_any_case",
                violation_error_message=EMAIL_TAKEN,
            ),
            models.CheckConstraint(
                # SQLite does not enforce the length of a column.
                condition=Q(GreaterThanOrEqual(Length("username"), MIN_USERNAME_LENGTH))
                & Q(LessThanOrEqual(Length("username"), MAX_USERNAME_LENGTH)),
                name="users_username_length",
                violation_error_message=USERNAME_RULE,
            ),
            models.CheckConstraint(
                condition=(
                    Q(role="USER", is_staff=False, is_superuser=False)
                    | Q(role="MODERATOR", is_staff=True, is_superuser=False)
                    | Q(role="ADMIN", is_staff=True, is_superuser=True)
                ),
                name="users_role_and_flags_agree",
            ),
            models.CheckConstraint(
                condition=Q(deleting_since__isnull=True) | Q(is_active=False),
                name="users_being_deleted_are_inactive",
                violation_error_message=BEING_DELETED,
            ),
            models.CheckConstraint(
                condition=Q(trashed_at__isnull=True, trashed_by__isnull=True) | Q(is_active=False),
                name="users_in_trash_are_inactive",
                violation_error_message=IN_TRASH,
            ),
            models.CheckConstraint(
                condition=Q(weekly_upload_bytes__gte=0), name="users_weekly_upload_bytes_positive"
            ),
            models.CheckConstraint(
                condition=Q(weekly_upload_limit_bytes__isnull=True)
                | Q(weekly_upload_limit_bytes__gte=0),
                name="users_weekly_upload_limit_positive",
                violation_error_message="The weekly limit can't be negative.",
            ),
            models.CheckConstraint(
                condition=Q(stored_limit_bytes__isnull=True) | Q(stored_limit_bytes__gte=0),
                name="users_stored_limit_positive",
                violation_error_message="The storage limit can't be negative.",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def get_absolute_url(self) -> str:
        return reverse("profile", args=[self.username])

    @property
    def avatar_url(self) -> str | None:
        """The address of the avatar, or None.

        It contains a part of the file's name, so that browsers may cache each avatar for long.
        """
        if not self.avatar:
            return None
        return f"{reverse('avatar', args=[self.username])}?v={version_of(self.avatar)}"

    def clean(self) -> None:
        super().clean()
        self.email = normalize_email(self.email)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Names the field whose value somebody has; the constraints name none, as expressions."""
        try:
            super().validate_constraints(exclude=exclude)
        except ValidationError as error:
            fields = {USERNAME_TAKEN: "username", EMAIL_TAKEN: "email"}
            found = [(name, one) for name, them in error.error_dict.items() for one in them]
            errors: dict[str, list[ValidationError]] = {}
            for name, one in found:
                errors.setdefault(fields.get(str(one.message), name), []).append(one)
            raise ValidationError(errors) from error

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def is_trashed(self) -> bool:
        return self.trashed_at is not None

    @property
    def can_log_in(self) -> bool:
        """False for a deactivated member, and for a sample member of a site that others can reach.

        The passwords of sample members are public.
        """
        return self.is_active and not (self.is_sample and settings.EXPOSED_BY)

    def apply_role(self, role: Role) -> None:
        """Sets the role and the flags that follow from it, without saving."""
        self.role = role
        self.is_staff = role is not Role.USER
        self.is_superuser = role is Role.ADMIN

    def sync_groups(self) -> None:
        """Adds a moderator to the group Moderators, or removes any other member from it.

        The user must have been saved.
        """
        from django.contrib.auth.models import Group

        group, _ = Group.objects.get_or_create(name=self.MODERATORS_GROUP)
        if self.role == Role.MODERATOR:
            self.groups.add(group)
        else:
            self.groups.remove(group)
