"""The site's configuration: one row, edited while the site runs."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from siteconfig.places import as_stored


def _default_max_file_size() -> int:
    return int(settings.MAX_FILE_SIZE_BYTES)


def _default_weekly_limit() -> int:
    return int(settings.WEEKLY_UPLOAD_LIMIT_BYTES)


def _default_video_storage_path() -> str:
    return as_stored(settings.VIDEO_STORAGE_PATH)


# Limits of what an admin may configure. The database accepts a largest file of 1 byte or more,
# since its first value is MAX_FILE_SIZE_BYTES, which may be below the form's minimum.
MIN_FILE_LIMIT_BYTES = 1024**2
MAX_FILE_LIMIT_BYTES = 1024**4
MAX_WEEKLY_LIMIT_BYTES = 100 * 1024**4
# The storage limit of a new site, in weekly limits.
STORED_LIMIT_WEEKS = 10
MAX_STORED_LIMIT_BYTES = 1024**5
MAX_DAYS = 36_500
MAX_TRASH_DAYS = 90
MAX_GRACE_DAYS = 90


class Quality(models.TextChoices):
    SMALL = "small", "Small files: less detail"
    BALANCED = "balanced", "Balanced"
    HIGH = "high", "High: larger files, takes about twice as long"


class ShortSide(models.IntegerChoices):
    HD = 720, "720p"
    FULL_HD = 1080, "1080p (Full HD)"
    QUAD_HD = 1440, "1440p"
    ULTRA_HD = 2160, "2160p (4K)"


class Encoder(models.TextChoices):
    """H.264 encoders, by FFmpeg's names."""

    SOFTWARE = "libx264", "Processor (libx264)"
    NVENC = "h264_nvenc", "NVIDIA (NVENC)"
    QSV = "h264_qsv", "Intel (Quick Sync)"
    VAAPI = "h264_vaapi", "AMD or Intel (VA-API)"


class Config(models.Model):
    """The configuration: one row with id 1, created from the settings at the first start.

    From then on the row counts and the settings it was created from do not.
    """

    SINGLETON_ID = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=SINGLETON_ID, editable=False)
    max_file_size_bytes = models.BigIntegerField(
        "largest file",
        default=_default_max_file_size,
        help_text="The largest file a member can upload, in bytes.",
    )
    weekly_upload_limit_bytes = models.BigIntegerField(
        "weekly limit",
        default=_default_weekly_limit,
        help_text="How much a member can upload per week, in bytes. Can be overridden per member; "
        "admins have no limit.",
    )
    stored_limit_bytes = models.BigIntegerField(
        "storage limit",
        null=True,
        blank=True,
        help_text="How much the files of a member's videos may take on the site's disks, in bytes. "
        "Empty for no limit. Can be overridden per member; admins have no limit.",
    )
    video_storage_path = models.CharField(
        max_length=500,
        default=_default_video_storage_path,
        help_text="Folder for new videos, absolute or relative to the project's folder. Existing "
        "videos stay where they are and keep playing.",
    )
    quality = models.CharField(
        max_length=8,
        choices=Quality,
        default=Quality.BALANCED,
        help_text="Used when a video has to be re-encoded. Videos that browsers can already play "
        "are kept as they are.",
    )
    max_short_side = models.PositiveSmallIntegerField(
        "maximum resolution",
        choices=ShortSide,
        default=ShortSide.FULL_HD,
        help_text="Measured on the short side, so portrait videos count the same. Larger videos "
        "are scaled down; smaller ones are never scaled up.",
    )
    make_720p = models.BooleanField(
        "also in 720p",
        default=True,
        help_text="Adds a 720p version for slower connections. Uses about a third of the disk "
        "space of 1080p.",
    )
    make_480p = models.BooleanField(
        "also in 480p",
        default=True,
        help_text="Adds a 480p version for slow connections and phones. Uses about a sixth of the "
        "disk space of 1080p.",
    )
    keep_originals = models.BooleanField(
        default=True,
        help_text="Keep the original file when a video is re-encoded or one of its sound tracks "
        "can't be kept, so its uploader can download it. If off, the original is deleted once "
        "processing finishes.",
    )
    keep_originals_days = models.PositiveIntegerField(
        "days to keep originals",
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_DAYS, "Must be 100 years or less.")],
        help_text="Delete originals after this many days. Leave empty to keep them forever.",
    )
    offer_original_quality = models.BooleanField(
        "original quality",
        default=True,
        help_text="When a video is re-encoded, also offer it as it was uploaded (HEVC, AV1, HDR, "
        "4K, high frame rates) to browsers that can play it. For each such video, this uses about "
        "as much disk space as the uploaded file. If off, new videos are offered re-encoded only.",
    )
    trash_days = models.PositiveSmallIntegerField(
        "days to keep the trash",
        default=30,
        validators=[MaxValueValidator(MAX_TRASH_DAYS, f"Must be {MAX_TRASH_DAYS} days or less.")],
        help_text="Deleted videos and members stay in the trash for this many days and can be "
        f"restored (0 to {MAX_TRASH_DAYS}). With 0, they are deleted at once.",
    )
    audit_log_days = models.PositiveIntegerField(
        "days to keep the audit log",
        default=730,
        validators=[
            MinValueValidator(1, "Must be at least 1 day."),
            MaxValueValidator(MAX_DAYS, "Must be 100 years or less."),
        ],
        help_text="Entries older than this are deleted by manage.py prune_audit_log.",
    )
    staff_need_second_factor = models.BooleanField(
        "second factor for staff",
        default=False,
        help_text="Moderators and admins have to set up an authenticator app or a passkey. Those "
        "without one see the date on every page, and after it only the page that sets it up.",
    )
    second_factor_grace_days = models.PositiveSmallIntegerField(
        "days to set up the second factor",
        default=14,
        validators=[MaxValueValidator(MAX_GRACE_DAYS, f"Must be {MAX_GRACE_DAYS} days or less.")],
        help_text="Counted from the moment it is required: from turning it on, from a change of "
        f"this number, or from becoming a moderator or an admin (0 to {MAX_GRACE_DAYS}).",
    )
    encoder = models.CharField(
        max_length=10,
        choices=Encoder,
        default=Encoder.SOFTWARE,
        help_text="A graphics card is faster. If it isn't available, the CPU is used.",
    )
    site_id = models.UUIDField(
        default=uuid.uuid4,
        editable=False,
        help_text="Identifies this site. The marker file in each storage root contains it.",
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
                violation_error_message="The largest file must be at least 1 byte.",
            ),
            models.CheckConstraint(
                condition=Q(weekly_upload_limit_bytes__gte=0),
                name="config_weekly_limit_positive",
                violation_error_message="The weekly limit can't be negative.",
            ),
            models.CheckConstraint(
                condition=Q(stored_limit_bytes__isnull=True) | Q(stored_limit_bytes__gte=0),
                name="config_stored_limit_positive",
                violation_error_message="The storage limit can't be negative.",
            ),
            models.CheckConstraint(
                condition=Q(quality__in=Quality.values)
                & Q(max_short_side__in=ShortSide.values)
                & Q(encoder__in=Encoder.values),
                name="config_choices_known",
            ),
            models.CheckConstraint(
                condition=Q(keep_originals_days__isnull=True)
                | Q(keep_originals_days__range=(1, MAX_DAYS)),
                name="config_originals_a_day_at_least",
                violation_error_message="Keep originals for at least 1 day, or leave this empty.",
            ),
            models.CheckConstraint(
                condition=Q(trash_days__range=(0, MAX_TRASH_DAYS))
                & Q(audit_log_days__range=(1, MAX_DAYS)),
                name="config_days_in_range",
            ),
            models.CheckConstraint(
                condition=Q(second_factor_grace_days__range=(0, MAX_GRACE_DAYS)),
                name="config_grace_days_in_range",
            ),
        ]

    def __str__(self) -> str:
        return "Configuration"

    @property
    def ladder(self) -> tuple[int, ...]:
        """The short sides of the additional smaller renditions, in pixels."""
        sides = ((720, self.make_720p), (480, self.make_480p))
        return tuple(side for side, is_wanted in sides if is_wanted)


class RootKind(models.TextChoices):
    """The kind of files in a storage root."""

    VIDEOS = "videos", "Videos"
    THUMBNAILS = "thumbnails", "Thumbnails and storyboards"
    ORIGINALS = "originals", "Originals"
    TEMP = "temp", "Uploads and work in progress"
    IMAGES = "images", "Avatars and covers"


class StorageRoot(models.Model):
    """A named folder for files. Rows of files have the name of a root and a key relative to it.

    siteconfig.roots decides which folder a root is on this host. A row's path never changes.
    """

    name = models.SlugField(max_length=50, unique=True)
    kind = models.CharField(max_length=10, choices=RootKind)
    path = models.CharField(
        max_length=500,
        help_text="The configured folder, relative to the project's folder if it is inside it.",
    )
    marked_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the site's marker was first written. A root that has had a marker is never "
        "marked automatically again.",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "storage_roots"
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=RootKind.values), name="storage_roots_kind_known"
            ),
            models.UniqueConstraint(fields=["kind", "path"], name="storage_roots_one_of_a_path"),
        ]

    def __str__(self) -> str:
        return self.name


class DayAlive(models.Model):
    """A date (UTC) on which the site's workers ran.

    Ages after which something is deleted are counted in these days, so that a clock that is wrong
    for a while deletes nothing too early (services.heartbeat).
    """

    date = models.DateField(primary_key=True)

    class Meta:
        db_table = "days_alive"

    def __str__(self) -> str:
        return self.date.isoformat()


class ClusterHeartbeat(models.Model):
    """The time of the last heartbeat of a cluster of workers on a host, by the database's clock."""

    cluster = models.CharField(max_length=100)
    host = models.CharField(max_length=255)
    beat_at = models.DateTimeField()

    class Meta:
        db_table = "cluster_heartbeats"
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "host"], name="cluster_heartbeats_one_a_host"
            )
        ]

    def __str__(self) -> str:
        return f"{self.cluster} on {self.host}: {self.beat_at}"
