"""Caption tracks of videos."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from videos.models.soft_delete import SoftDeleteModel
from videos.querysets import CaptionQuerySet


class Caption(SoftDeleteModel):
    """One caption track, as WebVTT that videos.transcode.captions wrote."""

    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="captions")
    code = models.CharField(
        max_length=20, help_text='The language, numbered if the video has it already: "en", "en-2".'
    )
    language = models.CharField(max_length=12, help_text='A tag of RFC 5646; "und" if unknown.')
    label = models.CharField(max_length=100)
    body = models.TextField(help_text="WebVTT.")
    size_bytes = models.IntegerField(default=0, help_text="Length of the body in bytes.")
    is_default = models.BooleanField(default=False)
    has_coordinates = models.BooleanField(
        default=False, help_text="It came with the uploaded file and holds coordinates of a place."
    )
    is_withheld = models.BooleanField(
        default=False, help_text="Nobody can read it until its uploader publishes it."
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = CaptionQuerySet.as_manager()

    class Meta:
        db_table = "captions"
        ordering = ["code"]
        indexes = [
            # For the sum of a member's captions from the index alone.
            models.Index(fields=["video", "size_bytes"], name="captions_sizes"),
            models.Index(
                fields=["deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="captions_deleted",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["video", "code"],
                condition=Q(deleted_at__isnull=True),
                name="captions_one_of_a_code",
            ),
            models.CheckConstraint(
                condition=Q(is_withheld=False) | Q(has_coordinates=True),
                name="captions_withheld_for_coordinates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.video}"


class CaptionWords(models.Model):
    """The folded words of a track, for the search index. videos.services.caption_words folds them
    once, when the track is stored. They have their own table, so that reading them does not read
    the track's body."""

    caption = models.OneToOneField(Caption, models.CASCADE, primary_key=True, related_name="folded")
    words = models.TextField(help_text="Its different words in order of appearance.")

    class Meta:
        db_table = "caption_words"

    def __str__(self) -> str:
        return f"words of {self.caption}"
