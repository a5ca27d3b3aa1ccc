"""Renditions: the playable files of a video, one for each size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from siteconfig.roots import root_path
from videos.enums import RenditionLayout, VideoRange
from videos.filenames import ORIGINAL_QUALITY

if TYPE_CHECKING:
    from pathlib import Path


class Rendition(models.Model):
    """An MP4 file whose fragments are its index (videos.transcode.fragments).

    While it is encoded, its file is in the work folder of the attempt, `codecs` is "", and the
    other fields hold planned values. Once it is complete, the file is in its published place, and
    is an ordinary MP4 (videos.transcode.finalise). Files of older versions become one later
    (videos.services.finalising): a worker has the row leased until `finalising_until`.
    """

    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="renditions")
    name = models.CharField(
        max_length=10,
        help_text='"source" if it was copied, "original" for original quality beside H.264, else '
        'its short side: "1080p".',
    )
    root = models.CharField(max_length=50, help_text="The name of a storage root.")
    filename = models.CharField(max_length=100, help_text="Relative to the root.")
    version = models.CharField(
        max_length=12, help_text="The version in its filename and in addresses."
    )
    is_complete = models.BooleanField(default=False)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    fps = models.FloatField(help_text="Frames per second.")
    sound_tracks = models.JSONField(
        default=list,
        blank=True,
        help_text="Of a file with several sounds (videos.transcode.sound_tracks.SoundTrack).",
    )
    codecs = models.CharField(max_length=60, blank=True, default="", help_text="As in RFC 6381.")
    video_range = models.CharField(
        max_length=3, choices=VideoRange, default=VideoRange.SDR, help_text="Its dynamic range."
    )
    supplemental_codecs = models.CharField(
        max_length=60,
        blank=True,
        default="",
        help_text='What some players show instead, such as Dolby Vision: "dvh1.08.07/db4h".',
    )
    has_independent_fragments = models.BooleanField(
        default=True, help_text="No fragment needs the one in front of it to be decoded."
    )
    bandwidth = models.PositiveBigIntegerField(help_text="Bits per second of the largest fragment.")
    average_bandwidth = models.PositiveBigIntegerField(help_text="Bits per second.")
    duration_seconds = models.FloatField()
    size_bytes = models.BigIntegerField(default=0)
    layout = models.CharField(
        max_length=12, choices=RenditionLayout, default=RenditionLayout.FRAGMENTED
    )
    finalise_tries = models.PositiveSmallIntegerField(default=0)
    finalising_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "renditions"
        ordering = ["-height", "-width", "name"]
        constraints = [
            models.UniqueConstraint(fields=["video", "name"], name="renditions_one_of_a_name"),
            models.UniqueConstraint(fields=["root", "filename"], name="renditions_own_files"),
            models.UniqueConstraint(
                fields=["layout"],
                condition=Q(layout=RenditionLayout.FINALISING),
                name="renditions_one_finalising",
            ),
            models.CheckConstraint(
                condition=Q(layout__in=RenditionLayout.values), name="renditions_layout_known"
            ),
            models.CheckConstraint(
                condition=Q(is_complete=False) | (~Q(codecs="") & Q(size_bytes__gt=0)),
                name="renditions_complete_are_known",
            ),
            models.CheckConstraint(
                condition=Q(video_range__in=VideoRange.values), name="renditions_range_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["finalise_tries", "-id"],
                condition=Q(layout=RenditionLayout.FRAGMENTED, is_complete=True),
                name="renditions_to_finalise",
            ),
            # For counting them.
            models.Index(
                fields=["id"],
                condition=Q(layout=RenditionLayout.UNFIT, is_complete=True),
                name="renditions_unfit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.video}"

    @property
    def is_original_quality(self) -> bool:
        """Whether it is offered beside H.264 renditions, for players that can decode it."""
        return self.name == ORIGINAL_QUALITY

    @property
    def path(self) -> Path:
        return root_path(self.root) / self.filename
