"""The site's configuration: one row, edited while the site runs."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q


def _default_max_file_size() -> int:
    return int(settings.MAX_FILE_SIZE_BYTES)


def _default_weekly_limit() -> int:
    return int(settings.WEEKLY_UPLOAD_LIMIT_BYTES)


def _default_video_storage_path() -> str:
    return str(settings.VIDEO_STORAGE_PATH)


class Config(models.Model):
    """The one row with id 1. The settings fill it once; from then on the row rules."""

    SINGLETON_ID = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=SINGLETON_ID, editable=False)
    max_file_size_bytes = models.BigIntegerField(
        "largest file",
        default=_default_max_file_size,
        help_text="Bytes that a single upload may have.",
    )
    weekly_upload_limit_bytes = models.BigIntegerField(
        "weekly limit",
        default=_default_weekly_limit,
        help_text="Bytes that a member may send in a week, unless the member has a limit of "
        "their own. Admins have none.",
    )
    video_storage_path = models.CharField(
        max_length=500,
        default=_default_video_storage_path,
        help_text="The folder that new videos are kept in. Videos stored before stay where they "
        "are and go on playing.",
    )
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_column="updated_by",
    )

    class Meta:
        db_table = "config"
        verbose_name = verbose_name_plural = "configuration"
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="config_is_one_row"),
            models.CheckConstraint(
                condition=Q(max_file_size_bytes__gte=1),
                name="config_max_file_size_positive",
                violation_error_message="The largest file must have at least one byte.",
            ),
            models.CheckConstraint(
                condition=Q(weekly_upload_limit_bytes__gte=0),
                name="config_weekly_limit_positive",
                violation_error_message="The weekly limit cannot be negative.",
            ),
        ]

    def __str__(self) -> str:
        return "Configuration"

    @property
    def video_root(self) -> Path:
        return Path(self.video_storage_path)
