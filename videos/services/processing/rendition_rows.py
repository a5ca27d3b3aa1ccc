"""Rows of finished renditions, and the sum of their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Sum

from videos.models import Rendition, RenditionLayout, VideoRange
from videos.transcode.sound_tracks import stored_tracks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from videos.models import Video
    from videos.transcode.fragments import Facts
    from videos.transcode.results import Made

VIDEO_RANGES: Final[Mapping[str, VideoRange]] = {
    "": VideoRange.SDR,
    "pq": VideoRange.PQ,
    "hlg": VideoRange.HLG,
}


def rendition_row(
    video: Video, made: Made, *, root: str, filename: str, version: str, facts: Facts
) -> Rendition:
    """The row of a finished file, unsaved. `filename` is relative to the storage root `root`."""
    return Rendition(
        video=video,
        name=made.rendition.name,
        root=root,
        filename=filename,
        version=version,
        is_complete=True,
        width=made.width,
        height=made.height,
        fps=float(made.fps),
        sound_tracks=stored_tracks(made.sounds, facts.sounds),
        codecs=facts.codecs,
        supplemental_codecs=facts.supplemental_codecs,
        video_range=VIDEO_RANGES[made.hdr],
        bandwidth=facts.bandwidth,
        average_bandwidth=facts.average_bandwidth,
        duration_seconds=made.duration_seconds,
        size_bytes=made.size_bytes,
        layout=RenditionLayout.ORDINARY if facts.is_finalised else RenditionLayout.FRAGMENTED,
    )


def stored_bytes_of(video_id: UUID) -> int:
    """The bytes of all complete renditions. Call it while the video's row is locked."""
    complete = Rendition.objects.filter(video=video_id, is_complete=True)
    return complete.aggregate(sum=Sum("size_bytes"))["sum"] or 0
